// Median and spread of repeated measurements.

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
