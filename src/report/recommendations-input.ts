// What the result files of the study's ten recommendations hold: the part that the report speaks of. Not here: reading files, and what is said.
// Invariant: arms and fields may come and go; a file that lacks what is read does not fit.
import * as v from 'valibot';
import { estimateSchema, intervalSchema, type ReportEstimate } from './result-schemas.ts';

/** Of an arm that is compared; the one that it is compared with has no gain. */
const gained = { gain: v.optional(estimateSchema) };

const evaluated = {
  accuracy: v.number(),
  accuracyInterval95: intervalSchema,
};

/** How many views of an image are averaged, by the name that an evaluation gives them (src/evaluation/views.ts). */
export const viewsTexts = { single: 'one view', mirrored: 'two views', shifted: 'six views' } as const;

/** On the test set, by these views. */
const recorded = { views: v.picklist(Object.keys(viewsTexts) as (keyof typeof viewsTexts)[]), ...evaluated };

/** Schemas of the JSON files by the name of the result. */
export const recommendationSchemas = {
  augmentation: v.object({
    network: v.string(),
    regimes: v.optional(v.array(v.object({ trainingExamples: v.number(), epochs: v.number() })), []),
    results: v.array(v.object({ trainingExamples: v.number(), change: v.string(), ...gained })),
  }),
  record: v.object({
    /** By record-30, as the ensemble's. */
    seeds: v.pipe(v.array(v.object({ seed: v.number(), parameters: v.number(), ...recorded })), v.minLength(1)),
    meanAccuracy: v.number(),
    /** Over seeds. */
    meanInterval95: v.optional(intervalSchema),
    ensemble: v.optional(v.object({ members: v.number(), ...recorded })),
    /** By record-120. */
    long: v.optional(v.object({ seed: v.number(), parameters: v.number(), ...recorded })),
  }),
  /** Of one view, as every measure. */
  classification: v.object({ model: v.object({ name: v.string() }), ...evaluated }),
  /** The same of the model whose regime tuning found. */
  distilled: v.object({ model: v.object({ name: v.string() }), ...evaluated }),
  muon: v.object({ gain: estimateSchema }),
  transfer: v.object({
    network: v.string(),
    results: v.array(
      v.object({
        target: v.string(),
        examples: v.number(),
        testExamples: v.number(),
        arms: v.record(v.string(), v.object({ accuracy: estimateSchema, ...gained })),
      }),
    ),
  }),
  mobilenet: v.object({
    results: v.array(v.object({ target: v.string(), examples: v.number(), head: v.object(gained) })),
  }),
  imbalance: v.object({ results: v.array(v.object({ ratio: v.number(), remedy: v.string(), ...gained })) }),
  ensembles: v.object({ results: v.array(v.object({ arm: v.string(), ...gained })) }),
  explain: v.object({
    model: v.object({ name: v.string() }),
    images: v.number(),
    orders: v.array(v.object({ order: v.string(), deletionArea: estimateSchema })),
  }),
  preprocessing: v.object({
    results: v.array(v.object({ network: v.string(), preprocessing: v.string(), ...gained })),
  }),
  published: v.object({
    results: v.pipe(v.array(v.object({ name: v.string(), accuracy: v.number() })), v.minLength(1)),
  }),
};

type Schemas = typeof recommendationSchemas;
type FromJson = { readonly [Name in keyof Schemas]: v.InferOutput<Schemas[Name]> };

/** What a study of tuning came to. */
export interface TuningOutcome {
  readonly trials: number;
  readonly complete: number;
  /** Training and validation images of a trial. */
  readonly examples: number;
  readonly validationExamples: number;
  /** Validation accuracy of the best trial: its mean is the share itself. */
  readonly best: ReportEstimate;
}

/** Results by name, each where there is one. */
export type RecommendationResults = Partial<FromJson & { readonly tuning: TuningOutcome }>;
export type RecommendationResultName = keyof RecommendationResults;

/** What is known of the recommendations. */
export interface ReportRecommendations {
  readonly results: RecommendationResults;
  /** Of those that are not there or do not fit: what is the matter, such as "is not here". */
  readonly absent: Readonly<Partial<Record<RecommendationResultName, string>>>;
  /** What the first network of the record gains over the model of `classification`; where both are known. */
  readonly recordGain?: ReportEstimate | undefined;
  /** What the model of `distilled` gains over that of `classification`; where both are known. */
  readonly distilledGain?: ReportEstimate | undefined;
}
