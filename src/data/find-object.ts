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
import { blueOf, greenOf, opaqueWord, pixelWords, redOf } from './pixel-words.ts';

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
  /** The part of the border that is rather transparent than opaque; 0 where all is of one alpha. */
  readonly groundShare: number;
}

function alphaOf(image: RawImage): Alpha {
  const { data, width } = image;
  const words = pixelWords(image);
  let common = -1;
  for (let at = 0; at < words.length; at++) common &= words[at]!;
  if (common >>> 24 === 255) return { least: 255, greatest: 255, groundShare: 0 };
  let [least, greatest] = [255, 0];
  for (let at = 0; at < words.length; at++) {
    const alpha = words[at]! >>> 24;
    if (alpha < least) least = alpha;
    if (alpha > greatest) greatest = alpha;
  }
  if (least === greatest) return { least, greatest, groundShare: 0 };
  const { xs, ys } = borderOf(wholeOf(image));
  const transparent = xs.filter((x, i) => data[(ys[i]! * width + x) * 4 + 3]! < greatest / 2);
  return { least, greatest, groundShare: transparent.length / xs.length };
}

/** The object is what alpha leaves, over the ground that it is seen on better. */
function findCutOut(image: RawImage, opaque: number): FoundObject | undefined {
  const { data, width } = image;
  const matte = contrastingMatte(image);
  const limit = opaque * ALPHA_LIMIT;
  const region = wholeOf(image);
  const marks = newMarks(region);
  for (let y = 0, i = 0; y < image.height; y++) {
    for (let x = 0; x < width; x++, i++) if (data[4 * i + 3]! > limit) mark(marks, i, x, y, FAR);
  }
  const box = boxWhere(region, marks, FAR);
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
  const limit = Math.max(OBJECT_DISTANCE, ground.grain);
  if (!ground.uniform) {
    const box = boxWhere(region, markChanging(picture, region, ground, limit), FAR);
    return box && { picture, ground, box, limit };
  }
  // Grain is below the object's distance on a clean ground, so that the limit is that.
  const isClean = ground.farthest <= CLEAN_DISTANCE;
  const { marks, pale, far } = markByDistance(picture, region, ground.uniform, isClean ? PALE_DISTANCE : limit, limit);
  if (far === 0) return undefined;
  // At least as much is pale as is not: less may be a shadow, or what a JPEG has around edges.
  const isPale = isClean && pale >= far;
  const box = boxWhere(region, marks, isPale ? PALE : FAR)!;
  return { picture, ground, box, limit: isPale ? PALE_DISTANCE : limit };
}

/** On a clean ground an object is told from it down to this distance, once something further shows that there is one. */
const PALE_DISTANCE = 0.02 * GREATEST_DISTANCE;
/** A ground whose border is further from its colour than this anywhere is not clean: a JPEG's seldom is, near an object. */
const CLEAN_DISTANCE = 2;

/** Marks of pixels that are further from the ground than the lower limit, and than the upper one. */
const PALE = 1;
const FAR = 2;

