// Pictures of any size to the form of Fashion-MNIST: 28 x 28, grey, light on dark, the object filling the longest side.
// Not here: file formats (image-decoder.ts), where the object is (find-object.ts). Invariant: an image of the data set stays as it is.
// Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST", arXiv 1708.07747, section 2: trim, resize the longest edge to 28, sharpen,
// extend to 28 x 28, negate, grey. Three steps differ: we average areas where its authors skipped pixels, sharpen evenly, and negate what is
// darker than its ground only, since not every ground is white.
import { SelvedgeError } from '../core/errors.ts';
import { averageAreas, type ReadLevels } from './average-areas.ts';
import { type FoundObject, findObject, lumaOf } from './find-object.ts';
import { borderOf, distance, GREATEST_DISTANCE, OBJECT_DISTANCE, type PixelBox, quantileOf } from './ground.ts';
import type { RawImage } from './image-decoder.ts';
import { blueOf, greenOf, opaqueWord, pixelWords, redOf } from './pixel-words.ts';

/** A picture in the form of the data set. */
export interface PreparedImage {
  /** `[28, 28]`, or of another side, grey levels 0 to 255, 0 for the ground. */
  readonly pixels: Uint8Array;
  /** Whether the ground is light; a dark object on it is shown light on dark. */
  readonly ground: 'light' | 'dark';
  /** Where in the picture the object was found. */
  readonly box: PixelBox;
}

/** Of the data set's images. */
export const USUAL_SIDE = 28;

export interface PrepareOptions {
  /** The picture's name for error messages. */
  readonly name: string;
  /** Height and width of what comes out; default 28. */
  readonly side?: number;
}

/**
 * Brings pixels into the form of the data set: the object is what differs in colour from the border, or what alpha leaves; its grey, by
 * Rec. 601, is how far it is from the ground, whose level is 0; trimmed to the object, longest side averaged to 28 pixels, centred.
 * An object that is faint all over gets the contrast of the data set. What is 28 x 28 on black is taken as it is, on white inverted.
 *
 * @param image RGBA pixels, at least 1 x 1
 * @param options `name`: the picture's name for error messages; `side`: another one than 28
 * @returns 28 x 28 grey levels, and what was found
 * @throws SelvedgeError `image/blank` if nothing stands out from the ground
 * @example
 * ```ts
 * import { prepareImage } from 'selvedge';
 * const data = new Uint8Array(100 * 50 * 4).fill(255);
 * data.fill(0, (20 * 100 + 30) * 4, (20 * 100 + 60) * 4);
 * const { ground, box } = prepareImage({ width: 100, height: 50, data }, { name: 'a dark line' });
 * console.assert(ground === 'light' && box.width === 30 && box.height === 1);
 * ```
 */
export function prepareImage(image: RawImage, options: PrepareOptions): PreparedImage {
  // One by one: the values of a runtime's own ImageData are on its prototype, which a spread leaves out.
  const { width, height, data } = image;
  const object = findObject({ width, height, data });
  if (object) return shapeObject(object, options.side ?? USUAL_SIDE);
  throw new SelvedgeError(
    'image/blank',
    `Cannot find an object in "${options.name}": every one of its ${width} x ${height} pixels is close to the ` +
      'colour of its border',
  );
}

function shapeObject(object: FoundObject, side: number): PreparedImage {
  const { picture, box } = object;
  const isFull = picture.width === side && picture.height === side;
  const matte = isFull ? matteOfDataSet(object) : undefined;
  const ground = (matte ?? groundLuma(object)) >= 128 ? 'light' : 'dark';
  const readLevels = matte === undefined ? levelsOf(object) : levelsOver(picture, matte);
  const from = isFull ? { left: 0, top: 0, width: side, height: side } : box;
  const reduction = Math.max(from.width, from.height) / side;
  const width = Math.max(1, Math.round(from.width / reduction));
  const height = Math.max(1, Math.round(from.height / reduction));
  const averaged = averageAreas(readLevels, from, width, height);
  if (matte === undefined) brighten(averaged);
  // Averaging blurs only where it merges pixels.
  const levels = reduction >= 2 ? sharpen(averaged, width, height) : averaged;
  return { pixels: centred(levels, { width, height, side }), ground, box };
}

/** In the middle of the object. */
function groundLuma({ ground, box }: FoundObject): number {
  const colour = new Float64Array(3);
  ground.colourAt(box.left + (box.width >> 1), box.top + (box.height >> 1), colour);
  return lumaOf(colour[0]!, colour[1]!, colour[2]!);
}

/** Images of the data set fill the frame: of some, half the border is the object's. */
const LEAST_GROUND = 0.25;

