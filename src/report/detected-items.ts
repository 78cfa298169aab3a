// Pictures with boxes around the items that were found: as a drawing with names, and as bare pixels. Not here: what finds them.
// Invariant: the same items give the same bytes.
import { escapeMarkup } from './markup.ts';
import { type GrayImage, pngDataUri } from './png.ts';
import { type Drawing, estimateTextWidth, round } from './svg.ts';

/** A box in pixels of its picture. */
export interface DrawnItem {
  readonly box: readonly [left: number, top: number, right: number, bottom: number];
  /** Number of its class, which gives the colour. */
  readonly label: number;
  /** What is written at the box. */
  readonly text: string;
}

/** Of ten hues that are told apart on light and dark pictures alike. */
const HUES = [
  [230, 85, 30],
  [30, 120, 220],
  [20, 150, 90],
  [200, 40, 130],
  [150, 100, 20],
  [120, 80, 220],
  [0, 150, 170],
  [220, 50, 50],
  [100, 130, 20],
  [90, 90, 110],
] as const;
const TEXT_SIZE = 12;

/**
 * Draws a picture with a box and a name an item.
 *
 * @param image In grey or colour, sides from 1 to 1024
 */
export function itemsDrawing(image: GrayImage, items: readonly DrawnItem[]): Drawing {
  const { width, height } = image;
  const picture = `<image href="${pngDataUri(image)}" x="0" y="0" width="${width}" height="${height}"/>`;
  const boxes = items.map(({ box: [left, top, right, bottom], label, text }) => {
    const colour = `rgb(${HUES[label % HUES.length]!.join(',')})`;
    const wide = estimateTextWidth(text, TEXT_SIZE) + 6;
    const x = Math.max(0, Math.min(left, width - wide));
    const y = top >= TEXT_SIZE + 4 ? top - TEXT_SIZE - 4 : top;
    return (
      `<rect x="${round(left)}" y="${round(top)}" width="${round(right - left)}" height="${round(bottom - top)}" fill="none" stroke="${colour}" stroke-width="2"/>` +
      `<rect x="${round(x)}" y="${round(y)}" width="${round(wide)}" height="${TEXT_SIZE + 4}" fill="${colour}"/>` +
      `<text x="${round(x + 3)}" y="${round(y + TEXT_SIZE)}" font-size="${TEXT_SIZE}" fill="#fff">${escapeMarkup(text)}</text>`
    );
  });
  return { width, height, body: `${picture}${boxes.join('')}` };
}

/** The picture in colour with a frame of two pixels around each item. */
export function framedItems(
  { width, height, channels = 1, pixels }: GrayImage,
  items: readonly DrawnItem[],
): GrayImage {
  const framed = new Uint8Array(width * height * 3);
  for (let i = 0; i < framed.length; i++) framed[i] = pixels[channels === 3 ? i : Math.floor(i / 3)]!;
  for (const { box, label } of items) {
    const [left, top, right, bottom] = box.map(Math.round) as [number, number, number, number];
    const colour = HUES[label % HUES.length]!;
    for (let y = Math.max(0, top); y < Math.min(height, bottom); y++) {
      for (let x = Math.max(0, left); x < Math.min(width, right); x++) {
        const isFrame = x < left + 2 || x >= right - 2 || y < top + 2 || y >= bottom - 2;
        if (isFrame) framed.set(colour, 3 * (y * width + x));
      }
    }
  }
  return { width, height, channels: 3, pixels: framed };
}
