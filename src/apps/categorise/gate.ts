// Tells what is strange by what a network makes of an image: how far its features lie from those of every class, and how much they look
// like features of images that were made to show no class. Not here: thresholds (calibration.ts), which images (calibrate.ts).
// Invariant: a score is a function of one image and the gate alone; parts of a score are 0 at what is usual and 1 at what one image in a
// hundred exceeds, so that none drowns the others.
import * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { choleskyOf, solveLower, whitenClasses } from '../../evaluation/outliers.ts';

/** Distances to the nearest class among one sort of features. */
export interface GatePart {
  /** Features, from the first of the row. */
  readonly first: number;
  readonly width: number;
  /** Whether they are brought to length one before. */
  readonly isUnit: boolean;
  /** `[width, width]`, lower triangle, the rest zeros: features times it have the identity as covariance inside a class. */
  readonly whitening: Float32Array;
  /** `[classes, width]`, of whitened features. */
  readonly means: Float32Array;
}

/** A quadratic function of features, without products of two: above zero for what looks like made images. */
export interface GateContrast {
  /** Of features of training images. */
  readonly means: Float32Array;
  readonly deviations: Float32Array;
  /** `[2 * width + 1]`: of standardised features, of their squares, and a number to add. */
  readonly weights: Float32Array;
}

/** A gate, ready to compute. */
export interface OpenGate {
  /** Layers of which the mean of each channel is taken; the features before the last layer follow. */
  readonly layers: readonly string[];
  readonly parts: readonly GatePart[];
  /** Absent where no images could be made. */
  readonly contrast?: GateContrast | undefined;
}

/** What is usual for a part, and from there to what one image in a hundred exceeds. */
export interface Scale {
  readonly usual: number;
  readonly step: number;
}

export interface FitGateOptions {
  readonly layers: readonly string[];
  /** Features of each layer, and of the last one, in the order of a row. */
  readonly widths: readonly number[];
  /** f32 `[images, sum of the widths]` of images that the network was trained on. */
  readonly training: Float32Array;
  readonly labels: ArrayLike<number>;
  readonly classes: number;
  /** Of made images; none: no contrast. */
  readonly made?: Float32Array | undefined;
}

/**
 * Fits a gate.
 *
 * @throws SelvedgeError `evaluation/shape`
 */
export function fitGate({ layers, widths, training, labels, classes, made }: FitGateOptions): OpenGate {
  const row = widths.reduce((sum, width) => sum + width, 0);
  let first = 0;
  const parts = widths.map((width, i) => {
    // Of the last features the direction is told: their length is that of confidence.
    const isUnit = i === widths.length - 1;
    const columns = columnsOf(training, { row, first, width });
    const values = isUnit ? unitRows(columns, width) : columns;
    const { whitening, means } = whitenClasses({ values, width }, labels, classes);
    const part = { first, width, isUnit, whitening: Float32Array.from(whitening), means: Float32Array.from(means) };
    first += width;
    return part;
  });
  return { layers, parts, contrast: made?.length ? fitContrast(training, made, row) : undefined };
}

interface Columns {
  readonly row: number;
  readonly first: number;
  readonly width: number;
}

function columnsOf(rows: Float32Array, { row, first, width }: Columns): Float32Array {
  const values = new Float32Array((rows.length / row) * width);
  for (let from = first, to = 0; to < values.length; from += row, to += width) {
    values.set(rows.subarray(from, from + width), to);
  }
  return values;
}

/** Rows of length one; a row of zeros stays. */
export function unitRows(rows: Float32Array, width: number): Float32Array {
  const units = new Float32Array(rows.length);
  for (let first = 0; first < rows.length; first += width) {
    const scale = unitScale(rows.subarray(first, first + width));
    for (let i = first; i < first + width; i++) units[i] = rows[i]! * scale;
  }
  return units;
}

/** What brings a row to length one; a row of zeros stays. */
export function unitScale(row: Float32Array): number {
  let square = 0;
  for (let i = 0; i < row.length; i++) square += row[i]! * row[i]!;
  return square === 0 ? 0 : 1 / Math.sqrt(square);
}

/** Standardised features beyond it count as this: a single one decides nothing. */
const MOST_DEVIATIONS = 6;
/** Of the mean of the diagonal, added to it. */
const RIDGE = 1e-3;

/** Training images that a contrast is fitted to, at most. */
const CONTRAST_IMAGES = 12_000;

