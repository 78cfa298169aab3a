// Training: the loop, optimisers, checkpoints.
export { type Checkpoint, type CheckpointStore, type CheckpointTensor, openCheckpoints } from './checkpoint.ts';
export {
  FINGERPRINT_IMAGES,
  type Fingerprint,
  type FingerprintOptions,
  fingerprintSettings,
  fingerprintTraining,
} from './fingerprint.ts';
export { fit } from './fit.ts';
export {
  checkFitSettings,
  describeExecution,
  type EpochRecord,
  type Execution,
  type FitOptions,
  type FitResult,
  type FitSettings,
  type FitState,
  fitDefaults,
  type Progress,
  type TrainingExamples,
} from './fit-options.ts';
export { identityOf } from './identity.ts';
export { describeLoss, distillationDefaults, type LossSettings, lossRules, type TaughtBy } from './loss.ts';
export {
  type AdamConfig,
  type AdamWConfig,
  describeOptimizer,
  type OptimizerConfig,
  optimizerDefaults,
  type SgdConfig,
  type WeightRole,
} from './optimizer-config.ts';
export type { OutputLoss } from './output-losses.ts';
export { describeSchedule, type Schedule, scheduleDefaults, scheduleFactor } from './schedule.ts';
export type { Averaging } from './weight-average.ts';
