import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { paintMap } from '../../src/explain/index.ts';
import { noise } from '../backend/kernels/oracle.ts';

test('paintMap() is clear where nothing counts, warm for the class, blue against it, and denser the more', () => {
  const colours = paintMap(Float32Array.of(0, 0.5, 1, -0.5, -1));
  const at = (place: number): number[] => [...colours.subarray(4 * place, 4 * place + 4)];
  assert.is(at(0)[3], 0);
  for (const place of [1, 2]) assert.ok(at(place)[0]! > at(place)[2]!);
  for (const place of [3, 4]) assert.ok(at(place)[2]! > at(place)[0]!);
  assert.ok(at(1)[3]! < at(2)[3]! && at(3)[3]! < at(4)[3]!);
  assert.equal(at(1)[3], at(3)[3]);
});

test('paintMap() does not depend on the scale of a map', () => {
  const values = noise(784, 4);
  assert.equal(paintMap(values.map((value) => value * 1024)), paintMap(values));
});

test('paintMap() shows a single place that counts, and nothing of a blank map', () => {
  const single = new Float32Array(784);
  single[400] = 3;
  assert.equal([...paintMap(single)].filter((_, i) => i % 4 === 3).filter((opacity) => opacity > 0).length, 1);
  assert.ok(paintMap(new Float32Array(784)).every((value) => value === 0));
  assert.equal([...paintMap(new Float32Array(0))], []);
});

test.run();
