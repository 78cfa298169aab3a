// Inspect: what deviates from good examples.
export { type AnomalyOptions, type MadeAnomaly, makeAnomaly } from './anomalies.ts';
export {
  type AnomalySettings,
  type AnomalyTraining,
  anomalyDefaults,
  buildAnomalyNetwork,
  exportAnomalyNetwork,
  trainAnomalyNetwork,
} from './anomaly-network.ts';
export {
  type DefectKind,
  type DefectOptions,
  type DefectSize,
  defectKinds,
  defectNames,
  defectSizes,
  type MadeDefects,
  makeDefects,
} from './defects.ts';
export { fitGaussian, type Gaussian, gaussianDistances } from './gaussian.ts';
export { type Nearest, type NearestOptions, type StoredRows, storeRows } from './nearest.ts';
export {
  fitOneClass,
  type OneClassModel,
  type OneClassOptions,
  type OneClassScore,
  type OneClassScores,
  type OneClassSettings,
  oneClassDefaults,
  oneClassScores,
} from './one-class.ts';
export * from './portable.ts';
export { openInspectionNetwork } from './shipped-network.ts';
export { TRANSFORMATIONS, transformationTables, transformImages } from './transformations.ts';
