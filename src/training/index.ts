// Training: the loop, Adam, checkpoints.
export { type AdamConfig, adamDefaults } from './adam-optimizer.ts';
export { type Checkpoint, type CheckpointStore, type CheckpointTensor, openCheckpoints } from './checkpoint.ts';
export {
  type EpochRecord,
  type FitOptions,
  type FitResult,
  type FitSettings,
  type FitState,
  fit,
  fitDefaults,
  type Progress,
} from './fit.ts';
