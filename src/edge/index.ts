// The edge package: a trained model's answers from kernels of our own alone. Imports src/core/ and nothing else.
export { type Classifier, type ClassifierOptions, createClassifier } from './classifier.ts';
export { edgeKernelsDigest } from './kernels.ts';
export { decodeModelFile, encodeModelFile, MODEL_FORMAT_VERSION, type ModelDescription } from './model-file.ts';
export type { Network, NetworkWeights } from './network.ts';
export { dequantise, type QuantisedWeights, quantise } from './quantisation.ts';
