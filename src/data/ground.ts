// What a picture's object lies on: one colour, or one that changes evenly across the picture, as light does that falls from a side or
// fades to the corners. Not here: the object (find-object.ts). Invariant: read from the outermost pixels alone, most of which are ground.
import type { RawImage } from './image-decoder.ts';

/** A rectangle of whole pixels. */
export interface PixelBox {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The ground of a region, and how far pixels of it are from it. */
export interface Ground {
  /** Red, green and blue, from 0 to 255, that the ground has at a pixel; written into `into`. */
  colourAt(x: number, y: number, into: Float64Array): void;
  /** Where the ground is the same everywhere, what it is. */
  readonly uniform: Float64Array | undefined;
  /** Distances in RGB up to which a pixel may be grain of the ground: 0 where it is clean. */
  readonly grain: number;
  /** The part of the outermost pixels that have its colour, from 0 to 1. */
  readonly share: number;
  /** Distance of the outermost pixel that is furthest from it. */
  readonly farthest: number;
}

/** The greatest distance of two colours. */
export const GREATEST_DISTANCE = 255 * Math.sqrt(3);
/** Pixels further than 5% of it from the ground belong to the object, as in the paper that prepare-image.ts names. */
export const OBJECT_DISTANCE = 0.05 * GREATEST_DISTANCE;

/** Half of the pixels of Gaussian grain are below this part of what all but one in a thousand are below, in one channel; in three, fewer. */
const GRAIN_OF_MEDIAN = 4.5;
/** Of a ground that changes: at least this part of the border follows it. */
const LEAST_SHARE = 0.8;
/** Sides below this have too few outermost pixels to tell a change by. */
const LEAST_SIDE = 16;
/** A change below this distance is none. */
const LEAST_CHANGE = 3;

/** Reads the ground of a region of an opaque picture. */
export function readGround({ data, width }: RawImage, region: PixelBox): Ground {
  const border = borderOf(region);
  const samples = border.xs.map((x, i) => (border.ys[i]! * width + x) * 4);
  const colour = Float64Array.of(0, 1, 2).map((channel) => middleByte(data, samples, channel));
  const distancesFrom = (ground: Ground['colourAt']): Float64Array => {
    const expected = new Float64Array(3);
    const distances = new Float64Array(samples.length);
    for (let i = 0; i < samples.length; i++) {
      ground(border.xs[i]!, border.ys[i]!, expected);
      distances[i] = distance(data, samples[i]!, expected);
    }
    return distances.sort();
  };
  const flat: Ground['colourAt'] = (_x, _y, into) => {
    into[0] = colour[0]!;
    into[1] = colour[1]!;
    into[2] = colour[2]!;
  };
  const distances = distancesFrom(flat);
  const change = quantileOf(distances, 0.6);
  if (change > LEAST_CHANGE && Math.min(region.width, region.height) >= LEAST_SIDE) {
    for (const terms of [3, 6] as const) {
      const colourAt = fitGround({ data, border, samples, region, terms });
      const remaining = distancesFrom(colourAt);
      const found = groundOf(colourAt, undefined, remaining);
      if (found.share >= LEAST_SHARE && quantileOf(remaining, 0.6) < 0.6 * change) return found;
    }
  }
  return groundOf(flat, colour, distances);
}

/** @param distances Sorted */
function groundOf(colourAt: Ground['colourAt'], uniform: Float64Array | undefined, distances: Float64Array): Ground {
  // Grain is not told from an object that reaches around most of the border: what is further is the object.
  const grain = Math.min(GRAIN_OF_MEDIAN * quantileOf(distances, 0.5), 4 * OBJECT_DISTANCE);
  const limit = Math.max(OBJECT_DISTANCE, grain);
  let near = distances.length;
  while (near > 0 && distances[near - 1]! > limit) near--;
  return { colourAt, uniform, grain, farthest: quantileOf(distances, 1), share: near / distances.length };
}

/** Distance in RGB of the pixel at a byte from a colour. */
export function distance(data: RawImage['data'], at: number, colour: Float64Array): number {
  const red = data[at]! - colour[0]!;
  const green = data[at + 1]! - colour[1]!;
  const blue = data[at + 2]! - colour[2]!;
  return Math.sqrt(red * red + green * green + blue * blue);
}

/** Pixels by their places. */
export interface PixelPlaces {
  readonly xs: Int32Array;
  readonly ys: Int32Array;
}

/** The outermost pixels of a region, each once or, at corners, twice. */
export function borderOf({ left, top, width, height }: PixelBox): PixelPlaces {
  const xs = new Int32Array(2 * (width + height));
  const ys = new Int32Array(xs.length);
  let i = 0;
  for (let x = left; x < left + width; x++, i += 2) {
    xs[i] = x;
    xs[i + 1] = x;
    ys[i] = top;
    ys[i + 1] = top + height - 1;
  }
  for (let y = top; y < top + height; y++, i += 2) {
    xs[i] = left;
    xs[i + 1] = left + width - 1;
    ys[i] = y;
    ys[i + 1] = y;
  }
  return { xs, ys };
}

/** The value that a part of all is below; the greater of the two in the middle. */
export function quantileOf(sorted: Float64Array, part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
}

/** That of half of the samples of a channel, by counting. */
function middleByte(data: RawImage['data'], samples: Int32Array, channel: number): number {
  const counts = new Int32Array(256);
  for (let i = 0; i < samples.length; i++) counts[data[samples[i]! + channel]!]!++;
  const middle = Math.floor(0.5 * samples.length);
  let [level, below] = [0, counts[0]!];
  while (below <= middle) below += counts[++level]!;
  return level;
}

interface Fit {
  readonly data: RawImage['data'];
  readonly border: PixelPlaces;
  /** Bytes of the border's pixels. */
  readonly samples: Int32Array;
  readonly region: PixelBox;
  /** 3 for a slope, 6 for a slope that bends. */
  readonly terms: 3 | 6;
}

/** The border's pixels that a fit goes by, nearest first: the others may be the object's. */
const FITTED_SHARE = 0.7;
const FITS = 6;

/** Least squares over the pixels nearest to the last fit, again and again: least trimmed squares. */
function fitGround({ data, border, samples, region, terms }: Fit): Ground['colourAt'] {
  const kept = Math.ceil(FITTED_SHARE * samples.length);
  const far = new Float64Array(samples.length);
  const expected = new Float64Array(3);
  let chosen: Int32Array = Int32Array.from(samples, (_, i) => i);
  let colourAt: Ground['colourAt'] = () => {};
  for (let fit = 0; fit < FITS; fit++) {
    const weights = leastSquares({ data, border, samples, region, terms }, chosen);
    const surface = surfaceOf(region, weights, terms);
    for (let i = 0; i < samples.length; i++) {
      surface(border.xs[i]!, border.ys[i]!, expected);
      far[i] = distance(data, samples[i]!, expected);
    }
    chosen = nearestFirst(far).subarray(0, kept);
    colourAt = (x, y, into) => {
      surface(x, y, into);
      for (let channel = 0; channel < 3; channel++) into[channel] = Math.min(255, Math.max(0, into[channel]!));
    };
  }
  return colourAt;
}

/** Indices in the order of their values; of equal ones the lower first. */
function nearestFirst(values: Float64Array): Int32Array {
  const sorted = values.slice().sort();
  const taken = new Int32Array(values.length);
  const order = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    let [low, high] = [0, values.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle]! < values[i]!) low = middle + 1;
      else high = middle;
    }
    order[low + taken[low]!] = i;
    taken[low]!++;
  }
  return order;
}

