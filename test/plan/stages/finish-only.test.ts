// Activation, max pooling and dropout in one pass, forward and backward, against their definition; masks against those of dropout().
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, float32Bits, type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { activationCodes } from '../../../src/backend/kernels/output-activation.ts';
import type { FinishSettings } from '../../../src/plan/fuse.ts';
import type { ImageShape } from '../../../src/plan/graph.ts';
import { layoutFinishOnly } from '../../../src/plan/stages/finish-only.ts';
import { noise } from '../../backend/kernels/oracle.ts';
import { finishByDefinition } from './finish-reference.ts';
import { groupOf, imageValue, keptByDropout, StageRun, UNTOUCHED } from './stage-run.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

/** Of exponentials of our own, and of the slope that is taken from the output. */
const TOLERANCE = 2e-6;

interface Case {
  readonly images: number;
  readonly extra: readonly [number, number];
  readonly outUsed: readonly [number, number];
  readonly uncomputed: readonly [number, number];
  readonly channels: number;
  readonly size: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly code: number;
  readonly rate: number;
  readonly seed: number;
}

const upTo = (most: number, least = 1): fc.Arbitrary<number> => fc.integer({ min: least, max: most });

const cases: fc.Arbitrary<Case> = fc.record({
  images: upTo(11),
  extra: fc.tuple(upTo(2, 0), upTo(2, 0)),
  outUsed: fc.tuple(upTo(5), upTo(5)),
  uncomputed: fc.tuple(upTo(2, 0), upTo(2, 0)),
  channels: upTo(13),
  size: fc.oneof(fc.constantFrom<[number, number]>([1, 1], [2, 2], [2, 2]), fc.tuple(upTo(4), upTo(4))),
  strides: fc.oneof(fc.constant<[number, number]>([2, 2]), fc.tuple(upTo(4), upTo(4))),
  code: upTo(6, 0),
  rate: fc.constantFrom(0, 0, 0.25, 0.5),
  seed: upTo(1000),
});

/** Multiples of a quarter, so that windows are full of equal sums; some at the edges of the activations. */
const ties = (length: number, seed: number): Float32Array =>
  noise(length, seed).map((value) => Math.round(value * 8) / 4 + (value > 0.6 ? 4.5 : 0));

function problemOf({ extra, outUsed, uncomputed, channels, size, strides, code, rate, images }: Case) {
  // A stride of one pixel alone is no pooling that a plan has.
  const finish: FinishSettings = {
    activation: { code, alpha: code === activationCodes.leakyRelu ? 0.3 : 1 },
    pooling: { size, strides },
    dropout: rate > 0 ? { rate, layerNumber: 3 } : undefined,
  };
  const extent = (axis: 0 | 1): number => (outUsed[axis] - 1) * strides[axis] + size[axis] + extra[axis];
  const sumsShape: ImageShape = [extent(0), extent(1), channels];
  const outShape: ImageShape = [outUsed[0] + uncomputed[0], outUsed[1] + uncomputed[1], channels];
  return { images, sumsShape, outShape, outUsed, finish };
}

function assertNear(actual: Float32Array, expected: Float64Array, what: string): void {
  expected.forEach((value, i) => {
    if (Math.abs(actual[i]! - value) <= TOLERANCE * Math.max(1, Math.abs(value))) return;
    assert.unreachable(`${what}, element ${i}: got ${actual[i]}, expected ${value}`);
  });
}

function assertAsDefined(made: Case): void {
  const { images, seed, rate } = made;
  const problem = problemOf(made);
  const { sumsShape, outShape, outUsed, finish } = problem;
  const input = imageValue(1, sumsShape);
  const output = imageValue(2, outShape, outUsed);
  const group = groupOf({ head: undefined, input, sumsShape, sumsUsed: [sumsShape[0], sumsShape[1]], finish, output });
  const run = new StageRun(group, layoutFinishOnly(group), { capacity: images, seed });
  run.update = 17;
  const sums = ties(images * sumsShape[0] * sumsShape[1] * sumsShape[2], seed);
  const dOut = noise(images * outUsed[0] * outUsed[1] * sumsShape[2], seed + 1);
  run.setValue(input, sums);
  run.setGradient(output, dOut);
  const ranges = [
    { first: 8, last: images },
    { first: 0, last: Math.min(8, images) },
  ].filter(({ first, last }) => first < last);
  run.forward(...ranges);
  run.backward(...ranges);
  const elements = images * outShape[0] * outShape[1] * outShape[2];
  const kept = rate > 0 ? keptByDropout(elements, rate, { seed, step: 17, layer: 3 }) : undefined;
  const isKept = kept && ((element: number): boolean => kept[element] === 1);
  const expected = finishByDefinition({ ...problem, isKept }, sums, dOut);
  assertNear(run.value(output), expected.y, 'outputs');
  assertNear(run.gradient(input), expected.dSums, 'gradients');
  run.dispose();
}

