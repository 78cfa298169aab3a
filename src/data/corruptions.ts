// Fifteen ways in which a picture may be worse than those of the data set, each at five strengths, in the manner of ImageNet-C and MNIST-C.
// Not here: augmentation, which trains. Invariant: a corrupted image is a function of the image, its number, the kind, the strength and
// the seed, with the same bits on every engine.
// Sources: D. Hendrycks and T. Dietterich, arXiv 1903.12261; N. Mu and J. Gilmer, arXiv 1906.02337. Strengths are our own, for 28x28.

import { cosineOfHalfTurn } from '../core/cosine.ts';
import { SelvedgeError } from '../core/errors.ts';
import { createPhilox, type Philox, randomStreams } from '../core/philox.ts';
import { loseByJpeg } from './jpeg-loss.ts';

/** A grey picture. */
interface Picture {
  /** `[height, width]`, levels from 0 to 255. */
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
}

interface Corruption {
  readonly group: 'noise' | 'blur' | 'light' | 'cover' | 'geometry' | 'digital';
  /** What the strengths count. */
  readonly unit: string;
  readonly strengths: readonly [number, number, number, number, number];
  /** Levels, not yet rounded or clipped. */
  apply(picture: Picture, strength: number, draws: Philox): ArrayLike<number>;
}

export const corruptions = {
  'gaussian-noise': {
    group: 'noise',
    unit: 'standard deviation',
    strengths: [0.08, 0.12, 0.18, 0.26, 0.38],
    apply: ({ pixels }, deviation, { nextNormal }) =>
      Float64Array.from(pixels, (level) => level + 255 * deviation * nextNormal()),
  },
  'shot-noise': {
    group: 'noise',
    unit: 'photons of white',
    strengths: [60, 25, 12, 5, 3],
    apply: ({ pixels }, photons, { nextUniform }) =>
      Float64Array.from(pixels, (level) => (255 * poisson((level / 255) * photons, nextUniform())) / photons),
  },
  'impulse-noise': {
    group: 'noise',
    unit: 'share of the pixels',
    strengths: [0.03, 0.06, 0.09, 0.17, 0.27],
    apply: ({ pixels }, share, { nextUniform }) =>
      Float64Array.from(pixels, (level) => {
        const place = nextUniform();
        return place >= share ? level : 2 * place < share ? 0 : 255;
      }),
  },
  'gaussian-blur': {
    group: 'blur',
    unit: 'passes of (1, 2, 1) / 4 each way',
    strengths: [1, 2, 4, 6, 9],
    apply: (picture, passes) => blurByPasses(picture, passes),
  },
  'defocus-blur': {
    group: 'blur',
    unit: 'radius, pixels',
    strengths: [1, 1.5, 2, 2.5, 3],
    apply: (picture, radius) => average(picture, discOf(radius)),
  },
  'motion-blur': {
    group: 'blur',
    unit: 'length, pixels',
    strengths: [3, 5, 7, 9, 11],
    apply: (picture, length, draws) => {
      const [right, down] = directionOf(draws);
      const steps = 2 * length - 1;
      return average(
        picture,
        Array.from({ length: steps }, (_, i) => {
          const along = (i - (steps - 1) / 2) / 2;
          return { right: along * right, down: along * down, weight: 1 };
        }),
      );
    },
  },
  brightness: {
    group: 'light',
    unit: 'share of white, added',
    strengths: [0.1, 0.2, 0.3, 0.4, 0.5],
    apply: ({ pixels }, share) => Float64Array.from(pixels, (level) => level + 255 * share),
  },
  contrast: {
    group: 'light',
    unit: 'share that is left',
    strengths: [0.6, 0.4, 0.3, 0.2, 0.1],
    apply: ({ pixels }, share) => {
      const mean = pixels.reduce((sum, level) => sum + level, 0) / pixels.length;
      return Float64Array.from(pixels, (level) => mean + share * (level - mean));
    },
  },
  occlusion: {
    group: 'cover',
    unit: 'side of a square, share of the width',
    strengths: [0.2, 0.3, 0.4, 0.5, 0.6],
    apply: ({ pixels, width, height }, share, { nextBelow }) => {
      const side = Math.round(share * width);
      const [left, top, level] = [nextBelow(width - side + 1), nextBelow(height - side + 1), nextBelow(256)];
      return pixels.map((kept, i) => {
        const [y, x] = [Math.floor(i / width) - top, (i % width) - left];
        return y >= 0 && y < side && x >= 0 && x < side ? level : kept;
      });
    },
  },
  shift: {
    group: 'geometry',
    unit: 'pixels',
    strengths: [1, 2, 3, 4, 5],
    apply: (picture, pixels, { nextBelow }) => {
      const along = nextBelow(2 * pixels + 1) - pixels;
      const across = nextBelow(2) === 0 ? pixels : -pixels;
      const [right, down] = nextBelow(2) === 0 ? [across, along] : [along, across];
      return map(picture, (y, x) => [y - down, x - right]);
    },
  },
  turn: {
    group: 'geometry',
    unit: 'degrees',
    strengths: [6, 12, 18, 24, 30],
    apply: (picture, degrees, { nextBelow }) => {
      const cosine = cosineOfHalfTurn(degrees / 180);
      const sine = cosineOfHalfTurn(0.5 - degrees / 180) * (nextBelow(2) === 0 ? 1 : -1);
      return map(picture, (y, x) => [cosine * y + sine * x, cosine * x - sine * y]);
    },
  },
  scale: {
    group: 'geometry',
    unit: 'share of the size',
    strengths: [0.9, 0.8, 0.7, 0.6, 0.5],
    apply: (picture, share) => map(picture, (y, x) => [y / share, x / share]),
  },
  shear: {
    group: 'geometry',
    unit: 'pixels aside a pixel down',
    strengths: [0.1, 0.2, 0.3, 0.4, 0.5],
    apply: (picture, slope, { nextBelow }) => {
      const signed = nextBelow(2) === 0 ? slope : -slope;
      return map(picture, (y, x) => [y, x - signed * y]);
    },
  },
  pixelate: {
    group: 'digital',
    unit: 'share of the resolution',
    strengths: [0.75, 0.6, 0.5, 0.35, 0.25],
    apply: (picture, share) => pixelate(picture, Math.max(1, Math.round(share * picture.width))),
  },
  jpeg: {
    group: 'digital',
    unit: 'quality',
    strengths: [50, 30, 18, 10, 5],
    apply: ({ pixels, width }, quality) => loseByJpeg(pixels, width, quality),
  },
} as const satisfies Readonly<Record<string, Corruption>>;

