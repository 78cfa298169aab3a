// Images that show no clothes: strokes as of letters, noise of several kinds, and what is left of real images that were spoilt.
// Not here: corruptions, which leave an image what it is. Invariant: an image is a function of kind, number and seed, to the bit.
import { SelvedgeError } from '../core/errors.ts';
import { createPhilox, type Philox, randomStreams } from '../core/philox.ts';

/** Kinds and what they are. */
export const madeImageKinds = {
  strokes: 'two to four strokes, as of letters',
  'uniform-noise': 'every pixel by itself, all levels equally likely',
  'smooth-noise': 'noise of 4x4 cells, interpolated',
  shuffled: 'real images, their pixels in another order, another for each',
  negative: 'real images, dark for light',
  'upside-down': 'real images, turned by half a turn',
} as const;

export type MadeImageKind = keyof typeof madeImageKinds;

export interface MakeOptions {
  readonly kind: MadeImageKind;
  readonly count: number;
  /** Integer from 0 to 2^32 - 1. */
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  /** Real images, for the kinds that spoil them; at least `count`. */
  readonly real: Uint8Array;
}

/**
 * Makes images that are of no class.
 *
 * @returns Levels `[count, height, width]`
 * @throws SelvedgeError `made-images/kind`, `made-images/real`
 * @example
 * ```ts
 * import { makeImages } from 'selvedge';
 * const real = Uint8Array.of(1, 2);
 * const made = makeImages({ kind: 'upside-down', count: 1, seed: 1, width: 2, height: 1, real });
 * console.assert(made.join() === '2,1');
 * ```
 */
export function makeImages({ kind, count, seed, width, height, real }: MakeOptions): Uint8Array {
  const size = width * height;
  if (!Object.hasOwn(madeImageKinds, kind)) {
    const expected = Object.keys(madeImageKinds).join(', ');
    throw new SelvedgeError('made-images/kind', `Cannot make images of kind "${kind}": expected one of ${expected}`);
  }
  if (real.length < count * size) {
    throw new SelvedgeError(
      'made-images/real',
      `Cannot make ${count} images: expected as many real ones of ${size} pixels, got ${real.length} levels`,
    );
  }
  const number = Object.keys(madeImageKinds).indexOf(kind);
  const made = new Uint8Array(count * size);
  for (let image = 0; image < count; image++) {
    const draws = createPhilox({ seed, stream: randomStreams.madeImages, substream: [image, number] });
    const source = real.subarray(image * size, (image + 1) * size);
    made.set(makers[kind](source, width, draws), image * size);
  }
  return made;
}

type Maker = (real: Uint8Array, width: number, draws: Philox) => ArrayLike<number>;

const makers: Readonly<Record<MadeImageKind, Maker>> = {
  strokes: (real, width, draws) => strokes(real.length / width, width, draws),
  'uniform-noise': (real, _, { nextBelow }) => real.map(() => nextBelow(256)),
  'smooth-noise': (real, width, draws) => smoothNoise(real.length / width, width, draws),
  shuffled: (real, _, { nextBelow }) => {
    const pixels = real.slice();
    for (let i = pixels.length - 1; i > 0; i--) {
      const j = nextBelow(i + 1);
      [pixels[i], pixels[j]] = [pixels[j]!, pixels[i]!];
    }
    return pixels;
  },
  negative: (real) => real.map((level) => 255 - level),
  'upside-down': (real) => real.slice().reverse(),
};

interface Segment {
  readonly fromY: number;
  readonly fromX: number;
  readonly toY: number;
  readonly toX: number;
}

/** Each stroke begins at an end of an earlier one, or anywhere; all are of one width, with soft edges. */
function strokes(height: number, width: number, { nextUniform, nextBelow }: Philox): Uint8Array {
  const count = 2 + nextBelow(3);
  const halfWidth = (0.03 + 0.03 * nextUniform()) * width;
  const point = (): readonly [y: number, x: number] => [
    (0.15 + 0.7 * nextUniform()) * height,
    (0.15 + 0.7 * nextUniform()) * width,
  ];
  const segments: Segment[] = [];
  let [fromY, fromX] = point();
  while (segments.length < count) {
    const [toY, toX] = point();
    segments.push({ fromY, fromX, toY, toX });
    [fromY, fromX] = nextBelow(3) === 0 ? point() : [toY, toX];
  }
  return Uint8Array.from({ length: height * width }, (_, i) => {
    const [y, x] = [Math.floor(i / width) + 0.5, (i % width) + 0.5];
    const distance = segments.reduce((least, segment) => Math.min(least, distanceTo(segment, y, x)), width);
    return Math.round(255 * Math.min(1, Math.max(0, halfWidth + 0.5 - distance)));
  });
}

function distanceTo({ fromY, fromX, toY, toX }: Segment, y: number, x: number): number {
  const [alongY, alongX] = [toY - fromY, toX - fromX];
  const square = alongY * alongY + alongX * alongX;
  const part = square === 0 ? 0 : ((y - fromY) * alongY + (x - fromX) * alongX) / square;
  const clipped = Math.min(1, Math.max(0, part));
  const [restY, restX] = [y - fromY - clipped * alongY, x - fromX - clipped * alongX];
  return Math.sqrt(restY * restY + restX * restX);
}

const CELLS = 4;

function smoothNoise(height: number, width: number, { nextUniform }: Philox): Uint8Array {
  const corners = Array.from({ length: (CELLS + 1) * (CELLS + 1) }, () => 255 * nextUniform());
  const at = (row: number, column: number): number => corners[row * (CELLS + 1) + column]!;
  return Uint8Array.from({ length: height * width }, (_, i) => {
    const [y, x] = [(Math.floor(i / width) * CELLS) / height, ((i % width) * CELLS) / width];
    const [row, column] = [Math.floor(y), Math.floor(x)];
    const upper = at(row, column) + (x - column) * (at(row, column + 1) - at(row, column));
    const lower = at(row + 1, column) + (x - column) * (at(row + 1, column + 1) - at(row + 1, column));
    return Math.round(upper + (y - row) * (lower - upper));
  });
}
