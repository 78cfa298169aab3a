// What every method answers with, and what it is asked with. Plain values.

/** A map over an image: how much each place counts for the score of a class. */
export interface Explanation {
  readonly method: MethodName;
  /** The class that is explained. */
  readonly label: number;
  readonly height: number;
  readonly width: number;
  /** `[height, width]`: of a signed map, what speaks for the class is above 0 and what speaks against it below; else 0 or more. */
  readonly values: Float32Array;
  readonly isSigned: boolean;
  /** Of Grad-CAM: the layer whose features are weighed. */
  readonly layer?: string;
  /** Of integrated gradients. */
  readonly completeness?: Completeness;
}

/** Whether the parts of an attribution add up to what is attributed. */
export interface Completeness {
  /** Sum of the map. */
  readonly sum: number;
  /** Score of the image less that of the baseline. */
  readonly difference: number;
  /** `|sum - difference|`. */
  readonly error: number;
  /** Points of the path at which gradients were taken. */
  readonly steps: number;
}

/** Names of the methods. */
export const methodNames = ['grad-cam', 'saliency', 'smooth-grad', 'integrated-gradients', 'occlusion'] as const;
export type MethodName = (typeof methodNames)[number];

/** Images and the class of each whose score is explained. */
export interface ExplainRequest {
  /** `[count, height, width, channels]`, values from 0 to 1. */
  readonly images: Float32Array;
  readonly labels: ArrayLike<number>;
}

/** How often a method asks the model; more is slower and finer. */
export interface MethodOptions {
  /** Grad-CAM: layer whose features are weighed. Default: the last that computes features over more than one place. */
  readonly layer?: string;
  /** Integrated gradients: points of the path. Default 256. */
  readonly steps?: number;
  /** SmoothGrad: noisy copies of an image. Default 24. */
  readonly samples?: number;
  /** SmoothGrad: standard deviation of the noise, as a share of the image's range. Default .15. */
  readonly noise?: number;
  /** SmoothGrad: seed of the noise. Default 1. */
  readonly seed?: number;
  /** Occlusion: side of the square that covers a part of the image. Default: a fifth of the shorter side, rounded down. */
  readonly window?: number;
  /** Occlusion: pixels between two places of the square. Default 1. */
  readonly stride?: number;
}
