// Dense layers in a plan, and their gradients, against their definition in double precision; packing against its drawing.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { packedSize } from '../../../src/backend/kernels/gemm.ts';
import type { FinishSettings } from '../../../src/plan/fuse.ts';
import type { ImageShape } from '../../../src/plan/graph.ts';
import { layoutDense } from '../../../src/plan/stages/dense.ts';
import { noise } from '../../backend/kernels/oracle.ts';
import { finishByDefinition } from './finish-reference.ts';
import { groupOf, imageValue, keptByDropout, StageRun } from './stage-run.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

/** Of sums over at most 150 products of noise. */
const TOLERANCE = 1e-5;

interface Case {
  readonly images: number;
  readonly depth: number;
  readonly units: number;
  readonly hasBias: boolean;
  readonly isFirst: boolean;
  readonly code: number;
  readonly rate: number;
  readonly seed: number;
}

const cases: fc.Arbitrary<Case> = fc.record({
  images: fc.integer({ min: 1, max: 19 }),
  depth: fc.integer({ min: 1, max: 150 }),
  units: fc.integer({ min: 1, max: 35 }),
  hasBias: fc.boolean(),
  isFirst: fc.boolean(),
  code: fc.integer({ min: 0, max: 6 }),
  rate: fc.constantFrom(0, 0.5),
  seed: fc.integer({ min: 1, max: 1000 }),
});

/** a [rows, depth] times b [depth, columns]; either may be read transposed. */
function multiply(
  [rows, depth, columns]: readonly [number, number, number],
  a: (row: number, k: number) => number,
  b: (k: number, column: number) => number,
): Float64Array {
  return Float64Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    let sum = 0;
    for (let k = 0; k < depth; k++) sum += a(row, k) * b(k, column);
    return sum;
  });
}

function assertNear(actual: Float32Array, expected: Float64Array, what: string): void {
  assert.is(actual.length, expected.length);
  for (let i = 0; i < expected.length; i++) {
    if (Math.abs(actual[i]! - expected[i]!) <= TOLERANCE * Math.max(1, Math.abs(expected[i]!))) continue;
    assert.unreachable(`${what}, element ${i}: got ${actual[i]}, expected ${expected[i]}`);
  }
}

function assertAsDefined({ images, depth, units, hasBias, isFirst, code, rate, seed }: Case): void {
  const layer = tf.layers.dense({ units, useBias: hasBias });
  layer.apply(tf.input({ shape: [depth] }));
  const kernel = noise(depth * units, seed).map((value) => value / 4);
  const bias = hasBias ? noise(units, seed + 1) : undefined;
  tf.tidy(() => layer.setWeights([tf.tensor2d(kernel, [depth, units]), ...(bias ? [tf.tensor1d(bias)] : [])]));
  const [kernelVariable, biasVariable] = layer.weights as [tf.LayerVariable, tf.LayerVariable | undefined];
  const shape: ImageShape = [1, 1, units];
  const [input, output] = [imageValue(1, [1, 1, depth]), imageValue(2, shape)];
  const finish: FinishSettings = {
    activation: { code, alpha: code === 3 ? 0.3 : 1 },
    pooling: { size: [1, 1], strides: [1, 1] },
    dropout: rate > 0 ? { rate, layerNumber: 1 } : undefined,
  };
  const head = { kind: 'dense', kernel: kernelVariable, bias: biasVariable, inputs: [1], output: 2, shape } as const;
  const group = groupOf({ head, input, sumsShape: shape, sumsUsed: [1, 1], finish, output });
  const run = new StageRun(group, layoutDense(group, head), { capacity: images, seed, isFirst });
  run.update = 6;
  const x = noise(images * depth, seed + 2);
  const dOut = noise(images * units, seed + 3);
  run.setValue(input, x);
  run.setGradient(output, dOut);
  const ranges = [0, 8, 16]
    .map((first) => ({ first, last: Math.min(first + 8, images) }))
    .filter(({ first, last }) => first < last)
    .toReversed();
  run.forward(...ranges);
  run.backward(...ranges);
  run.gradients();
  const kept = rate > 0 ? keptByDropout(images * units, rate, { seed, step: 6, layer: 1 }) : undefined;
  const isKept = kept && ((element: number): boolean => kept[element] === 1);
  const at = (values: ArrayLike<number>, pitch: number) => (row: number, column: number) =>
    values[row * pitch + column]!;
  const across = (values: ArrayLike<number>, pitch: number) => (row: number, column: number) =>
    values[column * pitch + row]!;
  const sums = multiply([images, depth, units], at(x, depth), at(kernel, units));
  const problem = { images, sumsShape: shape, outShape: shape, outUsed: [1, 1] as const, finish, bias, isKept };
  const { y, dSums, biasGradient } = finishByDefinition(problem, sums, dOut);
  assertNear(run.value(output), y, 'outputs');
  const dKernel = multiply([depth, images, units], across(x, depth), at(dSums, units));
  assertNear(run.weightGradient(kernelVariable), dKernel, 'kernel gradient');
  if (biasVariable) assertNear(run.weightGradient(biasVariable), biasGradient, 'bias gradient');
  const dInput = multiply([images, units, depth], at(dSums, units), across(kernel, units));
  if (!isFirst) assertNear(run.gradient(input), dInput, 'input gradient');
  run.dispose();
  layer.dispose();
}

test('layoutDense() and its gradients equal their definition for any depth, units, activation and dropout', () => {
  const before = tf.memory().numTensors;
  fc.assert(fc.property(cases, assertAsDefined), { seed: 51, numRuns: 150 });
  assert.is(tf.memory().numTensors, before, 'leak');
});

test('planPackRows() packs rows as packedSize() says, zeros behind the last column, and leaves the other rows alone', () => {
  const backend = currentBackend();
  for (let columns = 1; columns <= 20; columns++) {
    const rows = 5;
    const { panelBytes, matrixBytes } = packedSize(rows, columns);
    const weights = noise(rows * columns, columns);
    tf.tidy(() => {
      const source = backend.offset(tf.tensor1d(weights));
      backend.withMemory(matrixBytes + 64, (panels) => {
        const floats = (): Float32Array => new Float32Array(backend.bytes(panels, matrixBytes + 64).slice().buffer);
        backend.bytes(panels, matrixBytes + 64).fill(0x55);
        const other = floats()[0]!;
        // Rows 1 to 3.
        const words = [source + columns * 4, panels + 32, columns, panelBytes];
        backend.pool.run('planPackRows', 3, words);
        const expected = floats().fill(other);
        for (let column = 0; column < Math.ceil(columns / 8) * 8; column++) {
          for (let row = 1; row < 4; row++) {
            const to = (Math.floor(column / 8) * panelBytes) / 4 + (row + 1) * 8 + (column % 8);
            expected[to] = column < columns ? weights[row * columns + column]! : 0;
          }
        }
        assert.equal(floats(), expected, `${columns} columns`);
      });
    });
  }
});

test.run();
