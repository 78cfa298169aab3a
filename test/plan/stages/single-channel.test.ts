// A convolution of one channel under relu and 2x2 pooling, and its gradients, against their definition in double precision.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { activationCodes } from '../../../src/backend/kernels/output-activation.ts';
import type { FinishSettings } from '../../../src/plan/fuse.ts';
import type { ImageShape } from '../../../src/plan/graph.ts';
import { isSingleChannelPooled, layoutSingleChannel } from '../../../src/plan/stages/single-channel.ts';
import { noise } from '../../backend/kernels/oracle.ts';
import { finishByDefinition } from './finish-reference.ts';
import { groupOf, imageValue, keptByDropout, StageRun } from './stage-run.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

/** Of sums over at most thirteen images of 8x8 windows. */
const TOLERANCE = 1e-5;

interface Case {
  readonly images: number;
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly taps: readonly [number, number];
  readonly channels: number;
  readonly rate: number;
  readonly seed: number;
}

const cases: fc.Arbitrary<Case> = fc
  .record({
    images: fc.integer({ min: 1, max: 13 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    outExtents: fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 })),
    extra: fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 1 })),
    taps: fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })),
    channels: fc.constantFrom(8, 16, 24),
    rate: fc.constantFrom(0, 0.25, 0.5),
    seed: fc.integer({ min: 1, max: 1000 }),
  })
  .map(({ images, share, outExtents, extra, taps, ...rest }) => ({
    ...rest,
    images,
    batch: Math.max(1, Math.round(share * images)),
    taps,
    height: 2 * outExtents[0] + taps[0] - 1 + extra[0],
    width: 2 * outExtents[1] + taps[1] - 1 + extra[1],
  }));

/** Sums of a convolution, and the gradient of its filter for a gradient of the sums. */
function convolve({ batch, height, width, taps, channels }: Case, x: Float32Array, filter: Float32Array) {
  const [sumsHeight, sumsWidth] = [height - taps[0] + 1, width - taps[1] + 1];
  const sums = new Float64Array(batch * sumsHeight * sumsWidth * channels);
  const eachProduct = (use: (sum: number, pixel: number, weight: number) => void): void => {
    for (let sum = 0; sum < sums.length; sum++) {
      const channel = sum % channels;
      const column = Math.floor(sum / channels) % sumsWidth;
      const row = Math.floor(sum / (channels * sumsWidth)) % sumsHeight;
      const image = Math.floor(sum / (channels * sumsWidth * sumsHeight));
      for (let tap = 0; tap < taps[0] * taps[1]; tap++) {
        const [tapRow, tapColumn] = [Math.floor(tap / taps[1]), tap % taps[1]];
        use(sum, (image * height + row + tapRow) * width + column + tapColumn, tap * channels + channel);
      }
    }
  };
  eachProduct((sum, pixel, weight) => {
    sums[sum]! += x[pixel]! * filter[weight]!;
  });
  const filterGradient = (dSums: Float64Array): Float64Array => {
    const gradient = new Float64Array(filter.length);
    eachProduct((sum, pixel, weight) => {
      gradient[weight]! += dSums[sum]! * x[pixel]!;
    });
    return gradient;
  };
  return { sums, filterGradient };
}

function assertNear(actual: Float32Array, expected: ArrayLike<number>, what: string): void {
  for (let i = 0; i < expected.length; i++) {
    if (Math.abs(actual[i]! - expected[i]!) <= TOLERANCE * Math.max(1, Math.abs(expected[i]!))) continue;
    assert.unreachable(`${what}, element ${i}: got ${actual[i]}, expected ${expected[i]}`);
  }
}

