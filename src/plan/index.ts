// Plans: models compiled to run without a dispatch an operation.
export type { Unsupported } from './graph.ts';
export {
  compileTraining,
  type PlannedBatch,
  type PlannedLoss,
  type TrainingPlan,
  type TrainingPlanOptions,
} from './training-plan.ts';
