// Plans: models compiled to run without a dispatch an operation.
export type { Unsupported } from './graph.ts';
export type { PlannedBatch } from './stages/source.ts';
export {
  compileTraining,
  type PlannedLoss,
  type TrainingPlan,
  type TrainingPlanOptions,
} from './training-plan.ts';
