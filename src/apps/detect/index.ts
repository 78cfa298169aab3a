// Items found in pictures: a detector of one stage without anchors, the scenes that it is trained and measured on, and COCO's measure.
export {
  areaOf,
  type Box,
  type FoundItem,
  overlapOf,
  type SuppressionOptions,
  suppress,
  type TrueItem,
} from './boxes.ts';
export { type DetectOptions, type Detector, openDetector } from './detector.ts';
export { type DetectorDescription, type DetectorModel, decodeDetector, encodeDetector } from './detector-file.ts';
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
export {
  type DetectorProgress,
  type DetectorTraining,
  type DetectorTrainingOptions,
  detectorTrainingDefaults,
  trainDetector,
} from './train-detector.ts';
