// Fill, ZerosLike and OnesLike, for all types of numbers: TypedArray.fill, which stock uses, is slow on shared memory.

import { float32Bits } from '../float-bits.ts';
import type { SelvedgeBackend } from '../selvedge-backend.ts';
import * as tf from '../tfjs.ts';
import type { Correction } from './corrected-kernels.ts';
import { sizeOf } from './gemm.ts';
import type { KernelCall } from './register.ts';

const BYTES_PER_UNIT = 65_536;
/** Bytes below which waking workers costs more than it saves. */
const ALONE_BYTES = 262_144;

/** A tensor of one value, converted as typed arrays do. */
function filled(backend: SelvedgeBackend, shape: readonly number[], dtype: tf.DataType, value: number): tf.TensorInfo {
  const y = backend.output(shape, dtype);
  const bytes = sizeOf(shape) * tf.util.bytesPerElement(dtype);
  const units = Math.ceil(bytes / BYTES_PER_UNIT);
  backend.pool.run(
    'fill',
    units,
    [backend.offset(y), bytes, BYTES_PER_UNIT, bitsOf(dtype, value)],
    bytes < ALONE_BYTES ? { grain: units } : {},
  );
  return y;
}

function bitsOf(dtype: tf.DataType, value: number): number {
  if (dtype === 'float32') return float32Bits(value);
  return dtype === 'bool' ? (value & 0xff) * 0x0101_0101 : value | 0;
}

type FillCall = KernelCall<object, { shape: number[]; value: number; dtype?: tf.DataType }>;
type LikeCall = KernelCall<{ x: tf.TensorInfo }>;

const like =
  (value: number): Correction =>
  () =>
  (call) => {
    const { inputs, backend } = call as unknown as LikeCall;
    return filled(backend, inputs.x.shape, inputs.x.dtype, value);
  };

export const fillKernels: Readonly<Record<string, Correction>> = {
  Fill: () => (call) => {
    const { attrs, backend } = call as unknown as FillCall;
    const { shape, value, dtype = tf.util.inferDtype(value) } = attrs;
    return filled(backend, shape, dtype, value);
  },
  OnesLike: like(1),
  ZerosLike: like(0),
};
