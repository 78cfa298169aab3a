// Models: builders, initial weights, descriptions.

export { buildForImages } from './build-for-images.ts';
export { averageModels, type EnsembleOptions } from './ensemble.ts';
export type { ModelConfig } from './fashion-cnn.ts';
export {
  isModelFile,
  type LoadedModel,
  loadModel,
  loadShippedModel,
  modelFolderOf,
  naming,
  readMetadata,
  saveModel,
  shippedModelFolder,
} from './files.ts';
export { type GroupNormalizationArgs, groupNormalization } from './group-normalization.ts';
export { initializeWeights } from './initialize.ts';
export { type DenseColumns, type LastDense, lastDenseOf, type ReplacedDense, replaceLastDense } from './last-dense.ts';
export { buildNetwork, type NetworkSettings, networkSchema } from './network.ts';
export { type OnnxModelRead, onnxOperators, onnxOpsets, readOnnxModel } from './onnx/index.ts';
export { operationsPerImage } from './operations.ts';
export { buildModel, type ModelName, modelNames } from './registry.ts';
export { isShippedName, openShippedClassifier, readShippedFile, type ShippedName, shippedNames } from './shipped.ts';
export { STANDARDIZE_INPUT, standardizeInput } from './standardize-input.ts';
export { type LayerSummary, type ModelSummary, summarizeModel } from './summary.ts';
export { ALL_BUT_LAST, freezeLayers, type TransferOptions, type Transferred, transferModel } from './transfer.ts';
export { weightsDigest } from './weights-digest.ts';
