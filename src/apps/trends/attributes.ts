// What can be said of a picture in words: dark or light, its pattern, its sleeves or the height of its shaft. Measures of texture and shape,
// not learnt. Pure. Invariant: words are a function of the picture alone; nothing is said of what a class does not have.

/** What is said of a picture of the data set's form: grey, the object bright on black, 28 x 28. */
export interface Attributes {
  /** Fashion-MNIST is a negative: what is bright in it was dark. */
  readonly tone: 'dark' | 'medium' | 'light';
  readonly pattern: 'plain' | 'striped across' | 'striped along' | 'checked' | 'printed';
  /** Of tops. */
  readonly sleeve?: 'sleeveless' | 'short sleeves' | 'long sleeves';
  /** Of shoes. */
  readonly shaft?: 'low' | 'ankle-high' | 'high';
}

/** What a class has. */
export type AttributeKind = 'top' | 'shoe' | 'other';

/** Which of the classes of Fashion-MNIST have sleeves, or a shaft. */
export function attributeKindOf(className: string): AttributeKind {
  if (/shirt|pullover|dress|coat|top/i.test(className)) return 'top';
  return /boot|sneaker|sandal|shoe/i.test(className) ? 'shoe' : 'other';
}

const SIDE = 28;
/** Levels above are the object's. */
const OBJECT = 20;

/**
 * Measures a picture.
 *
 * @param pixels `[28, 28]` levels
 * @param kind What its class has
 * @example
 * ```ts
 * import { attributesOf } from 'selvedge/apps';
 * const pixels = Uint8Array.from({ length: 784 }, (_, i) => (i % 28 > 5 && i % 28 < 22 ? (Math.floor(i / 28) % 4 < 2 ? 220 : 90) : 0));
 * console.assert(attributesOf(pixels, 'other').pattern === 'striped across');
 * ```
 */
export function attributesOf(pixels: Uint8Array, kind: AttributeKind): Attributes {
  const box = boxOf(pixels);
  return {
    tone: toneOf(pixels),
    pattern: patternOf(pixels),
    ...(kind === 'top' ? { sleeve: sleeveOf(pixels, box) } : {}),
    ...(kind === 'shoe' ? { shaft: shaftOf(pixels, box) } : {}),
  };
}

/** Words of attributes, in a fixed order. */
export const wordsOf = ({ tone, pattern, sleeve, shaft }: Attributes): string[] =>
  [tone, pattern, sleeve, shaft].filter((word) => word !== undefined);

function toneOf(pixels: Uint8Array): Attributes['tone'] {
  const own = pixels.filter((level) => level > OBJECT).sort();
  const middle = own[own.length >> 1] ?? 0;
  if (middle >= 170) return 'dark';
  return middle >= 90 ? 'medium' : 'light';
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

function boxOf(pixels: Uint8Array): Box {
  let [left, right, top, bottom] = [SIDE, -1, SIDE, -1];
  pixels.forEach((level, i) => {
    if (level <= OBJECT) return;
    const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
    [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
  });
  return right < 0
    ? { left: 0, top: 0, width: 0, height: 0 }
    : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** Root mean square of differences of neighbours, below which a surface is plain. */
const PLAIN = 14;

/**
 * Differences of neighbours inside the object, down and across. Stripes across make rows differ as wholes, so that the mean difference of two
 * rows is nearly as large as that of their pixels; prints make pixels differ and leave the rows alike.
 */
function patternOf(pixels: Uint8Array): Attributes['pattern'] {
  const down = bandsOf(pixels, SIDE, 1);
  const along = bandsOf(pixels, 1, SIDE);
  const all = Math.sqrt((down.pixels + along.pixels) / 2);
  if (all < PLAIN) return 'plain';
  const [rows, columns] = [down.bands / (down.pixels + 1), along.bands / (along.pixels + 1)];
  const isAcross = rows > 0.4 && down.bands > PLAIN * PLAIN;
  const isAlong = columns > 0.4 && along.bands > PLAIN * PLAIN;
  if (isAcross && isAlong) {
    if (down.bands > 4 * along.bands) return 'striped across';
    return along.bands > 4 * down.bands ? 'striped along' : 'checked';
  }
  if (isAcross) return 'striped across';
  return isAlong ? 'striped along' : 'printed';
}

/** Mean squared difference of neighbouring pixels, and of neighbouring bands as wholes, in the middle of the picture, where the outline is far. */
function bandsOf(pixels: Uint8Array, step: number, other: number): { pixels: number; bands: number } {
  let [sum, count, bandSum, bands] = [0, 0, 0, 0];
  for (let band = 6; band < 21; band++) {
    let [difference, own] = [0, 0];
    for (let i = 8; i < 20; i++) {
      const at = band * step + i * other;
      const [a, b] = [pixels[at]!, pixels[at + step]!];
      if (a <= OBJECT || b <= OBJECT) continue;
      difference += b - a;
      sum += (b - a) * (b - a);
      own++;
    }
    if (own < 4) continue;
    count += own;
    bandSum += (difference / own) * (difference / own);
    bands++;
  }
  return { pixels: count === 0 ? 0 : sum / count, bands: bands === 0 ? 0 : bandSum / bands };
}

/** How far down the outer sixths of a top reach: that is where sleeves hang. */
function sleeveOf(pixels: Uint8Array, { left, top, width, height }: Box): NonNullable<Attributes['sleeve']> {
  const outer = Math.max(1, Math.round(width / 6));
  // Without sleeves a top is hardly wider at the shoulders than at the hem.
  let lowest = 0;
  let rows = 0;
  for (let y = top; y < top + height; y++) {
    let own = 0;
    for (let i = 0; i < outer; i++) {
      if (pixels[y * SIDE + left + i]! > OBJECT) own++;
      if (pixels[y * SIDE + left + width - 1 - i]! > OBJECT) own++;
    }
    if (own < outer) continue;
    rows++;
    lowest = y - top + 1;
  }
  if (width < 0.62 * height && rows > 0.5 * height) return 'sleeveless';
  const reach = height === 0 ? 0 : lowest / height;
  const isFull = rows > 0.55 * height;
  if (isFull && reach > 0.7) return 'long sleeves';
  return width < 0.55 * height ? 'sleeveless' : 'short sleeves';
}

/** Of shoes, which lie on their longest side, the height by the length. */
function shaftOf(_pixels: Uint8Array, { width, height }: Box): NonNullable<Attributes['shaft']> {
  const ratio = width === 0 ? 0 : height / width;
  if (ratio < 0.6) return 'low';
  return ratio < 0.9 ? 'ankle-high' : 'high';
}
