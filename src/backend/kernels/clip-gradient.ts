// Clips gradients by the norm of all of them together: see assembly/clip-gradient.ts. Not a tfjs kernel: called directly.
// Invariant: the norm is of sums over fixed parts of each gradient, in the order of the gradients, whatever the number of threads.
import { float32Bits } from '../float-bits.ts';
import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type { TensorInfo } from '../tfjs.ts';

/** Elements of a part: of the numerical definition. */
export const SQUARES_PER_UNIT = 8192;
const SCALED_PER_UNIT = 4096;
const BYTES_PER_SUM = 8;

/** Parts of a gradient, and the bytes that their sums take. */
export const squaresUnits = (elements: number): number => Math.ceil(elements / SQUARES_PER_UNIT);
export const squaresBytes = (sizes: readonly number[]): number =>
  BYTES_PER_SUM * sizes.reduce((sum, size) => sum + squaresUnits(size), 0);

/** Argument words of `sumSquares` for one gradient; `sums` is where those of the parts of all begin, `before` how many come first. */
export const squaresWords = (values: number, elements: number, sums: number, before: number): number[] => [
  values,
  elements,
  SQUARES_PER_UNIT,
  sums + BYTES_PER_SUM * before,
];

/** Argument words of `clipFactor`. */
export const factorWords = (sums: number, count: number, limit: number, factor: number): number[] => [
  sums,
  count,
  float32Bits(limit),
  factor,
];

/** Argument words of `scaleBy`. */
export const scaleWords = (
  { values, scaled, factor }: { readonly values: number; readonly scaled: number; readonly factor: number },
  elements: number,
  elementsPerUnit: number,
): number[] => [values, scaled, elements, elementsPerUnit, factor];

/**
 * Multiplies gradients by what brings their common norm to a limit, where it is above.
 *
 * @param gradients float32
 * @param limit Above 0
 * @returns New tensors; the caller disposes them
 */
export function clipGradients(
  backend: SelvedgeBackend,
  gradients: readonly TensorInfo[],
  limit: number,
): readonly TensorInfo[] {
  const sizes = gradients.map(({ shape }) => shape.reduce((product, extent) => product * extent, 1));
  const clipped = gradients.map(({ shape }) => backend.output(shape, 'float32'));
  const sumsBytes = squaresBytes(sizes);
  backend.withMemory(sumsBytes + BYTES_PER_SUM, (sums) => {
    const factor = sums + sumsBytes;
    let units = 0;
    gradients.forEach((gradient, i) => {
      const own = squaresUnits(sizes[i]!);
      backend.pool.run('sumSquares', own, squaresWords(backend.offset(gradient), sizes[i]!, sums, units));
      units += own;
    });
    backend.pool.run('clipFactor', 1, factorWords(sums, units, limit, factor));
    gradients.forEach((gradient, i) => {
      const places = { values: backend.offset(gradient), scaled: backend.offset(clipped[i]!), factor };
      const words = scaleWords(places, sizes[i]!, SCALED_PER_UNIT);
      backend.pool.run('scaleBy', Math.ceil(sizes[i]! / SCALED_PER_UNIT), words);
    });
  });
  return clipped;
}
