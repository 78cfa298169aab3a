// Slice, StridedSlice, Reverse, SplitV and Unpack: parts of a tensor, for all types of numbers.
// Stock copies them through JavaScript, or finds the place of every element anew. Slice reads past the end of the tensor there, and
// StridedSlice calls all results float32.

import * as tf from '../tfjs.ts';
import { copyPart, copyStrided, stridesOf } from './copy-strided.ts';
import type { Correction } from './corrected-kernels.ts';
import { sizeOf } from './gemm.ts';
import { shareData } from './identity.ts';
import type { KernelCall } from './register.ts';

type Call<Attributes> = KernelCall<{ x: tf.TensorInfo }, Attributes>;

function slice({ inputs, attrs, backend }: Call<{ begin: number | number[]; size: number | number[] }>): tf.TensorInfo {
  const { x } = inputs;
  const [begin = [], size = []] = tf.slice_util.parseSliceParams(x as tf.Tensor, attrs.begin, attrs.size);
  tf.slice_util.assertParamsValid(x as tf.Tensor, begin, size);
  return copyPart(backend, x, { begin, size });
}

function stridedSlice({ inputs: { x }, attrs, backend }: Call<tf.StridedSliceAttrs>): tf.TensorInfo {
  const { begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask } = attrs;
  const info = tf.slice_util.sliceInfo(
    x.shape,
    begin,
    end,
    strides,
    beginMask,
    endMask,
    ellipsisMask,
    newAxisMask,
    shrinkAxisMask,
  );
  // Not the info's sparse shape: that lacks the axes that are dropped, which stock and the cpu backend then read wrongly.
  const size = tf.slice_util.computeOutShape(info.begin, info.end, info.strides).map((length) => Math.max(0, length));
  const part = info.isIdentity
    ? shareData(x, backend)
    : copyPart(backend, x, { begin: info.begin, size, steps: info.strides });
  return { ...part, shape: info.finalShape };
}

function reverse({ inputs: { x }, attrs, backend }: Call<{ dims: number | number[] }>): tf.TensorInfo {
  if (x.shape.length === 0) return shareData(x, backend);
  const reversed = tf.util.parseAxisParam(attrs.dims, x.shape);
  const begin = x.shape.map((size, axis) => (reversed.includes(axis) ? size - 1 : 0));
  const steps = x.shape.map((_, axis) => (reversed.includes(axis) ? -1 : 1));
  return copyPart(backend, x, { begin, size: x.shape, steps });
}

function split({ inputs: { x }, attrs, backend }: Call<tf.SplitVAttrs>): tf.TensorInfo[] {
  const axis = tf.util.parseAxisParam(attrs.axis, x.shape)[0]!;
  const begin = x.shape.map(() => 0);
  return tf.backend_util.prepareSplitSize(x as tf.Tensor, attrs.numOrSizeSplits, axis).map((length) => {
    const part = copyPart(backend, x, { begin, size: x.shape.map((size, i) => (i === axis ? length : size)) });
    begin[axis]! += length;
    return part;
  });
}

function unpack({
  inputs: { value: x },
  attrs,
  backend,
}: KernelCall<{ value: tf.TensorInfo }, tf.UnpackAttrs>): tf.TensorInfo[] {
  const axis = attrs.axis < 0 ? attrs.axis + x.shape.length : attrs.axis;
  const shape = x.shape.filter((_, i) => i !== axis);
  const from = stridesOf(x.shape);
  const stride = from[axis]!;
  const outer = sizeOf(x.shape.slice(0, axis));
  return Array.from({ length: x.shape[axis]! }, (_, index) => {
    const y = backend.output(shape, x.dtype);
    const axes = [
      { size: outer, from: stride * x.shape[axis]!, to: stride },
      { size: stride, from: 1, to: 1 },
    ];
    copyStrided(backend, { x, y, axes, first: index * stride });
    return y;
  });
}

export const sliceKernels: Readonly<Record<string, Correction>> = {
  Reverse: () => (call) => reverse(call as unknown as Call<{ dims: number | number[] }>),
  Slice: () => (call) => slice(call as unknown as Call<{ begin: number | number[]; size: number | number[] }>),
  SplitV: () => (call) => split(call as unknown as Call<tf.SplitVAttrs>),
  StridedSlice: () => (call) => stridedSlice(call as unknown as Call<tf.StridedSliceAttrs>),
  Unpack: () => (call) => unpack(call as unknown as KernelCall<{ value: tf.TensorInfo }, tf.UnpackAttrs>),
};
