// Overlap of boxes, and suppression with its fixed order.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { areaOf, overlapOf, suppress } from '../../../src/apps/detect/index.ts';

test('overlapOf() is intersection over union', () => {
  assert.is(overlapOf([0, 0, 4, 4], [0, 0, 4, 4]), 1);
  assert.is(overlapOf([0, 0, 4, 4], [2, 0, 6, 4]), 8 / 24);
  assert.is(overlapOf([0, 0, 4, 4], [4, 0, 8, 4]), 0);
  assert.is(overlapOf([0, 0, 0, 0], [0, 0, 0, 0]), 0);
  assert.is(areaOf([3, 3, 2, 5]), 0);
});

const item = (left: number, score: number, label = 0) => ({ label, score, box: [left, 0, left + 10, 10] as const });

test('suppress() keeps the best of what overlaps, by class or over all', () => {
  const found = [item(0, 0.5), item(1, 0.9), item(1, 0.7, 1), item(40, 0.2)];
  const lefts = (byClass: boolean, limit = 100) =>
    suppress(found, { overlap: 0.6, byClass, limit }).map(({ box, label }) => [box[0], label]);
  assert.equal(lefts(true), [
    [1, 0],
    [1, 1],
    [40, 0],
  ]);
  assert.equal(lefts(false), [
    [1, 0],
    [40, 0],
  ]);
  assert.equal(lefts(true, 1), [[1, 0]]);
});

test('suppress() takes the earlier of equal scores, whatever surrounds it', () => {
  const found = [item(2, 0.5), item(1, 0.5), item(0, 0.5)];
  assert.is(suppress(found, { overlap: 0.6, byClass: true, limit: 100 })[0]!.box[0], 2);
  assert.equal(suppress([], { overlap: 0.6, byClass: true, limit: 100 }), []);
});

test.run();
