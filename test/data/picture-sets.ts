// Folders of pictures, made at random from a seed, in every format that is read. Not a test.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import encodeWebp, { init } from '@jsquash/webp/encode.js';
import { createPhilox, type Philox } from '../../src/core/philox.ts';
import type { RawImage } from '../../src/data/image-decoder.ts';
import { jpegFile, rgbaPng } from './image-files.ts';

/** A new folder, removed by `remove`. */
export function makeFolder(): { readonly folder: string; readonly remove: () => void } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-pictures-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Draws of a seed of their own. */
export const drawsOf = (seed: number): Philox => createPhilox({ seed, stream: 99 });

/** A square of one colour on a ground of another, somewhere, with noise: what a class looks like. */
export function drawColours(draws: Philox, label: number, side = 20): RawImage {
  const colours = [
    [220, 40, 40],
    [40, 200, 60],
    [50, 60, 220],
    [220, 200, 40],
  ] as const;
  const [colour, ground] = [colours[label % 4]!, [20, 20, 25] as const];
  const [width, height] = [side + draws.nextBelow(8), side + draws.nextBelow(8)];
  const [left, top, size] = [draws.nextBelow(6), draws.nextBelow(6), 8 + draws.nextBelow(6)];
  const data = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const of = x >= left && x < left + size && y >= top && y < top + size ? colour : ground;
      for (let channel = 0; channel < 3; channel++) {
        data[(y * width + x) * 4 + channel] = Math.min(255, of[channel]! + draws.nextBelow(16));
      }
      data[(y * width + x) * 4 + 3] = 255;
    }
  }
  return { width, height, data };
}

let webpReady: Promise<unknown> | undefined;

/** An RGBA picture as a lossless WebP file. */
export async function webpFile(image: RawImage): Promise<Uint8Array> {
  const file = fileURLToPath(import.meta.resolve('@jsquash/webp/codec/enc/webp_enc_simd.wasm'));
  webpReady ??= init(new WebAssembly.Module(readFileSync(file)));
  await webpReady;
  const picture = { ...image, data: new Uint8ClampedArray(image.data), colorSpace: 'srgb' } as unknown as ImageData;
  return new Uint8Array(await encodeWebp(picture, { lossless: 1 }));
}

export const pictureFormats = ['png', 'jpg', 'webp'] as const;

/** A picture as a file of a format. */
export function encode(image: RawImage, format: (typeof pictureFormats)[number]): Uint8Array | Promise<Uint8Array> {
  if (format === 'png') return rgbaPng(image);
  return format === 'jpg' ? jpegFile(image) : webpFile(image);
}

/** Writes a file with its folders. */
export function write(folder: string, name: string, content: Uint8Array | string): void {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
}

/** Writes so many pictures of each class, each different: `red/0.png`. */
export function writeColours(folder: string, classes: readonly string[], count: number, seed = 1): void {
  const draws = drawsOf(seed);
  classes.forEach((name, label) => {
    for (let i = 0; i < count; i++) write(folder, `${name}/${i}.png`, rgbaPng(drawColours(draws, label)));
  });
}
