// Made defects: drawn into pictures of garments, with masks of where, to measure an inspection by. Drawings, not photographs of damage.
// Not here: the drawing itself (assembly/defects.ts). Invariant: a picture and its mask depend on the input, its kind, size and number,
// and the seed alone.
import { currentBackend } from '../../backend/index.ts';
import * as kernels from '../../backend/kernels/defects.ts';
import { SelvedgeError } from '../../core/errors.ts';

/** Kinds, as the kernel numbers them, and what they are. */
export const defectKinds = {
  hole: 'an ellipse through which the ground is seen',
  stain: 'a patch of another level, strongest in its middle',
  seam: 'a crooked line of another level, as wide as a pixel of 28',
  missing: 'a sleeve or heel cut off: what lies farthest to a side or a lower corner',
  print: 'blocks of two other levels in a square',
  tone: 'all on one side of a line lighter or darker',
} as const;

export type DefectKind = keyof typeof defectKinds;
export const defectNames = Object.keys(defectKinds) as readonly DefectKind[];
export const defectSizes = ['small', 'medium', 'large'] as const;
export type DefectSize = (typeof defectSizes)[number];

export interface DefectOptions {
  readonly kind: DefectKind;
  readonly size: DefectSize;
  /** Integer from 0 to 2^32 - 1. */
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  /** Number of the first picture, where they are a part of a set; default 0. */
  readonly firstImage?: number;
}

export interface MadeDefects {
  /** Levels `[count, height, width]`. */
  readonly images: Uint8Array;
  /** 1 where the level differs by 8 or more, else 0, `[count, height, width]`; nowhere in a picture that shows no garment. */
  readonly masks: Uint8Array;
}

/**
 * Draws one defect into each picture. Needs a started backend.
 *
 * @param images Levels `[count, height, width]`, light on dark: a garment is what is above level 16
 * @returns Pictures with defects and where they are; the given ones stay as they are
 * @throws SelvedgeError `defects/kind`, `defects/images`, `random/bad-seed`
 * @example
 * ```ts
 * import { makeDefects, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const grey = new Uint8Array(784).fill(128);
 * const { images, masks } = makeDefects(grey, { kind: 'hole', size: 'large', seed: 1, width: 28, height: 28 });
 * console.assert(masks.includes(1) && images[masks.indexOf(1)] === 0);
 * await engine.stop();
 * ```
 */
export function makeDefects(images: Uint8Array, options: DefectOptions): MadeDefects {
  const { kind, size, seed, width, height, firstImage = 0 } = options;
  const number = [defectNames.indexOf(kind), defectSizes.indexOf(size)] as const;
  if (number.includes(-1)) {
    throw new SelvedgeError(
      'defects/kind',
      `Cannot make defects of kind "${kind}", size "${size}": expected one of ${defectNames.join(', ')}, and ${defectSizes.join(', ')}`,
    );
  }
  const isSide = (side: number): boolean => Number.isInteger(side) && side >= 4 && side <= 512;
  const count = images.length / (width * height);
  if (!isSide(width) || !isSide(height) || !Number.isInteger(count)) {
    throw new SelvedgeError(
      'defects/images',
      `Cannot make defects: expected whole pictures of sides from 4 to 512, got ${images.length} levels for ${width}x${height}`,
    );
  }
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw new SelvedgeError('random/bad-seed', `Cannot seed with ${seed}: expected an integer from 0 to 4294967295`);
  }
  if (count === 0) return { images: new Uint8Array(0), masks: new Uint8Array(0) };
  return kernels.drawDefects(currentBackend(), {
    images,
    height,
    width,
    seed,
    kinds: new Uint8Array(count).fill(number[0]),
    sizes: new Uint8Array(count).fill(number[1]),
    ids: Uint32Array.from({ length: count }, (_, i) => firstImage + i),
  });
}
