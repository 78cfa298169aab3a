// What the page and its worker say to each other: plain values that a structured clone takes. Types only.
// Not here: tensors and tfjs, which never leave the worker.
import type { BackendInfo } from 'selvedge/backend';
import type { DataSource, PixelBox } from 'selvedge/data';
import type { Evaluation } from 'selvedge/evaluation';
import type { EpochRecord, Progress } from 'selvedge/training';

/** What `selvedge info --json` says. */
export interface EngineInfo extends BackendInfo {
  readonly runtime: { readonly name: string; readonly version: string };
  readonly machine: { readonly cores: number };
}

export interface SetSummary {
  readonly count: number;
  /** Images of each class, by label. */
  readonly labelCounts: readonly number[];
}

export interface DataSummary {
  readonly source: DataSource;
  /** What the user should be told, in words. */
  readonly notices: readonly string[];
  readonly classNames: readonly string[];
  readonly train: SetSummary;
  readonly test: SetSummary;
}

export type SetName = 'train' | 'test';

/** Images of 28 x 28 grey levels, one after the other. */
export interface ImageList {
  readonly pixels: Uint8Array;
  /** Index of each in its set. */
  readonly indices: readonly number[];
  readonly labels: readonly number[];
}

/** A picture to classify: a file as it is, or pixels. */
export type Picture =
  | { readonly kind: 'file'; readonly name: string; readonly blob: Blob }
  | {
      readonly kind: 'pixels';
      readonly name: string;
      readonly width: number;
      readonly height: number;
      readonly data: Uint8ClampedArray;
    }
  | { readonly kind: 'example'; readonly name: string; readonly pixels: Uint8Array };

export interface Classification {
  readonly name: string;
  /** What the model sees: 28 x 28 grey levels. */
  readonly pixels: Uint8Array;
  /** Whether the picture was inverted; undefined for images of the data set. */
  readonly ground?: 'light' | 'dark';
  readonly box?: PixelBox;
  /** Of each class, by label. */
  readonly probabilities: readonly number[];
  /** Time of the network alone. */
  readonly durationMs: number;
}

/** Of the models that ship those that the page has: `best`, and `dropout` as the small one. */
export const shippedModels = ['best', 'small'] as const;
export type ShippedModel = (typeof shippedModels)[number];

/** The model that classifies: one that ships, or the name of one that was trained here. */
export type ModelChoice = ShippedModel | string;

export const isShipped = (model: ModelChoice): model is ShippedModel =>
  (shippedModels as readonly string[]).includes(model);

/** What the user chose to train. */
export interface TrainingChoice {
  readonly model: string;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly augment: boolean;
  readonly seed: number;
}

/** Where the training of a model stands, as its files say. */
export interface StoredRun {
  readonly model: string;
  readonly choice: TrainingChoice;
  readonly history: readonly EpochRecord[];
  /** Whether the model was saved, which happens after the last epoch. */
  readonly isComplete: boolean;
  readonly isEvaluated: boolean;
  readonly isSample: boolean;
}

export type TrainingEvent =
  | { readonly kind: 'progress'; readonly model: string; readonly progress: Progress }
  | { readonly kind: 'epoch'; readonly model: string; readonly record: EpochRecord; readonly epochs: number };

/** How a command ended: its exit code, and its last words if it failed. */
export interface CommandEnd {
  readonly code: number;
  readonly message: string;
}

/** A task of the study, as it happens. */
export interface TaskUpdate {
  readonly name: string;
  readonly state: 'running' | 'ran' | 'cached' | 'group' | 'failed' | 'stopped' | 'skipped';
  readonly durationMs?: number;
}

export interface TaskSummary {
  readonly name: string;
  readonly description?: string;
  readonly command?: string;
  readonly dependencies: readonly string[];
}

/** A wrong prediction. */
export interface Mistake {
  readonly index: number;
  readonly truth: number;
  readonly label: number;
  readonly probability: number;
  readonly pixels: Uint8Array;
}

export type EvaluationSummary = Omit<Evaluation, 'predictions'>;

