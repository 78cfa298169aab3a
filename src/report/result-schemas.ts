// Shapes that many result files share, so that what a file holds is known before the report speaks of it. Not here: any one file.
// Invariant: fields that nobody reads may come and go.
import * as v from 'valibot';

/** A 95% interval. */
export const intervalSchema = v.pipe(
  v.object({ low: v.number(), high: v.number() }),
  v.check(({ low, high }) => low <= high, 'low <= high'),
);
export type ReportInterval = v.InferOutput<typeof intervalSchema>;

/** A mean within its 95% interval. */
export const estimateSchema = v.pipe(
  v.object({ mean: v.number(), low: v.number(), high: v.number() }),
  v.check(({ low, mean, high }) => low <= mean && mean <= high, 'low <= mean <= high'),
);
export type ReportEstimate = v.InferOutput<typeof estimateSchema>;

/** Published figures; a file of an earlier version may have none. */
export const anchorsSchema = v.optional(
  v.array(v.object({ figure: v.string(), value: v.union([v.number(), v.string()]), source: v.string() })),
  [],
);
