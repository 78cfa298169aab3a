// Anomalies of any kind, for a network to learn to see where a garment is not as garments are (after CutPaste, Li et al. 2021, and DRAEM, Zavrtanik
// et al. 2021): a region of some shape is given other levels. Not here: the defects that an inspection is measured by (defects.ts), which another
// generator draws. Invariant: a picture is a function of the pictures, its position, epoch and seed; the same on every engine.
import { createPhilox, type Philox, randomStreams } from '../../core/philox.ts';

/** Levels above it are a garment. */
const GROUND = 16;
/** A level that differs by as much is an anomaly. */
const VISIBLE = 8;
/** Share of pictures that stay as they are. */
const CLEAN = 0.4;

export interface AnomalyOptions {
  /** Position of the picture among `images`. */
  readonly position: number;
  readonly epoch: number;
  readonly seed: number;
  /** Height and width. */
  readonly side: number;
}

export interface MadeAnomaly {
  /** Levels `[side, side]`. */
  readonly image: Uint8Array;
  /** 1 where a level differs by 8 or more, else 0. */
  readonly mask: Uint8Array;
}

/**
 * Gives one picture an anomaly, or, of every five, leaves two as they are.
 *
 * @param images Levels `[count, side, side]`, light on dark: others are pasted from, too
 * @example
 * ```ts
 * import { makeAnomaly } from 'selvedge';
 * const images = new Uint8Array(2 * 784).fill(128);
 * const { image, mask } = makeAnomaly(images, { position: 1, epoch: 0, seed: 1, side: 28 });
 * console.assert(image.every((level, i) => (mask[i] === 1) === Math.abs(level - 128) >= 8));
 * ```
 */
export function makeAnomaly(images: Uint8Array, { position, epoch, seed, side }: AnomalyOptions): MadeAnomaly {
  const size = side * side;
  const draws = createPhilox({ seed, stream: randomStreams.inspection, substream: [position, 5, epoch] });
  const original = images.subarray(position * size, (position + 1) * size);
  const image = original.slice();
  const mask = new Uint8Array(size);
  const garment = Array.from(original.keys()).filter((i) => original[i]! > GROUND);
  if (garment.length === 0 || draws.nextUniform() < CLEAN) return { image, mask };
  const centre = garment[draws.nextBelow(garment.length)]!;
  const share = shapeOf(draws, { centre, garment, side });
  const content = contentOf(draws, { images, original, centre, side });
  const strength = draws.nextUniform() < 0.7 ? 1 : between(draws, 0.3, 1);
  const isAnywhere = draws.nextUniform() < 0.1;
  for (let i = 0; i < size; i++) {
    if (!isAnywhere && original[i]! <= GROUND) continue;
    const part = share(i % side, Math.floor(i / side)) * strength;
    if (part <= 0) continue;
    image[i] = Math.round(original[i]! + part * (content(i) - original[i]!));
    if (Math.abs(image[i]! - original[i]!) >= VISIBLE) mask[i] = 1;
  }
  return { image, mask };
}

const between = (draws: Philox, from: number, to: number): number => from + (to - from) * draws.nextUniform();
const sign = (draws: Philox): number => (draws.nextUniform() < 0.5 ? -1 : 1);

/** A direction, each as likely: of a point in the disc. */
function directionOf(draws: Philox): readonly [number, number] {
  for (;;) {
    const [x, y] = [between(draws, -1, 1), between(draws, -1, 1)];
    const square = x * x + y * y;
    if (square > 0.01 && square <= 1) return [x / Math.sqrt(square), y / Math.sqrt(square)];
  }
}

/** How much of other levels a pixel takes, from 0 to 1. */
type Share = (x: number, y: number) => number;

interface Place {
  readonly centre: number;
  readonly garment: readonly number[];
  readonly side: number;
}

