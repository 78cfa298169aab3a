// What a shop does with a trained model: a plain function each, which takes pictures and data and gives plain results. Not here: commands
// (src/cli/), routes (src/serve/). Invariant: nothing here prints.

export * from './categorise/index.ts';
export * from './detect/index.ts';
export * from './generate/index.ts';
export * from './inspect/index.ts';
export * from './recommend/index.ts';
export * from './tables/index.ts';
export * from './trends/index.ts';
