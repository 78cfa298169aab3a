// Functions of one float32 tensor, on all threads. Other types stay stock.
// Invariant: exponentials are our own, so the bits are the same on every engine.

import { float32Bits } from '../float-bits.ts';
import type * as tf from '../tfjs.ts';
import type { Correction } from './corrected-kernels.ts';
import { ALONE_ELEMENTS } from './elementwise-binary.ts';
import { sizeOf } from './gemm.ts';
import type { KernelCall } from './register.ts';

/** Codes that the kernel knows functions by; see assembly/elementwise-unary.ts. */
const codes = {
  Abs: 0,
  Ceil: 1,
  Floor: 2,
  Neg: 3,
  Reciprocal: 4,
  Rsqrt: 5,
  Sqrt: 6,
  Square: 7,
  Step: 8,
  Relu: 9,
  Relu6: 10,
  LeakyRelu: 11,
  Elu: 12,
  Exp: 13,
  Sigmoid: 14,
  Tanh: 15,
} as const;

const ELEMENTS_PER_UNIT = 4096;

type Call = KernelCall<{ x: tf.TensorInfo }, { alpha?: number } | undefined>;

const threaded =
  (code: number): Correction =>
  (stock) =>
  (call) => {
    const { inputs, attrs, backend } = call as unknown as Call;
    const { x } = inputs;
    if (x.dtype !== 'float32') return stock(call);
    const output = backend.output(x.shape, 'float32');
    const elements = sizeOf(x.shape);
    const units = Math.ceil(elements / ELEMENTS_PER_UNIT);
    backend.pool.run(
      'elementwiseUnary',
      units,
      [backend.offset(x), backend.offset(output), elements, ELEMENTS_PER_UNIT, code, float32Bits(attrs?.alpha ?? 0)],
      elements < ALONE_ELEMENTS ? { grain: units } : {},
    );
    return output;
  };

export const elementwiseUnaryKernels: Readonly<Record<string, Correction>> = Object.fromEntries(
  Object.entries(codes).map(([kernelName, code]) => [kernelName, threaded(code)]),
);
