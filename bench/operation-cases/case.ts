// What a case of `selvedge bench operations` is, and the values that cases are made of.
// Not here: the cases, a file a family. Invariant: values follow from shape and seed alone, so that both backends get the same.
import * as tf from '@tensorflow/tfjs';

/** One operation as users call it. */
export interface OperationCase {
  /** The registered kernel that it is there for. */
  readonly kernel: string;
  /** The kernel, and what tells the case from others of it. */
  readonly name: string;
  /** Makes the inputs on the current backend; calling what it answers is what is measured. */
  prepare(): () => Outputs;
}

export type Outputs = tf.TensorInfo | readonly tf.TensorInfo[] | tf.NamedTensorMap;

/** Lengths that cases derive their shapes from. */
export interface CaseSizes {
  /** Rows and columns of a matrix. */
  readonly side: number;
  /** Rows and columns of an image. */
  readonly image: number;
  /** Channels of an image. */
  readonly channels: number;
}

/** A million elements. */
export const MEASURED_SIZES: CaseSizes = { side: 1000, image: 112, channels: 16 };

/** A case; `note` tells it from others of the same kernel. */
export function operation(kernel: string, prepare: OperationCase['prepare'], note = ''): OperationCase {
  return { kernel, name: note ? `${kernel} ${note}` : kernel, prepare };
}

/** Pseudo-random floats in [low, high). */
export function floats<R extends tf.Rank = tf.Rank>(shape: readonly number[], low = -1, high = 1): tf.Tensor<R> {
  const values = numbers(shape, (unit) => low + (high - low) * unit);
  return tf.tensor(Float32Array.from(values), shape as tf.ShapeMap[R]);
}

/** Pseudo-random whole numbers in [0, limit). */
export function integers<R extends tf.Rank = tf.Rank>(shape: readonly number[], limit: number): tf.Tensor<R> {
  const values = numbers(shape, (unit) => Math.floor(unit * limit));
  return tf.tensor(Int32Array.from(values), shape as tf.ShapeMap[R], 'int32');
}

/** Pseudo-random booleans. */
export function booleans(shape: readonly number[]): tf.Tensor {
  const values = numbers(shape, (unit) => (unit < 0.5 ? 0 : 1));
  return tf.tensor(Uint8Array.from(values), shape as number[], 'bool');
}

/** Numerical Recipes' linear congruential generator. */
function numbers(shape: readonly number[], of: (unit: number) => number): number[] {
  let state = 1;
  return Array.from({ length: tf.util.sizeFromShape(shape as number[]) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return of(state / 0x1_0000_0000);
  });
}

/** Runs a kernel that no public function reaches alone: gradients, and what tfjs has replaced by compositions. */
export function runKernel(kernelName: string, inputs: object, attrs: object = {}): tf.Tensor | tf.Tensor[] {
  return tf.engine().runKernel(kernelName, inputs as tf.NamedTensorMap, attrs as tf.NamedAttrMap);
}
