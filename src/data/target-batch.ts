// Batches of models of any inputs and outputs, as the kernels take them: float32, of the shapes that the model has, a weight a row.
// Not here: classifiers, whose batches are images and labels (take-batch.ts). Invariant: what is returned is checked; what is not
// returned is disposed.
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';

/** One batch. The receiver disposes all tensors. */
export interface TargetBatch {
  /** What the inputs of the model take, in their order; one alone need not be in a list. */
  readonly x: tf.Tensor | readonly tf.Tensor[];
  /** What its outputs should be, of their shapes. */
  readonly y: tf.Tensor | readonly tf.Tensor[];
  /**
   * What an example, `[batch]`, or a pixel, `[batch, height, width]`, counts in the loss of each output; 0 masks it. Default: 1. The sum
   * is divided by the number of examples and pixels, not by the weights, as Keras has it.
   */
  readonly weights?: tf.Tensor | readonly (tf.Tensor | undefined)[];
}

/** Some examples of a model of any inputs and outputs, by position. */
export interface TargetExamples {
  readonly count: number;
  /**
   * Some of the examples.
   *
   * @param positions Positions from 0 to count - 1
   * @param epoch Number of the epoch, which noise may depend on; undefined: in validation
   */
  batch(positions: Int32Array, epoch?: number): TargetBatch;
}

/** A batch that was checked. */
export interface TakenTargets {
  readonly inputs: readonly tf.Tensor[];
  readonly targets: readonly tf.Tensor[];
  /** `[batch, …]`: the shape of the target without its last axis; undefined: all are 1. */
  readonly weights: readonly (tf.Tensor | undefined)[];
}

/** Shapes of a model's inputs and outputs, with the axis of the batch. */
export type ModelEnds = Pick<tf.LayersModel, 'inputs' | 'outputs'>;

/**
 * Takes some of the examples.
 *
 * @param positions Which
 * @param epoch See `TargetExamples.batch`
 * @returns All in float32, whatever numbers or truth values they came as; the caller disposes them with `disposeTargets`
 * @throws SelvedgeError `dataset/bad-batch` for other types, other numbers of tensors, and shapes that are not those of the model
 */
export function takeTargets(
  examples: TargetExamples,
  positions: Int32Array,
  { inputs, outputs }: ModelEnds,
  epoch?: number,
): TakenTargets {
  const taken = examples.batch(positions, epoch);
  const [x, y, weights] = [taken.x, taken.y, taken.weights].map((tensors) => listOf(tensors)) as [
    Listed,
    Listed,
    Listed,
  ];
  try {
    return tf.tidy(() => {
      const size = positions.length;
      requireCount(x, inputs.length, 'inputs');
      requireCount(y, outputs.length, 'targets');
      if (weights.length > outputs.length) requireCount(weights, outputs.length, 'weights');
      const kept = {
        inputs: x.map((tensor, i) => check(tensor, `input ${i}`, [size, ...inputs[i]!.shape.slice(1)])),
        targets: y.map((tensor, i) => check(tensor, `target ${i}`, [size, ...outputs[i]!.shape.slice(1)])),
      };
      const rows = kept.targets.map(({ shape }, i) => weights[i] && spread(weights[i], i, shape.slice(0, -1)));
      return {
        inputs: kept.inputs.map(keep),
        targets: kept.targets.map(keep),
        weights: rows.map((row) => row && keep(row)),
      };
    });
  } finally {
    tf.dispose([...x, ...y, ...weights].filter((tensor) => tensor instanceof tf.Tensor));
  }
}

/** Disposes what `takeTargets` gave. */
export function disposeTargets({ inputs, targets, weights }: TakenTargets): void {
  tf.dispose([...inputs, ...targets, ...weights.filter((row) => row !== undefined)]);
}

type Listed = (tf.Tensor | undefined)[];

const listOf = (tensors: TargetBatch['weights']): Listed =>
  tensors === undefined ? [] : Array.isArray(tensors) ? [...(tensors as Listed)] : [tensors as tf.Tensor];

/** A tensor of its own, which no scope disposes. */
const keep = (tensor: tf.Tensor): tf.Tensor => tf.keep(tf.clone(tensor));

function requireCount(tensors: Listed, expected: number, what: string): void {
  if (tensors.length !== expected) throw badBatch(`${expected} ${what}`, `${tensors.length}`);
}

function check(tensor: tf.Tensor | undefined, what: string, expected: readonly (number | null)[]): tf.Tensor {
  if (!(tensor instanceof tf.Tensor)) throw badBatch(`${what} as a tensor`, typeof tensor);
  if (!['float32', 'int32', 'bool'].includes(tensor.dtype)) {
    throw badBatch(`${what} of type float32, int32 or bool`, tensor.dtype);
  }
  const { shape } = tensor;
  const fits =
    shape.length === expected.length && expected.every((extent, i) => extent === null || extent === shape[i]);
  if (!fits) throw badBatch(`${what} of shape [${expected.map((extent) => extent ?? 'any')}]`, `[${shape}]`);
  return tensor.dtype === 'float32' ? tensor : tf.cast(tensor, 'float32');
}

/** Weights of examples or of rows as weights of rows. */
function spread(weights: tf.Tensor, i: number, rows: readonly number[]): tf.Tensor {
  const isOfExamples = weights.rank === 1;
  const float = check(weights, `weights ${i}`, isOfExamples ? rows.slice(0, 1) : rows);
  if (!isOfExamples || rows.length === 1) return float;
  return tf.mul(tf.reshape(float, [rows[0]!, ...rows.slice(1).map(() => 1)]), tf.ones([...rows]));
}

const badBatch = (expected: string, got: string): SelvedgeError =>
  new SelvedgeError('dataset/bad-batch', `Cannot use a batch: expected ${expected}, got ${got}`);