/** The sums of terms that weights, `[channel, term]`, make, without a limit. */
function surfaceOf({ left, top, width, height }: PixelBox, weights: Float64Array, terms: 3 | 6): Ground['colourAt'] {
  return (x, y, into) => {
    const across = (2 * (x - left)) / width - 1;
    const down = (2 * (y - top)) / height - 1;
    for (let channel = 0; channel < 3; channel++) {
      const at = channel * terms;
      let sum = weights[at]! + weights[at + 1]! * across + weights[at + 2]! * down;
      if (terms === 6) {
        sum = sum + weights[at + 3]! * (across * across) + weights[at + 4]! * (across * down);
        sum += weights[at + 5]! * (down * down);
      }
      into[channel] = sum;
    }
  };
}

/** Weights of the terms that come nearest to the chosen samples, `[channel, term]`, by the normal equations. */
function leastSquares({ data, border, samples, region, terms }: Fit, chosen: Int32Array): Float64Array {
  const products = new Float64Array(terms * terms);
  const sums = new Float64Array(3 * terms);
  const place = new Float64Array(6);
  place[0] = 1;
  for (const i of chosen) {
    const across = (2 * (border.xs[i]! - region.left)) / region.width - 1;
    const down = (2 * (border.ys[i]! - region.top)) / region.height - 1;
    place[1] = across;
    place[2] = down;
    place[3] = across * across;
    place[4] = across * down;
    place[5] = down * down;
    for (let term = 0; term < terms; term++) {
      const value = place[term]!;
      for (let other = 0; other < terms; other++) products[term * terms + other]! += value * place[other]!;
      for (let channel = 0; channel < 3; channel++) {
        sums[channel * terms + term]! += value * data[samples[i]! + channel]!;
      }
    }
  }
  const weights = new Float64Array(3 * terms);
  for (let channel = 0; channel < 3; channel++) {
    const rows = Array.from({ length: terms }, (_, term) => [
      ...products.subarray(term * terms, (term + 1) * terms),
      sums[channel * terms + term]!,
    ]);
    weights.set(eliminate(rows), channel * terms);
  }
  return weights;
}

/** Gauss's elimination; a matrix with its right side as the last column. */
function eliminate(matrix: number[][]): number[] {
  const count = matrix.length;
  for (let i = 0; i < count; i++) {
    const pivot = matrix
      .slice(i)
      .reduce((best, row, n) => (Math.abs(row[i]!) > Math.abs(matrix[best]![i]!) ? i + n : best), i);
    [matrix[i], matrix[pivot]] = [matrix[pivot]!, matrix[i]!];
    // Places that all lie on a line leave a term without weight.
    if (Math.abs(matrix[i]![i]!) < 1e-9) continue;
    for (let j = 0; j < count; j++) {
      if (j === i) continue;
      const factor = matrix[j]![i]! / matrix[i]![i]!;
      matrix[j] = matrix[j]!.map((value, n) => value - factor * matrix[i]![n]!);
    }
  }
  return matrix.map((row, i) => (Math.abs(row[i]!) < 1e-9 ? 0 : row[count]! / row[i]!));
}
