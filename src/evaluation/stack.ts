// Stacking: how much each of several classifiers is to count, and how much each class, learnt from images that none of them was trained on.
// Not here: making one model of them (models/ensemble.ts). Pure. Invariant: the same bits on every engine; what is learnt never makes the
// log loss of those images worse than the plain mean of logits does.
// Source: Wolpert, "Stacked generalization", Neural Networks 5, 1992; a multinomial logistic regression as the second level.
import { SelvedgeError } from '../core/errors.ts';
import { naturalExponential, naturalLogarithm } from '../core/exponential.ts';
import { shuffledIndices } from '../core/philox.ts';
import { checkProbabilities } from './check-probabilities.ts';

/** Logits of the whole are sums over members of `factors[member] * logits`, plus `bias[class]`. */
export interface Stack {
  readonly factors: readonly number[];
  readonly bias: readonly number[];
}

export interface FittedStack extends Stack {
  /** Pull towards the plain mean, chosen out of fold. */
  readonly penalty: number;
  /** Log loss in nats, each image by a stack that was not fitted to it, and that of the plain mean. */
  readonly outOfFoldLoss: number;
  readonly meanLoss: number;
}

export interface StackOptions {
  /** Probabilities `[samples, classes]` of each member. */
  readonly members: readonly Float32Array[];
  /** True class of each sample. */
  readonly labels: ArrayLike<number>;
  readonly classes: number;
}

const FOLDS = 5;
const PENALTIES = [0.001, 0.01, 0.1, 1] as const;
const MOST_STEPS = 50;
/** A Newton step that promises less than this ends the descent. */
const LEAST_GAIN = 1e-12;
/** What a softmax rounds to 0 was at most this. */
const SMALLEST = 1.401298464324817e-45;

/**
 * Learns a stack.
 *
 * @param options Two or more members, and at least five samples
 * @returns The stack of all samples, by the penalty that is best out of fold
 * @throws SelvedgeError `evaluation/stack`, and those of `checkProbabilities`
 * @example
 * ```ts
 * import { fitStack } from 'selvedge';
 * const labels = [0, 1, 0, 1, 0, 1];
 * const right = Float32Array.from(labels.flatMap((label) => (label === 0 ? [0.8, 0.2] : [0.2, 0.8])));
 * const chance = new Float32Array(12).fill(0.5);
 * const { factors } = fitStack({ members: [right, chance], labels, classes: 2 });
 * console.assert(factors[0]! > factors[1]!);
 * ```
 */
export function fitStack({ members, labels, classes }: StackOptions): FittedStack {
  if (members.length < 2 || labels.length < FOLDS) {
    throw new SelvedgeError(
      'evaluation/stack',
      `Cannot stack: expected two or more members and ${FOLDS} or more samples, got ${members.length} and ${labels.length}`,
    );
  }
  for (const probabilities of members) checkProbabilities({ probabilities, labels, classes }, 'stack');
  const logits = members.map((probabilities) =>
    Float64Array.from(probabilities, (value) => naturalLogarithm(Math.max(SMALLEST, value))),
  );
  const problem = { logits, labels, classes };
  const order = shuffledIndices(labels.length, { seed: 1, epoch: 0 });
  const all = Int32Array.from(order).sort();
  const folds = Array.from({ length: FOLDS }, (_, fold) => ({
    held: order.filter((_sample, place) => place % FOLDS === fold).sort(),
    rest: order.filter((_sample, place) => place % FOLDS !== fold).sort(),
  }));
  const scored = PENALTIES.map((penalty) => {
    const sum = folds.reduce((total, { held, rest }) => {
      const fitted = descend(problem, rest, penalty);
      return total + held.length * lossOf(problem, held, fitted);
    }, 0);
    return { penalty, outOfFoldLoss: sum / labels.length };
  });
  const best = scored.reduce((least, one) => (one.outOfFoldLoss < least.outOfFoldLoss ? one : least));
  const stack = descend(problem, all, best.penalty);
  return { ...unpack(stack, members.length), ...best, meanLoss: lossOf(problem, all, start(problem)) };
}

interface Problem {
  readonly logits: readonly Float64Array[];
  readonly labels: ArrayLike<number>;
  readonly classes: number;
}

/** Factors of the members, then the bias of the classes. */
type Point = Float64Array;

const unpack = (point: Point, members: number): Stack => ({
  factors: [...point.subarray(0, members)],
  bias: [...point.subarray(members)],
});

/** The plain mean. */
const start = ({ logits, classes }: Problem): Point =>
  Float64Array.from({ length: logits.length + classes }, (_, i) => (i < logits.length ? 1 / logits.length : 0));