test('planFinish() and planUnfinish() equal their definition for any window, stride, activation and dropout', () => {
  const before = tf.memory().numTensors;
  fc.assert(fc.property(cases, assertAsDefined), { seed: 31, numRuns: 250 });
  assert.is(tf.memory().numTensors, before, 'leak');
});

test('planFinish() and planUnfinish() equal their definition for every activation, whole channels and odd ones', () => {
  for (const code of Object.values(activationCodes)) {
    for (const channels of [1, 3, 4, 6, 8]) {
      for (const size of [1, 2, 3] as const) {
        for (const rate of [0, 0.5]) {
          const pooled = { size: [size, size], strides: [size, size] } as const;
          const shape = { images: 3, extra: [1, 0], outUsed: [2, 3], uncomputed: [1, 0], channels } as const;
          assertAsDefined({ ...shape, ...pooled, code, rate, seed: 5 });
        }
      }
    }
  }
});

test('planFinish() numbers up to 255 pixels of a window', () => {
  assertAsDefined({
    images: 2,
    extra: [0, 0],
    outUsed: [2, 1],
    uncomputed: [0, 0],
    channels: 5,
    size: [15, 17],
    strides: [1, 1],
    code: activationCodes.relu,
    rate: 0.25,
    seed: 3,
  });
});

test('planFinish() and planUnfinish() write the images of their range alone', () => {
  const made: Case = {
    images: 11,
    extra: [1, 1],
    outUsed: [2, 2],
    uncomputed: [0, 0],
    channels: 5,
    size: [2, 2],
    strides: [2, 2],
    code: activationCodes.relu,
    rate: 0.5,
    seed: 1,
  };
  const { sumsShape, outShape, outUsed, finish } = problemOf(made);
  const input = imageValue(1, sumsShape);
  const output = imageValue(2, outShape, outUsed);
  const group = groupOf({ head: undefined, input, sumsShape, sumsUsed: [sumsShape[0], sumsShape[1]], finish, output });
  const run = new StageRun(group, layoutFinishOnly(group), { capacity: 11 });
  const untouched = (floats: Float32Array): boolean[] =>
    Array.from({ length: 11 }, (_, image) => {
      const own = floats.length / 11;
      return floats.subarray(image * own, (image + 1) * own).every((value) => value === UNTOUCHED);
    });
  run.forward({ first: 3, last: 5 });
  run.backward({ first: 3, last: 5 });
  const expected = Array.from({ length: 11 }, (_, image) => image !== 3 && image !== 4);
  assert.equal(untouched(run.value(output)), expected);
  assert.equal(untouched(run.gradient(input)), expected);
  run.dispose();
});

test('dropoutMask() draws the mask of dropout(), whatever the units and their order', () => {
  const backend = currentBackend();
  fc.assert(
    fc.property(upTo(9), upTo(200), fc.constantFrom(0.1, 0.5, 0.9), upTo(1000), (units, each, rate, seed) => {
      const elements = units * each;
      const room = Math.ceil(elements / 32) * 32;
      const expected = keptByDropout(elements, rate, { seed, step: 5, layer: 2 });
      backend.withMemory(room + 64, (mask) => {
        backend.bytes(mask, room + 64).fill(0x55);
        const threshold = Math.min(0xffff, Math.round(rate * 65536));
        const words = [0, 0, mask, elements, threshold, float32Bits(1 / (1 - rate)), seed, 5, 2, each];
        backend.pool.run('dropoutMask', units, words, { grain: 1 });
        const found = backend.bytes(mask, room + 64).slice();
        assert.equal(
          Array.from(found.subarray(0, elements), (byte) => (byte === 0xff ? 1 : byte)),
          Array.from(expected),
        );
        assert.ok(
          found.subarray(room).every((byte) => byte === 0x55),
          'writes behind the mask',
        );
      });
    }),
    { seed: 8, numRuns: 80 },
  );
});

test.run();
