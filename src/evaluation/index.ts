// How well a model does: confusion matrix, classification report, evaluation, comparison.
export {
  type Calibration,
  fitTemperature,
  type MeanWithInterval,
  measureCalibration,
  type ReliabilityBin,
  scaleByTemperature,
} from './calibration.ts';
export type { LabelledProbabilities } from './check-probabilities.ts';
export {
  type ClassificationReport,
  type ClassScores,
  classificationReport,
  formatClassificationReport,
  toOutputDict,
} from './classification-report.ts';
export { type Compared, compareEvaluations, type EvaluationComparison } from './compare.ts';
export { type ConfusionMatrix, confusionMatrix } from './confusion-matrix.ts';
export { type ConfusedPair, mostConfusedPairs, type WeakClass, weakestClasses } from './confusions.ts';
export { equalImages, type ImagePool, type Neighbours, nearestImages } from './duplicates.ts';
export {
  categoricalCrossentropy,
  type Evaluation,
  type EvaluationOptions,
  type EvaluationSet,
  evaluateModel,
  type Predict,
} from './evaluate.ts';
export { type FeatureRows, frechetDistance } from './frechet.ts';
export {
  type FlipDetection,
  type FlippedPair,
  findLabelErrors,
  type LabelErrors,
  type LabelIssue,
  measureFlips,
} from './label-errors.ts';
export {
  type Features,
  fitMahalanobis,
  measureSeparation,
  type Separation,
  scoresOfLogits,
  type WhitenedClasses,
  whitenClasses,
} from './outliers.ts';
export { type CorruptionCell, type Robustness, summarizeRobustness } from './robustness.ts';
export { type Coverage, coverageAt, type RiskCoverage, riskCoverage, thresholdFor } from './selective.ts';
export { type FittedStack, fitStack, type Stack, type StackOptions } from './stack.ts';
export {
  differenceInterval95,
  type Interval,
  type McNemar,
  mcNemar,
  type Proportion,
  wilsonInterval95,
} from './statistics.ts';
export { predictViews, type ViewsName, viewsNames } from './views.ts';