/** Least squares, both sides of equal weight, with a small pull to zero. */
function fitContrast(training: Float32Array, made: Float32Array, width: number): GateContrast {
  const count = Math.min(CONTRAST_IMAGES, training.length / width);
  const [means, deviations] = [new Float32Array(width), new Float32Array(width)];
  for (let j = 0; j < width; j++) {
    let [sum, square] = [0, 0];
    for (let i = 0; i < count; i++) sum += training[i * width + j]!;
    for (let i = 0; i < count; i++) square += (training[i * width + j]! - sum / count) ** 2;
    means[j] = sum / count;
    deviations[j] = Math.sqrt(square / count) + 1e-6;
  }
  const many = 2 * width + 1;
  const sides = [training.subarray(0, count * width), made] as const;
  const terms = new Float32Array((count + made.length / width) * many);
  const right = new Float64Array(many);
  const room = new Float64Array(many);
  let at = 0;
  sides.forEach((rows, side) => {
    const weight = width / rows.length;
    for (let first = 0; first < rows.length; first += width, at += many) {
      termsOf(rows.subarray(first, first + width), { means, deviations }, room);
      for (let i = 0; i < many; i++) {
        terms[at + i] = room[i]! * Math.sqrt(weight);
        right[i]! += (side === 0 ? -weight : weight) * room[i]!;
      }
    }
  });
  const products = tf.tidy(() => {
    const matrix = tf.tensor2d(terms, [terms.length / many, many]);
    return tf.matMul(matrix, matrix, true).dataSync<'float32'>();
  });
  const normal = Float64Array.from(products as Float32Array);
  let trace = 0;
  for (let i = 0; i < many; i++) trace += normal[i * (many + 1)]!;
  for (let i = 0; i < many; i++) normal[i * (many + 1)]! += (RIDGE * trace) / many;
  const factor = choleskyOf(normal, many);
  const weights = solveUpper(factor, many, solveLower(factor, many, right));
  return { means, deviations, weights: Float32Array.from(weights) };
}

function termsOf(
  row: Float32Array,
  { means, deviations }: Pick<GateContrast, 'means' | 'deviations'>,
  terms: Float64Array,
): void {
  const width = row.length;
  for (let i = 0; i < width; i++) {
    const value = (row[i]! - means[i]!) / deviations[i]!;
    const clipped = Math.min(MOST_DEVIATIONS, Math.max(-MOST_DEVIATIONS, value));
    terms[i] = clipped;
    terms[width + i] = clipped * clipped;
  }
  terms[2 * width] = 1;
}

/** What the transpose of the factor times it is `right`. */
function solveUpper(factor: Float64Array, width: number, right: Float64Array): Float64Array {
  const solution = new Float64Array(width);
  for (let i = width - 1; i >= 0; i--) {
    let sum = right[i]!;
    for (let k = i + 1; k < width; k++) sum -= factor[k * width + i]! * solution[k]!;
    solution[i] = sum / factor[i * (width + 1)]!;
  }
  return solution;
}

/** To the nearest class of a part, of features that are `whitened`; `scale` brings them to length one, where the part wants that. */
export function distanceOf(whitened: Float32Array, scale: number, means: Float32Array): number {
  const width = whitened.length;
  let least = Number.POSITIVE_INFINITY;
  for (let first = 0; first < means.length; first += width) {
    let sum = 0;
    for (let i = 0; i < width; i++) {
      const difference = whitened[i]! * scale - means[first + i]!;
      sum += difference * difference;
    }
    if (sum < least) least = sum;
  }
  return Math.sqrt(least);
}

/** How much a row of features looks like those of made images. */
export function contrastOf(row: Float32Array, contrast: GateContrast, room: Float64Array): number {
  termsOf(row, contrast, room);
  let sum = 0;
  for (let i = 0; i < room.length; i++) sum += room[i]! * contrast.weights[i]!;
  return sum;
}

/**
 * Scales of the parts of a score.
 *
 * @param scores `[images, parts]` of images that the network was not trained on
 * @param parts How many
 * @throws SelvedgeError `categorise/calibration` for none
 */
export function scalesOf(scores: Float64Array, parts: number): Scale[] {
  if (scores.length === 0)
    throw new SelvedgeError('categorise/calibration', 'Cannot calibrate: expected images, got none');
  return Array.from({ length: parts }, (_, part) => {
    const sorted = Float64Array.from({ length: scores.length / parts }, (__, i) => scores[i * parts + part]!).sort();
    const usual = sorted[sorted.length >> 1]!;
    const high = sorted[Math.min(sorted.length - 1, Math.floor(0.99 * sorted.length))]!;
    return { usual, step: Math.max(1e-9, high - usual) };
  });
}

/** One score of a picture from those of its parts: the length of what is above the usual. */
export function combineScores(scores: Float64Array, scales: readonly Scale[]): Float64Array {
  const parts = scales.length;
  return Float64Array.from({ length: scores.length / parts }, (_, i) => {
    let sum = 0;
    scales.forEach(({ usual, step }, part) => {
      const above = Math.max(0, (scores[i * parts + part]! - usual) / step);
      sum += above * above;
    });
    return Math.sqrt(sum);
  });
}
