// The one place where the benchmarks run a model forward: whatever path of prediction is the best that users have.
// Not a measurement. Invariant: floats of images in, floats of probabilities out, both in the memory of JavaScript.
export { createPredictor, type Predictor } from '../src/plan/index.ts';
