// Pictures of any size to the form of Fashion-MNIST: 28 x 28, grey, light on dark, the object filling the longest side.
// Not here: file formats (image-decoder.ts). Invariant: a picture that is 28 x 28 and dark-grounded already is not resampled.
// Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST", arXiv 1708.07747, section 2: trim, resize the longest edge to 28, sharpen,
// extend to 28 x 28, negate, grey. Two steps differ: we average areas where its authors skipped pixels, and sharpen evenly.
import { SelvedgeError } from '../core/errors.ts';
import type { RawImage } from './image-decoder.ts';

/** A rectangle of whole pixels. */
export interface PixelBox {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A picture in the form of the data set. */
export interface PreparedImage {
  /** `[28, 28]` grey levels 0 to 255, 0 for the ground. */
  readonly pixels: Uint8Array;
  /** Whether the picture's ground was light, and so was inverted. */
  readonly ground: 'light' | 'dark';
  /** Where in the picture the object was found. */
  readonly box: PixelBox;
}

const SIDE = 28;
/** Pixels further than 5% of the greatest RGB distance from the ground belong to the object, as in the paper. */
const OBJECT_DISTANCE_SQUARED = 0.05 * 0.05 * 3 * 255 * 255;

/**
 * Brings pixels into the form of the data set: transparency over white, grey by Rec. 601, ground to 0 (inverted if it is light),
 * trimmed to the object, longest side averaged to 28 pixels, centred.
 *
 * @param image RGBA pixels, at least 1 x 1
 * @param options `name`: the picture's name for error messages
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
export function prepareImage(image: RawImage, options: { readonly name: string }): PreparedImage {
  // One by one: the values of a runtime's own ImageData are on its prototype, which a spread leaves out.
  const { width, height, data } = image;
  // A white object on transparent ground is lost over white; over black it is found.
  for (const matte of [255, 0]) {
    const picture: Picture = { width, height, data, matte };
    const ground = groundOf(picture);
    const box = objectBox(picture, ground);
    if (box) return { ...shapeObject(picture, ground, box), box };
  }
  throw new SelvedgeError(
    'image/blank',
    `Cannot find an object in "${options.name}": every one of its ${width} x ${height} pixels is close to the ` +
      'colour of its border',
  );
}

/** Pixels and the grey that shows through where they are transparent. */
interface Picture extends RawImage {
  readonly matte: number;
}

/** Red, green and blue from 0 to 255. */
type Colour = readonly [number, number, number];

/** A channel (0 red, 1 green, 2 blue) of a pixel, over the matte. */
function channelAt(picture: Picture, pixel: number, channel: number): number {
  const alpha = picture.data[pixel * 4 + 3]!;
  const value = picture.data[pixel * 4 + channel]!;
  return alpha === 255 ? value : (value * alpha + picture.matte * (255 - alpha)) / 255;
}

/** Rec. 601 luma. Whole weights, so that a grey pixel keeps its exact level. */
function lumaOf(red: number, green: number, blue: number): number {
  return (299 * red + 587 * green + 114 * blue) / 1000;
}

/** Median colour of the outermost pixels: an object that touches the border changes it little. */
function groundOf(picture: Picture): Colour {
  const { width, height } = picture;
  const pixels: number[] = [];
  for (let x = 0; x < width; x++) pixels.push(x, (height - 1) * width + x);
  for (let y = 0; y < height; y++) pixels.push(y * width, y * width + width - 1);
  const median = (channel: number): number =>
    pixels.map((pixel) => channelAt(picture, pixel, channel)).sort((a, b) => a - b)[pixels.length >> 1]!;
  return [median(0), median(1), median(2)];
}

function objectBox(picture: Picture, ground: Colour): PixelBox | undefined {
  const { width, height } = picture;
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = y * width + x;
      const red = channelAt(picture, pixel, 0) - ground[0];
      const green = channelAt(picture, pixel, 1) - ground[1];
      const blue = channelAt(picture, pixel, 2) - ground[2];
      if (red * red + green * green + blue * blue <= OBJECT_DISTANCE_SQUARED) continue;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      bottom = y;
    }
  }
  return right < 0 ? undefined : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

function shapeObject(picture: Picture, ground: Colour, box: PixelBox): Pick<PreparedImage, 'pixels' | 'ground'> {
  const isPrepared = picture.width === SIDE && picture.height === SIDE;
  const isLight = lumaOf(...ground) >= 128;
  const groundLuma = isPrepared ? (isLight ? 255 : 0) : lumaOf(...ground);
  const levelAt = (x: number, y: number): number => {
    const pixel = y * picture.width + x;
    const luma = lumaOf(channelAt(picture, pixel, 0), channelAt(picture, pixel, 1), channelAt(picture, pixel, 2));
    const contrast = isLight ? (groundLuma - luma) / groundLuma : (luma - groundLuma) / (255 - groundLuma);
    return Math.max(0, 255 * contrast);
  };
  const from = isPrepared ? { left: 0, top: 0, width: SIDE, height: SIDE } : box;
  const reduction = Math.max(from.width, from.height) / SIDE;
  const width = Math.max(1, Math.round(from.width / reduction));
  const height = Math.max(1, Math.round(from.height / reduction));
  const averaged = averageAreas(levelAt, from, width, height);
  // Averaging blurs only where it merges pixels.
  const levels = reduction >= 2 ? sharpen(averaged, width, height) : averaged;
  return { pixels: centred(levels, width, height), ground: isLight ? 'light' : 'dark' };
}

/** Each target pixel is the mean of the area it covers, pixels at the rim by the part covered. */
function averageAreas(
  levelAt: (x: number, y: number) => number,
  from: PixelBox,
  width: number,
  height: number,
): Float64Array {
  const levels = new Float64Array(width * height);
  const columns = coverage(from.width, width);
  const rows = coverage(from.height, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (const [row, rowShare] of rows[y]!) {
        for (const [column, columnShare] of columns[x]!) {
          sum += rowShare * columnShare * levelAt(from.left + column, from.top + row);
        }
      }
      levels[y * width + x] = (sum * width * height) / (from.width * from.height);
    }
  }
  return levels;
}

/** For each of `to` target pixels the source pixels, of `from`, that it covers, and the covered length of each. */
function coverage(from: number, to: number): (readonly [number, number])[][] {
  return Array.from({ length: to }, (_, target) => {
    const start = (target * from) / to;
    const end = ((target + 1) * from) / to;
    const covered: [number, number][] = [];
    for (let source = Math.floor(start); source < Math.min(from, end); source++) {
      covered.push([source, Math.min(end, source + 1) - Math.max(start, source)]);
    }
    return covered;
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

/** The object in the middle of the canvas, an odd pixel over on the left and above as in the data set; rounded to bytes. */
function centred(levels: Float64Array, width: number, height: number): Uint8Array {
  const pixels = new Uint8Array(SIDE * SIDE);
  const left = (SIDE - width + 1) >> 1;
  const top = (SIDE - height + 1) >> 1;
  levels.forEach((level, i) => {
    const x = i % width;
    const y = (i - x) / width;
    pixels[(top + y) * SIDE + left + x] = Math.min(255, Math.max(0, Math.round(level)));
  });
  return pixels;
}
