// What a model's confidences and features came to on images that it was not trained on: kept as plain JSON beside the model, and asked for
// thresholds. Not here: answers (calibrate.ts), the gate (gate.ts).
// Invariant: a threshold of confidence keeps its promise on the calibration images with room for chance, or there is none.
import * as v from 'valibot';
import { SelvedgeError } from '../../core/errors.ts';
import type { Thresholds } from './decide.ts';
import { type CalibrationGate, gateSchema } from './packed-gate.ts';

/** Answers by their confidence: of those from `thresholds[i]` up, how many there were and how many were wrong. */
export interface CalibrationAnswers {
  readonly images: number;
  /** Falling. */
  readonly thresholds: readonly number[];
  readonly answered: readonly number[];
  readonly wrong: readonly number[];
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
  gate: v.optional(gateSchema),
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

/** Shares of the calibration images from which confidences are weighed downwards: the chance of 1% is divided among them. */
const STARTS = [0.8, 0.6, 0.4, 0.2];
/** One-sided 99.75% point of the normal distribution. */
const Z = 2.807033768343804;
/** Pictures of which the promise is made. */
const PROMISED_PICTURES = 10_000;
/**
 * What the share of errors among the next answers is below with 99.75% confidence: Wilson's bound, of both the chance of the calibration
 * images and that of the answers to come.
 */
function upperShare(wrong: number, answered: number, toCome: number): number {
  const share = wrong / answered;
  const z2 = Z * Z * (1 / answered + 1 / toCome);
  return (share + z2 / 2 + Math.sqrt(z2 * (share * (1 - share) + z2 / 4))) / (1 + z2);
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
 * Chooses thresholds: the lowest confidence such that, with 99% confidence, at most the wanted share of the answers to the next 10,000
 * pictures like the calibration images is wrong; and the score that the wanted share of calibration images exceeds. Confidences are
 * weighed downwards from a few fixed places to the first that fails, so that one that holds by luck below others that do not is not found.
 *
 * @throws SelvedgeError `categorise/no-threshold` where no confidence keeps the promise
 * @see https://arxiv.org/abs/2110.01052
 * @example
 * ```ts
 * import { chooseThresholds } from 'selvedge/apps';
 * const answers = { images: 2000, thresholds: [0.9, 0.5], answered: [1000, 2000], wrong: [2, 200] };
 * const calibration = { weights: '', on: 'made images', answers };
 * console.assert(chooseThresholds(calibration, { errorRate: 0.02, falseAlarms: 0.01 }).confidence === 0.9);
 * ```
 */
export function chooseThresholds(
  { answers, gate }: CategoriserCalibration,
  { errorRate, falseAlarms }: ThresholdOptions,
): ChosenThresholds {
  const { thresholds, answered, wrong, images } = answers;
  const holds = (i: number): boolean =>
    upperShare(wrong[i]!, answered[i]!, (PROMISED_PICTURES * answered[i]!) / images) <= errorRate;
  const reached = STARTS.map((start) => {
    let last = -1;
    for (let i = answered.findIndex((count) => count >= start * images); i < answered.length && holds(i); i++) last = i;
    return last;
  });
  const at = Math.max(...reached);
  if (at < 0) {
    throw new SelvedgeError(
      'categorise/no-threshold',
      `Cannot promise an error rate of ${errorRate}: no confidence keeps it on the ${images} calibration images; allow more errors`,
    );
  }
  return {
    confidence: thresholds[at]!,
    ...(gate ? { outlier: outlierThreshold(gate, falseAlarms) } : {}),
    taken: answered[at]! / images,
    errors: wrong[at]! / answered[at]!,
  };
}

/** The score that a share of calibration images exceeds: between the quantiles that are kept, the larger. */
export function outlierThreshold({ quantiles }: CalibrationGate, falseAlarms: number): number {
  return quantiles[Math.min(quantiles.length - 1, Math.ceil((1 - falseAlarms) * (quantiles.length - 1) - 1e-9))]!;
}
