// Gradient of "+ bias, relu", or of "+ bias" alone, in one pass. Not a tfjs kernel: the trainer's fused layers call it.
// Invariant: the partition of the sum follows from the shape alone, so the bits do not depend on threads.
import type * as tf from '@tensorflow/tfjs';
import type { SelvedgeBackend } from '../selvedge-backend.ts';
import { sumPartials } from './conv-2d-backprop-filter.ts';
import { sizeOf, zeros } from './gemm.ts';
import { callKernel } from './registered-kernel.ts';

/** Floats of dY that one unit reads: 32 KB. */
const FLOATS_PER_UNIT = 8192;

export interface BiasReluGrad {
  /** `[…, channels]` */
  readonly dy: tf.TensorInfo;
  /** Outputs of relu, shaped as dy; not looked at for a linear layer. */
  readonly y?: tf.TensorInfo;
  readonly activation: 'linear' | 'relu';
}

/**
 * Gradients of relu(z + bias) or of z + bias.
 *
 * @returns `dz`, shaped as dy: dy where y > 0, else 0, or dy's own data for a linear layer; `dBias`, `[channels]`: dz summed over
 *   all else. The caller owns both
 */
export function biasReluGrad(
  backend: SelvedgeBackend,
  { dy, y, activation }: BiasReluGrad,
): { dz: tf.TensorInfo; dBias: tf.TensorInfo } {
  const channels = dy.shape.at(-1)!;
  const rows = sizeOf(dy.shape.slice(0, -1));
  const outputs = activation === 'relu' ? y : undefined;
  const dz = outputs ? backend.output(dy.shape, 'float32') : callKernel(backend, 'Identity', { x: dy });
  if (rows === 0 || channels === 0) return { dz, dBias: zeros(backend, [channels], 'float32') };
  const dBias = backend.output([channels], 'float32');
  const rowsPerUnit = Math.max(1, Math.floor(FLOATS_PER_UNIT / channels));
  const units = Math.ceil(rows / rowsPerUnit);
  backend.withMemory(units === 1 ? 16 : units * channels * 4, (block) => {
    const partials = units === 1 ? backend.offset(dBias) : block;
    backend.pool.run('biasReluGrad', units, [
      backend.offset(dy),
      outputs ? backend.offset(outputs) : 0,
      backend.offset(dz),
      partials,
      rows,
      channels,
      rowsPerUnit,
    ]);
    if (units > 1) sumPartials(backend, { partials, output: dBias, length: channels, count: units });
  });
  return { dz, dBias };
}
