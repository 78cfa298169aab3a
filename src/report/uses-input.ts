// What `selvedge measure` found of each use in a shop, as its JSON has it: the part that the report shows. Types only.
import type { GrayImage } from './png.ts';

interface Interval {
  readonly low: number;
  readonly high: number;
}

/** A published figure. */
export interface ReportAnchor {
  readonly figure: string;
  readonly value: number | string;
  readonly source: string;
}

interface Anchored {
  readonly anchors: readonly ReportAnchor[];
}

export interface CategoriseResult {
  readonly promises: readonly {
    readonly errorRate: number;
    readonly test: { readonly taken: number; readonly errors: number; readonly errors95: Interval };
  }[];
}

interface Ranking {
  readonly queries: number;
  readonly gallery: number;
  readonly precisionAt1: number;
  readonly precisionAt10: number;
  readonly meanAveragePrecision: number;
  readonly interval95: Interval;
}

export interface RetrievalResult extends Anchored {
  readonly amongTraining: Ranking;
  readonly amongTest: Ranking;
}

export interface RecommendationResult {
  readonly shoppers: number;
  readonly lists: Readonly<Record<string, { readonly hitRate: number; readonly ndcg: number }>>;
}

export interface AnomalyResult extends Anchored {
  readonly meanAuroc: Readonly<Record<string, number>>;
}

export interface DefectsResult {
  readonly wantedFalseAlarms: number;
  readonly falseAlarms: number;
  readonly meanAuroc: number;
  readonly meanPixelAuroc: number;
  readonly drifts: {
    readonly measured: readonly { readonly streams: number; readonly noticed: number }[];
  };
  /** Made defects, without and with what an inspection says of them. */
  readonly examples?: readonly { readonly name: string; readonly images: readonly GrayImage[] }[];
}

export interface QuantificationResult extends Anchored {
  readonly bags: number;
  readonly bagSize: number;
  readonly methods: readonly {
    readonly method: string;
    readonly what: string;
    readonly absoluteError: number;
    readonly interval95: Interval;
  }[];
}

export interface TrendsResult {
  readonly kinds: readonly {
    readonly name: string;
    readonly falseAlarmsIn1000Days: number;
    readonly changes: readonly { readonly rise: number; readonly told: number; readonly medianDelayDays: number }[];
  }[];
  readonly combinations: { readonly planted: number; readonly foundPlanted: number; readonly falseDiscoveries: number };
}

/** A box around an item, in pixels. */
export interface ReportItem {
  readonly class: string;
  readonly label: number;
  readonly score: number;
  readonly box: readonly [left: number, top: number, right: number, bottom: number];
}

export interface DetectionResult extends Anchored {
  readonly kinds: readonly {
    readonly kind: string;
    readonly scenes: number;
    readonly at50: number;
    readonly mean: number;
  }[];
  readonly example?: { readonly picture: GrayImage; readonly items: readonly ReportItem[] };
}

export interface GenerationResult extends Anchored {
  readonly count: number;
  readonly fid: { readonly features: string; readonly designs: number; readonly floor: number };
  readonly agreement: { readonly share: number; readonly interval95: Interval };
  readonly ways: { readonly pairs: number; readonly fid: Readonly<Record<'halves' | 'ends' | 'means', number>> };
  readonly learning: { readonly fromDesigns: number; readonly fromImages: number };
  readonly nearest: Readonly<Record<'designs' | 'test', { readonly median: number }>>;
  readonly examples?: readonly { readonly name: string; readonly images: readonly GrayImage[] }[];
}

/** Results by the name of the measure. */
export interface UseResults {
  readonly categorise?: CategoriseResult;
  readonly retrieval?: RetrievalResult;
  readonly recommendation?: RecommendationResult;
  readonly anomaly?: AnomalyResult;
  readonly defects?: DefectsResult;
  readonly quantification?: QuantificationResult;
  readonly trends?: TrendsResult;
  readonly detection?: DetectionResult;
  readonly generation?: GenerationResult;
}

/** What is known of the uses; each where it was measured. */
export interface ReportUses {
  readonly results: UseResults;
  /** Names of those that were measured on this run; all others are of the models that ship. */
  readonly own: readonly (keyof UseResults)[];
}
