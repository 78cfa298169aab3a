// Plans: models compiled to run without a dispatch an operation.
export type { Unsupported } from './graph.ts';
export type { PlannedBatch } from './stages/source.ts';
export {
  type BatchLoss,
  compileTraining,
  type TrainingPlan,
  type TrainingPlanOptions,
} from './training-plan.ts';
