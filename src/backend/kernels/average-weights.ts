// One step of an exponential moving average of a variable: see assembly/average-weights.ts.
import { float32Bits } from '../float-bits.ts';
import type { SelvedgeBackend, TensorReference } from '../selvedge-backend.ts';

const ELEMENTS_PER_UNIT = 4096;

/**
 * average += share * (weights - average), in place.
 *
 * @param share From 0 to 1
 */
export function averageWeights(
  backend: SelvedgeBackend,
  options: { weights: TensorReference; average: TensorReference; elements: number; share: number },
): void {
  const { weights, average, elements, share } = options;
  const words = [
    backend.offset(weights),
    backend.offset(average),
    elements,
    ELEMENTS_PER_UNIT,
    float32Bits(Math.fround(share)),
  ];
  backend.pool.run('averageWeights', Math.ceil(elements / ELEMENTS_PER_UNIT), words);
}
