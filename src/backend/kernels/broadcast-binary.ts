// Operations of two tensors that stay stock: on equal shapes alone. The stock kernels find the place of every element anew where one
// tensor is broadcast, several hundred times slower than copying that one to its full shape first.

import * as tf from '../tfjs.ts';
import { expandTo } from './copy-strided.ts';
import type { Correction } from './corrected-kernels.ts';
import { sizeOf } from './gemm.ts';
import type { KernelCall } from './register.ts';

/** Elements below which the copies cost more than they save. */
const FEW_ELEMENTS = 64;

type Call = KernelCall<{ a: tf.TensorInfo; b: tf.TensorInfo }>;

/** The stock kernel on tensors of equal shapes. */
export const expanding: Correction = (stock) => (call) => {
  const { inputs, backend } = call as unknown as Call;
  const { a, b } = inputs;
  if (tf.util.arraysEqual(a.shape, b.shape)) return stock(call);
  const shape = tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
  if (sizeOf(shape) < FEW_ELEMENTS) return stock(call);
  const copies: tf.TensorInfo[] = [];
  const expand = (x: tf.TensorInfo): tf.TensorInfo => {
    if (tf.util.arraysEqual(x.shape, shape)) return x;
    const copy = expandTo(backend, x, shape);
    copies.push(copy);
    return copy;
  };
  try {
    return stock({ ...call, inputs: { a: expand(a), b: expand(b) } as tf.NamedTensorInfoMap });
  } finally {
    for (const { dataId } of copies) backend.disposeData(dataId);
  }
};

/** Operations that are stock for all types. */
export const broadcastBinaryKernels: Readonly<Record<string, Correction>> = Object.fromEntries(
  [
    'Atan2',
    'BitwiseAnd',
    'Equal',
    'Greater',
    'GreaterEqual',
    'Less',
    'LessEqual',
    'LogicalAnd',
    'LogicalOr',
    'LogicalXor',
    'Mod',
    'NotEqual',
    'Pow',
  ].map((kernelName) => [kernelName, expanding]),
);
