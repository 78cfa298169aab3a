// Activations of whole tensors whose slope follows from the input, and their gradients. Not tfjs kernels: the trainer's layers call them.
// Invariant: exponentials are our own, so the bits are the same on every engine.
import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type * as tf from '../tfjs.ts';
import { sizeOf } from './gemm.ts';

/** Codes that the kernels know activations by, besides `activationCodes`; see assembly/simd/smooth-activation.ts. */
export const smoothActivationCodes = { silu: 7, gelu: 8, geluTanh: 9 } as const;

/** `silu`: "swish" in tfjs; `gelu`: by the error function; `geluTanh`: "gelu_new" in tfjs. */
export type SmoothActivation = keyof typeof smoothActivationCodes;

/** Scratch of the gradient's kernel. */
export const SLOPE_BYTES = 64;
const ELEMENTS_PER_UNIT = 4096;

/**
 * Applies an activation.
 *
 * @param x float32, any shape
 * @returns A tensor of the same shape; the caller owns it
 */
export function smoothActivate(backend: SelvedgeBackend, x: tf.TensorInfo, name: SmoothActivation): tf.TensorInfo {
  const y = backend.output(x.shape, 'float32');
  run(backend, 'smoothActivation', [x, y], [smoothActivationCodes[name]]);
  return y;
}

/**
 * Gradient of `smoothActivate`.
 *
 * @param dy float32, any shape
 * @param x What was activated
 * @returns A tensor of the same shape; the caller owns it
 */
export function smoothActivateGrad(
  backend: SelvedgeBackend,
  { dy, x }: { readonly dy: tf.TensorInfo; readonly x: tf.TensorInfo },
  name: SmoothActivation,
): tf.TensorInfo {
  const dx = backend.output(x.shape, 'float32');
  run(backend, 'smoothActivationGrad', [dy, x, dx], [smoothActivationCodes[name], 0]);
  return dx;
}

function run(
  backend: SelvedgeBackend,
  kernel: 'smoothActivation' | 'smoothActivationGrad',
  tensors: readonly tf.TensorInfo[],
  words: readonly number[],
): void {
  const elements = sizeOf(tensors[0]!.shape);
  const offsets = tensors.map((tensor) => backend.offset(tensor));
  const args = [...offsets, elements, ELEMENTS_PER_UNIT, ...words];
  backend.pool.run(kernel, Math.ceil(elements / ELEMENTS_PER_UNIT), args, { scratchBytes: SLOPE_BYTES });
}
