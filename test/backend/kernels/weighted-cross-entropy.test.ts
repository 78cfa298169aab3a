// weightedCrossEntropy against its formula in double precision, against PyTorch's figures, and its gradient against central differences.
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { softmaxCrossEntropy } from '../../../src/backend/kernels/softmax-cross-entropy.ts';
import { type LossOptions, weightedCrossEntropy } from '../../../src/backend/kernels/weighted-cross-entropy.ts';
import { assertSameBits, noise } from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

type Matrix = readonly (readonly number[])[];

interface Problem {
  readonly logits: Matrix;
  readonly labels: Matrix;
  readonly teacher: Matrix;
  readonly options: LossOptions;
}

interface Result {
  readonly losses: number[];
  /** Of the mean loss. */
  readonly gradient: number[];
}

const track = (info: tf.TensorInfo): tf.Tensor => tf.engine().makeTensorFromTensorInfo(info);
const tensorOf = (matrix: Matrix): tf.Tensor2D => tf.tensor2d(matrix as number[][]);

/** Losses, gradient and hits. */
function compute({ logits, labels, teacher, options }: Problem): tf.Tensor[] {
  const hint = options.distillation ? tensorOf(teacher) : undefined;
  const found = weightedCrossEntropy(currentBackend(), tensorOf(logits), tensorOf(labels), options, hint);
  return [track(found.losses), track(found.gradient), track(found.hits)];
}

function run(problem: Problem): Result & { hits: number[] } {
  const before = tf.memory().numTensors;
  const [losses, gradient, hits] = tf.tidy(() => compute(problem).map((tensor) => [...tensor.dataSync()]));
  assert.is(tf.memory().numTensors, before, 'leak');
  return { losses: losses!, gradient: gradient!, hits: hits! };
}

const softmax = (values: readonly number[]): number[] => {
  const largest = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
};

const { fround } = Math;

/** The loss of a row by its definition; settings are float32 in the kernel. */
function lossByDefinition(logits: readonly number[], { labels, teacher, options }: Problem, row: number): number {
  const { labelSmoothing = 0, classWeights, focalGamma = 0, adjustment, distillation } = options;
  const { temperature, share } = distillation ?? { temperature: 1, share: 0 };
  const smoothing = fround(labelSmoothing);
  const label = labels[row]!;
  const weight = label.reduce((sum, value) => sum + value, 0);
  const p = softmax(logits.map((value, k) => value + fround(adjustment?.[k] ?? 0)));
  const ofLabels = label.reduce((sum, value, k) => {
    const l = (1 - smoothing) * value + (smoothing * weight) / label.length;
    return sum - l * fround(classWeights?.[k] ?? 1) * (1 - p[k]!) ** fround(focalGamma) * Math.log(p[k]!);
  }, 0);
  if (!distillation) return ofLabels;
  const t = fround(temperature);
  const s = softmax(logits.map((value) => value / t));
  const q = softmax(teacher[row]!.map((value) => Math.log(value) / t));
  const ofTeacher = t * t * q.reduce((sum, value, k) => sum + (value > 0 ? value * Math.log(value / s[k]!) : 0), 0);
  return (1 - fround(share)) * ofLabels + fround(share) * ofTeacher;
}

const matrixOf = (values: Float32Array, columns: number, scale: number): number[][] =>
  Array.from({ length: values.length / columns }, (_, i) =>
    Array.from(values.subarray(i * columns, (i + 1) * columns), (value) => fround(value * scale)),
  );

const oneHot = (rows: number, classes: number): number[][] =>
  Array.from({ length: rows }, (_, i) => Array.from({ length: classes }, (_, k) => ((i * 7) % classes === k ? 1 : 0)));

/** Of classes that fall off from a hundred to one. */
const logarithmsOfShares = (classes: number, tau: number): number[] => {
  const counts = Array.from({ length: classes }, (_, k) => 100 ** (-k / (classes - 1)));
  const sum = counts.reduce((total, count) => total + count, 0);
  return counts.map((count) => fround(tau * Math.log(count / sum)));
};

const share = fc.double({ min: 0, max: 1, noNaN: true });
const problems: fc.Arbitrary<Problem> = fc
  .record({
    rows: fc.integer({ min: 1, max: 40 }),
    classes: fc.integer({ min: 2, max: 13 }),
    scale: fc.constantFrom(0.1, 1, 8),
    isSoft: fc.boolean(),
    labelSmoothing: fc.constantFrom(0, 0.1, 0.5),
    isWeighted: fc.boolean(),
    tau: fc.constantFrom(0, 0.5, 1, 2),
    focalGamma: fc.constantFrom(0, 0.5, 1, 2, 5),
    distillation: fc.option(fc.record({ temperature: fc.constantFrom(0.5, 1, 4, 20), share }), { nil: undefined }),
  })
  .map(({ rows, classes, scale, isSoft, isWeighted, tau, labelSmoothing, focalGamma, distillation }) => {
    const soft = matrixOf(noise(rows * classes, 7), classes, 1).map((row) => softmax(row).map(fround));
    return {
      logits: matrixOf(noise(rows * classes, rows), classes, scale),
      labels: isSoft ? soft : oneHot(rows, classes),
      teacher: matrixOf(noise(rows * classes, 8), classes, 6).map((row) => softmax(row).map(fround)),
      options: {
        labelSmoothing,
        focalGamma,
        ...(isWeighted ? { classWeights: Array.from({ length: classes }, (_, k) => fround(0.25 * k)) } : {}),
        ...(tau > 0 ? { adjustment: logarithmsOfShares(classes, tau) } : {}),
        ...(distillation ? { distillation } : {}),
      },
    };
  });

