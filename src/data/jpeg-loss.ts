// What JPEG loses of a grey picture: the discrete cosine transform of 8x8 blocks, rounded by the quality's table, and back.
// Not here: files (the entropy coding of a file loses nothing). Invariant: + - * / and rounding alone, so that every engine gives the same.
import { cosineOfHalfTurn } from '../core/cosine.ts';
import { SelvedgeError } from '../core/errors.ts';

const BLOCK = 8;

/** Luminance, quality 50, row by row. Source: ITU-T T.81, table K.1. */
const LUMINANCE = [
  [16, 11, 10, 16, 24, 40, 51, 61],
  [12, 12, 14, 19, 26, 58, 60, 55],
  [14, 13, 16, 24, 40, 57, 69, 56],
  [14, 17, 22, 29, 51, 87, 80, 62],
  [18, 22, 37, 56, 68, 109, 103, 77],
  [24, 35, 55, 64, 81, 104, 113, 92],
  [49, 64, 78, 87, 103, 121, 120, 101],
  [72, 92, 95, 98, 112, 100, 103, 99],
].flat();

/** cos(π n / 16) for any whole n from 0. */
function cosineOfSixteenths(n: number): number {
  const rest = n % 32;
  return cosineOfHalfTurn((rest > 16 ? 32 - rest : rest) / 16);
}

/** `[frequency, place]`, orthonormal. */
const basis = Float64Array.from({ length: BLOCK * BLOCK }, (_, i) => {
  const [frequency, place] = [Math.floor(i / BLOCK), i % BLOCK];
  return (frequency === 0 ? Math.sqrt(1 / 8) : 0.5) * cosineOfSixteenths((2 * place + 1) * frequency);
});

/** The table that libjpeg scales for a quality. */
function tableFor(quality: number): number[] {
  const scale = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality;
  return LUMINANCE.map((step) => Math.min(255, Math.max(1, Math.floor((step * scale + 50) / 100))));
}

/**
 * A picture after it was a JPEG file.
 *
 * @param pixels `[height, width]`, levels from 0 to 255
 * @param width Pixels in a row
 * @param quality As libjpeg counts it, 1 to 100
 * @returns Levels, a new array
 * @throws SelvedgeError `corruption/quality`
 * @see https://www.w3.org/Graphics/JPEG/itu-t81.pdf
 */
export function loseByJpeg(pixels: Uint8Array, width: number, quality: number): Uint8Array {
  if (!Number.isInteger(quality) || quality < 1 || quality > 100) {
    throw new SelvedgeError(
      'corruption/quality',
      `Cannot make a JPEG: expected a quality from 1 to 100, got ${quality}`,
    );
  }
  const height = pixels.length / width;
  const table = tableFor(quality);
  const lossy = new Uint8Array(pixels.length);
  const block = new Float64Array(BLOCK * BLOCK);
  for (let top = 0; top < height; top += BLOCK) {
    for (let left = 0; left < width; left += BLOCK) {
      for (let i = 0; i < block.length; i++) {
        // Beyond the edge libjpeg repeats the last pixel.
        const y = Math.min(height - 1, top + Math.floor(i / BLOCK));
        const x = Math.min(width - 1, left + (i % BLOCK));
        block[i] = pixels[y * width + x]! - 128;
      }
      const frequencies = transform(block, false);
      for (let i = 0; i < frequencies.length; i++) {
        frequencies[i] = Math.round(frequencies[i]! / table[i]!) * table[i]!;
      }
      transform(frequencies, true).forEach((value, i) => {
        const [y, x] = [top + Math.floor(i / BLOCK), left + (i % BLOCK)];
        if (y < height && x < width) lossy[y * width + x] = Math.min(255, Math.max(0, Math.round(value + 128)));
      });
    }
  }
  return lossy;
}

/** Columns, then rows; back by the transposed basis. */
function transform(block: Float64Array, isBack: boolean): Float64Array {
  const weight = (to: number, from: number): number => basis[isBack ? from * BLOCK + to : to * BLOCK + from]!;
  const along = (source: Float64Array, stride: number, across: number): Float64Array => {
    const result = new Float64Array(BLOCK * BLOCK);
    for (let line = 0; line < BLOCK; line++) {
      for (let to = 0; to < BLOCK; to++) {
        let sum = 0;
        for (let from = 0; from < BLOCK; from++) sum += weight(to, from) * source[line * across + from * stride]!;
        result[line * across + to * stride] = sum;
      }
    }
    return result;
  };
  return along(along(block, BLOCK, 1), 1, BLOCK);
}