/** An ellipse, a rectangle, a half of the picture, a bent line, or what lies farthest to a side. */
function shapeOf(draws: Philox, { centre, garment, side }: Place): Share {
  const unit = side / 28;
  const [right, down] = directionOf(draws);
  const [centreX, centreY] = [centre % side, Math.floor(centre / side)];
  const along = (x: number, y: number): number => (x - centreX) * right + (y - centreY) * down;
  const across = (x: number, y: number): number => (y - centreY) * right - (x - centreX) * down;
  const kind = draws.nextBelow(5);
  const size = draws.nextUniform();
  const long = (1 + 5.5 * size * size) * unit;
  const short = Math.max(0.8 * unit, long * between(draws, 0.4, 1));
  const isSoft = draws.nextUniform() < 0.35;
  const edge = (inside: number): number => (inside <= 0 ? 0 : isSoft ? 0.25 + 0.75 * Math.min(1, inside) : 1);
  if (kind === 0) {
    return (x, y) => {
      const [a, b] = [along(x, y) / long, across(x, y) / short];
      return edge(1 - Math.sqrt(a * a + b * b));
    };
  }
  if (kind === 1) {
    return (x, y) => edge(Math.min(1 - Math.abs(along(x, y)) / long, 1 - Math.abs(across(x, y)) / short));
  }
  if (kind === 2) return (x, y) => (along(x, y) > 0 ? 1 : 0);
  if (kind === 3) {
    const [bend, length] = [between(draws, -0.04, 0.04) / unit, between(draws, 2, 9) * unit];
    return (x, y) => {
      const a = along(x, y);
      return Math.abs(a) < length && Math.abs(across(x, y) - bend * a * a) < 0.75 * unit ? 1 : 0;
    };
  }
  const far = garment.map((i) => along(i % side, Math.floor(i / side))).sort((a, b) => a - b);
  const from = far[Math.floor(between(draws, 0.84, 0.985) * far.length)]!;
  return (x, y) => (along(x, y) > from ? 1 : 0);
}

interface Source {
  readonly images: Uint8Array;
  readonly original: Uint8Array;
  readonly centre: number;
  readonly side: number;
}

/** Other levels of a pixel: the ground, one level, a lighter or darker tone, another picture, another part of this one, or blocks of two levels. */
function contentOf(draws: Philox, { images, original, centre, side }: Source): (i: number) => number {
  const size = side * side;
  const near = original[centre]!;
  const away = (from: number, to: number): number =>
    Math.min(255, Math.max(0, near + 255 * sign(draws) * between(draws, from, to)));
  const level = draws.nextUniform() < 0.5 ? 255 * draws.nextUniform() : away(0.12, 0.7);
  const kind = draws.nextBelow(6);
  if (kind === 0) return () => 0;
  if (kind === 1) return () => level;
  if (kind === 2) {
    const left = between(draws, 0.35, 0.85);
    return sign(draws) < 0 ? (i) => original[i]! * left : (i) => 255 - (255 - original[i]!) * left;
  }
  if (kind === 3) {
    const start = draws.nextBelow(images.length / size) * size;
    return (i) => images[start + i]!;
  }
  if (kind === 4) {
    const isMirrored = sign(draws) < 0;
    const [right, down] = [draws.nextBelow(17) - 8, draws.nextBelow(17) - 8];
    const within = (place: number): number => (place + 2 * side) % side;
    return (i) => {
      const x = within((i % side) + right);
      return original[within(Math.floor(i / side) + down) * side + (isMirrored ? side - 1 - x : x)]!;
    };
  }
  const other = away(0.1, 0.8);
  const block = 1 + draws.nextBelow(3);
  const pattern = draws.nextUint32();
  const [factorX, factorY] = [1 + draws.nextBelow(7), 1 + draws.nextBelow(11)];
  return (i) => {
    const [x, y] = [Math.floor((i % side) / block), Math.floor(Math.floor(i / side) / block)];
    return (pattern >>> ((x * factorX + y * factorY) & 31)) & 1 ? level : other;
  };
}
