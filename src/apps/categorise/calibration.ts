// What a model's confidences and features came to on images that it was not trained on: kept as plain JSON beside the model, and asked for
// thresholds. Not here: computing features and answers (categoriser.ts).
// Invariant: a threshold of confidence keeps its promise on the calibration images with room for chance, or there is none.
import * as v from 'valibot';
import { SelvedgeError } from '../../core/errors.ts';
import { whitenClasses } from '../../evaluation/outliers.ts';
import type { Thresholds } from './decide.ts';

/** Answers by their confidence: of those from `thresholds[i]` up, how many there were and how many were wrong. */
export interface CalibrationAnswers {
  readonly images: number;
  /** Falling. */
  readonly thresholds: readonly number[];
  readonly answered: readonly number[];
  readonly wrong: readonly number[];
}

/** Tells what is strange by features of a network: the distance to the nearest class, of features of length one. */
export interface CalibrationGate {
  /** sha256 of the weights of the network whose features they are. */
  readonly weights: string;
  readonly width: number;
  readonly classes: number;
  /** f32 `[width, width]`, lower triangle alone, row by row, little-endian, base64. */
  readonly whitening: string;
  /** f32 `[classes, width]`, as base64. */
  readonly means: string;
  /** Quantiles 0, 1/n, … 1 of the distance on calibration images. */
  readonly quantiles: readonly number[];
}

export interface CategoriserCalibration {
  /** sha256 of the weights of the model. */
  readonly weights: string;
  /** Which images, in words. */
  readonly on: string;
  readonly answers: CalibrationAnswers;
  /** Counts `[classes][classes]`, true by predicted; absent where the answers are another model's. */
  readonly confusion?: readonly (readonly number[])[] | undefined;
  readonly gate?: CalibrationGate | undefined;
}

export const calibrationSchema = v.object({
  weights: v.string(),
  on: v.string(),
  answers: v.object({
    images: v.number(),
    thresholds: v.array(v.number()),
    answered: v.array(v.number()),
    wrong: v.array(v.number()),
  }),
  confusion: v.optional(v.array(v.array(v.number()))),
  gate: v.optional(
    v.object({
      weights: v.string(),
      width: v.number(),
      classes: v.number(),
      whitening: v.string(),
      means: v.string(),
      quantiles: v.array(v.number()),
    }),
  ),
});

/** Points of a curve that are kept, at most. */
const POINTS = 500;

/**
 * Sums up answers on images whose classes are known.
 *
 * @param confidences Of the answers
 * @param isRight Whether each is right
 * @throws SelvedgeError `categorise/calibration` where there is none, or one without a number
 * @example
 * ```ts
 * import { summarizeAnswers } from 'selvedge/apps';
 * console.assert(summarizeAnswers([0.9, 0.8], [true, false]).wrong.join() === '0,1');
 * ```
 */
export function summarizeAnswers(confidences: ArrayLike<number>, isRight: ArrayLike<boolean>): CalibrationAnswers {
  const images = confidences.length;
  if (images === 0 || isRight.length !== images || Array.from(confidences).some((each) => Number.isNaN(each))) {
    throw new SelvedgeError(
      'categorise/calibration',
      `Cannot calibrate: expected confidences of images whose classes are known, got ${images} of ${isRight.length}`,
    );
  }
  const order = Array.from({ length: images }, (_, i) => i).sort((a, b) => confidences[b]! - confidences[a]! || a - b);
  const [thresholds, answered, wrong]: [number[], number[], number[]] = [[], [], []];
  let mistakes = 0;
  let kept = 0;
  order.forEach((sample, i) => {
    if (!isRight[sample]) mistakes++;
    const next = order[i + 1];
    // Equal confidences are answered together.
    if (next !== undefined && confidences[next] === confidences[sample]) return;
    if (next !== undefined && i + 1 < ((kept + 1) * images) / POINTS) return;
    kept++;
    // Rounded up: nothing below the confidence itself is let through.
    thresholds.push(Math.ceil(confidences[sample]! * 1e6 - 1e-6) / 1e6);
    answered.push(i + 1);
    wrong.push(mistakes);
  });
  return { images, thresholds, answered, wrong };
}

/** One-sided 95% point of the normal distribution. */
const Z_ONE_SIDED_95 = 1.6448536269514722;

/** Upper end of Wilson's interval: the share of errors is below it with 95% confidence. */
function upperShare(wrong: number, answered: number): number {
  const share = wrong / answered;
  const z2 = (Z_ONE_SIDED_95 * Z_ONE_SIDED_95) / answered;
  const half = Z_ONE_SIDED_95 * Math.sqrt((share * (1 - share)) / answered + z2 / (4 * answered));
  return (share + z2 / 2 + half) / (1 + z2);
}

export interface ThresholdOptions {
  /** Share of the taken answers that may be wrong; above 0, below 1. */
  readonly errorRate: number;
  /** Share of pictures of the classes that may be called strange. */
  readonly falseAlarms: number;
}

/** What thresholds promise, by the images that they were chosen on. */
export interface ChosenThresholds extends Thresholds {
  /** Share of the calibration images whose answer is taken, and of those the share that is wrong. */
  readonly taken: number;
  readonly errors: number;
}

