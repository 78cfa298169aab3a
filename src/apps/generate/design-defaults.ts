// What a design is made by where nothing else is asked for, and how far one may go. Not here: how (design.ts).

/** Guidance and its times were chosen on validation images by scripts/short-runs/guidance.ts. */
export const designDefaults = { seed: 1, steps: 10, guidance: 2.5, guidedTimes: [0.2, 0.7], strength: 0.5 } as const;
export const designLimits = { count: 65_536, steps: 200, guidance: 10 } as const;
