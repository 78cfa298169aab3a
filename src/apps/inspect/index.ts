// Inspect: what deviates from good examples.
export { alarmProbability, alarmThreshold, checkFalseAlarms, fewestHeldOut } from './alarm-threshold.ts';
export { chooseCoreset } from './coreset.ts';
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
export {
  type DriftAlarm,
  type DriftBaseline,
  type DriftWatch,
  fitDrift,
  measurePicture,
  type PictureStatistic,
  pictureStatistics,
  STATISTICS,
  watchDrift,
} from './drift.ts';
export { fitGaussian, type Gaussian, gaussianDistances } from './gaussian.ts';
export {
  type FitInspectorOptions,
  fewestGood,
  fitInspector,
  type Inspection,
  type Inspector,
  type InspectorSettings,
  inspectImages,
  inspectorDefaults,
  requireSameBackbone,
  type ScoreScale,
} from './inspector.ts';
export {
  decodeInspector,
  encodeInspector,
  INSPECTOR_FORMAT_VERSION,
  type StoredInspector,
} from './inspector-file.ts';
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
export { farthestOf, paintInspection } from './paint-inspection.ts';
export { GRID, openPatchFeatures, type PatchFeatures } from './patch-features.ts';
export { TRANSFORMATIONS, transformationTables, transformImages } from './transformations.ts';
