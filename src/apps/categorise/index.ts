// Categorise: any number of pictures, told by class, by confidence and by strangeness; shard by shard, so that work can be shared and resumed.

export { type CalibrateOptions, calibrate } from './calibrate.ts';
export {
  type CalibrationAnswers,
  type CategoriserCalibration,
  type ChosenThresholds,
  calibrationSchema,
  chooseThresholds,
  outlierThreshold,
  summarizeAnswers,
  type ThresholdOptions,
} from './calibration.ts';
export {
  type Categorised,
  type Categoriser,
  type CategoriseShardOptions,
  categoriseShard,
} from './categorise-shard.ts';
export {
  type GateNetwork,
  type OpenCategoriser,
  type OpenCategoriserOptions,
  openCategoriser,
  openShippedCategoriser,
  type ShippedCategoriser,
} from './categoriser.ts';
export { type Decision, decide, type Thresholds } from './decide.ts';
export { type CategorisedPicture, type CategoriseSummary, type MergeOptions, mergeShards } from './merge-shards.ts';
export type { CalibrationGate } from './packed-gate.ts';
export { type PlanOptions, planShards } from './plan-shards.ts';
export { readListed, readPictureOf } from './read-listed.ts';
export {
  clearWork,
  type RunProgress,
  type RunShardsOptions,
  readShardResult,
  runShards,
  shardFile,
} from './run-shards.ts';
export {
  type IdxImages,
  nameInShard,
  type PictureFile,
  type PictureFiles,
  type Shard,
  type ShardResult,
  type UnreadInShard,
} from './shard.ts';
export { createSorter, type SorterOptions } from './sort-pictures.ts';
