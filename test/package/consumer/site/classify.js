// A user's module that classifies by selvedge/edge alone. Left as `found`: the class of an image of zeros, and of how many.
import { createClassifier } from 'selvedge/edge';

const scope = /** @type {{found?: unknown}} */ (globalThis);
const read = async (/** @type {string} */ file) => (await fetch(new URL(file, import.meta.url))).arrayBuffer();
const classifier = await createClassifier({
  model: await read('./engine/dropout.selvedge'),
  kernels: await WebAssembly.compile(await read('./engine/edge.wasm')),
});
scope.found = {
  probabilities: classifier.classify(new Uint8Array(784).fill(255, 300)).length,
  labels: classifier.model.labels,
};