export type CorruptionName = keyof typeof corruptions;
export const corruptionNames = Object.keys(corruptions) as readonly CorruptionName[];
/** Strengths are numbered from 1. */
export const CORRUPTION_STRENGTHS = 5;

/** What is corrupted, and how. */
export interface CorruptOptions {
  readonly kind: CorruptionName;
  /** 1, the mildest, to 5. */
  readonly strength: number;
  /** Integer from 0 to 2^32 - 1. */
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  /** Number of the first image, where they are a part of a set; default 0. */
  readonly firstImage?: number;
}

/**
 * Corrupts grey images.
 *
 * @param images `[count, height, width]`, levels from 0 to 255
 * @param options Kind, strength, seed and size of the images
 * @returns Levels of the same shape, a new array
 * @throws SelvedgeError `corruption/kind`, `corruption/strength`, `corruption/images`, `random/bad-seed`
 * @example
 * ```ts
 * import { corruptImages } from 'selvedge';
 * const [level] = corruptImages(Uint8Array.of(100), { kind: 'brightness', strength: 1, seed: 1, width: 1, height: 1 });
 * console.assert(level === 126);
 * ```
 */
export function corruptImages(images: Uint8Array, options: CorruptOptions): Uint8Array {
  const { kind, strength, seed, width, height, firstImage = 0 } = options;
  checkOptions(images, kind, strength, width * height);
  const { strengths, apply }: Corruption = corruptions[kind];
  const size = width * height;
  const number = corruptionNames.indexOf(kind);
  const corrupted = new Uint8Array(images.length);
  for (let start = 0; start < images.length; start += size) {
    const pixels = images.subarray(start, start + size);
    const substream = [firstImage + start / size, number, strength] as const;
    const draws = createPhilox({ seed, stream: randomStreams.corruption, substream });
    const levels = apply({ pixels, width, height }, strengths[strength - 1]!, draws);
    for (let i = 0; i < size; i++) corrupted[start + i] = Math.min(255, Math.max(0, Math.round(levels[i]!)));
  }
  return corrupted;
}

