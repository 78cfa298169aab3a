// Many trainings and their evaluations; and single ones as data.

export { type AheadDecision, type AheadDecisions, type AheadTrial, createAheadDecisions } from './early-decisions.ts';
export { type Importance, importanceOf } from './importance.ts';
export {
  type Direction,
  type JournalLine,
  journalLines,
  journalText,
  parseJournal,
  replayJournal,
  type Study,
  type Trial,
  type TrialState,
} from './journal.ts';
export { type JournalFile, openJournal, readJournal } from './journal-file.ts';
export { logToMlflow, type MlflowMetric, type MlflowRun, mlflowFiles } from './mlflow.ts';
export { type OutOfFoldOptions, predictOutOfFold } from './out-of-fold.ts';
export {
  type Distribution,
  distributionText,
  type ParameterValue,
  placeOf,
  readDistribution,
  valueAt,
} from './parameter.ts';
export { type Progressing, type PrunerSettings, prunerDefaults, prunerSchema, shouldPrune } from './pruners.ts';
export { checkRecipe, type Recipe, type RecipeName, readRecipe, recipeNames, recipeSchema } from './recipe.ts';
export {
  createSampler,
  type Proposal,
  type Sampler,
  type SamplerOptions,
  type SamplerSettings,
  type Situation,
  samplerDefaults,
  samplerSchema,
} from './samplers.ts';
export {
  type Assignment,
  checkSearchSpace,
  type Parameter,
  type Point,
  readSearchSpace,
  type SearchSpace,
} from './search-space.ts';
export { type TrialTraining, trainTrial } from './train-trial.ts';
export {
  attributeNames,
  bestTrial,
  type RunningTrial,
  recipeOfTrial,
  type StudySettings,
  TRIAL_FAILURES,
  type TrialOutcome,
  type TuneOptions,
  type TuneResult,
  tune,
  visibleTrials,
} from './tune.ts';
