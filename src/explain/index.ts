// Explanations: which places of an image a model's score of a class hangs on, and how far such maps can be trusted.
export {
  type DifferentiableModel,
  type FeatureGradients,
  type FeatureLayer,
  openDifferentiable,
} from './differentiable-model.ts';
export { explainImages } from './explain-images.ts';
export {
  type Completeness,
  type ExplainRequest,
  type Explanation,
  type MethodName,
  type MethodOptions,
  methodNames,
} from './explanation.ts';
export { classActivations } from './grad-cam.ts';
export { type NumberMap, resizeMap } from './resize-map.ts';
