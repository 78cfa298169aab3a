// Items in a picture of any size: its grey levels with light items on dark ground, the detector over it at several scales, and one list.
// Not here: files (src/data), the network (detector.ts). Invariant: the same picture gives the same items, whatever the number of threads.
import * as tf from '../../backend/tfjs.ts';
import { averageAreas, type ReadLevels } from '../../data/average-areas.ts';
import { lumaOf } from '../../data/find-object.ts';
import { type Ground, OBJECT_DISTANCE, readGround } from '../../data/ground.ts';
import type { RawImage } from '../../data/image-decoder.ts';
import { areaOf, type Box, type DetectedItem, suppress } from './boxes.ts';
import type { Detector } from './detector.ts';
import { SIDE_MULTIPLE } from './network.ts';

/** What a picture shows. */
export interface FoundItems {
  /** Best first; boxes in pixels of the picture. */
  readonly items: readonly DetectedItem[];
  /** Of the picture's border. */
  readonly ground: 'light' | 'dark';
  /** Whether nothing stands out from the ground; where something does, there may be no items all the same. */
  readonly isBlank: boolean;
}

export interface FindOptions {
  /** Items of a lower score are left out. Default: .5. */
  readonly threshold?: number;
  /** The longest side that is looked at, in pixels: larger pictures are made smaller. Default: 640. */
  readonly side?: number;
}

/** Chosen on validation scenes: docs/detect.md. */
export const DEFAULT_THRESHOLD = 0.5;
const DEFAULT_SIDE = 640;
/** A picture of which every scale is half the one before, down to this longest side. */
const SMALLEST_SIDE = 56;
/** Ground around a picture, so that items at its rim look as in training. */
const MARGIN = 8;
/** Grounds up to this level were in training; of lighter ones levels are taken as distances. */
const DARK = 0.3;
/** An item this much of which is inside a better one that was found at another scale is a part of that. */
const PART = 0.7;
const OVERLAP = 0.5;
const MOST_ITEMS = 100;

/**
 * Finds the items in a picture.
 *
 * @param image RGBA pixels of any size, at least 1 x 1, items of any size that fit; transparent parts are taken as white
 * @returns No items of a picture that is all ground
 * @throws SelvedgeError `detect/threshold`
 * @example
 * ```ts
 * import { findItems, openShippedDetector, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const detector = await openShippedDetector();
 * const blank = { width: 100, height: 80, data: new Uint8Array(100 * 80 * 4).fill(255) };
 * console.assert(findItems(detector, blank).items.length === 0);
 * detector.dispose();
 * await engine.stop();
 * ```
 */
export function findItems(detector: Detector, image: RawImage, options: FindOptions = {}): FoundItems {
  const { threshold = DEFAULT_THRESHOLD, side = DEFAULT_SIDE } = options;
  const { read, ground, isBlank } = levelsOf(image);
  if (isBlank) return { items: [], ground, isBlank };
  const { width, height } = image;
  const found: (DetectedItem & { readonly scale: number })[] = [];
  let longest = Math.min(side, Math.max(width, height));
  for (let scale = 0; scale === 0 || longest >= SMALLEST_SIDE; scale++, longest = Math.floor(longest / 2)) {
    const reduction = Math.max(width, height) / longest;
    const to = {
      width: Math.max(1, Math.round(width / reduction)),
      height: Math.max(1, Math.round(height / reduction)),
    };
    const x = padded(averageAreas(read, { left: 0, top: 0, width, height }, to.width, to.height), to);
    const [items] = detector.detect(x, { threshold, classes: 'one' });
    x.dispose();
    const [across, down] = [width / to.width, height / to.height];
    for (const { box, ...item } of items!) {
      const inPicture = placed(box, across, down, image);
      if (areaOf(inPicture) > 0) found.push({ ...item, box: inPicture, scale });
    }
  }
  const kept = suppress(found, { overlap: OVERLAP, byClass: false, limit: MOST_ITEMS }) as typeof found;
  const items = kept.filter((item, i) => !kept.slice(0, i).some((better) => isPartOf(item, better)));
  return { items: items.map(({ scale: _, ...item }) => item), ground, isBlank };
}

