// Activations of fused kernels: which ones a product clamps to while it stores, and the others, applied to its result.

import { SelvedgeError } from '../../core/errors.ts';
import { float32Bits } from '../float-bits.ts';
import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type * as tf from '../tfjs.ts';
import { zeros } from './gemm.ts';
import { callKernel, replaceBy } from './registered-kernel.ts';

/** Activations that are no more than a clamp. */
export type ClampActivation = 'linear' | 'relu' | 'relu6';

/** Names as tfjs's fused ops pass them. */
export type FusedActivation = ClampActivation | 'elu' | 'leakyrelu' | 'prelu' | 'sigmoid';

const BOUNDS: Record<ClampActivation, readonly [number, number]> = {
  linear: [-Infinity, Infinity],
  relu: [0, Infinity],
  relu6: [0, 6],
};

export const isClamp = (activation: FusedActivation): activation is ClampActivation => activation in BOUNDS;

/** The least and the greatest output, as argument words of a kernel. */
export function clampBits(activation: ClampActivation): [number, number] {
  const [low, high] = BOUNDS[activation];
  return [float32Bits(low), float32Bits(high)];
}

/**
 * Applies any activation by its own kernel.
 *
 * @returns A new tensor
 * @throws SelvedgeError `backend/activation` for a name that tfjs does not fuse
 */
export function applyActivation(
  backend: SelvedgeBackend,
  x: tf.TensorInfo,
  activation: FusedActivation,
  options: { alpha?: tf.TensorInfo | undefined; leakyreluAlpha?: number | undefined } = {},
): tf.TensorInfo {
  switch (activation) {
    case 'linear':
      return callKernel(backend, 'Identity', { x });
    case 'relu':
      return callKernel(backend, 'Relu', { x });
    case 'relu6':
      return callKernel(backend, 'Relu6', { x });
    case 'elu':
      return callKernel(backend, 'Elu', { x });
    case 'sigmoid':
      return callKernel(backend, 'Sigmoid', { x });
    case 'leakyrelu':
      return callKernel(backend, 'LeakyRelu', { x }, { alpha: options.leakyreluAlpha ?? 0.2 });
    case 'prelu':
      if (!options.alpha) break;
      return callKernel(backend, 'Prelu', { x, alpha: options.alpha });
  }
  throw new SelvedgeError(
    'backend/activation',
    `Cannot apply activation "${activation}": expected linear, relu, relu6, elu, sigmoid, leakyrelu, or prelu with its weights`,
  );
}

/**
 * A product over no depth: zeros, a bias, and the activation of both. The kernels' loops need at least one step.
 *
 * @returns A new tensor
 */
export function emptyProduct(
  backend: SelvedgeBackend,
  shape: readonly number[],
  { bias, activation = 'linear' }: { bias?: tf.TensorInfo | undefined; activation?: ClampActivation | undefined },
): tf.TensorInfo {
  let output = zeros(backend, shape, 'float32');
  if (bias) output = replaceBy(backend, output, (a) => callKernel(backend, 'Add', { a, b: bias }));
  return replaceBy(backend, output, (sum) => applyActivation(backend, sum, activation));
}
