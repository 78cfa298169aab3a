// softmaxCrossEntropy against the formula in double precision, and through it the exponential and logarithm of
// assembly/scalar-math.ts. Tolerance: one rounding to float32, and 1e-15 for what cancels before it.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { softmaxCrossEntropy } from '../../../src/backend/kernels/softmax-cross-entropy.ts';
import { assertSameBits, noise } from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const track = (info: tf.TensorInfo): tf.Tensor => tf.engine().makeTensorFromTensorInfo(info);

type Matrix = readonly (readonly number[])[];

/** Losses, gradient and hits. */
function compute(logits: tf.Tensor2D, labels: tf.Tensor2D, smoothing?: number): tf.Tensor[] {
  const { losses, gradient, hits } = softmaxCrossEntropy(currentBackend(), logits, labels, smoothing);
  return [track(losses), track(gradient), track(hits)];
}

interface Result {
  readonly losses: number[];
  readonly gradient: number[];
  readonly hits: number[];
}

function run(logits: Matrix, labels: Matrix, smoothing?: number): Result {
  const before = tf.memory().numTensors;
  const [losses, gradient, hits] = tf.tidy(() =>
    compute(tf.tensor2d(logits as number[][]), tf.tensor2d(labels as number[][]), smoothing).map((tensor) => [
      ...tensor.dataSync(),
    ]),
  );
  assert.is(tf.memory().numTensors, before, 'leak');
  return { losses: losses!, gradient: gradient!, hits: hits! };
}

const argMax = (row: readonly number[]): number => row.indexOf(Math.max(...row));

/** Rows of float32 values; scale and smoothing of the kernel are float32 too. */
function runScalar(logits: Matrix, labels: Matrix, smoothing = 0): Result {
  const share = Math.fround(smoothing);
  const scale = Math.fround(1 / logits.length);
  const rows = logits.map((row, i) => {
    const weight = labels[i]!.reduce((sum, value) => sum + value, 0);
    const label = labels[i]!.map((value) => (1 - share) * value + (share * weight) / row.length);
    const largest = Math.max(...row);
    const logSum = Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0));
    return {
      loss: row.reduce((sum, value, k) => sum + label[k]! * (logSum - (value - largest)), 0),
      gradient: row.map((value, k) => (Math.exp(value - largest - logSum) * weight - label[k]!) * scale),
      hit: argMax(row) === argMax(labels[i]!) ? 1 : 0,
    };
  });
  return {
    losses: rows.map(({ loss }) => loss),
    gradient: rows.flatMap(({ gradient }) => gradient),
    hits: rows.map(({ hit }) => hit),
  };
}

const ROUNDING = 2 ** -24;

function assertNear(found: readonly number[], expected: readonly number[], what: string): void {
  assert.is(found.length, expected.length);
  found.forEach((value, i) => {
    const wanted = expected[i]!;
    // Below the normal floats the step is 2^-149.
    const allowed = ROUNDING * 1.001 * Math.abs(wanted) + 1e-15;
    assert.ok(Math.abs(value - wanted) <= allowed, `${what} ${i}: got ${value}, expected ${wanted}`);
  });
}

function assertEqualsScalar(logits: Matrix, labels: Matrix, smoothing?: number): void {
  const found = run(logits, labels, smoothing);
  const expected = runScalar(logits, labels, smoothing);
  assertNear(found.losses, expected.losses, 'loss');
  assertNear(found.gradient, expected.gradient, 'gradient');
  assert.equal(found.hits, expected.hits);
}

const matrixOf = (values: Float32Array, columns: number, scale: number): number[][] =>
  Array.from({ length: values.length / columns }, (_, i) =>
    Array.from(values.subarray(i * columns, (i + 1) * columns), (value) => Math.fround(value * scale)),
  );

const oneHot = (rows: number, classes: number): number[][] =>
  Array.from({ length: rows }, (_, i) =>
    Array.from({ length: classes }, (_, k) => ((i * 7 + 1) % classes === k ? 1 : 0)),
  );

test('softmaxCrossEntropy() equals the formula, rounded once, for any shape and scale of logits', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 70 }),
      fc.integer({ min: 1, max: 23 }),
      fc.constantFrom(1e-3, 1, 10, 100, 1e4),
      (rows, classes, scale) =>
        assertEqualsScalar(matrixOf(noise(rows * classes, rows), classes, scale), oneHot(rows, classes)),
    ),
    { seed: 13, numRuns: 120 },
  );
});

test('softmaxCrossEntropy() takes soft labels and weights that do not sum to one', () => {
  const labels = matrixOf(noise(40, 9), 8, 1).map((row) => row.map((value) => Math.abs(value)));
  assertEqualsScalar(matrixOf(noise(40, 8), 8, 5), labels);
});

