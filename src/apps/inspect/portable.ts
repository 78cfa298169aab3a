// Inspecting wherever the network of `createClassifier` runs, edge runtimes among them: no tfjs, no files, no threads. Not here: making defects and
// training networks (index.ts). Invariant: imports nothing that needs a platform.
export { alarmProbability, alarmThreshold, checkFalseAlarms, fewestHeldOut } from './alarm-threshold.ts';
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
export {
  fewestGood,
  fitInspector,
  type Inspection,
  type Inspector,
  type InspectorSettings,
  inspectImages,
  inspectorDefaults,
  requireSameNetwork,
  type ScoreScale,
} from './inspector.ts';
export {
  decodeInspector,
  encodeInspector,
  INSPECTOR_FORMAT_VERSION,
  type StoredInspector,
} from './inspector-file.ts';
export { farthestOf, paintInspection } from './paint-inspection.ts';
