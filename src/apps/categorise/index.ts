// Categorise: any number of pictures, told by class, by confidence and by strangeness; shard by shard, so that work can be shared and resumed.
export {
  type Categorised,
  type Categoriser,
  type CategoriseShardOptions,
  categoriseShard,
} from './categorise-shard.ts';
export { type Decision, decide, type Thresholds } from './decide.ts';
export { type CategorisedPicture, type CategoriseSummary, type MergeOptions, mergeShards } from './merge-shards.ts';
export { type PlanOptions, planShards } from './plan-shards.ts';
export { type RunProgress, type RunShardsOptions, readShardResult, runShards, shardFile } from './run-shards.ts';
export {
  type IdxImages,
  nameInShard,
  type PictureFile,
  type PictureFiles,
  type Shard,
  type ShardResult,
  type UnreadInShard,
} from './shard.ts';