test('softmaxCrossEntropy() equals the formula with any smoothing of the labels, one-hot or soft', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 23 }),
      fc.double({ min: 0, max: 0.99, noNaN: true }),
      fc.boolean(),
      (rows, classes, smoothing, isSoft) => {
        const soft = matrixOf(noise(rows * classes, 7), classes, 1).map((row) => row.map((value) => Math.abs(value)));
        const logits = matrixOf(noise(rows * classes, rows), classes, 10);
        assertEqualsScalar(logits, isSoft ? soft : oneHot(rows, classes), smoothing);
      },
    ),
    { seed: 14, numRuns: 80 },
  );
});

test('softmaxCrossEntropy() with smoothing equals torch.nn.functional.cross_entropy in double precision', () => {
  // torch 1.13.0: cross_entropy(logits, tensor([2, 0]), label_smoothing=0.25), reduction "none", and its gradient.
  const { losses, gradient } = run(
    [
      [0.5, -1, 2],
      [-3, 0, 1],
    ],
    [
      [0, 0, 1],
      [1, 0, 0],
    ],
    0.25,
  );
  const expected = {
    losses: [0.6163112966571571, 3.7432293079341368],
    gradient: [
      0.04597852940335168, -0.02211038003132294, -0.023868149372028746, -0.410060223189772, 0.09102729771945431,
      0.31903292547031764,
    ],
  };
  assertNear(losses, expected.losses, 'loss');
  assertNear(gradient, expected.gradient, 'gradient');
});

test('softmaxCrossEntropy() with a smoothing of 0 gives the bits of none, and its gradient sums to zero with any', () => {
  const logits = matrixOf(noise(210, 3), 7, 4);
  assert.equal(run(logits, oneHot(30, 7), 0), run(logits, oneHot(30, 7)));
  for (const smoothing of [0.1, 0.5]) {
    const { gradient } = run(logits, oneHot(30, 7), smoothing);
    for (let row = 0; row < 30; row++) {
      const sum = gradient.slice(7 * row, 7 * row + 7).reduce((total, value) => total + value, 0);
      assert.ok(Math.abs(sum) < 1e-8, `row ${row}: ${sum}`);
    }
  }
});

test('softmaxCrossEntropy() is as exact as float32 over the whole range of exp: two classes, differences 0 to 700', () => {
  const differences = Array.from({ length: 1401 }, (_, i) => i / 2);
  const right = differences.map(() => [1, 0]);
  const wrong = differences.map(() => [0, 1]);
  const logits = differences.map((difference) => [0, -difference]);
  const { losses } = run(logits, wrong);
  losses.forEach((loss, i) => {
    const expected = Math.log1p(Math.exp(-differences[i]!)) + differences[i]!;
    assert.ok(Math.abs(loss - expected) <= ROUNDING * 1.001 * expected, `difference ${differences[i]}: ${loss}`);
  });
  // Here log(1 + e^-d) is taken of a rounded sum: 1.1e-16 of absolute error.
  run(logits, right).losses.forEach((loss, i) => {
    const expected = Math.log1p(Math.exp(-differences[i]!));
    assert.ok(
      Math.abs(loss - expected) <= ROUNDING * 1.001 * expected + 2.3e-16,
      `difference ${differences[i]}: ${loss}`,
    );
  });
});

test('softmaxCrossEntropy() stays finite for logits of ±10,000', () => {
  const { losses, gradient, hits } = run(
    [
      [1e4, -1e4, 0],
      [-1e4, 1e4, 0],
    ],
    [
      [1, 0, 0],
      [1, 0, 0],
    ],
  );
  assert.equal(losses, [0, 2e4]);
  assert.equal(gradient, [0, 0, 0, -0.5, 0.5, 0]);
  assert.equal(hits, [1, 0]);
});

test('softmaxCrossEntropy() takes the first of equal logits as the prediction', () => {
  const equal = [2, 5, 5, 5];
  const label = (at: number): number[] => equal.map((_, k) => (k === at ? 1 : 0));
  const { hits, losses } = run([equal, equal, equal, equal], [0, 1, 2, 3].map(label));
  assert.equal(hits, [0, 1, 0, 0]);
  assert.is(losses[1], losses[3]);
});

test('softmaxCrossEntropy() answers NaN and infinite logits with a NaN loss in that row alone, without a trap', () => {
  for (const bad of [Number.NaN, Infinity]) {
    for (const at of [0, 2]) {
      const logits = [[1, 2, 3], [1, 2, 3].map((value, k) => (k === at ? bad : value))];
      const labels = [
        [0, 0, 1],
        [0, 1, 0],
      ];
      const { losses } = run(logits, labels);
      assert.ok(Number.isFinite(losses[0]!));
      assert.ok(Number.isNaN(losses[1]!), `${bad} at ${at}: ${losses[1]}`);
    }
  }
});

test('softmaxCrossEntropy() gives the same bits on any number of threads', async () => {
  await engine.stop();
  await assertSameBits({
    '500 rows': () => compute(tf.tensor2d(noise(5000, 1), [500, 10]).mul(9), tf.tensor2d(oneHot(500, 10))),
    smoothed: () => compute(tf.tensor2d(noise(5000, 1), [500, 10]).mul(9), tf.tensor2d(oneHot(500, 10)), 0.1),
  });
  engine = await startBackend({ threads: 2 });
});

test.run();