function assertAsDefined(made: Case): void {
  const { images, batch, height, width, taps, channels, rate, seed } = made;
  const layer = tf.layers.conv2d({ filters: channels, kernelSize: [...taps], inputShape: [height, width, 1] });
  layer.apply(tf.input({ shape: [height, width, 1] }));
  const filter = noise(taps[0] * taps[1] * channels, seed);
  const bias = noise(channels, seed + 1).map((value) => value / 2);
  tf.tidy(() => layer.setWeights([tf.tensor(filter, [...taps, 1, channels]), tf.tensor1d(bias)]));
  const [kernelVariable, biasVariable] = layer.weights as [tf.LayerVariable, tf.LayerVariable];
  const settings = { size: taps, strides: [1, 1], dilations: [1, 1], padding: 'valid' } as const;
  const sumsShape: ImageShape = [height - taps[0] + 1, width - taps[1] + 1, channels];
  const outShape: ImageShape = [Math.floor(sumsShape[0] / 2), Math.floor(sumsShape[1] / 2), channels];
  const finish: FinishSettings = {
    activation: { code: activationCodes.relu, alpha: 0 },
    pooling: { size: [2, 2], strides: [2, 2] },
    dropout: rate > 0 ? { rate, layerNumber: 2 } : undefined,
  };
  const [input, output] = [imageValue(1, [height, width, 1]), imageValue(2, outShape)];
  const group = groupOf({
    head: {
      kind: 'convolution',
      ...settings,
      kernel: kernelVariable,
      bias: biasVariable,
      inputs: [1],
      output: 2,
      shape: sumsShape,
    },
    input,
    sumsShape,
    sumsUsed: [outShape[0] * 2, outShape[1] * 2],
    finish,
    output,
  });
  assert.ok(isSingleChannelPooled(group));
  const run = new StageRun(group, layoutSingleChannel(group), { capacity: images, batch, seed, isFirst: true });
  run.update = 4;
  const x = noise(images * height * width, seed + 2);
  const dOut = noise(images * outShape[0] * outShape[1] * channels, seed + 3);
  run.setValue(input, x);
  run.setGradient(output, dOut);
  const ranges = [
    { first: 8, last: batch },
    { first: 0, last: Math.min(8, batch) },
  ].filter(({ first, last }) => first < last);
  run.forward(...ranges);
  run.backward(...ranges);
  run.gradients();
  const elements = images * outShape[0] * outShape[1] * channels;
  const kept = rate > 0 ? keptByDropout(elements, rate, { seed, step: 4, layer: 2 }) : undefined;
  const { sums, filterGradient } = convolve(made, x, filter);
  const isKept = kept && ((element: number): boolean => kept[element] === 1);
  const outUsed = [outShape[0], outShape[1]] as const;
  const expected = finishByDefinition(
    { images: batch, sumsShape, outShape, outUsed, finish, bias, isKept },
    sums,
    dOut,
  );
  assertNear(run.value(output), expected.y, 'outputs');
  assertNear(run.weightGradient(kernelVariable), filterGradient(expected.dSums), 'filter gradient');
  assertNear(run.weightGradient(biasVariable), expected.biasGradient, 'bias gradient');
  run.dispose();
  layer.dispose();
}

test('planSingleChannel() and its gradients equal their definition for any filter, odd images and short batches', () => {
  const before = tf.memory().numTensors;
  fc.assert(fc.property(cases, assertAsDefined), { seed: 41, numRuns: 60 });
  assert.is(tf.memory().numTensors, before, 'leak');
});

test('isSingleChannelPooled() refuses what the kernels do not compute', () => {
  const model = tf.sequential({ layers: [tf.layers.conv2d({ filters: 8, kernelSize: 3, inputShape: [8, 8, 1] })] });
  const [kernel, bias] = model.weights as [tf.LayerVariable, tf.LayerVariable];
  const pooling = { size: [2, 2], strides: [2, 2] } as const;
  const relu = { code: activationCodes.relu, alpha: 0 };
  const accepts = (changes: {
    head?: object;
    finish?: Partial<FinishSettings>;
    channels?: number;
    filters?: number;
  }) => {
    const { channels = 1, filters = 8 } = changes;
    const sumsShape: ImageShape = [6, 6, filters];
    const settings = { size: [3, 3], strides: [1, 1], dilations: [1, 1], padding: 'valid', kernel, bias } as const;
    const operation = { kind: 'convolution', ...settings, inputs: [1], output: 2, shape: sumsShape } as const;
    return isSingleChannelPooled(
      groupOf({
        head: { ...operation, ...changes.head },
        input: imageValue(1, [8, 8, channels]),
        sumsShape,
        sumsUsed: [6, 6],
        finish: { activation: relu, pooling, dropout: undefined, ...changes.finish },
        output: imageValue(2, [3, 3, filters]),
      }),
    );
  };
  assert.ok(accepts({}));
  assert.not.ok(accepts({ channels: 2 }));
  assert.not.ok(accepts({ filters: 12 }));
  assert.not.ok(accepts({ head: { strides: [2, 1] } }));
  assert.not.ok(accepts({ head: { dilations: [1, 2] } }));
  assert.not.ok(accepts({ head: { padding: 'same' } }));
  assert.not.ok(accepts({ head: { bias: undefined } }));
  assert.not.ok(accepts({ finish: { activation: { code: activationCodes.elu, alpha: 1 } } }));
  assert.not.ok(accepts({ finish: { pooling: { size: [2, 2], strides: [1, 2] } } }));
  assert.not.ok(accepts({ finish: { pooling: { size: [3, 3], strides: [2, 2] } } }));
  model.dispose();
});

test.run();
