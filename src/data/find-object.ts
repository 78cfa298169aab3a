// Where in a picture its object is: what differs in colour from the ground, or what alpha says. Not here: what the ground is (ground.ts), grey
// levels (prepare-image.ts). Invariant: of a pixel of alpha 0 nothing but the alpha matters.
import {
  borderOf,
  distance,
  GREATEST_DISTANCE,
  type Ground,
  OBJECT_DISTANCE,
  type PixelBox,
  readGround,
} from './ground.ts';
import type { RawImage } from './image-decoder.ts';

/** An object on its ground. */
export interface FoundObject {
  /** The picture, opaque. */
  readonly picture: RawImage;
  readonly ground: Ground;
  readonly box: PixelBox;
  /** Pixels further than this from the ground are the object's. */
  readonly limit: number;
  /** How much of a pixel is the object's, from 0 to 1, where alpha says it. */
  readonly coverAt?: (x: number, y: number) => number;
}

/** Finds the object; undefined if nothing differs from the ground. */
export function findObject(image: RawImage): FoundObject | undefined {
  const alpha = alphaOf(image);
  if (alpha.greatest <= 255 * ALPHA_LIMIT) return undefined;
  if (alpha.least === alpha.greatest) return findByColour(image);
  if (alpha.groundShare >= LEAST_GROUND_SHARE) return findCutOut(image, alpha.greatest);
  // Transparent parts of a picture whose border is opaque: rounded corners, which show its ground, or a hole that is the object.
  const matte = new Float64Array(3);
  readGround(flatten(image, whiteMatte, alpha.greatest), wholeOf(image)).colourAt(
    image.width >> 1,
    image.height >> 1,
    matte,
  );
  const found = findByColour(flatten(image, matte, alpha.greatest));
  if (found || alpha.groundShare > 0) return found ?? findCutOut(image, alpha.greatest);
  const isDark = lumaOf(matte[0]!, matte[1]!, matte[2]!) < 127.5;
  return findByColour(flatten(image, isDark ? whiteMatte : blackMatte, alpha.greatest));
}

const whiteMatte = Float64Array.of(255, 255, 255);
const blackMatte = Float64Array.of(0, 0, 0);

/** Rec. 601 luma. Whole weights, so that a grey pixel keeps its exact level. */
export function lumaOf(red: number, green: number, blue: number): number {
  return (299 * red + 587 * green + 114 * blue) / 1000;
}

/** Fainter parts are none of the object: as far from opaque as the paper's limit is from the ground's colour. */
const ALPHA_LIMIT = 0.05;

/** The part of the border that must be transparent for alpha to cut the object out: rounded corners have less. */
const LEAST_GROUND_SHARE = 0.25;

interface Alpha {
  readonly least: number;
  /** Alpha of the most opaque pixel: a picture that is half transparent everywhere shows what an opaque one shows. */
  readonly greatest: number;
  /** The part of the border that is rather transparent than opaque. */
  readonly groundShare: number;
}

function alphaOf(image: RawImage): Alpha {
  const { data, width } = image;
  let [least, greatest] = [255, 0];
  for (let at = 3; at < data.length; at += 4) {
    const alpha = data[at]!;
    if (alpha < least) least = alpha;
    if (alpha > greatest) greatest = alpha;
  }
  const border = borderOf(wholeOf(image));
  const transparent = border.filter(([x, y]) => data[(y * width + x) * 4 + 3]! < greatest / 2);
  return { least, greatest, groundShare: transparent.length / border.length };
}

/** The object is what alpha leaves, over the ground that it is seen on better. */
function findCutOut(image: RawImage, opaque: number): FoundObject | undefined {
  const { data, width } = image;
  const matte = contrastingMatte(image);
  const box = boxWhere(wholeOf(image), width, (at) => data[at + 3]! > opaque * ALPHA_LIMIT);
  const ground = {
    uniform: matte,
    colourAt: (_x, _y, into) => into.set(matte),
    grain: 0,
    share: 1,
    farthest: 0,
  } satisfies Ground;
  const coverAt = (x: number, y: number): number => data[(y * width + x) * 4 + 3]! / opaque;
  return box && { picture: flatten(image, matte, opaque), ground, box, limit: OBJECT_DISTANCE, coverAt };
}

