// Explanations: which places of an image a model's score of a class hangs on, and how far such maps can be trusted.
export {
  type DifferentiableModel,
  type FeatureGradients,
  type FeatureLayer,
  openDifferentiable,
} from './differentiable-model.ts';
export {
  type ControlName,
  type CurvesOfOrder,
  controlNames,
  type ExplanationEvaluation,
  type ExplanationEvaluationOptions,
  evaluateExplanations,
  type MeanOfImages,
  type RandomisationOfMethod,
} from './evaluate-explanations.ts';
export { explainImages } from './explain-images.ts';
export {
  type Completeness,
  type ExplainRequest,
  type Explanation,
  type MethodName,
  type MethodOptions,
  methodNames,
} from './explanation.ts';
export { classActivations, methodsFor } from './grad-cam.ts';
export { paintMap } from './paint-map.ts';
export {
  CURVE_STEPS,
  type PerturbationCurves,
  type Perturbed,
  perturbationCurves,
  rankPlaces,
} from './perturbation.ts';
export { cascadeRandomisation, type RandomisationStage } from './randomisation.ts';
export { rankCorrelation } from './rank-correlation.ts';
export { type NumberMap, resizeMap } from './resize-map.ts';