/** An item of the shop in this tab: a test image. */
export interface FoundItem {
  /** In the test set. */
  readonly index: number;
  /** By the model, not by the labels. */
  readonly class: string;
  readonly pixels: Uint8Array;
  /** Why it is shown, in words. */
  readonly reason: string;
}

/** What a picture is like. */
export interface SimilarAnswer {
  readonly name: string;
  /** As the model sees it. */
  readonly pixels: Uint8Array;
  readonly items: readonly FoundItem[];
  /** Items of the catalogue. */
  readonly count: number;
}

/** Hard things about a scene: none, items over items, things that are none, or both. */
export const sceneKinds = ['plain', 'overlap', 'clutter', 'both'] as const;

/** A scene that is to be composed of test images. */
export interface SceneWish {
  readonly kind: (typeof sceneKinds)[number];
  readonly seed: number;
}

/** Items of a lower score are not told. */
export const LEAST_SCORE = 0.2;

/** An item that a picture shows. */
export interface PictureItem {
  readonly class: string;
  /** From 0 to 1. */
  readonly score: number;
  /** In pixels of the picture: left, top, right, bottom. */
  readonly box: readonly [left: number, top: number, right: number, bottom: number];
  /** Of a scene: whether an item of this class is there. */
  readonly isRight?: boolean;
}

/** What a picture shows. */
export interface FindAnswer {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** The picture, smaller if it is large. */
  readonly shown: ImageData;
  /** Best first. */
  readonly items: readonly PictureItem[];
  /** Classes of the items that were laid into a scene. */
  readonly laid?: readonly string[];
}

/** Good pictures to learn from: test images of a class, or the user's own. */
export type GoodPictures =
  | { readonly kind: 'class'; readonly label: number }
  | { readonly kind: 'files'; readonly files: readonly File[] };

/** What an inspector has learnt. */
export interface Learnt {
  readonly name: string;
  readonly learntFrom: number;
  readonly heldOut: number;
  readonly falseAlarms: number;
  /** Files that could not be read, each with the reason. */
  readonly refused: readonly string[];
  /** Whether there are other test images of the class, to look at. */
  readonly hasOthers: boolean;
}

export const defectWishes = ['none', 'hole', 'stain', 'seam', 'missing', 'print', 'tone'] as const;
export const defectExtents = ['small', 'medium', 'large'] as const;

/** A test image of the class that was learnt, with a made defect or as it is. */
export interface DefectWish {
  readonly kind: (typeof defectWishes)[number];
  readonly size: (typeof defectExtents)[number];
  readonly seed: number;
}

/** What an inspector says of a picture. */
export interface InspectAnswer {
  readonly name: string;
  /** As the network sees it. */
  readonly pixels: Uint8Array;
  readonly isAlarm: boolean;
  /** How probable a score as large is among good pictures. */
  readonly probability: number;
  readonly falseAlarms: number;
  /** Red, green, blue and opacity of where it deviates. */
  readonly where: Uint8ClampedArray;
  /** Column and row where it deviates most, of 28; undefined where no pixel does. */
  readonly farthest?: { readonly x: number; readonly y: number };
  /** The same of where a defect was made. */
  readonly made?: Uint8ClampedArray;
}

/** A picture as the networks see it: 28 x 28 grey levels. */
export interface ShownPicture {
  readonly name: string;
  readonly pixels: Uint8Array;
}

/** Shares of classes by name. */
export type ClassShares = Readonly<Record<string, number>>;

interface DesignSettings {
  readonly count: number;
  readonly seed: number;
  readonly steps: number;
  readonly guidance: number;
  /** Of a variation none need be given: then it is of the class that is seen. */
  readonly shares: ClassShares;
}

/** Designs that are to be made. */
export type DesignWish = DesignSettings &
  (
    | { readonly kind: 'new' }
    | { readonly kind: 'vary'; readonly first: ShownPicture; readonly strength: number }
    | { readonly kind: 'between'; readonly first: ShownPicture; readonly second: ShownPicture }
  );

/** Designs, one after the other. */
export interface DesignAnswer {
  readonly images: Uint8Array;
  /** What was asked for, or seen: of both ends of a way between two. */
  readonly classes: readonly ClassShares[];
  readonly durationMs: number;
}
