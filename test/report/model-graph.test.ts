import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { drawModelGraph, type LayerSummary } from '../../src/report/model-graph.ts';
import { chain } from './study-fixture.ts';

const layer = (name: string, ...inputs: string[]): LayerSummary => ({
  name,
  type: name,
  config: '',
  outputShape: [4],
  parameters: 0,
  inputs,
});
const draw = (layers: LayerSummary[]) => drawModelGraph({ name: 'model', layers, totalParameters: 1234 });

/** Left edge and top of each box, in the order of the markup. */
const boxesOf = (body: string): [number, number][] =>
  [...body.matchAll(/<rect x="([^"]*)" y="([^"]*)"/g)].map(([, x, y]) => [Number(x), Number(y)]);

test('drawModelGraph() draws a chain as one column with an arrow between each two boxes', () => {
  const row = { type: 'Dense', config: '8 units', outputShape: [8, null], parameters: 72 };
  const { body, width } = draw(chain([row, row, row]));
  const boxes = boxesOf(body);
  assert.is(boxes.length, 3);
  assert.is(new Set(boxes.map(([x]) => x)).size, 1);
  assert.is((body.match(/Z" fill=/g) ?? []).length, 2, 'arrow heads');
  assert.ok(body.includes('>8 × ?<'));
  assert.ok(body.includes('>72 parameters<') && body.includes('>Total: 1,234 parameters<'));
  assert.ok(boxes.every(([x]) => x >= 0 && x < width));
});

test('drawModelGraph() puts branches side by side and bends a skip edge around them', () => {
  const { body, width, height } = draw([
    layer('input'),
    layer('left', 'input'),
    layer('right', 'input'),
    layer('deep', 'right'),
    layer('join', 'left', 'deep', 'input'),
  ]);
  const boxes = boxesOf(body);
  assert.is(boxes.length, 5);
  const tops = boxes.map(([, top]) => top);
  assert.is(tops.filter((top) => top === tops[1]).length, 2, 'left and right share a rank');
  for (const [index, [x, top]] of boxes.entries()) {
    assert.ok(x >= 0 && x + 180 <= width && top + 46 <= height);
    for (const [otherX, otherTop] of boxes.slice(index + 1)) {
      assert.ok(top !== otherTop || Math.abs(x - otherX) >= 180, 'boxes of a rank do not overlap');
    }
  }
  assert.is((body.match(/Z" fill=/g) ?? []).length, 6, 'an arrow head for each connection');
});

test('drawModelGraph() takes layers in any order', () => {
  assert.is(boxesOf(draw([layer('b', 'a'), layer('a')]).body).length, 2);
});

test('drawModelGraph() gives an input of the model a box of its own', () => {
  const { body } = draw([layer('a', 'image', 'mask'), layer('b', 'a', 'image')]);
  assert.is(boxesOf(body).length, 4);
  assert.is((body.match(/>Input</g) ?? []).length, 2);
});

test('drawModelGraph() refuses cycles and two layers of one name', () => {
  const codeOf = (layers: LayerSummary[]): string => {
    try {
      draw(layers);
      return 'none';
    } catch (error) {
      return error instanceof SelvedgeError ? error.code : 'other';
    }
  };
  assert.is(codeOf([layer('a', 'b'), layer('b', 'a')]), 'graph/cycle');
  assert.is(codeOf([layer('a'), layer('a')]), 'graph/duplicate-layer');
});

test.run();
