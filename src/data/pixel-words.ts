// Pixels as whole numbers, which are read and compared at once. Not here: what they mean. Invariant: every runtime that has WebAssembly keeps
// the lowest byte first, so red is lowest and alpha highest.
import type { RawImage } from './image-decoder.ts';

/**
 * A view of a picture's bytes.
 *
 * @returns One signed word a pixel; a copy where bytes do not lie on a multiple of 4
 */
export function pixelWords({ data }: RawImage): Int32Array {
  const aligned = data.byteOffset % 4 === 0 ? data : data.slice();
  return new Int32Array(aligned.buffer, aligned.byteOffset, aligned.length >> 2);
}

/** The word of an opaque pixel of whole levels. */
export const opaqueWord = (red: number, green: number, blue: number): number =>
  -0x1000000 | (blue << 16) | (green << 8) | red;

export const redOf = (word: number): number => word & 255;
export const greenOf = (word: number): number => (word >> 8) & 255;
export const blueOf = (word: number): number => (word >> 16) & 255;
