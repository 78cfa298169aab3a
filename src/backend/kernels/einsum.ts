// Einsum of one or two tensors as what it is: sums, transpositions and one batched matrix product. tfjs's own multiplies every pair of
// elements and sums the products, hundreds of times slower where it is a matrix product.
// Not here: repeated labels of the output and complex numbers, which run the cpu backend's code.

import * as tf from '../tfjs.ts';
import { runOnCpu } from './cpu-kernels.ts';
import type { Kernel, KernelCall } from './register.ts';

/** A tensor and a label for each of its axes. */
interface Labelled {
  readonly tensor: tf.Tensor;
  readonly labels: readonly string[];
}

const isIn =
  (labels: readonly string[]) =>
  (label: string): boolean =>
    labels.includes(label);

/** Sums over all axes but those of the labels. */
function keepOnly({ tensor, labels }: Labelled, kept: readonly string[]): Labelled {
  const axes = labels.flatMap((label, axis) => (kept.includes(label) ? [] : [axis]));
  if (axes.length === 0) return { tensor, labels };
  return { tensor: tf.sum(tensor, axes), labels: labels.filter(isIn(kept)) };
}

/** The axes in the order of the labels. */
const arrange = ({ tensor, labels }: Labelled, order: readonly string[]): tf.Tensor =>
  order.every((label, axis) => label === labels[axis])
    ? tensor
    : tf.transpose(
        tensor,
        order.map((label) => labels.indexOf(label)),
      );

const sizeOf = (labels: readonly string[], sizes: ReadonlyMap<string, number>): number =>
  labels.reduce((product, label) => product * sizes.get(label)!, 1);

/** [batch…, rows…, sums…] times [batch…, sums…, columns…]. */
function multiply(a: Labelled, b: Labelled, output: readonly string[]): Labelled {
  const left = keepOnly(a, [...output, ...b.labels]);
  const right = keepOnly(b, [...output, ...a.labels]);
  const sizes = new Map<string, number>();
  for (const { tensor, labels } of [left, right]) {
    for (const [axis, label] of labels.entries()) sizes.set(label, tensor.shape[axis]!);
  }
  const shared = left.labels.filter(isIn(right.labels));
  const batch = shared.filter(isIn(output));
  const sums = shared.filter((label) => !output.includes(label));
  const rows = left.labels.filter((label) => !shared.includes(label));
  const columns = right.labels.filter((label) => !shared.includes(label));
  const [batchSize, rowCount, sumCount, columnCount] = [batch, rows, sums, columns].map((part) => sizeOf(part, sizes));
  const product = tf.matMul(
    tf.reshape(arrange(left, [...batch, ...rows, ...sums]), [batchSize!, rowCount!, sumCount!]),
    tf.reshape(arrange(right, [...batch, ...sums, ...columns]), [batchSize!, sumCount!, columnCount!]),
  );
  const labels = [...batch, ...rows, ...columns];
  const shape = labels.map((label) => sizes.get(label)!);
  return { tensor: tf.reshape(product, shape), labels };
}

export const einsumKernel: Kernel = {
  kernelName: 'Einsum',
  kernelFunc: (call: KernelCall<Record<string, tf.TensorInfo>, { equation: string }>) => {
    const tensors = Object.values(call.inputs);
    const equation = call.attrs.equation.replace(/\s/g, '');
    const { allDims, idDims } = tf.backend_util.decodeEinsumEquation(equation, tensors.length);
    tf.backend_util.checkEinsumDimSizes(allDims.length, idDims, tensors as tf.Tensor[]);
    const [inputs, output] = equation.split('->').map((side) => side.split(',').map((term) => [...term]));
    const wanted = output![0]!;
    const isOurs = tensors.every(({ dtype }) => dtype === 'float32' || dtype === 'int32');
    if (!isOurs || new Set(wanted).size < wanted.length) return runOnCpu('Einsum', call);
    return tf.tidy(() => {
      const [a, b] = tensors.map((tensor, i) => ({ tensor: trackedView(tensor), labels: inputs![i]! }));
      return arrange(b ? multiply(a!, b, wanted) : keepOnly(a!, wanted), wanted).clone();
    });
  },
};

/** A tensor of its own on the data of an input. */
const trackedView = (tensor: tf.TensorInfo): tf.Tensor => tf.reshape(tensor as tf.Tensor, tensor.shape);