/**
 * Chooses thresholds: the confidence of most coverage whose error rate is below the wanted one with 95% confidence, and the distance that
 * the wanted share of calibration images exceeds.
 *
 * @throws SelvedgeError `categorise/no-threshold` where no confidence keeps the promise
 * @see https://arxiv.org/abs/1705.08500
 * @example
 * ```ts
 * import { chooseThresholds } from 'selvedge/apps';
 * const answers = { images: 2000, thresholds: [0.9, 0.5], answered: [1000, 2000], wrong: [2, 200] };
 * const calibration = { weights: '', on: 'made images', answers };
 * console.assert(chooseThresholds(calibration, { errorRate: 0.01, falseAlarms: 0.01 }).confidence === 0.9);
 * ```
 */
export function chooseThresholds(
  { answers, gate }: CategoriserCalibration,
  { errorRate, falseAlarms }: ThresholdOptions,
): ChosenThresholds {
  const { thresholds, answered, wrong, images } = answers;
  let at = answered.length - 1;
  while (at >= 0 && upperShare(wrong[at]!, answered[at]!) > errorRate) at--;
  if (at < 0) {
    throw new SelvedgeError(
      'categorise/no-threshold',
      `Cannot promise an error rate of ${errorRate}: no confidence keeps it on the ${images} calibration images; allow more errors`,
    );
  }
  return {
    confidence: thresholds[at]!,
    ...(gate ? { outlier: quantileAt(gate.quantiles, 1 - falseAlarms) } : {}),
    taken: answered[at]! / images,
    errors: wrong[at]! / answered[at]!,
  };
}

/** Between the quantiles that are kept, the larger. */
function quantileAt(quantiles: readonly number[], share: number): number {
  return quantiles[Math.min(quantiles.length - 1, Math.ceil(share * (quantiles.length - 1) - 1e-9))]!;
}

/** A gate, ready to compute. */
export interface OpenGate {
  /** f32 `[width, width]`, row-major: the lower triangle filled up with zeros. */
  readonly whitening: Float32Array;
  readonly means: Float32Array;
}

const QUANTILES = 1000;

/**
 * Fits a gate.
 *
 * @param training Features `[samples, width]` of images that the network was trained on
 * @param labels Their classes
 * @param classes Number of classes
 */
export function fitGate(training: Float32Array, labels: ArrayLike<number>, classes: number): OpenGate {
  const width = training.length / labels.length;
  const values = unitRows(training, width);
  const { whitening, means } = whitenClasses({ values, width }, labels, classes);
  return { whitening: Float32Array.from(whitening), means: Float32Array.from(means) };
}

/** Rows of length one; a row of zeros stays. */
export function unitRows(rows: Float32Array, width: number): Float32Array {
  const units = new Float32Array(rows.length);
  for (let first = 0; first < rows.length; first += width) {
    let sum = 0;
    for (let i = first; i < first + width; i++) sum += rows[i]! * rows[i]!;
    const scale = sum === 0 ? 0 : 1 / Math.sqrt(sum);
    for (let i = first; i < first + width; i++) units[i] = rows[i]! * scale;
  }
  return units;
}

/**
 * Packs a gate with what it says of calibration images.
 *
 * @param distances Of calibration images
 */
export function packGate(
  { whitening, means }: OpenGate,
  distances: ArrayLike<number>,
  weights: string,
): CalibrationGate {
  const width = Math.sqrt(whitening.length);
  const triangle: number[] = [];
  for (let i = 0; i < width; i++) triangle.push(...whitening.subarray(i * width, i * width + i + 1));
  const sorted = Float64Array.from(distances).sort();
  const quantiles = Array.from({ length: QUANTILES + 1 }, (_, i) => {
    const at = Math.min(sorted.length - 1, Math.ceil((i / QUANTILES) * sorted.length) - 1);
    return Math.round(sorted[Math.max(0, at)]! * 1e4) / 1e4;
  });
  return {
    weights,
    width,
    classes: means.length / width,
    whitening: toBase64(Float32Array.from(triangle)),
    means: toBase64(means),
    quantiles,
  };
}

/**
 * Opens a gate.
 *
 * @throws SelvedgeError `categorise/calibration` for one that is damaged
 */
export function openGate({ width, classes, whitening: packed, means: packedMeans }: CalibrationGate): OpenGate {
  const triangle = fromBase64(packed);
  const means = fromBase64(packedMeans);
  if (triangle.length !== (width * (width + 1)) / 2 || means.length !== classes * width) {
    throw new SelvedgeError(
      'categorise/calibration',
      `Cannot use the calibration: expected a gate of ${classes} classes and width ${width}, got ${triangle.length} and ${means.length} numbers`,
    );
  }
  const whitening = new Float32Array(width * width);
  for (let i = 0, at = 0; i < width; at += ++i) whitening.set(triangle.subarray(at, at + i + 1), i * width);
  return { whitening, means };
}

function toBase64(values: Float32Array): string {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setFloat32(4 * i, value, true);
  });
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

function fromBase64(text: string): Float32Array {
  let binary = '';
  try {
    binary = atob(text);
  } catch {
    // An empty array has no length that is expected.
  }
  const view = new DataView(new ArrayBuffer(binary.length & ~3));
  for (let i = 0; i < view.byteLength; i++) view.setUint8(i, binary.charCodeAt(i));
  return Float32Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
}
