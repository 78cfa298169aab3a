// Plans: models compiled to run without a dispatch an operation.
export { type ExportOptions, exportModel } from './export-model.ts';
export {
  compileGradients,
  type GradientPlan,
  type GradientPlanOptions,
  type NetworkGradients,
} from './gradient-plan.ts';
export {
  compileInference,
  type InferenceBatch,
  type InferencePlan,
  type InferencePlanOptions,
} from './inference-plan.ts';
export {
  createNetworkPredictor,
  type NetworkEnd,
  type NetworkPredictor,
  type NetworkPredictorOptions,
} from './network-predictor.ts';
export { exportOnnx, ONNX_OPSET, type OnnxExportOptions } from './onnx/index.ts';
export { createPredictor, type Predictor, type PredictorOptions } from './predictor.ts';
export {
  type Ending,
  endingOf,
  type ModelGraph,
  type ModelOperation,
  readModel,
  readNetwork,
  type TensorShape,
  type Unsupported,
} from './read-model.ts';
export { networkSettingsOf, type RestoredModel, restoreModel, type ToldNetwork } from './restore-model.ts';
export { endingOfLoss } from './stages/output-losses.ts';
export type { PlannedBatch, PlannedTargets } from './stages/source.ts';
export {
  type BatchLoss,
  compileTraining,
  type TrainingPlan,
  type TrainingPlanOptions,
} from './training-plan.ts';