/** Probabilities of a sample into `row`; returns the log loss. */
function predict({ logits, labels, classes }: Problem, sample: number, point: Point, row: Float64Array): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < classes; c++) {
    let sum = point[logits.length + c]!;
    for (let m = 0; m < logits.length; m++) sum += point[m]! * logits[m]![sample * classes + c]!;
    row[c] = sum;
    most = Math.max(most, sum);
  }
  const own = row[labels[sample]!]! - most;
  let total = 0;
  for (let c = 0; c < classes; c++) {
    row[c] = naturalExponential(row[c]! - most);
    total += row[c]!;
  }
  for (let c = 0; c < classes; c++) row[c]! /= total;
  return naturalLogarithm(total) - own;
}

function lossOf(problem: Problem, samples: Int32Array, point: Point): number {
  const row = new Float64Array(problem.classes);
  return samples.reduce((sum, sample) => sum + predict(problem, sample, point, row), 0) / samples.length;
}

/** Newton's method on the log loss plus the penalty: convex, so that it ends at the one minimum. */
function descend(problem: Problem, samples: Int32Array, penalty: number): Point {
  const origin = start(problem);
  const pulled = (point: Point): number =>
    lossOf(problem, samples, point) +
    0.5 * penalty * point.reduce((sum, value, i) => sum + (value - origin[i]!) ** 2, 0);
  let point = origin;
  let loss = pulled(point);
  for (let step = 0; step < MOST_STEPS; step++) {
    const { gradient, hessian } = slopeOf(problem, samples, { point, origin, penalty });
    const direction = solve(hessian, gradient);
    const gain = direction.reduce((sum, value, i) => sum + value * gradient[i]!, 0);
    if (gain < LEAST_GAIN) break;
    let length = 1;
    let next = point;
    let nextLoss = Number.POSITIVE_INFINITY;
    for (; length > 1e-6 && !(nextLoss <= loss - 1e-4 * length * gain); length /= 2) {
      next = point.map((value, i) => value - length * direction[i]!);
      nextLoss = pulled(next);
    }
    if (!(nextLoss < loss)) break;
    [point, loss] = [next, nextLoss];
  }
  return point;
}

interface Place {
  readonly point: Point;
  readonly origin: Point;
  readonly penalty: number;
}

/** Gradient and Hessian, [size, size]: of each sample the covariance of the features under its probabilities. */
function slopeOf(problem: Problem, samples: Int32Array, { point, origin, penalty }: Place) {
  const { logits, labels, classes } = problem;
  const members = logits.length;
  const size = members + classes;
  const gradient = point.map((value, i) => penalty * (value - origin[i]!));
  const hessian = new Float64Array(size * size);
  const row = new Float64Array(classes);
  const mean = new Float64Array(size);
  const share = 1 / samples.length;
  /** Feature i of class c: a member's logit, or 1 for the class's own bias. */
  const feature = (sample: number, c: number, i: number): number =>
    i < members ? logits[i]![sample * classes + c]! : Number(i - members === c);
  for (const sample of samples) {
    predict(problem, sample, point, row);
    for (let i = 0; i < size; i++) {
      let sum = 0;
      if (i < members) for (let c = 0; c < classes; c++) sum += row[c]! * logits[i]![sample * classes + c]!;
      else sum = row[i - members]!;
      mean[i] = sum;
      gradient[i]! += share * (sum - feature(sample, labels[sample]!, i));
    }
    for (let i = 0; i < size; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = 0;
        if (i >= members)
          sum = j >= members ? (i === j ? row[i - members]! : 0) : row[i - members]! * feature(sample, i - members, j);
        else for (let c = 0; c < classes; c++) sum += row[c]! * feature(sample, c, i) * feature(sample, c, j);
        hessian[i * size + j]! += share * (sum - mean[i]! * mean[j]!);
      }
    }
  }
  for (let i = 0; i < size; i++) {
    hessian[i * size + i]! += penalty;
    for (let j = 0; j < i; j++) hessian[j * size + i] = hessian[i * size + j]!;
  }
  return { gradient, hessian };
}

/** Solves a positive definite system by Cholesky's factorisation. */
function solve(matrix: Float64Array, right: Float64Array): Float64Array {
  const size = right.length;
  const lower = matrix.slice();
  for (let j = 0; j < size; j++) {
    for (let i = j; i < size; i++) {
      let sum = lower[i * size + j]!;
      for (let k = 0; k < j; k++) sum -= lower[i * size + k]! * lower[j * size + k]!;
      lower[i * size + j] = i === j ? Math.sqrt(sum) : sum / lower[j * size + j]!;
    }
  }
  const solution = right.slice();
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++) solution[i]! -= lower[i * size + k]! * solution[k]!;
    solution[i]! /= lower[i * size + i]!;
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++) solution[i]! -= lower[k * size + i]! * solution[k]!;
    solution[i]! /= lower[i * size + i]!;
  }
  return solution;
}