function checkOptions(images: Uint8Array, kind: string, strength: number, size: number): void {
  const refuse = (code: 'kind' | 'strength' | 'images', expected: string): SelvedgeError =>
    new SelvedgeError(`corruption/${code}`, `Cannot corrupt images: expected ${expected}`);
  if (!Object.hasOwn(corruptions, kind)) throw refuse('kind', `one of ${corruptionNames.join(', ')}, got "${kind}"`);
  if (!Number.isInteger(strength) || strength < 1 || strength > CORRUPTION_STRENGTHS) {
    throw refuse('strength', `a strength from 1 to ${CORRUPTION_STRENGTHS}, got ${strength}`);
  }
  if (!(Number.isInteger(size) && size > 0 && images.length % size === 0)) {
    throw refuse('images', `images of ${size} pixels, got ${images.length} levels`);
  }
}

/** The quantile of a Poisson distribution. */
function poisson(mean: number, uniform: number): number {
  let probability = exponentialOfMinus(mean);
  let sum = probability;
  let count = 0;
  // Sums end below 1 by rounding; nothing is so improbable that it would be missed.
  while (uniform >= sum && count < 1000) {
    count++;
    probability *= mean / count;
    sum += probability;
  }
  return count;
}

/** e to the power of -x, 0 <= x <= 64, to 1e-13 of itself: a Taylor series of a 128th, squared seven times. */
function exponentialOfMinus(x: number): number {
  const part = -x / 128;
  let sum = 1;
  for (let n = 12; n >= 1; n--) sum = 1 + (part * sum) / n;
  for (let squaring = 0; squaring < 7; squaring++) sum *= sum;
  return sum;
}

/** A uniform direction: a point of the disc by rejection. */
function directionOf({ nextUniform }: Philox): readonly [right: number, down: number] {
  for (;;) {
    const [x, y] = [2 * nextUniform() - 1, 2 * nextUniform() - 1];
    const square = x * x + y * y;
    if (square > 1 || square < 0.01) continue;
    const length = Math.sqrt(square);
    return [x / length, y / length];
  }
}

interface Tap {
  readonly right: number;
  readonly down: number;
  readonly weight: number;
}

/** A disc by how much of a pixel it covers, counted on 8x8 points. */
function discOf(radius: number): Tap[] {
  const reach = Math.ceil(radius);
  const taps: Tap[] = [];
  for (let down = -reach; down <= reach; down++) {
    for (let right = -reach; right <= reach; right++) {
      let weight = 0;
      for (let point = 0; point < 64; point++) {
        const x = right + ((point % 8) - 3.5) / 8;
        const y = down + (Math.floor(point / 8) - 3.5) / 8;
        if (x * x + y * y <= radius * radius) weight++;
      }
      if (weight > 0) taps.push({ right, down, weight });
    }
  }
  return taps;
}

/** Weighted mean of the picture as it is seen from several places, bilinear between pixels; 0 outside. */
function average({ pixels, width, height }: Picture, taps: readonly Tap[]): Float64Array {
  const whole = taps.reduce((sum, { weight }) => sum + weight, 0);
  const reach = taps.reduce((most, { right, down }) => Math.max(most, Math.abs(right), Math.abs(down)), 0);
  const margin = Math.floor(reach) + 1;
  const stride = width + 2 * margin;
  const padded = new Float64Array(stride * (height + 2 * margin));
  for (let y = 0; y < height; y++) {
    padded.set(pixels.subarray(y * width, (y + 1) * width), (y + margin) * stride + margin);
  }
  const weights = new Map<number, number>();
  const add = (offset: number, weight: number): void => {
    if (weight > 0) weights.set(offset, (weights.get(offset) ?? 0) + weight / whole);
  };
  for (const { right, down, weight } of taps) {
    const [top, left] = [Math.floor(down), Math.floor(right)];
    const [partDown, partRight] = [down - top, right - left];
    const offset = top * stride + left;
    add(offset, weight * (1 - partDown) * (1 - partRight));
    add(offset + 1, weight * (1 - partDown) * partRight);
    add(offset + stride, weight * partDown * (1 - partRight));
    add(offset + stride + 1, weight * partDown * partRight);
  }
  const offsets = Int32Array.from(weights.keys());
  const shares = Float64Array.from(weights.values());
  const means = new Float64Array(width * height);
  for (let i = 0; i < means.length; i++) {
    const at = (Math.floor(i / width) + margin) * stride + margin + (i % width);
    let sum = 0;
    for (let tap = 0; tap < offsets.length; tap++) sum += shares[tap]! * padded[at + offsets[tap]!]!;
    means[i] = sum;
  }
  return means;
}

