export { type QueueAddress, readQueueAddress, withoutPasswords } from './address.ts';
export {
  artefactsBefore,
  createArtefactHandler,
  type Made,
  type OverWorksOptions,
  overWorks,
} from './artefact-work.ts';
export { type ArtefactStore, openArtefactFolder } from './artefacts.ts';
export {
  type BucketAccount,
  bucketAccount,
  isBucketAddress,
  openArtefactBucket,
  readBucketAddress,
} from './bucket-artefacts.ts';
export { type DatabaseOptions, openDatabase, type QueueDatabase, queuePackages } from './database.ts';
export { openDatabaseArtefacts } from './database-artefacts.ts';
export { openDatabaseQueue } from './database-queue.ts';
export { openLocalQueue } from './local-queue.ts';
export type { MemoryFiles } from './memory-files.ts';
export { type PackedFiles, packFiles, packFolder, unpackFiles, writeFiles } from './packed-files.ts';
export type {
  Difference,
  Report,
  TakenWork,
  WaitingLine,
  WorkCheckpoint,
  WorkerIdentity,
  WorkQueue,
  WorkResult,
  WorkState,
} from './queue.ts';
export { sumWork } from './sum-work.ts';
export { createTrainingHandler, type TrainingPlace } from './training-work.ts';
export { createTrialHandler, dataDigest, type TrialData, type TrialHandlerOptions } from './trial-work.ts';
export { type QueueTuneOptions, type QueueTuneResult, tuneOverQueue } from './tune-over-queue.ts';
export {
  createVerification,
  type JudgedDifference,
  type VerificationOptions,
  type VerificationResult,
} from './verification.ts';
export {
  type EnsembleSettings,
  type KeyedWork,
  keyWork,
  lineOf,
  type MeasureSettings,
  type Needs,
  readWork,
  type ShardSettings,
  type SumSettings,
  type TrainingSettings,
  type TrialSettings,
  type Work,
  type WorkKind,
  type WorkSettings,
  workKinds,
} from './work.ts';
export {
  type Handler,
  type HandlerContext,
  type Handlers,
  runWorker,
  type WorkerEvent,
  type WorkerOptions,
  type WorkerSummary,
} from './worker.ts';