/** Back to pixels of the picture. */
function placed([left, top, right, bottom]: Box, across: number, down: number, { width, height }: RawImage): Box {
  const inside = (value: number, factor: number, most: number): number =>
    Math.min(most, Math.max(0, (value - MARGIN) * factor));
  return [
    inside(left, across, width),
    inside(top, down, height),
    inside(right, across, width),
    inside(bottom, down, height),
  ];
}

type Scaled = DetectedItem & { readonly scale: number };

function isPartOf(item: Scaled, better: Scaled): boolean {
  if (item.scale === better.scale) return false;
  const [a, b] = [item.box, better.box];
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  return width > 0 && height > 0 && width * height > PART * Math.min(areaOf(a), areaOf(b));
}

/** A tensor of the levels with ground around, sides multiples of what the network halves. */
function padded(levels: Float64Array, { width, height }: { width: number; height: number }): tf.Tensor4D {
  const up = (side: number): number => Math.ceil((side + 2 * MARGIN) / SIDE_MULTIPLE) * SIDE_MULTIPLE;
  const [rows, columns] = [up(height), up(width)];
  const values = new Float32Array(rows * columns);
  for (let y = 0; y < rows; y++) {
    // The nearest pixel of the picture's rim stands for what is beyond.
    const row = Math.min(height - 1, Math.max(0, y - MARGIN)) * width;
    for (let x = 0; x < columns; x++) {
      values[y * columns + x] = levels[row + Math.min(width - 1, Math.max(0, x - MARGIN))]!;
    }
  }
  return tf.tensor4d(values, [1, rows, columns, 1]);
}

interface Levels {
  /** From 0 to 1. */
  readonly read: ReadLevels;
  readonly ground: 'light' | 'dark';
  /** Whether no pixel is further from the ground than its colour varies. */
  readonly isBlank: boolean;
}

/** Light on dark: as they are on dark ground, inverted on light; between the two, how far from the ground a pixel is. */
function levelsOf(image: RawImage): Levels {
  const { width, height } = image;
  const data = flattened(image);
  const picture = { width, height, data };
  const ground = readGround(picture, { left: 0, top: 0, width, height });
  const middle = lumaAt(ground, width >> 1, height >> 1);
  const isLight = middle >= 127.5;
  const depth = (isLight ? 255 - middle : middle) / 255;
  const levelAt = (at: number): number => {
    const luma = lumaOf(data[at]!, data[at + 1]!, data[at + 2]!);
    const level = (isLight ? 255 - luma : luma) / 255;
    if (depth <= DARK) return level;
    return level >= depth ? (level - depth) / (1 - depth) : (depth - level) / depth;
  };
  return {
    read: (y, left, into) => {
      for (let i = 0, at = (y * width + left) * 4; i < into.length; i++, at += 4) into[i] = levelAt(at);
    },
    ground: isLight ? 'light' : 'dark',
    isBlank: !standsOut(picture, ground),
  };
}

function lumaAt(ground: Ground, x: number, y: number): number {
  const colour = new Float64Array(3);
  ground.colourAt(x, y, colour);
  return lumaOf(colour[0]!, colour[1]!, colour[2]!);
}

function standsOut({ data, width, height }: RawImage, ground: Ground): boolean {
  const limit = Math.max(OBJECT_DISTANCE, ground.grain);
  const colour = new Float64Array(3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      ground.colourAt(x, y, colour);
      const red = data[at]! - colour[0]!;
      const green = data[at + 1]! - colour[1]!;
      const blue = data[at + 2]! - colour[2]!;
      if (red * red + green * green + blue * blue > limit * limit) return true;
    }
  }
  return false;
}

/** Opaque pixels, on white. */
function flattened({ data }: RawImage): Uint8Array {
  const opaque = Uint8Array.from(data);
  for (let at = 0; at < opaque.length; at += 4) {
    const alpha = opaque[at + 3]!;
    if (alpha === 255) continue;
    for (let channel = 0; channel < 3; channel++) {
      opaque[at + channel] = Math.round((opaque[at + channel]! * alpha + 255 * (255 - alpha)) / 255);
    }
    opaque[at + 3] = 255;
  }
  return opaque;
}
