// The platform this process runs on. Each runtime has a file of the same shape, which exports `platform`; only the one that is needed is loaded.
// Invariant: nothing outside this folder knows which one it is.
export { borrowWorkers, type Locks, lendWorkers } from './browser-lending.ts';
export { platform } from './detect.ts';
export * from './engine-files.ts';
export type * from './platform.ts';
export { provideEnvironment } from './without-programs.ts';
