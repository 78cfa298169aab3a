// Everything that the study's report is made of, as plain values that JSON could hold. Types only.
// Shapes repeat those of evaluation and training on purpose: the report depends on neither.
import type { ExplainedClass } from './explanation-figure.ts';
import type { AugmentedImages } from './image-grid.ts';
import type { ReportLimitations } from './limitations-input.ts';
import type { ModelSummary } from './model-graph.ts';
import type { GrayImage } from './png.ts';
import type { ReportRecommendations } from './recommendations-input.ts';
import type { ReportUses } from './uses-input.ts';

/** A line of a table of settings. */
export interface Setting {
  readonly name: string;
  readonly value: string;
}

/** A labelled set as the exploration shows it. */
export interface ExploredSet {
  readonly count: number;
  /** Samples of each class. */
  readonly labelCounts: readonly number[];
  /** The first samples of each class, four in the study. */
  readonly samples: readonly (readonly GrayImage[])[];
}

/** One epoch of a training. */
export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly validationLoss?: number;
  readonly validationAccuracy?: number;
  readonly durationMs?: number;
}

/** Scores under scikit-learn's keys. */
export interface ReportScores {
  readonly precision: number;
  readonly recall: number;
  readonly 'f1-score': number;
  readonly support: number;
}

/** The part of an evaluation that the report shows; an `Evaluation` fits. */
export interface ReportEvaluation {
  readonly dataset: string;
  readonly count: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly accuracyInterval95: { readonly low: number; readonly high: number };
  readonly correct: number;
  readonly incorrect: number;
  readonly confusion: readonly (readonly number[])[];
  readonly scores: {
    readonly classes: readonly ({ readonly name: string } & ReportScores)[];
    readonly accuracy: number;
    readonly macro: ReportScores;
    readonly weighted: ReportScores;
  };
  readonly reportText: string;
  readonly weakestClasses: readonly ({ readonly name: string } & ReportScores)[];
  readonly mostConfusedPairs: readonly {
    readonly name: string;
    readonly otherName: string;
    readonly asOther: number;
    readonly fromOther: number;
    readonly total: number;
    readonly shareOfMistakes: number;
  }[];
}

/** A prediction to be shown; names come from `classNames`. */
export interface ReportPrediction {
  readonly image: GrayImage;
  readonly trueLabel: number;
  readonly predictedLabel: number;
  /** Of the predicted class, 0 to 1. */
  readonly probability: number;
}

/** A trained and evaluated model. */
export interface ReportModel {
  readonly name: string;
  readonly summary: ModelSummary;
  /** Optimiser, batch size, seed, initialisers, … in the order to be shown. */
  readonly settings: readonly Setting[];
  readonly history: readonly EpochRecord[];
  readonly evaluation: ReportEvaluation;
  /** The first predictions that are right, 16 in the study. */
  readonly correct: readonly ReportPrediction[];
  /** The first predictions that are wrong, 16 in the study. */
  readonly incorrect: readonly ReportPrediction[];
  /** Whole training, validation included. */
  readonly trainingMs: number;
  /** Training images a second. */
  readonly imagesPerSecond: number;
}

/** One quantity of both models. */
export interface ReportComparedValue {
  readonly name: string;
  readonly first: number;
  readonly second: number;
  readonly difference: number;
}

/** The comparison of two models; an `EvaluationComparison` fits. */
export interface ReportComparison {
  readonly first: string;
  readonly second: string;
  readonly totals: readonly ReportComparedValue[];
  readonly f1: readonly ReportComparedValue[];
  readonly bothRight: number;
  readonly bothWrong: number;
  readonly mcNemar: {
    readonly onlyFirst: number;
    readonly onlySecond: number;
    readonly chiSquared: number;
    readonly pValue: number;
  };
}

/** Where the data came from. */
export interface ReportSource {
  /** One line, such as "Debian's dataset-fashion-mnist". */
  readonly name: string;
  /** The small sample that ships with the project, not the whole data set: the report says so loudly. */
  readonly isSample: boolean;
  readonly files: readonly { readonly name: string; readonly sha256: string }[];
}

/** Test images of each class and what the model looks at in them. */
export interface ReportExplanations {
  readonly model: string;
  /** Names of the maps, in the order of each image's overlays. */
  readonly methods: readonly string[];
  readonly classes: readonly ExplainedClass[];
}

/** What the study's own words do not fit. */
export interface OtherDataSet {
  readonly name: string;
  /** Height, width, channels. */
  readonly imageShape: readonly [height: number, width: number, channels: number];
  /** How it was decided which images validate. */
  readonly split: string;
}

/** Input of `renderStudyReport`. */
export interface StudyReportInput {
  readonly runName: string;
  /** When the run ended, ISO 8601. */
  readonly finishedAt: string;
  readonly classNames: readonly string[];
  readonly source: ReportSource;
  /** Of another data set than Fashion-MNIST. */
  readonly otherData?: OtherDataSet;
  readonly training: ExploredSet;
  readonly test: ExploredSet;
  readonly split: { readonly training: number; readonly validation: number; readonly seed: number };
  /** Shown after the study's own figures; what was applied, in words, and to see. */
  readonly augmentation?: { readonly description: string; readonly rows: readonly AugmentedImages[] };
  /** Shown after all others. */
  readonly explanations?: ReportExplanations;
  /** In the order of the study: `baseline`, then `dropout`. The last one is the one whose predictions are shown. */
  readonly models: readonly ReportModel[];
  /** Of the first two models. */
  readonly comparison?: ReportComparison;
  /** Of the last model, or of the one that ships. */
  readonly limitations?: ReportLimitations;
  /** What came of the study's recommendations; they say nothing of other data. */
  readonly recommendations?: ReportRecommendations;
  /** What a shop does with the models. */
  readonly uses?: ReportUses;
  readonly machine: {
    readonly cpu: string;
    readonly architecture: string;
    readonly operatingSystem: string;
    readonly cores: number;
    readonly memoryBytes: number;
  };
  readonly runtime: { readonly name: string; readonly version: string };
  readonly backend: {
    readonly backend: string;
    readonly build: string;
    readonly threads: number;
    readonly simd: boolean;
    readonly sharedMemory: boolean;
    readonly fallbackReason?: string;
  };
  /** Package → version. */
  readonly versions: Readonly<Record<string, string>>;
  /** Commands that make this report again. */
  readonly commands: readonly string[];
}
