// The report of the study and its figures, from plain values.

export { confusionHeatMap, type EpochSeries, epochChart, labelCountChart } from './charts.ts';
export {
  type ExplainedImage,
  explanationGrid,
  explanationMosaic,
  layOver,
  type Overlay,
} from './explanation-figure.ts';
export {
  type ExplanationPageInput,
  explanationFigure,
  type ReportExplainedImage,
  type ReportExplanation,
  renderExplanationPage,
} from './explanation-page.ts';
export {
  type AugmentedImages,
  augmentationGrid,
  type ClassSamples,
  type PredictedImage,
  predictionGrid,
  sampleGrid,
} from './image-grid.ts';
export {
  type ItemPageInput,
  itemFigure,
  itemGrid,
  renderItemPage,
  type ShownItem,
  type ShownList,
} from './item-page.ts';
export type * from './limitations-input.ts';
export { drawModelGraph, type LayerSummary, type ModelSummary } from './model-graph.ts';
export { encodeGrayPng, type GrayImage, pngDataUri } from './png.ts';
export type * from './recommendations-input.ts';
export { referenceStudy } from './reference-study.ts';
export type { ReportEstimate, ReportInterval } from './result-schemas.ts';
export {
  type ReviewedPicture,
  type ReviewPageInput,
  renderReviewPage,
} from './review-page.ts';
export { renderRunsReport, type ShownRun } from './runs-report.ts';
export { drawStudyFigures, type FigureTopic, type StudyFigure } from './study-figures.ts';
export { renderStudyReport } from './study-report.ts';
export type * from './study-report-input.ts';
export { renderStylesPage, type StylesPageInput } from './styles-page.ts';
export { type Drawing, type Figure, frame, standaloneSvg } from './svg.ts';
export { renderTuningReport } from './tuning-report.ts';
export type * from './tuning-report-input.ts';
export type * from './uses-input.ts';
