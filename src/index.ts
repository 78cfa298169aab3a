// The public face: all that the folders below export, under one name. Not here: the command line, and the platform, which is ours
// alone. Invariant: package.json's `exports` mirror these folders, so `selvedge/data` is what `src/data/index.ts` exports.
export * from './apps/index.ts';
export * from './backend/index.ts';
export * from './core/index.ts';
export * from './data/index.ts';
export * from './edge/index.ts';
export * from './evaluation/index.ts';
export * from './experiments/index.ts';
export * from './explain/index.ts';
// The report describes layers and epochs in words of its own, which are in `selvedge/report`.
export type { LayerSummary, ModelSummary } from './models/index.ts';
export * from './models/index.ts';
export * from './plan/index.ts';
export * from './queue/index.ts';
export * from './report/index.ts';
export * from './tasks/index.ts';
export type { EpochRecord } from './training/index.ts';
export * from './training/index.ts';