/** The ground of an image of the data set: 0, or 255 if it was inverted; undefined for others. */
function matteOfDataSet({ picture, ground }: FoundObject): 0 | 255 | undefined {
  const { data, width, height } = picture;
  const { xs, ys } = borderOf({ left: 0, top: 0, width, height });
  const partNear = (level: number): number => {
    const matte = Float64Array.of(level, level, level);
    const near = xs.filter((x, i) => distance(data, (ys[i]! * width + x) * 4, matte) <= OBJECT_DISTANCE);
    return near.length / xs.length;
  };
  const [black, white] = [partNear(0), partNear(255)];
  if (Math.max(black, white) < LEAST_GROUND) return undefined;
  const matte = black >= white ? 0 : 255;
  // Half the border of another colour is a ground that a white or black object reaches across.
  const isOther = ground.uniform?.some((level) => Math.abs(level - matte) > OBJECT_DISTANCE) && ground.share >= 0.5;
  return isOther ? undefined : matte;
}

/** Levels on black as they are, on white inverted. */
function levelsOver({ data, width }: RawImage, matte: 0 | 255): ReadLevels {
  return (y, left, into) => {
    let at = (y * width + left) * 4;
    for (let i = 0; i < into.length; i++, at += 4) {
      into[i] = Math.abs(lumaOf(data[at]!, data[at + 1]!, data[at + 2]!) - matte);
    }
  };
}

/** A ground that is nearly white or black leaves less room than this on that side, and its grain would fill it. */
const LEAST_ROOM = OBJECT_DISTANCE;

/** Parts that are nearly as the ground is, a pale shoe's on white or a black sole of a cut out one on black, are shown all the same. */
const LEAST_OF_OBJECT = 40;

/** What tells how light a pixel is shown. */
interface Shades {
  readonly limit: number;
  readonly grain: number;
  /** Whether most of the object is darker than its ground. */
  readonly isInverted: boolean;
}

/** How much of the contrast that its side of the ground has room for a pixel has; where its colour has more than its luma, that. */
function levelOf(word: number, ground: ArrayLike<number>, { limit, grain, isInverted }: Shades): number {
  const [red, green, blue] = [redOf(word), greenOf(word), blueOf(word)];
  const byRed = red - ground[0]!;
  const byGreen = green - ground[1]!;
  const byBlue = blue - ground[2]!;
  const squared = byRed * byRed + byGreen * byGreen + byBlue * byBlue;
  if (squared === 0) return 0;
  const far = Math.sqrt(squared);
  const luma = lumaOf(ground[0]!, ground[1]!, ground[2]!);
  const difference = lumaOf(red, green, blue) - luma;
  const room = difference < 0 ? luma : 255 - luma;
  const contrast = Math.abs(difference) / (room > LEAST_ROOM ? room : LEAST_ROOM);
  // On the other side of the ground than most of the object, only what is further from it than grain is the object's.
  const isOwn = difference < 0 === isInverted || far > limit;
  const inColour = far > limit ? far / GREATEST_DISTANCE : 0;
  const level = 255 * (isOwn && contrast > inColour ? contrast : inColour);
  if (limit < OBJECT_DISTANCE && far > limit) return level > LEAST_OF_OBJECT ? level : LEAST_OF_OBJECT;
  return grain === 0 ? level : level * Math.min(1, Math.max(0, (2 * far) / grain - 1));
}

/** Levels of the object's pixels, by their distance from the ground. */
function levelsOf(object: FoundObject): ReadLevels {
  const { picture, ground, limit, coverAt } = object;
  const { width } = picture;
  const { uniform, colourAt, grain } = ground;
  const words = pixelWords(picture);
  const shades = { limit, grain, isInverted: isMostlyDarker(object) };
  const expected = new Float64Array(3);
  const seen = uniform && new SeenLevels(uniform, shades);
  return (y, left, into) => {
    const start = y * width + left;
    for (let i = 0; i < into.length; i++) {
      const word = words[start + i]!;
      if (seen) into[i] = seen.levelOf(word);
      else {
        colourAt(left + i, y, expected);
        into[i] = levelOf(word, expected, shades);
      }
      if (coverAt) into[i] = Math.max(into[i]!, LEAST_OF_OBJECT * coverAt(left + i, y));
    }
  };
}

/** Places of a table of colours, a power of 2. */
const SEEN_BITS = 11;

/** Levels over one ground: most colours of a picture come again and again. */
class SeenLevels {
  readonly #ground: Float64Array;
  readonly #shades: Shades;
  readonly #words: Int32Array;
  readonly #levels = new Float64Array(1 << SEEN_BITS);

