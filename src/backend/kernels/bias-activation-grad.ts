// Gradient of "+ bias, activation", or of "+ bias" alone, in one pass. Not a tfjs kernel: the trainer's fused layers call it.
// Invariant: the partition of the sum follows from the shape alone, so the bits do not depend on threads.

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type * as tf from '../tfjs.ts';
import { sumPartials } from './conv-2d-backprop-filter.ts';
import { sizeOf, zeros } from './gemm.ts';
import { activationWords, type OutputActivation } from './output-activation.ts';

/** Floats of dY that one unit reads: 32 KB. */
const FLOATS_PER_UNIT = 8192;

export interface BiasActivationGrad {
  /** `[…, channels]` */
  readonly dy: tf.TensorInfo;
  /** Outputs of the activation, shaped as dy. */
  readonly y: tf.TensorInfo;
  readonly activation: OutputActivation;
}

/**
 * Gradients of f(z + bias).
 *
 * @returns `biasGradient`, `[channels]`, and, unless f is linear, `dz` = dy f'(z + bias). The caller owns both; where f is linear
 *   the gradient of z is dy itself
 */
export function biasActivationGrad(
  backend: SelvedgeBackend,
  { dy, y, activation }: BiasActivationGrad,
): { dz: tf.TensorInfo | undefined; biasGradient: tf.TensorInfo } {
  const channels = dy.shape.at(-1)!;
  const rows = sizeOf(dy.shape.slice(0, -1));
  const dz = activation.name === 'linear' ? undefined : backend.output(dy.shape, 'float32');
  if (rows === 0 || channels === 0) return { dz, biasGradient: zeros(backend, [channels], 'float32') };
  const biasGradient = backend.output([channels], 'float32');
  const rowsPerUnit = Math.max(1, Math.floor(FLOATS_PER_UNIT / channels));
  const units = Math.ceil(rows / rowsPerUnit);
  backend.withMemory(units === 1 ? 16 : units * channels * 4, (block) => {
    const partials = units === 1 ? backend.offset(biasGradient) : block;
    backend.pool.run('biasActivationGrad', units, [
      backend.offset(dy),
      backend.offset(y),
      dz ? backend.offset(dz) : 0,
      partials,
      rows,
      channels,
      rowsPerUnit,
      ...activationWords(activation),
    ]);
    if (units > 1) sumPartials(backend, { partials, output: biasGradient, length: channels, count: units });
  });
  return { dz, biasGradient };
}
