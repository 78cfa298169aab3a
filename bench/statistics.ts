// Median and spread of repeated measurements, and of ratios of measurements that were taken in turn.
// Not here: taking them (alternation.ts). Invariant: a ratio is of two values of the same round, never of two medians.

export interface Spread {
  readonly samples: number;
  readonly minimum: number;
  readonly firstQuartile: number;
  readonly median: number;
  readonly thirdQuartile: number;
  readonly maximum: number;
}

/** Order statistics of at least one value; quartiles by linear interpolation. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => {
    const position = share * (sorted.length - 1);
    const below = Math.floor(position);
    return sorted[below]! + (position - below) * (sorted[Math.ceil(position)]! - sorted[below]!);
  };
  return {
    samples: sorted.length,
    minimum: at(0),
    firstQuartile: at(0.25),
    median: at(0.5),
    thirdQuartile: at(0.75),
    maximum: at(1),
  };
}

/**
 * Spread of the ratios a / b of the rounds that both took part in.
 *
 * @param a A value a round, undefined where it sat out
 * @param b The same of the other
 * @returns undefined if they never met
 */
export function ratioSpread(
  a: readonly (number | undefined)[],
  b: readonly (number | undefined)[],
): Spread | undefined {
  const ratios = a.flatMap((value, round) => {
    const other = b[round];
    return value === undefined || other === undefined ? [] : [value / other];
  });
  return ratios.length === 0 ? undefined : spreadOf(ratios);
}

/** A number with three significant digits, or whole from 100 on, with separators of thousands. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : Number(value.toPrecision(3)).toString();
}

/** `median (first quartile to third quartile)`. */
export function spreadText({ median, firstQuartile, thirdQuartile }: Spread, digits = shortNumber): string {
  return `${digits(median)} (${digits(firstQuartile)} to ${digits(thirdQuartile)})`;
}

/** A ratio with two decimals and its sign. */
export const timesText = (value: number): string => `${value.toFixed(value >= 100 ? 0 : 2)}x`;
