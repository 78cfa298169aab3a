// Designs side by side in one picture. Not here: the file (src/report/png.ts). Invariant: a function of the designs; no side above 1024.
import { SelvedgeError } from '../../core/errors.ts';
import type { Designs } from './design.ts';

/** What a PNG file of ours may measure. */
const MOST_PIXELS = 1024;
/** How large a pixel of a sheet is, at most. */
const MOST_SCALE = 4;

/** A grey picture: levels from 0 to 255, row by row. */
export interface DesignSheet {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/**
 * How many pictures stand beside each other, and how large a pixel of theirs is.
 *
 * @throws SelvedgeError `generate/too-many`
 */
export function sheetLayout(count: number, side: number): { readonly columns: number; readonly scale: number } {
  const columns = count <= 10 ? count : Math.ceil(Math.sqrt(count));
  const scale = Math.min(MOST_SCALE, Math.floor(MOST_PIXELS / (columns * side)));
  if (scale >= 1) return { columns, scale };
  throw new SelvedgeError(
    'generate/too-many',
    `Cannot write ${count} pictures as one: expected at most ${Math.floor(MOST_PIXELS / side) ** 2}; a folder holds any number`,
  );
}

/**
 * Lays pictures in rows that make about a square, enlarged as far as they fit.
 *
 * @throws SelvedgeError `generate/too-many`
 */
export function designSheet({ images, count, side }: Designs): DesignSheet {
  const { columns, scale } = sheetLayout(count, side);
  const rows = Math.ceil(count / columns);
  const [width, height] = [columns * side * scale, rows * side * scale];
  const pixels = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [row, column] = [Math.floor(y / (side * scale)), Math.floor(x / (side * scale))];
      const number = row * columns + column;
      if (number >= count) continue;
      const [py, px] = [Math.floor(y / scale) % side, Math.floor(x / scale) % side];
      pixels[y * width + x] = images[(number * side + py) * side + px]!;
    }
  }
  return { width, height, pixels };
}
