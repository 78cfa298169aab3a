// A batch of anybody's examples as the kernels take it: float32, of the shapes that the model has. Every way from examples to kernels
// goes through here, so that nothing else need ask. Invariant: what is returned is checked; what is not returned is disposed.
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import type { Batch, Examples } from './batches.ts';

/** What a model takes and gives. */
export interface BatchShape {
  /** Of an image: height, width, channels, or whatever the model's input has. */
  readonly image: readonly (number | null)[];
  readonly classes: number | null;
}

/** The shapes of a model with one input and one output. */
export const batchShapeOf = ({ inputs, outputs }: tf.LayersModel): BatchShape => ({
  image: inputs[0]!.shape.slice(1),
  classes: outputs[0]!.shape.at(-1) ?? null,
});

/**
 * Takes some of the examples.
 *
 * @param positions Which
 * @param epoch See `Examples.batch`
 * @returns x and y in float32, whatever numbers or truth values they came as; the caller disposes both
 * @throws SelvedgeError `dataset/bad-batch` for other types, and for shapes that are not those of the model and the positions
 */
export function takeBatch(examples: Examples, positions: Int32Array, expected: BatchShape, epoch?: number): Batch {
  const taken = examples.batch(positions, epoch);
  try {
    const count = positions.length;
    const { classes } = expected;
    const advice = taken.y.rank === 1 ? '; class numbers become such labels by tf.oneHot(labels, classes)' : '';
    check(taken.x, 'images', [count, ...expected.image], '');
    check(taken.y, 'labels', [count, classes], advice);
  } catch (error) {
    tf.dispose([taken.x, taken.y]);
    throw error;
  }
  return { x: toFloat(taken.x), y: toFloat(taken.y) };
}

/** Makes sure that examples which the kernels gather by themselves are of the shapes of the model. */
export function checkSource({ source }: Examples, { image, classes }: BatchShape): void {
  if (!source) return;
  const { height, width, channels, classes: labels } = source.bytes;
  checkShape([height, width, channels], 'images', image, '');
  checkShape([labels], 'labels of as many classes', [classes], '');
}

function check(tensor: tf.Tensor, what: string, expected: readonly (number | null)[], advice: string): void {
  if (!(tensor instanceof tf.Tensor)) throw badBatch(`${what} as a tensor`, typeof tensor);
  if (!['float32', 'int32', 'bool'].includes(tensor.dtype)) {
    throw badBatch(`${what} of type float32, int32 or bool`, tensor.dtype);
  }
  checkShape(tensor.shape, what, expected, advice);
}

function checkShape(
  shape: readonly number[],
  what: string,
  expected: readonly (number | null)[],
  advice: string,
): void {
  const fits =
    shape.length === expected.length && expected.every((extent, i) => extent === null || extent === shape[i]);
  if (fits) return;
  const wanted = expected.map((extent) => extent ?? 'any').join(', ');
  throw badBatch(`${what} of shape [${wanted}]`, `[${shape.join(', ')}]${advice}`);
}

const badBatch = (expected: string, got: string): SelvedgeError =>
  new SelvedgeError('dataset/bad-batch', `Cannot use a batch: expected ${expected}, got ${got}`);

function toFloat<T extends tf.Tensor>(tensor: T): T {
  if (tensor.dtype === 'float32') return tensor;
  const float = tf.cast(tensor, 'float32') as T;
  tensor.dispose();
  return float;
}
