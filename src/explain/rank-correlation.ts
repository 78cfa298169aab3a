// Spearman's rank correlation, with mean ranks for equal values.

/**
 * @param first Numbers
 * @param second As many
 * @returns From -1 to 1; NaN where one of the two is constant, for then there is no order to compare
 * @example
 * ```ts
 * import { rankCorrelation } from 'selvedge';
 * console.assert(rankCorrelation([1, 2, 3], [10, 20, 1000]) === 1);
 * ```
 */
export function rankCorrelation(first: ArrayLike<number>, second: ArrayLike<number>): number {
  const [a, b] = [ranksOf(first), ranksOf(second)];
  const mean = (a.length + 1) / 2;
  let [both, squareA, squareB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]! - mean, b[i]! - mean];
    both += x * y;
    squareA += x * x;
    squareB += y * y;
  }
  return both / Math.sqrt(squareA * squareB);
}

/** From 1; equal values share the mean of their ranks. */
function ranksOf(values: ArrayLike<number>): Float64Array {
  const order = Array.from(values, (_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const ranks = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let i = start; i < end; i++) ranks[order[i]!] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}
