// Gradient of "+ bias, relu", or of "+ bias" alone, in one pass. Not a tfjs kernel: the trainer's fused layers call it.
// Invariant: the partition of the sum follows from the shape alone, so the bits do not depend on threads.
import type * as tf from '@tensorflow/tfjs';
import type { SelvedgeBackend } from '../selvedge-backend.ts';
import { sumPartials } from './conv-2d-backprop-filter.ts';
import { sizeOf, zeros } from './gemm.ts';

/** Floats of dY that one unit reads: 32 KB. */
const FLOATS_PER_UNIT = 8192;

export interface BiasReluGrad {
  /** `[…, channels]` */
  readonly dy: tf.TensorInfo;
  /** Outputs of relu, shaped as dy; none: there was no relu. */
  readonly y?: tf.TensorInfo | undefined;
}

/**
 * Gradients of relu(z + bias) or of z + bias.
 *
 * @returns `biasGradient`, `[channels]`, and, if `y` is given, `dz` = dy where y > 0, else 0. The caller owns both; without `y`
 *   the gradient of z is dy itself
 */
export function biasReluGrad(
  backend: SelvedgeBackend,
  { dy, y }: BiasReluGrad,
): { dz: tf.TensorInfo | undefined; biasGradient: tf.TensorInfo } {
  const channels = dy.shape.at(-1)!;
  const rows = sizeOf(dy.shape.slice(0, -1));
  const dz = y && backend.output(dy.shape, 'float32');
  if (rows === 0 || channels === 0) return { dz, biasGradient: zeros(backend, [channels], 'float32') };
  const biasGradient = backend.output([channels], 'float32');
  const rowsPerUnit = Math.max(1, Math.floor(FLOATS_PER_UNIT / channels));
  const units = Math.ceil(rows / rowsPerUnit);
  backend.withMemory(units === 1 ? 16 : units * channels * 4, (block) => {
    const partials = units === 1 ? backend.offset(biasGradient) : block;
    backend.pool.run('biasReluGrad', units, [
      backend.offset(dy),
      y ? backend.offset(y) : 0,
      dz ? backend.offset(dz) : 0,
      partials,
      rows,
      channels,
      rowsPerUnit,
    ]);
    if (units > 1) sumPartials(backend, { partials, output: biasGradient, length: channels, count: units });
  });
  return { dz, biasGradient };
}