/** Bilinear; 0 outside. */
function levelAt({ pixels, width, height }: Picture, y: number, x: number): number {
  if (!(y > -1 && y < height && x > -1 && x < width)) return 0;
  const [top, left] = [Math.floor(y), Math.floor(x)];
  const [partDown, partRight] = [y - top, x - left];
  const at = top * width + left;
  const [hasLeft, hasRight] = [left >= 0, left + 1 < width];
  const topLeft = top >= 0 && hasLeft ? pixels[at]! : 0;
  const topRight = top >= 0 && hasRight ? pixels[at + 1]! : 0;
  const lowLeft = top + 1 < height && hasLeft ? pixels[at + width]! : 0;
  const lowRight = top + 1 < height && hasRight ? pixels[at + width + 1]! : 0;
  const upper = topLeft + partRight * (topRight - topLeft);
  return upper + partDown * (lowLeft + partRight * (lowRight - lowLeft) - upper);
}

/** Levels from where `from` says that a pixel comes from; coordinates are counted from the centre. */
function map(picture: Picture, from: (y: number, x: number) => readonly [y: number, x: number]): Float64Array {
  const { width, height } = picture;
  const [middleY, middleX] = [(height - 1) / 2, (width - 1) / 2];
  const levels = new Float64Array(width * height);
  for (let i = 0; i < levels.length; i++) {
    const [y, x] = from(Math.floor(i / width) - middleY, (i % width) - middleX);
    levels[i] = levelAt(picture, y + middleY, x + middleX);
  }
  return levels;
}

function blurByPasses({ pixels, width, height }: Picture, passes: number): Float64Array {
  let levels = Float64Array.from(pixels);
  const pass = (stride: number, place: (i: number) => number, extent: number): void => {
    levels = levels.map((level, i) => {
      const before = place(i) > 0 ? levels[i - stride]! : 0;
      const after = place(i) < extent - 1 ? levels[i + stride]! : 0;
      return (before + 2 * level + after) / 4;
    });
  };
  for (let i = 0; i < passes; i++) {
    pass(1, (at) => at % width, width);
    pass(width, (at) => Math.floor(at / width), height);
  }
  return levels;
}

/** Means over a grid of `cells` cells each way, every pixel weighted by its part in the cell. */
function pixelate({ pixels, width, height }: Picture, cells: number): Float64Array {
  const shares = (extent: number): number[][] =>
    Array.from({ length: cells }, (_, cell) => {
      const [from, to] = [(cell * extent) / cells, ((cell + 1) * extent) / cells];
      return Array.from({ length: extent }, (__, i) => Math.max(0, Math.min(to, i + 1) - Math.max(from, i)));
    });
  const [columns, rows] = [shares(width), shares(height)];
  const means = rows.map((row) =>
    columns.map((column) => {
      let sum = 0;
      let weight = 0;
      row.forEach((down, y) => {
        if (down === 0) return;
        column.forEach((right, x) => {
          sum += down * right * pixels[y * width + x]!;
          weight += down * right;
        });
      });
      return sum / weight;
    }),
  );
  const cellOf = (i: number, extent: number): number => Math.floor(((i + 0.5) * cells) / extent);
  return Float64Array.from(
    { length: width * height },
    (_, i) => means[cellOf(Math.floor(i / width), height)]![cellOf(i % width, width)]!,
  );
}
