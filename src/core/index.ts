// The ground that everything stands on: errors, seeded generators, the version. Imports nothing.
export { drawBeta } from './beta.ts';
export { concatenate } from './concatenate.ts';
export { cosineOfHalfTurn } from './cosine.ts';
export { type ErrorCode, messageOf, SelvedgeError } from './errors.ts';
export { naturalExponential, naturalLogarithm } from './exponential.ts';
export { createMersenneTwister, type MersenneTwister } from './mersenne-twister.ts';
export { normalQuantile } from './normal-quantile.ts';
export { createPhilox, type Philox, type PhiloxOptions, philox4x32, randomStreams, shuffledIndices } from './philox.ts';
export { sha256 } from './sha256.ts';
export { version } from './version.ts';
