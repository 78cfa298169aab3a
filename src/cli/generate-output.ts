// What selvedge generate writes: one picture with all designs side by side, or a folder with a file each. Not here: making them.
// Invariant: what there was under the name is replaced whole or not at all, file by file.
import type { Designs } from '../apps/generate/index.ts';
import { designSheet, sheetLayout } from '../apps/generate/sheet.ts';
import { platform } from '../platform/index.ts';
import { encodeGrayPng } from '../report/index.ts';
import { usageError } from './arguments.ts';

const isSheet = (path: string): boolean => /\.png$/i.test(path);

/**
 * Checks where pictures are to go, before they are made.
 *
 * @param path A file that ends in .png, or a folder
 * @throws SelvedgeError `cli/usage`, `generate/too-many`
 */
export async function checkPlace(path: string, count: number, side: number): Promise<void> {
  const { files } = platform;
  const status = await files.status(path);
  if (isSheet(path)) {
    sheetLayout(count, side);
    if (!status?.isFolder) return;
  } else if (!/\.\w+$/.test(files.basename(path)) && (!status || status.isFolder)) return;
  throw usageError(`Option "--out" got "${path}": expected a file that ends in .png, or a folder`);
}

/**
 * Writes pictures.
 *
 * @param path Of `checkPlace`
 * @returns The paths of what was written
 */
export async function writeDesigns(path: string, designs: Designs): Promise<string[]> {
  const { files } = platform;
  if (isSheet(path)) {
    await files.write(path, encodeGrayPng(designSheet(designs)));
    return [path];
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
