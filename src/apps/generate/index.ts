// New designs: a generator of pictures by class, its training and its file.
export {
  type BetweenRequest,
  type ClassMixture,
  createGenerator,
  type DesignEnd,
  type DesignRequest,
  type DesignSettings,
  type Designs,
  type Generator,
  labelOf,
  openGenerator,
  type VariationRequest,
} from './design.ts';
export { designDefaults, designLimits } from './design-defaults.ts';
export { accuracyFrom, hiddenFeatures, type LearningOptions, likeliestOf, nearestDistances } from './evaluate.ts';
export { decodeGenerator, encodeGenerator, type GeneratorDescription, type GeneratorModel } from './generator-file.ts';
export { parseMixture } from './parse-mixture.ts';
export { seenClasses } from './seen-classes.ts';
export { type DesignSheet, designSheet } from './sheet.ts';
export {
  type GeneratorExamples,
  type GeneratorProgress,
  type GeneratorSettings,
  type GeneratorState,
  type GeneratorTrainingOptions,
  generatorDefaults,
  openGeneratorCheckpoints,
  shippedShape,
  type TrainedGenerator,
  trainGenerator,
} from './train.ts';
export { countWeights, type GeneratorShape } from './u-net.ts';
