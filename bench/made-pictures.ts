// Pictures as shops have them, made from images of the shipped sample: dark on white, larger, with a margin. Not here: what reads them.
// Invariant: the same files every time.
import { concatenate } from '../src/core/concatenate.ts';
import { crc32 } from '../src/core/crc32.ts';
import { enlargeImage } from '../src/data/enlarge-image.ts';
import { loadFashionMnistSample } from '../src/data/index.ts';
import { platform } from '../src/platform/index.ts';
import { jpegFile } from '../test/data/image-files.ts';

/** Width and height. */
export const SIDE = 200;

/**
 * Writes them.
 *
 * @param name Of their folder in the cache, which is emptied before
 * @param count At most as many as the sample has
 * @returns The folder
 */
export async function writePictures(name: string, count: number, format: 'png' | 'jpeg' = 'png'): Promise<string> {
  const { files } = platform;
  const folder = files.join(platform.cacheFolder(), 'bench', name);
  const { test } = await loadFashionMnistSample();
  await files.remove(folder);
  for (let i = 0; i < count; i++) {
    const pixels = enlarged(test.images.subarray(i * 784, (i + 1) * 784));
    const file = format === 'png' ? await rgbPng(pixels) : await jpegFile(grayRgba(pixels));
    await files.write(files.join(folder, `${String(i).padStart(3, '0')}.${format}`), file);
  }
  return folder;
}

function grayRgba(pixels: Uint8Array) {
  const data = Uint8Array.from({ length: 4 * pixels.length }, (_, i) => (i % 4 === 3 ? 255 : pixels[i >> 2]!));
  return { width: SIDE, height: SIDE, data };
}

/** Six times as large, dark on white. */
const enlarged = (image: Uint8Array): Uint8Array =>
  enlargeImage(image, { side: 28, scale: 6, margin: 16 }).map((level) => 255 - level);

/** A PNG file of grey pixels in three channels, compressed, each row as the difference from the one above. */
async function rgbPng(pixels: Uint8Array): Promise<Uint8Array> {
  const rows = new Uint8Array(SIDE * (1 + 3 * SIDE));
  for (let y = 0; y < SIDE; y++) {
    const row = y * (1 + 3 * SIDE);
    rows[row] = 2;
    for (let i = 0; i < 3 * SIDE; i++) {
      const at = y * SIDE + Math.floor(i / 3);
      rows[row + 1 + i] = pixels[at]! - (y === 0 ? 0 : pixels[at - SIDE]!);
    }
  }
  const stream = new Blob([rows]).stream().pipeThrough(new CompressionStream('deflate'));
  const compressed = new Uint8Array(await new Response(stream).arrayBuffer());
  const word = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
  const chunk = (type: string, data: Uint8Array): Uint8Array => {
    const typed = concatenate([new TextEncoder().encode(type), data]);
    return concatenate([Uint8Array.from(word(data.length)), typed, Uint8Array.from(word(crc32(typed)))]);
  };
  return concatenate([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', Uint8Array.from([...word(SIDE), ...word(SIDE), 8, 2, 0, 0, 0])),
    chunk('IDAT', compressed),
    chunk('IEND', new Uint8Array(0)),
  ]);
}
