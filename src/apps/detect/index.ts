// Items found in pictures: a detector of one stage without anchors, the scenes that it is trained and measured on, and COCO's measure.

export { type AveragePrecision, averagePrecision, type ClassPrecision } from './average-precision.ts';
export {
  areaOf,
  type Box,
  type DetectedItem,
  overlapOf,
  type SuppressionOptions,
  suppress,
  type TrueItem,
} from './boxes.ts';
export { type DetectOptions, type Detector, openDetector } from './detector.ts';
export { type DetectorDescription, type DetectorModel, decodeDetector, encodeDetector } from './detector-file.ts';
export {
  type DetectorEvaluation,
  type DetectorEvaluationOptions,
  evaluateDetector,
  type KindEvaluation,
  type OperatingPoint,
  operatingPoint,
} from './evaluate-detector.ts';
export { DEFAULT_THRESHOLD, type FindOptions, type FoundItems, findItems } from './find-items.ts';
export { assignPlaces, type DetectionLoss, detectionLoss, type OutputShape } from './loss.ts';
export { type DetectorWidths, defaultWidths, type FoldedConvolution } from './network.ts';
export {
  checkScenes,
  defaultScenes,
  openScenes,
  type SceneComposer,
  type SceneItem,
  type SceneKind,
  type SceneRequest,
  type SceneSettings,
  type Scenes,
  sceneKinds,
} from './scenes.ts';
export { loadShippedDetector, openShippedDetector } from './shipped-detector.ts';
export {
  type DetectorProgress,
  type DetectorTraining,
  type DetectorTrainingOptions,
  detectorTrainingDefaults,
  trainDetector,
} from './train-detector.ts';
