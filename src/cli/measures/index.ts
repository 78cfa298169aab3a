// All measures by name. Each is loaded when it is asked for. Invariant: what a measure finds is a function of model, data and settings,
// so that it can be compared with what docs/results holds.
import type { Measured, Subject } from './subject.ts';

/** What a user may change of a measure. */
export interface MeasureOptions {
  /** Where a measure that trains keeps its checkpoints. */
  readonly workFolder: string;
  /** Epochs of a measure that trains; default: its own. */
  readonly epochs?: number | undefined;
}

export interface Measure {
  readonly description: string;
  /** False for a measure of the data alone. */
  readonly usesModel: boolean;
  /** True where it trains, and ends by itself when the signal comes. */
  readonly trains?: boolean;
  /** True where it takes so long that `all` leaves it out. */
  readonly isLong?: boolean;
  load(): Promise<(subject: Subject, options: MeasureOptions) => Promise<Measured>>;
}

const known = {
  classification: {
    description: 'accuracy, classes, risk over coverage',
    usesModel: true,
    load: async () => (await import('./classification.ts')).measureClassification,
  },
  calibration: {
    description: 'whether probabilities mean what they say',
    usesModel: true,
    load: async () => (await import('./calibration.ts')).measureCalibrationOf,
  },
  duplicates: {
    description: 'images that the data hold twice, or nearly',
    usesModel: false,
    load: async () => (await import('./duplicates.ts')).measureDuplicates,
  },
  robustness: {
    description: 'accuracy under fifteen corruptions',
    usesModel: true,
    load: async () => (await import('./robustness.ts')).measureRobustness,
  },
  explain: {
    description: 'whether maps of what a model looks at can be trusted',
    usesModel: true,
    load: async () => (await import('./explain.ts')).measureExplanations,
  },
  outliers: {
    description: 'what shows no clothes, told from what does',
    usesModel: true,
    load: async () => (await import('./outliers.ts')).measureOutliers,
  },
  retrieval: {
    description: 'whether a search finds items of the same class',
    usesModel: true,
    load: async () => (await import('./retrieval.ts')).measureRetrievalOf,
  },
  recommendation: {
    description: 'whether recommendations suit made shoppers of known taste',
    usesModel: true,
    load: async () => (await import('./recommendation.ts')).measureRecommendation,
  },
  detection: {
    description: 'how well items are found in scenes of several',
    usesModel: false,
    load: async () => (await import('./detection.ts')).measureDetection,
  },
  labels: {
    description: 'label errors, by training out of fold',
    usesModel: false,
    trains: true,
    load: async () => (await import('./labels.ts')).measureLabels,
  },
  generation: {
    description: 'how good the designs of the generator that ships are',
    usesModel: true,
    trains: true,
    load: async () => (await import('./generation.ts')).measureGeneration,
  },
  anomaly: {
    description: 'the ten one-class tasks, trained from good examples only',
    usesModel: false,
    isLong: true,
    load: async () => (await import('./anomaly.ts')).measureAnomaly,
  },
  quantification: {
    description: 'shares of classes, corrected for errors',
    usesModel: true,
    load: async () => (await import('./quantification.ts')).measureQuantification,
  },
} satisfies Readonly<Record<string, Measure>>;

export type MeasureName = keyof typeof known;
export const measures: Readonly<Record<MeasureName, Measure>> = known;
export const measureNames = Object.keys(known) as readonly MeasureName[];
