// Bindings of the normalisation that a condition scales and shifts, with SiLU: see assembly/modulated-norm.ts. Not a tfjs kernel: called
// directly. Invariant: an example's output depends on that example alone.
import { float32Bits } from '../float-bits.ts';
import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type { TensorInfo } from '../tfjs.ts';

/** What is normalised, and by what it is scaled and shifted. */
export interface ModulatedNormInputs {
  /** float32 `[batch, height, width, channels]`, channels a multiple of 4. */
  readonly x: TensorInfo;
  /** float32 `[batch, 2 channels]`: what is added to scales of 1, then shifts. */
  readonly modulation: TensorInfo;
}

/**
 * silu(normalised x * (1 + scale) + shift).
 *
 * @returns Tensors that the caller owns: y as x, and statistics `[batch, 2]` for the gradient
 */
export function modulatedNorm(
  backend: SelvedgeBackend,
  { x, modulation }: ModulatedNormInputs,
  epsilon: number,
): { readonly y: TensorInfo; readonly statistics: TensorInfo } {
  const [batch = 0, height = 0, width = 0, channels = 0] = x.shape;
  const y = backend.output(x.shape, 'float32');
  const statistics = backend.output([batch, 2], 'float32');
  const offsets = [x, modulation, y, statistics].map((tensor) => backend.offset(tensor));
  backend.pool.run('modulatedNorm', batch, [...offsets, height * width, channels, float32Bits(epsilon)]);
  return { y, statistics };
}

/**
 * Gradient of `modulatedNorm`.
 *
 * @returns Tensors shaped as x and modulation; the caller owns them
 */
export function modulatedNormGrad(
  backend: SelvedgeBackend,
  { dy, x, modulation, statistics }: ModulatedNormInputs & { readonly dy: TensorInfo; readonly statistics: TensorInfo },
): { readonly dx: TensorInfo; readonly dModulation: TensorInfo } {
  const [batch = 0, height = 0, width = 0, channels = 0] = x.shape;
  const dx = backend.output(x.shape, 'float32');
  const dModulation = backend.output(modulation.shape, 'float32');
  const offsets = [dy, x, modulation, statistics, dx, dModulation].map((tensor) => backend.offset(tensor));
  backend.pool.run('modulatedNormGrad', batch, [...offsets, height * width, channels]);
  return { dx, dModulation };
}
