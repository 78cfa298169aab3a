// What a difference with its 95% interval says, in a word, and several of them in a line. Invariant: the interval alone decides.
import type { ReportInterval } from './result-schemas.ts';

export const verdicts = ['helps', 'no gain shown', 'costs'] as const;
export type Verdict = (typeof verdicts)[number];

/**
 * The word for one difference.
 *
 * @param interval Its 95% interval, above 0 where the thing helps
 * @example
 * ```ts
 * console.assert(verdictOf({ low: 0.01, high: 0.02 }) === 'helps' && verdictOf({ low: 0, high: 0.02 }) === 'no gain shown');
 * ```
 */
export function verdictOf({ low, high }: ReportInterval): Verdict {
  if (low > 0) return 'helps';
  return high < 0 ? 'costs' : 'no gain shown';
}

/**
 * The words for several, such as "helps in 2 of 9, no gain shown in 6, costs in 1".
 *
 * @returns Undefined where there is none
 */
export function verdictLine(intervals: readonly ReportInterval[]): string | undefined {
  const counted = verdicts
    .map((verdict) => ({ verdict, count: intervals.filter((each) => verdictOf(each) === verdict).length }))
    .filter(({ count }) => count > 0);
  const [only, ...others] = counted;
  if (!only) return undefined;
  if (others.length === 0) return only.count === 1 ? only.verdict : `${only.verdict} in all ${only.count}`;
  const total = intervals.length;
  return counted.map(({ verdict, count }, i) => `${verdict} in ${count}${i === 0 ? ` of ${total}` : ''}`).join(', ');
}