const wholeOf = ({ width, height }: RawImage): PixelBox => ({ left: 0, top: 0, width, height });

/** Black or white, whichever the visible pixels differ from more. */
function contrastingMatte({ data }: RawImage): Float64Array {
  let light = 0;
  for (let at = 0; at < data.length; at += 4) {
    light += data[at + 3]! * (lumaOf(data[at]!, data[at + 1]!, data[at + 2]!) - 127.5);
  }
  return light > 0 ? blackMatte : whiteMatte;
}

/** The picture over a colour. */
function flatten({ width, height, data }: RawImage, matte: Float64Array, opaque: number): RawImage {
  const [red, green, blue] = matte as unknown as [number, number, number];
  const flat = new Uint8ClampedArray(data.length);
  for (let at = 0; at < data.length; at += 4) {
    const cover = data[at + 3]! / opaque;
    flat[at] = red + (data[at]! - red) * cover;
    flat[at + 1] = green + (data[at + 1]! - green) * cover;
    flat[at + 2] = blue + (data[at + 2]! - blue) * cover;
    flat[at + 3] = 255;
  }
  return { width, height, data: flat };
}

/** Frames inside one another that are looked through. */
const MOST_FRAMES = 2;

function findByColour(picture: RawImage): FoundObject | undefined {
  let [region, found]: [PixelBox, FoundObject | undefined] = [wholeOf(picture), undefined];
  for (let frames = 0; frames <= MOST_FRAMES; frames++) {
    const inside = findInRegion(picture, region);
    // What a frame holds may be of one colour: then the frame was none.
    if (inside === undefined) return found;
    found = inside;
    if (!isFramed(picture, region, inside)) return found;
    region = inside.box;
  }
  return found;
}

function findInRegion(picture: RawImage, region: PixelBox): FoundObject | undefined {
  const ground = readGround(picture, region);
  const within = (limit: number): FoundObject | undefined => {
    const isObject = ground.uniform
      ? differsFrom(picture, ground.uniform, limit)
      : differsFromChanging(picture, ground, limit);
    const box = boxWhere(region, picture.width, isObject);
    return box && { picture, ground, box, limit };
  };
  const found = within(Math.max(OBJECT_DISTANCE, ground.grain));
  return found && hasPalePart(picture, region, ground) ? within(PALE_DISTANCE) : found;
}

/** On a clean ground an object is told from it down to this distance, once something further shows that there is one. */
const PALE_DISTANCE = 0.02 * GREATEST_DISTANCE;
/** A ground whose border is further from its colour than this anywhere is not clean: a JPEG's seldom is, near an object. */
const CLEAN_DISTANCE = 2;

/** Whether at least as much is pale as is not: less may be a shadow, or what a JPEG has around edges. */
function hasPalePart(picture: RawImage, region: PixelBox, { uniform, farthest }: Ground): boolean {
  if (!uniform || farthest > CLEAN_DISTANCE) return false;
  const [isFar, isPale] = [OBJECT_DISTANCE, PALE_DISTANCE].map((limit) => differsFrom(picture, uniform, limit));
  let more = 0;
  for (let y = region.top; y < region.top + region.height; y++) {
    for (let x = region.left; x < region.left + region.width; x++) {
      const at = (y * picture.width + x) * 4;
      if (!isPale!(at, x, y)) continue;
      more += isFar!(at, x, y) ? -1 : 1;
    }
  }
  return more >= 0;
}

/** Tells by the byte where a pixel begins, and its place, whether it is the object's. */
type IsObject = (at: number, x: number, y: number) => boolean;

function differsFrom({ data }: RawImage, colour: Float64Array, limit: number): IsObject {
  const red = colour[0]!;
  const green = colour[1]!;
  const blue = colour[2]!;
  const limitSquared = limit * limit;
  return (at) => {
    const byRed = data[at]! - red;
    const byGreen = data[at + 1]! - green;
    const byBlue = data[at + 2]! - blue;
    return byRed * byRed + byGreen * byGreen + byBlue * byBlue > limitSquared;
  };
}

function differsFromChanging({ data }: RawImage, ground: Ground, limit: number): IsObject {
  const expected = new Float64Array(3);
  return (at, x, y) => {
    ground.colourAt(x, y, expected);
    return distance(data, at, expected) > limit;
  };
}

