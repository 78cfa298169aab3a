// What selvedge generate writes: one picture with all designs side by side, or a folder with a file each. Not here: making them.
// Invariant: what there was under the name is replaced whole or not at all, file by file.
import type { Designs } from '../apps/generate/index.ts';
import { SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import { encodeGrayPng } from '../report/index.ts';
import { usageError } from './arguments.ts';

/** What a PNG file of ours may measure. */
const MOST_PIXELS = 1024;
/** How large a pixel of a sheet is, at most. */
const MOST_SCALE = 4;

/**
 * Writes pictures.
 *
 * @param path A file that ends in .png, or a folder
 * @returns The paths of what was written
 * @throws SelvedgeError `cli/usage`, `generate/too-many`
 */
export async function writeDesigns(path: string, designs: Designs): Promise<string[]> {
  const { files } = platform;
  if (/\.png$/i.test(path)) {
    await files.write(path, encodeGrayPng(sheetOf(designs)));
    return [path];
  }
  const status = await files.status(path);
  if (/\.\w+$/.test(files.basename(path)) || (status && !status.isFolder)) {
    throw usageError(`Option "--out" got "${path}": expected a file that ends in .png, or a folder`);
  }
  const { images, count, side } = designs;
  const digits = String(count).length;
  const written: string[] = [];
  for (let i = 0; i < count; i++) {
    const pixels = images.subarray(i * side * side, (i + 1) * side * side);
    const file = files.join(path, `${String(i + 1).padStart(digits, '0')}.png`);
    await files.write(file, encodeGrayPng({ width: side, height: side, pixels }));
    written.push(file);
  }
  return written;
}

/** Pictures in rows that make about a square, enlarged as far as they fit. */
function sheetOf({ images, count, side }: Designs): { width: number; height: number; pixels: Uint8Array } {
  const columns = count <= 10 ? count : Math.ceil(Math.sqrt(count));
  const rows = Math.ceil(count / columns);
  const scale = Math.min(MOST_SCALE, Math.floor(MOST_PIXELS / (columns * side)));
  if (scale < 1) {
    throw new SelvedgeError(
      'generate/too-many',
      `Cannot write ${count} pictures as one: expected at most ${Math.floor(MOST_PIXELS / side) ** 2}; a folder holds any number`,
    );
  }
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
