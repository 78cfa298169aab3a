// Activations of whole tensors, and their gradients from the output. Not tfjs kernels: the trainer's layers call them.
// Invariant: exponentials are our own, so the bits are the same on every engine.

import { float32Bits } from '../float-bits.ts';
import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type * as tf from '../tfjs.ts';
import { sizeOf } from './gemm.ts';

/** Codes that the kernels know activations by; see assembly/simd/activation.ts. */
export const activationCodes = {
  linear: 0,
  relu: 1,
  relu6: 2,
  leakyRelu: 3,
  elu: 4,
  sigmoid: 5,
  tanh: 6,
} as const;

/** An activation whose slope follows from its output. */
export interface OutputActivation {
  readonly name: keyof typeof activationCodes;
  /** Slope below zero of `leakyRelu`, limit of `elu`: not negative, or the output would not tell the sign of the input. */
  readonly alpha?: number;
}

const ELEMENTS_PER_UNIT = 4096;

/** Code and alpha as argument words of a kernel. */
export const activationWords = ({ name, alpha = 0 }: OutputActivation): [number, number] => [
  activationCodes[name],
  float32Bits(alpha),
];

/**
 * Applies an activation.
 *
 * @param x float32, any shape
 * @returns A tensor of the same shape; the caller owns it
 */
export function activate(backend: SelvedgeBackend, x: tf.TensorInfo, activation: OutputActivation): tf.TensorInfo {
  const y = backend.output(x.shape, 'float32');
  run(backend, 'activation', [x, y], activation);
  return y;
}

/** Applies an activation to the memory of a tensor that nobody else holds. */
export function activateInPlace(backend: SelvedgeBackend, x: tf.TensorInfo, activation: OutputActivation): void {
  run(backend, 'activation', [x, x], activation);
}

/**
 * Gradient of `activate`.
 *
 * @param dy float32, any shape
 * @param y What `activate` returned
 * @returns A tensor of the same shape; the caller owns it
 */
export function activateGrad(
  backend: SelvedgeBackend,
  { dy, y }: { readonly dy: tf.TensorInfo; readonly y: tf.TensorInfo },
  activation: OutputActivation,
): tf.TensorInfo {
  const dx = backend.output(y.shape, 'float32');
  run(backend, 'activationGrad', [dy, y, dx], activation);
  return dx;
}

function run(
  backend: SelvedgeBackend,
  kernel: 'activation' | 'activationGrad',
  tensors: readonly tf.TensorInfo[],
  activation: OutputActivation,
): void {
  const elements = sizeOf(tensors[0]!.shape);
  const offsets = tensors.map((tensor) => backend.offset(tensor));
  const words = [elements, ELEMENTS_PER_UNIT, ...activationWords(activation)];
  backend.pool.run(kernel, Math.ceil(elements / ELEMENTS_PER_UNIT), [...offsets, ...words]);
}
