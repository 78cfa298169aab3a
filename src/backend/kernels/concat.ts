// Concat and Pack: tensors side by side, for all types of numbers. Mixed types, and errors, stay stock.

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import * as tf from '../tfjs.ts';
import { copyStrided, hasElements } from './copy-strided.ts';
import type { Correction } from './corrected-kernels.ts';
import { sizeOf } from './gemm.ts';
import { shareData } from './identity.ts';
import type { KernelCall } from './register.ts';

type Call = KernelCall<tf.TensorInfo[], { axis: number }>;

/** Puts blocks side by side: each input is `[outer, its share of a row]`. */
function join(
  backend: SelvedgeBackend,
  inputs: readonly tf.TensorInfo[],
  shape: number[],
  outer: number,
): tf.TensorInfo {
  const y = backend.output(shape, inputs[0]!.dtype);
  const row = sizeOf(shape) / outer;
  let firstTo = 0;
  for (const x of inputs) {
    const size = sizeOf(x.shape) / outer;
    const axes = [
      { size: outer, from: size, to: row },
      { size, from: 1, to: 1 },
    ];
    copyStrided(backend, { x, y, axes, firstTo });
    firstTo += size;
  }
  return y;
}

const areOfOneType = (inputs: readonly tf.TensorInfo[]): boolean =>
  inputs.every(({ dtype }) => dtype === inputs[0]!.dtype);

function concat({ inputs, attrs, backend }: Call, stock: () => ReturnType<tf.KernelFunc>): ReturnType<tf.KernelFunc> {
  if (!areOfOneType(inputs)) return stock();
  const axis = tf.util.parseAxisParam(attrs.axis, inputs[0]!.shape)[0]!;
  const shapes = inputs.map(({ shape }) => shape);
  tf.backend_util.assertParamsConsistent(shapes, axis);
  const shape = tf.backend_util.computeOutShape(shapes, axis);
  const filled = inputs.filter(hasElements);
  if (filled.length === 1) return shareData(filled[0]!, backend);
  if (filled.length === 0) return backend.output(shape, inputs[0]!.dtype);
  return join(backend, filled, shape, sizeOf(shape.slice(0, axis)));
}

function pack({ inputs, attrs, backend }: Call, stock: () => ReturnType<tf.KernelFunc>): ReturnType<tf.KernelFunc> {
  const [first] = inputs as [tf.TensorInfo];
  if (!areOfOneType(inputs) || inputs.some((x) => !tf.util.arraysEqual(x.shape, first.shape))) return stock();
  const axis = attrs.axis < 0 ? attrs.axis + first.shape.length + 1 : attrs.axis;
  const shape = [...first.shape.slice(0, axis), inputs.length, ...first.shape.slice(axis)];
  if (inputs.length === 1) return { ...shareData(first, backend), shape };
  if (!hasElements(first)) return backend.output(shape, first.dtype);
  return join(backend, inputs, shape, sizeOf(first.shape.slice(0, axis)));
}

export const concatKernels: Readonly<Record<string, Correction>> = {
  Concat: (stock) => (call) => concat(call as unknown as Call, () => stock(call)),
  Pack: (stock) => (call) => pack(call as unknown as Call, () => stock(call)),
};
