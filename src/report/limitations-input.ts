// What `selvedge measure` found of a model and its data: the part that the report shows, as schemas of the files, and with the pictures that they
// name. Not here: reading files, and what is said.
// Invariant: fields that came later are optional, so that results of an earlier version are still shown.
import * as v from 'valibot';
import type { GrayImage } from './png.ts';
import { anchorsSchema, estimateSchema, intervalSchema, type ReportInterval } from './result-schemas.ts';

/** A mean; older results have no interval of it. */
const meanSchema = v.object({ mean: v.number(), interval95: v.optional(intervalSchema) });

const calibrationSchema = v.object({
  ece: v.number(),
  nll: meanSchema,
  brier: meanSchema,
  bins: v.array(
    v.object({
      low: v.number(),
      high: v.number(),
      count: v.number(),
      accuracy: v.number(),
      accuracyInterval95: intervalSchema,
    }),
  ),
});
/** Calibration before or after a temperature. */
export type ReportCalibration = v.InferOutput<typeof calibrationSchema>;

const accuracy = { accuracy: v.number(), accuracyInterval95: v.optional(intervalSchema) };
/** Of maps that are all of one value there is none. */
const correlation = v.nullable(v.number());

const pairsSchema = v.object({
  near: v.number(),
  nearest: v.array(
    v.object({
      first: v.number(),
      second: v.number(),
      firstLabel: v.string(),
      secondLabel: v.string(),
      /** Root of the mean squared difference of levels. */
      levels: v.number(),
    }),
  ),
});

/** How flipped labels were found; counts let intervals be told. */
const flips = {
  flipped: v.number(),
  suspected: v.optional(v.number()),
  found: v.optional(v.number()),
  precision: v.number(),
  recall: v.number(),
};

/** Schemas of the JSON files by the name of the measure. */
export const limitationSchemas = {
  classification: v.object({
    accuracy: v.optional(v.number()),
    accuracyInterval95: v.optional(intervalSchema),
    riskCoverage: v.object({
      area: v.number(),
      points: v.array(v.object({ coverage: v.number(), ...accuracy })),
    }),
    anchors: anchorsSchema,
  }),
  calibration: v.object({
    uncalibrated: calibrationSchema,
    /** A number, or why there is none. */
    temperature: v.union([v.number(), v.object({ reason: v.string() })]),
    calibrated: v.optional(calibrationSchema),
    /** Where there is none: each half of the test images by a temperature that was fitted on the other. */
    crossFitted: v.optional(v.object({ temperatures: v.array(v.number()), calibrated: calibrationSchema })),
    anchors: anchorsSchema,
  }),
  robustness: v.object({
    clean: v.object(accuracy),
    meanAccuracy: v.number(),
    kinds: v.array(
      v.object({
        kind: v.string(),
        meanAccuracy: v.number(),
        strengths: v.array(v.object({ accuracy: v.number() })),
      }),
    ),
    anchors: anchorsSchema,
  }),
  outliers: v.object({
    sets: v.array(
      v.object({
        name: v.string(),
        what: v.string(),
        scores: v.record(v.string(), v.object({ auroc: v.number(), aurocInterval95: v.optional(intervalSchema) })),
      }),
    ),
    anchors: anchorsSchema,
  }),
  explain: v.object({
    images: v.number(),
    orders: v.array(
      v.object({
        order: v.string(),
        deletionArea: estimateSchema,
        insertionArea: estimateSchema,
        betterThanRandom: v.object({ deletion: v.number(), insertion: v.number() }),
      }),
    ),
    completeness: v.optional(v.object({ meanError: v.number(), largestError: v.number(), steps: v.number() })),
    randomisation: v.object({
      images: v.number(),
      methods: v.array(
        v.object({
          method: v.string(),
          stages: v.array(
            v.object({ layer: v.string(), layers: v.number(), correlation, correlationOnObject: correlation }),
          ),
        }),
      ),
    }),
    anchors: anchorsSchema,
  }),
  labels: v.object({
    count: v.number(),
    issues: v.number(),
    likeliest: v.array(
      v.object({ image: v.number(), label: v.string(), suggested: v.string(), probability: v.number() }),
    ),
    /** Training images that others have published as mislabelled. */
    knownErrors: v.optional(
      v.object({
        lookedAt: v.number(),
        found: v.number(),
        of: v.number(),
        images: v.array(v.object({ image: v.number(), rank: v.number(), label: v.string() })),
      }),
    ),
    flips: v.object({
      ...flips,
      pairs: v.optional(v.array(v.object({ from: v.string(), to: v.string(), ...flips })), []),
    }),
    anchors: anchorsSchema,
  }),
  duplicates: v.object({
    equalGroups: v.array(v.unknown()),
    nearLevels: v.number(),
    pairs: v.object({ training: pairsSchema, test: pairsSchema, across: pairsSchema }),
    anchors: anchorsSchema,
  }),
};

type Schemas = typeof limitationSchemas;
/** Measures that the section shows. */
export type LimitationName = keyof Schemas;
/** Those of the data alone; each of the others is of a model. */
export const dataMeasures: readonly LimitationName[] = ['labels', 'duplicates'];
/** What a file of each measure holds. */
export type LimitationResults = { readonly [Name in LimitationName]?: v.InferOutput<Schemas[Name]> };

/** Precision and recall of labels that were flipped, with their intervals where counts tell them. */
export interface ReportFlips {
  readonly flipped: number;
  readonly precision: number;
  readonly recall: number;
  readonly precision95?: ReportInterval | undefined;
  readonly recall95?: ReportInterval | undefined;
}

/** Label errors with their pictures; none where the data are not at hand. */
export interface ReportLabels extends Omit<v.InferOutput<Schemas['labels']>, 'likeliest' | 'flips'> {
  readonly flips: ReportFlips & {
    readonly pairs: readonly ({ readonly from: string; readonly to: string } & ReportFlips)[];
  };
  readonly likeliest: readonly {
    readonly picture: GrayImage;
    readonly label: string;
    readonly suggested: string;
    readonly probability: number;
  }[];
}

/** Duplicates with the pictures of the nearest pairs; none where the data are not at hand. */
export interface ReportDuplicates {
  readonly equal: number;
  readonly nearLevels: number;
  readonly pairs: readonly {
    /** Such as "training". */
    readonly kind: string;
    readonly near: number;
    readonly nearest: readonly {
      readonly pictures: readonly [GrayImage, GrayImage];
      readonly firstLabel: string;
      readonly secondLabel: string;
      /** Root of the mean squared difference of levels. */
      readonly levels: number;
    }[];
  }[];
  readonly anchors: v.InferOutput<Schemas['duplicates']>['anchors'];
}

/** Each measure where there is one. */
export interface ReportLimitations extends Omit<LimitationResults, 'labels' | 'duplicates'> {
  /** Name of the run's model. */
  readonly model: string;
  readonly labels?: ReportLabels;
  readonly duplicates?: ReportDuplicates;
  /** Measures that ship, where the run lacks them: the name of the model that each is of, none where it is of the data. */
  readonly shipped?: { readonly [Name in LimitationName]?: { readonly model?: string } };
  /** Measures that ship and are left out: what is the matter, such as "cannot be read: …". */
  readonly absent?: { readonly [Name in LimitationName]?: string };
}