  constructor(ground: Float64Array, shades: Shades) {
    this.#ground = ground;
    this.#shades = shades;
    // The ground's own level is 0.
    this.#words = new Int32Array(1 << SEEN_BITS).fill(opaqueWord(ground[0]!, ground[1]!, ground[2]!));
  }

  levelOf(word: number): number {
    // Multiplicative hashing: Knuth, The Art of Computer Programming 3, section 6.4.
    const place = Math.imul(word, 0x9e3779b1) >>> (32 - SEEN_BITS);
    if (this.#words[place] !== word) {
      this.#words[place] = word;
      this.#levels[place] = levelOf(word, this.#ground, this.#shades);
    }
    return this.#levels[place]!;
  }
}

/** Whether the object is darker than its ground rather than lighter; as a light ground has it, if it is neither. */
function isMostlyDarker({ picture, ground, box }: FoundObject): boolean {
  const { uniform, colourAt } = ground;
  const words = pixelWords(picture);
  const expected = Float64Array.from(uniform ?? [0, 0, 0]);
  const sums = new Float64Array(3);
  for (let y = box.top; y < box.top + box.height; y++) {
    const start = y * picture.width + box.left;
    let [red, green, blue] = [0, 0, 0];
    for (let at = start; at < start + box.width; at++) {
      const word = words[at]!;
      red += redOf(word);
      green += greenOf(word);
      blue += blueOf(word);
    }
    sums[0]! += red - box.width * (uniform?.[0] ?? 0);
    sums[1]! += green - box.width * (uniform?.[1] ?? 0);
    sums[2]! += blue - box.width * (uniform?.[2] ?? 0);
    if (uniform) continue;
    for (let x = box.left; x < box.left + box.width; x++) {
      colourAt(x, y, expected);
      for (let channel = 0; channel < 3; channel++) sums[channel]! -= expected[channel]!;
    }
  }
  const lighter = lumaOf(sums[0]!, sums[1]!, sums[2]!);
  return lighter === 0 ? lumaOf(expected[0]!, expected[1]!, expected[2]!) >= 128 : lighter < 0;
}

/** Of nineteen images in twenty of the data set, the brightest twentieth of the object is brighter than this. */
const DIM = 120;
/** What it is in the middle one of them. */
const BRIGHT = 210;

/** Raises the contrast of an object that is faint all over. */
function brighten(levels: Float64Array): void {
  const visible = levels.filter((level) => level > 2);
  // Told without sorting of most.
  const dim = visible.reduce((count, level) => count + (level < DIM ? 1 : 0), 0);
  if (dim <= Math.floor(0.95 * visible.length)) return;
  const bright = quantileOf(visible.sort(), 0.95);
  levels.forEach((level, i) => {
    levels[i] = (level * BRIGHT) / bright;
  });
}

/** Weights of the 3 x 3 sharpening kernel of radius 1 and deviation 1: -exp(-(x^2 + y^2) / 2) around a centre that makes the sum 1. */
const SHARPEN_EDGE = -0.10284;
const SHARPEN_CORNER = -0.06238;
const SHARPEN_CENTRE = 1 - 4 * SHARPEN_EDGE - 4 * SHARPEN_CORNER;

function sharpen(levels: Float64Array, width: number, height: number): Float64Array {
  const at = (x: number, y: number): number =>
    levels[Math.min(height - 1, Math.max(0, y)) * width + Math.min(width - 1, Math.max(0, x))]!;
  return levels.map((level, i) => {
    const x = i % width;
    const y = (i - x) / width;
    const edges = at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1);
    const corners = at(x - 1, y - 1) + at(x + 1, y - 1) + at(x - 1, y + 1) + at(x + 1, y + 1);
    return SHARPEN_CENTRE * level + SHARPEN_EDGE * edges + SHARPEN_CORNER * corners;
  });
}

/** A picture and the square canvas that it goes on. */
interface CanvasSize {
  readonly width: number;
  readonly height: number;
  readonly side: number;
}

/** The object in the middle of the canvas, an odd pixel over on the left and above as in the data set; rounded to bytes. */
export function centred(levels: Float64Array, { width, height, side }: CanvasSize): Uint8Array {
  const pixels = new Uint8Array(side * side);
  const left = (side - width + 1) >> 1;
  const top = (side - height + 1) >> 1;
  levels.forEach((level, i) => {
    const x = i % width;
    const y = (i - x) / width;
    pixels[(top + y) * side + left + x] = Math.min(255, Math.max(0, Math.round(level)));
  });
  return pixels;
}
