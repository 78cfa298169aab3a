// Cast between float32, int32 and bool, on all threads. Stock copies a tensor that has the type already, keeps the low byte of a number
// instead of asking whether it is zero, and converts by TypedArray.set, which is slow on shared memory.

import type * as tf from '../tfjs.ts';
import type { Correction } from './corrected-kernels.ts';
import { ALONE_ELEMENTS } from './elementwise-binary.ts';
import { sizeOf } from './gemm.ts';
import { shareData } from './identity.ts';
import type { KernelCall } from './register.ts';

/** Codes that the kernel knows conversions by; see assembly/cast.ts. */
const codes: Readonly<Record<string, number>> = {
  'float32 int32': 0,
  'float32 bool': 1,
  'int32 float32': 2,
  'int32 bool': 3,
  'bool float32': 4,
  'bool int32': 5,
};

const ELEMENTS_PER_UNIT = 4096;

type Call = KernelCall<{ x: tf.TensorInfo }, { dtype: tf.DataType }>;

export const castKernels: Readonly<Record<string, Correction>> = {
  Cast: (stock) => (call) => {
    const { inputs, attrs, backend } = call as unknown as Call;
    const { x } = inputs;
    if (attrs.dtype === x.dtype) return shareData(x, backend);
    const code = codes[`${x.dtype} ${attrs.dtype}`];
    if (code === undefined) return stock(call);
    const y = backend.output(x.shape, attrs.dtype);
    const elements = sizeOf(x.shape);
    const units = Math.ceil(elements / ELEMENTS_PER_UNIT);
    const words = [backend.offset(x), backend.offset(y), elements, ELEMENTS_PER_UNIT, code];
    backend.pool.run('cast', units, words, elements < ALONE_ELEMENTS ? { grain: units } : {});
    return y;
  },
};