interface Marks {
  /** One a pixel of the region, row by row. */
  readonly levels: Uint8Array;
  /** Of each row: its first pixel with a mark, and the one after the last; both 0 where it has none. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

const newMarks = ({ width, height }: PixelBox): Marks => ({
  levels: new Uint8Array(width * height),
  starts: new Int32Array(height),
  ends: new Int32Array(height),
});

/** Marks the pixel `at`, column x of row y, all counted from the region's corner, and from left to right. */
function mark({ levels, starts, ends }: Marks, at: number, x: number, y: number, level: number): void {
  levels[at] = level;
  if (ends[y] === 0) starts[y] = x;
  ends[y] = x + 1;
}

/** Marks and counts by how far pixels are from a colour of whole levels. */
function markByDistance(
  picture: RawImage,
  region: PixelBox,
  colour: Float64Array,
  paleLimit: number,
  farLimit: number,
): { readonly marks: Marks; readonly pale: number; readonly far: number } {
  const words = pixelWords(picture);
  // Of whole levels distances are square roots of whole numbers, which a processor compares faster.
  const red = colour[0]! | 0;
  const green = colour[1]! | 0;
  const blue = colour[2]! | 0;
  const own = opaqueWord(red, green, blue);
  const paleSquared = Math.floor(paleLimit * paleLimit);
  const farSquared = Math.floor(farLimit * farLimit);
  const marks = newMarks(region);
  const { levels, starts, ends } = marks;
  let [pale, far] = [0, 0];
  let at = 0;
  for (let y = 0; y < region.height; y++) {
    const start = (region.top + y) * picture.width + region.left;
    let [first, end] = [0, 0];
    for (let x = 0; x < region.width; x++, at++) {
      const word = words[start + x]!;
      if (word === own) continue;
      const byRed = redOf(word) - red;
      const byGreen = greenOf(word) - green;
      const byBlue = blueOf(word) - blue;
      const squared = Math.imul(byRed, byRed) + Math.imul(byGreen, byGreen) + Math.imul(byBlue, byBlue);
      if (squared <= paleSquared) continue;
      if (end === 0) first = x;
      end = x + 1;
      if (squared > farSquared) {
        levels[at] = FAR;
        far++;
      } else {
        levels[at] = PALE;
        pale++;
      }
    }
    starts[y] = first;
    ends[y] = end;
  }
  return { marks, pale, far };
}

/** Marks what is further than a limit from a ground that changes. */
function markChanging({ data, width }: RawImage, region: PixelBox, ground: Ground, limit: number): Marks {
  const marks = newMarks(region);
  const expected = new Float64Array(3);
  let at = 0;
  for (let y = 0; y < region.height; y++) {
    const start = (region.top + y) * width + region.left;
    for (let x = 0; x < region.width; x++, at++) {
      ground.colourAt(region.left + x, region.top + y, expected);
      if (distance(data, (start + x) * 4, expected) > limit) mark(marks, at, x, y, FAR);
    }
  }
  return marks;
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

/** The box of the pixels of a region whose mark is `least` or more, without dust; undefined if there are none. */
function boxWhere({ left, top, width, height }: PixelBox, marks: Marks, least: number): PixelBox | undefined {
  const { levels, starts, ends } = marks;
  const step = Math.max(1, Math.ceil(Math.max(width, height) / GRID));
  const [columns, rows] = [Math.ceil(width / step), Math.ceil(height / step)];
  /** Of each cell: pixels, least x, greatest x, least y, greatest y. */
  const cells = new Int32Array(columns * rows * 5);
  for (let y = 0; y < height; y++) {
    const row = y * width;
    const firstCell = Math.floor(y / step) * columns;
    const end = ends[y]!;
    let x = starts[y]!;
    while (x < end) {
      const column = Math.floor(x / step);
      const cellEnd = Math.min(end, (column + 1) * step);
      let [count, first, last] = [0, 0, 0];
      for (; x < cellEnd; x++) {
        if (levels[row + x]! < least) continue;
        if (count++ === 0) first = x;
        last = x;
      }
      if (count > 0) addRun(cells, (firstCell + column) * 5, count, left + first, left + last, top + y);
    }
  }
  const parts = partsOf(cells, columns, rows);
  const largest = parts.reduce((most, part) => Math.max(most, part[0]!), 0);
  if (largest === 0) return undefined;
  const whole = new Int32Array(5);
  for (const part of parts) if (part[0]! >= DUST * largest) addTo(whole, part);
  const [, leftmost, rightmost, topmost, lowest] = whole as unknown as [number, number, number, number, number];
  return { left: leftmost, top: topmost, width: rightmost - leftmost + 1, height: lowest - topmost + 1 };
}

/** Adds pixels of one row to a cell. */
function addRun(cells: Int32Array, cell: number, count: number, first: number, last: number, y: number): void {
  const isFirst = cells[cell] === 0;
  cells[cell]! += count;
  if (isFirst || first < cells[cell + 1]!) cells[cell + 1] = first;
  if (isFirst || last > cells[cell + 2]!) cells[cell + 2] = last;
  if (isFirst) cells[cell + 3] = y;
  cells[cell + 4] = y;
}

/** Adds pixels and their bounds, of the cell at `from`, to those of `to`. */
function addTo(to: Int32Array, added: Int32Array, from = 0): void {
  const isFirst = to[0] === 0;
  to[0]! += added[from]!;
  if (isFirst || added[from + 1]! < to[1]!) to[1] = added[from + 1]!;
  if (isFirst || added[from + 2]! > to[2]!) to[2] = added[from + 2]!;
  if (isFirst || added[from + 3]! < to[3]!) to[3] = added[from + 3]!;
  if (isFirst || added[from + 4]! > to[4]!) to[4] = added[from + 4]!;
}

/** Cells of one row that touch, and the number of their part. */
interface CellRun {
  readonly start: number;
  readonly end: number;
  readonly part: number;
}

/** Cells that touch, also at corners, as one. */
function partsOf(cells: Int32Array, columns: number, rows: number): Int32Array[] {
  const parts: Int32Array[] = [];
  /** Of each part the one that it was added to; itself where it stands alone. */
  const wholes: number[] = [];
  const wholeOfPart = (part: number): number => {
    let whole = part;
    while (wholes[whole] !== whole) whole = wholes[whole]!;
    return whole;
  };
  let above: CellRun[] = [];
  for (let row = 0; row < rows; row++) {
    const runs: CellRun[] = [];
    const firstCell = row * columns;
    for (let column = 0; column < columns; column++) {
      if (cells[(firstCell + column) * 5] === 0) continue;
      const start = column;
      const cellsOfRun = new Int32Array(5);
      for (; column < columns && cells[(firstCell + column) * 5] !== 0; column++) {
        addTo(cellsOfRun, cells, (firstCell + column) * 5);
      }
      const run = { start, end: column, part: parts.length };
      runs.push(run);
      parts.push(cellsOfRun);
      wholes.push(run.part);
      for (const other of above) {
        if (other.start > run.end || other.end < run.start) continue;
        const [part, whole] = [wholeOfPart(run.part), wholeOfPart(other.part)].sort((a, b) => b - a) as [
          number,
          number,
        ];
        if (part === whole) continue;
        addTo(parts[whole]!, parts[part]!);
        wholes[part] = whole;
      }
    }
    above = runs;
  }
  return parts.filter((_, part) => wholes[part] === part);
}