/** The thickest that a frame may be, in parts of the side. */
const THICKEST_FRAME = 0.06;
/** The part of the border, and of what lies inside of it, that must be of one colour. */
const FRAME_SHARE = 0.95;

/** Whether what was found is a picture in a frame: a thin border of one colour around a rectangle whose own border is of another. */
function isFramed(picture: RawImage, region: PixelBox, { box, ground }: FoundObject): boolean {
  const margins = [
    [box.left - region.left, region.width],
    [box.top - region.top, region.height],
    [region.left + region.width - box.left - box.width, region.width],
    [region.top + region.height - box.top - box.height, region.height],
  ] as const;
  const isThin = margins.every(([margin, side]) => margin >= 1 && margin <= Math.max(1, THICKEST_FRAME * side));
  if (!isThin || ground.share < FRAME_SHARE || Math.min(box.width, box.height) < 3) return false;
  return readGround(picture, box).share >= FRAME_SHARE;
}

/** Cells a side of the grid on which parts of an object are told apart. */
const GRID = 96;
/** A part with fewer pixels than this part of the largest one's is dust. */
const DUST = 0.01;

/** The box of the pixels that are the object's, without dust; undefined if there are none. */
function boxWhere(region: PixelBox, width: number, isObject: IsObject): PixelBox | undefined {
  const step = Math.max(1, Math.ceil(Math.max(region.width, region.height) / GRID));
  const [columns, rows] = [Math.ceil(region.width / step), Math.ceil(region.height / step)];
  /** Of each cell: pixels, least x, greatest x, least y, greatest y. */
  const cells = new Int32Array(columns * rows * 5);
  for (let y = region.top; y < region.top + region.height; y++) {
    const row = Math.floor((y - region.top) / step) * columns;
    for (let x = region.left; x < region.left + region.width; x++) {
      if (!isObject((y * width + x) * 4, x, y)) continue;
      const cell = (row + (((x - region.left) / step) | 0)) * 5;
      if (cells[cell] === 0) {
        cells[cell + 1] = x;
        cells[cell + 2] = x;
        cells[cell + 3] = y;
      }
      cells[cell]! += 1;
      if (x < cells[cell + 1]!) cells[cell + 1] = x;
      if (x > cells[cell + 2]!) cells[cell + 2] = x;
      cells[cell + 4] = y;
    }
  }
  const parts = partsOf(cells, columns, rows);
  const largest = parts.reduce((most, part) => Math.max(most, part[0]!), 0);
  if (largest === 0) return undefined;
  const whole = new Int32Array(5);
  for (const part of parts) if (part[0]! >= DUST * largest) addTo(whole, 0, part);
  const [, left, right, top, bottom] = whole as unknown as [number, number, number, number, number];
  return { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** Adds pixels and their bounds to a cell. */
function addTo(cells: Int32Array, at: number, added: ArrayLike<number>): void {
  const isFirst = cells[at] === 0;
  cells[at]! += added[0]!;
  for (const least of [1, 3]) if (isFirst || added[least]! < cells[at + least]!) cells[at + least] = added[least]!;
  for (const most of [2, 4]) if (isFirst || added[most]! > cells[at + most]!) cells[at + most] = added[most]!;
}

/** Cells that touch, also at corners, as one; what it takes is taken out of `cells`. */
function partsOf(cells: Int32Array, columns: number, rows: number): Int32Array[] {
  const parts: Int32Array[] = [];
  for (let start = 0; start < columns * rows; start++) {
    if (cells[start * 5] === 0) continue;
    const part = new Int32Array(5);
    const waiting = [start];
    for (let cell = waiting.pop(); cell !== undefined; cell = waiting.pop()) {
      if (cells[cell * 5] === 0) continue;
      addTo(part, 0, cells.subarray(cell * 5, cell * 5 + 5));
      cells[cell * 5] = 0;
      const [x, y] = [cell % columns, Math.floor(cell / columns)];
      for (let row = Math.max(0, y - 1); row <= Math.min(rows - 1, y + 1); row++) {
        for (let column = Math.max(0, x - 1); column <= Math.min(columns - 1, x + 1); column++)
          waiting.push(row * columns + column);
      }
    }
    parts.push(part);
  }
  return parts;
}
