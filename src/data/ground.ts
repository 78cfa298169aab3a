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
  const samples = border.map(([x, y]) => (y * width + x) * 4);
  const colour = Float64Array.of(
    ...[0, 1, 2].map((channel) =>
      quantile(
        samples.map((at) => data[at + channel]!),
        0.5,
      ),
    ),
  );
  const distancesFrom = (ground: Ground['colourAt']): number[] => {
    const expected = new Float64Array(3);
    return border.map(([x, y], i) => {
      ground(x, y, expected);
      return distance(data, samples[i]!, expected);
    });
  };
  const flat: Ground['colourAt'] = (_x, _y, into) => into.set(colour);
  const distances = distancesFrom(flat);
  const change = quantile(distances, 0.6);
  if (change > LEAST_CHANGE && Math.min(region.width, region.height) >= LEAST_SIDE) {
    for (const terms of [3, 6]) {
      const colourAt = fitGround({ data, border, samples, region, terms });
      const remaining = distancesFrom(colourAt);
      const found = groundOf(colourAt, undefined, remaining);
      if (found.share >= LEAST_SHARE && quantile(remaining, 0.6) < 0.6 * change) return found;
    }
  }
  return groundOf(flat, colour, distances);
}

function groundOf(colourAt: Ground['colourAt'], uniform: Float64Array | undefined, distances: number[]): Ground {
  // Grain is not told from an object that reaches around most of the border: what is further is the object.
  const grain = Math.min(GRAIN_OF_MEDIAN * quantile(distances, 0.5), 4 * OBJECT_DISTANCE);
  const limit = Math.max(OBJECT_DISTANCE, grain);
  const farthest = quantile(distances, 1);
  return {
    colourAt,
    uniform,
    grain,
    farthest,
    share: distances.filter((far) => far <= limit).length / distances.length,
  };
}

/** Distance in RGB of the pixel at a byte from a colour. */
export function distance(data: RawImage['data'], at: number, colour: Float64Array): number {
  const red = data[at]! - colour[0]!;
  const green = data[at + 1]! - colour[1]!;
  const blue = data[at + 2]! - colour[2]!;
  return Math.sqrt(red * red + green * green + blue * blue);
}

/** The outermost pixels of a region, each once or, at corners, twice. */
export function borderOf({ left, top, width, height }: PixelBox): (readonly [number, number])[] {
  const pixels: (readonly [number, number])[] = [];
  for (let x = left; x < left + width; x++) pixels.push([x, top], [x, top + height - 1]);
  for (let y = top; y < top + height; y++) pixels.push([left, y], [left + width - 1, y]);
  return pixels;
}

/** The value that a part of all is below; the greater of the two in the middle. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
}

interface Fit {
  readonly data: RawImage['data'];
  readonly border: readonly (readonly [number, number])[];
  /** Bytes of the border's pixels. */
  readonly samples: readonly number[];
  readonly region: PixelBox;
  /** 3 for a slope, 6 for a slope that bends. */
  readonly terms: number;
}

/** The border's pixels that a fit goes by, nearest first: the others may be the object's. */
const FITTED_SHARE = 0.7;
const FITS = 6;

/** Least squares over the pixels nearest to the last fit, again and again: least trimmed squares. */
function fitGround({ data, border, samples, region, terms }: Fit): Ground['colourAt'] {
  const place = (x: number, y: number): number[] => {
    const across = (2 * (x - region.left)) / region.width - 1;
    const down = (2 * (y - region.top)) / region.height - 1;
    return [1, across, down, across * across, across * down, down * down].slice(0, terms);
  };
  const places = border.map(([x, y]) => place(x, y));
  const kept = Math.ceil(FITTED_SHARE * border.length);
  let chosen = border.map((_, i) => i);
  let weights: readonly (readonly number[])[] = [];
  for (let fit = 0; fit < FITS; fit++) {
    weights = [0, 1, 2].map((channel) =>
      leastSquares(
        chosen.map((i) => places[i]!),
        chosen.map((i) => data[samples[i]! + channel]!),
      ),
    );
    const expected = new Float64Array(3);
    const far = places.map((terms, i) => {
      weights.forEach((weight, channel) => {
        expected[channel] = dot(weight, terms);
      });
      return distance(data, samples[i]!, expected);
    });
    chosen = border.map((_, i) => i).sort((a, b) => far[a]! - far[b]!);
    chosen.length = kept;
  }
  return (x, y, into) => {
    const terms = place(x, y);
    weights.forEach((weight, channel) => {
      into[channel] = Math.min(255, Math.max(0, dot(weight, terms)));
    });
  };
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** Weights of the terms that come nearest to the values, by the normal equations and Gauss's elimination. */
function leastSquares(rows: readonly (readonly number[])[], values: readonly number[]): number[] {
  const count = rows[0]!.length;
  const matrix = Array.from({ length: count }, (_, i) => [
    ...Array.from({ length: count }, (_, j) => rows.reduce((sum, row) => sum + row[i]! * row[j]!, 0)),
    rows.reduce((sum, row, n) => sum + row[i]! * values[n]!, 0),
  ]);
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
