// Draws from the beta distribution with two equal parameters, which mixes pairs of examples. Not here: what is mixed.
// Invariant: a draw is a function of the words of its generator, by + - * / and square root alone.
// Source: G. Marsaglia & W. W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26(3), 2000.
import { SelvedgeError } from './errors.ts';
import { naturalExponential, naturalLogarithm } from './exponential.ts';
import type { Philox } from './philox.ts';

/**
 * Draws from Beta(alpha, alpha).
 *
 * @param draws Where random words come from
 * @param alpha From 1e-9: towards 0 the draws are near 0 or 1, at 1 they are uniform, beyond they are about one half
 * @returns From 0 to 1
 * @throws SelvedgeError `random/bad-alpha`
 * @example
 * ```ts
 * import { createPhilox, drawBeta, randomStreams } from 'selvedge';
 * const share = drawBeta(createPhilox({ seed: 1, stream: randomStreams.mixing }), 0.2);
 * console.assert(share >= 0 && share <= 1);
 * ```
 */
export function drawBeta(draws: Pick<Philox, 'nextNormal' | 'nextUniform'>, alpha: number): number {
  if (!(alpha >= 1e-9 && alpha < Infinity)) {
    throw new SelvedgeError(
      'random/bad-alpha',
      `Cannot draw from Beta(${alpha}, ${alpha}): expected a finite number from 1e-9`,
    );
  }
  const first = logarithmOfGamma(draws, alpha);
  const second = logarithmOfGamma(draws, alpha);
  // By logarithms: where alpha is small, gammas are too small for a number.
  return 1 / (1 + naturalExponential(second - first));
}

/** The logarithm of a draw from the gamma distribution of that shape, at scale 1. */
function logarithmOfGamma(draws: Pick<Philox, 'nextNormal' | 'nextUniform'>, shape: number): number {
  // Section 6: a gamma of shape + 1, times a uniform number to the power of 1 / shape.
  const raised = shape < 1 ? shape + 1 : shape;
  const d = raised - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = draws.nextNormal();
    const root = 1 + c * x;
    const accepts = logarithmOfUniform(draws);
    if (root <= 0) continue;
    const v = root * root * root;
    const logarithmOfV = naturalLogarithm(v);
    if (accepts >= 0.5 * x * x + d - d * v + d * logarithmOfV) continue;
    const gamma = naturalLogarithm(d) + logarithmOfV;
    return shape < 1 ? gamma + logarithmOfUniform(draws) / shape : gamma;
  }
}

/** Of the middle of one of 2^24 intervals: never of 0. */
const logarithmOfUniform = (draws: Pick<Philox, 'nextUniform'>): number =>
  naturalLogarithm(draws.nextUniform() + 1 / 0x2000000);
