// The detector's loss: which places have an item, its gradient against differences, its limits.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assignPlaces, detectionLoss } from '../../../src/apps/detect/index.ts';
import { createPhilox } from '../../../src/core/philox.ts';

test('assignPlaces() gives places near the middle, the nearer item where two are near, and a tiny item its own place', () => {
  const [rows, columns] = [8, 8];
  const one = assignPlaces([{ label: 0, box: [4, 4, 20, 20] }], rows, columns);
  // The middle is 12, 12; centres of places are 2, 6, 10, 14, 18: those nearer than 6.
  assert.equal(
    Array.from(one.keys()).filter((place) => one[place] === 0),
    [2, 3].flatMap((row) => [2, 3].map((column) => row * columns + column)),
  );
  const tiny = assignPlaces([{ label: 0, box: [9, 9, 10, 10] }], rows, columns);
  assert.equal(
    Array.from(tiny.keys()).filter((place) => tiny[place] === 0),
    [2 * 8 + 2],
  );
  const two = assignPlaces(
    [
      { label: 0, box: [0, 0, 20, 20] },
      { label: 1, box: [0, 0, 20, 20] },
    ],
    rows,
    columns,
  );
  assert.ok(two.includes(1) && !two.includes(0), 'of equals the later lies on top');
});

test('detectionLoss() has the gradient that differences have', () => {
  const shape = { batch: 2, rows: 5, columns: 6, classes: 3 };
  const draws = createPhilox({ seed: 1, stream: 99 });
  const outputs = Float32Array.from({ length: 2 * 5 * 6 * 7 }, (_, i) => (i % 7 < 3 ? -1 : 2) + draws.nextNormal());
  const items = [
    [
      { label: 1, box: [3, 2, 15, 17] as const },
      { label: 2, box: [10, 8, 22, 19] as const },
    ],
    [{ label: 0, box: [1, 1, 9, 12] as const }],
  ];
  const { gradient } = detectionLoss(outputs, items, shape);
  // The target of a class is the overlap that the box has, held fixed: slopes of edges are those of the boxes' part alone.
  for (let i = 0; i < outputs.length; i++) {
    const part = i % 7 < 3 ? 'scores' : 'boxes';
    const at = (step: number): number => {
      const moved = outputs.slice();
      moved[i] = outputs[i]! + step;
      return detectionLoss(moved, items, shape)[part];
    };
    const [more, less] = [
      Math.fround(outputs[i]! + 2 ** -10) - outputs[i]!,
      outputs[i]! - Math.fround(outputs[i]! - 2 ** -10),
    ];
    const slope = (at(2 ** -10) - at(-(2 ** -10))) / (more + less);
    assert.ok(Math.abs(slope - gradient[i]!) < 2e-3 * Math.max(0.1, Math.abs(slope)), `${i}: ${slope}, ${gradient[i]}`);
  }
});

test('detectionLoss() is finite where outputs are extreme, and zero slopes stand where nothing is asked', () => {
  const shape = { batch: 1, rows: 2, columns: 2, classes: 1 };
  const outputs = Float32Array.from({ length: 20 }, (_, i) => (i % 5 === 0 ? 80 : 50));
  const none = detectionLoss(outputs, [[]], shape);
  assert.ok(Number.isFinite(none.scores) && none.boxes === 0);
  assert.ok(none.gradient.every((slope, i) => Number.isFinite(slope) && (i % 5 === 0 || slope === 0)));
  const some = detectionLoss(outputs, [[{ label: 0, box: [0, 0, 8, 8] }]], shape);
  assert.ok(Number.isFinite(some.scores + some.boxes) && some.gradient.every(Number.isFinite));
});

test.run();