function assertNear(found: readonly number[], expected: readonly number[], tolerance: number, what: string): void {
  assert.is(found.length, expected.length);
  found.forEach((value, i) => {
    const allowed = tolerance * (1 + Math.abs(expected[i]!));
    assert.ok(Math.abs(value - expected[i]!) <= allowed, `${what} ${i}: got ${value}, expected ${expected[i]}`);
  });
}

test('weightedCrossEntropy() equals its definition, and its gradient central differences of it, for any options', () => {
  fc.assert(
    fc.property(problems, (problem) => {
      const { logits } = problem;
      const found = run(problem);
      const losses = logits.map((row, i) => lossByDefinition(row, problem, i));
      // One rounding to float32.
      assertNear(found.losses, losses, 1e-7, 'loss');
      const step = 1e-5;
      const gradient = logits.flatMap((row, i) =>
        row.map((_, k) => {
          const moved = (by: number): number =>
            lossByDefinition(
              row.map((value, at) => (at === k ? value + by : value)),
              problem,
              i,
            );
          return (moved(step) - moved(-step)) / (2 * step) / logits.length;
        }),
      );
      assertNear(found.gradient, gradient, 3e-7, 'gradient');
    }),
    { seed: 31, numRuns: 200 },
  );
});

test('weightedCrossEntropy() equals PyTorch: soft targets, class weights, focal loss, distillation', () => {
  const golden = JSON.parse(readFileSync(new URL('./pytorch-cross-entropy.json', import.meta.url), 'utf8')) as {
    readonly logits: Matrix;
    readonly teacher: Matrix;
    readonly cases: Record<string, Result & Pick<Problem, 'labels' | 'options'>>;
  };
  const { logits, teacher, cases } = golden;
  for (const [name, { labels, options, losses, gradient }] of Object.entries(cases)) {
    const found = run({ logits, teacher, labels, options });
    assertNear(found.losses, losses, 1e-7, `${name}: loss`);
    assertNear(found.gradient, gradient, 1e-7, `${name}: gradient`);
  }
  assert.is(Object.keys(cases).length, 7);
});

test('weightedCrossEntropy() without options is softmaxCrossEntropy(), and with weights of 1 the same up to rounding', () => {
  const logits = matrixOf(noise(60, 3), 6, 4);
  const problem = { logits, labels: oneHot(10, 6), teacher: [], options: { labelSmoothing: 0.1 } };
  const plain = run(problem);
  const own = tf.tidy(() => {
    const { losses, gradient } = softmaxCrossEntropy(currentBackend(), tensorOf(logits), tensorOf(oneHot(10, 6)), 0.1);
    return [[...track(losses).dataSync()], [...track(gradient).dataSync()]];
  });
  assert.equal([plain.losses, plain.gradient], own);
  const weighted = run({ ...problem, options: { labelSmoothing: 0.1, classWeights: [1, 1, 1, 1, 1, 1] } });
  assertNear(weighted.losses, plain.losses, 1e-7, 'loss');
  assertNear(weighted.gradient, plain.gradient, 1e-8, 'gradient');
  assert.equal(weighted.hits, plain.hits);
});

test('weightedCrossEntropy() of adjusted logits is that of logits moved beforehand, and hits are told from them as they are', () => {
  // Sums of halves are exact in float32.
  const adjustment = [-3, 0.5, 0, -0.5, 2, -8];
  const logits = matrixOf(noise(60, 3), 6, 8).map((row) => row.map((value) => Math.round(2 * value) / 2));
  const moved = logits.map((row) => row.map((value, k) => value + adjustment[k]!));
  const problem = { labels: oneHot(10, 6), teacher: [], options: { labelSmoothing: 0.1, focalGamma: 1 } };
  const found = run({ ...problem, logits, options: { ...problem.options, adjustment } });
  const expected = run({ ...problem, logits: moved });
  assert.equal([found.losses, found.gradient], [expected.losses, expected.gradient]);
  assert.equal(found.hits, run({ ...problem, logits }).hits);
  assert.not.equal(found.hits, expected.hits);
});

test('weightedCrossEntropy() stays finite where the model or the teacher is certain, right or wrong', () => {
  const logits = [
    [90, 0, -90],
    [-90, 0, 90],
    [1e4, -1e4, 0],
  ];
  const labels = [
    [1, 0, 0],
    [1, 0, 0],
    [1, 0, 0],
  ];
  for (const focalGamma of [0, 0.1, 2]) {
    for (const temperature of [0.01, 1, 100]) {
      const options = { focalGamma, distillation: { temperature, share: 0.5 } };
      const { losses, gradient } = run({ logits, labels, teacher: labels, options });
      assert.ok([...losses, ...gradient].every(Number.isFinite), JSON.stringify({ options, losses, gradient }));
    }
  }
});

test('weightedCrossEntropy() gives the same bits on any number of threads', async () => {
  await engine.stop();
  const logits = matrixOf(noise(700, 5), 7, 3);
  const teacher = matrixOf(noise(700, 6), 7, 3).map((row) => softmax(row).map(fround));
  const options = {
    focalGamma: 2,
    classWeights: [1, 2, 3, 4, 5, 6, 7],
    adjustment: logarithmsOfShares(7, 1),
    distillation: { temperature: 3, share: 0.3 },
  };
  await assertSameBits({ weighted: () => compute({ logits, labels: oneHot(100, 7), teacher, options }) });
  engine = await startBackend({ threads: 2 });
});

test.run();
