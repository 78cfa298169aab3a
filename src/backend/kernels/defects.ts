// Binding of the kernel that draws made defects into pictures. Not a tfjs kernel: called directly. Not here: which kinds there are by name
// (apps/inspect/defects.ts). Invariant: a picture and its mask depend on the input, its kind, size and id, and the seed alone.
import { randomStreams } from '../../core/philox.ts';
import type { SelvedgeBackend } from '../selvedge-backend.ts';

export interface DefectValues {
  /** `[count, height, width]`. */
  readonly images: Uint8Array;
  readonly height: number;
  readonly width: number;
  /** One of each a picture. */
  readonly kinds: Uint8Array;
  readonly sizes: Uint8Array;
  readonly ids: Uint32Array;
  readonly seed: number;
}

/** See assembly/defects.ts. */
export function drawDefects(
  backend: SelvedgeBackend,
  { images, height, width, kinds, sizes, ids, seed }: DefectValues,
): { readonly images: Uint8Array; readonly masks: Uint8Array } {
  const count = kinds.length;
  const bytes = images.length;
  // Four-byte values first: the rest may begin anywhere.
  return backend.withMemory(4 * count + 3 * bytes + 2 * count, (idsAt) => {
    const inputAt = idsAt + 4 * count;
    const [outputAt, maskAt, kindsAt] = [inputAt + bytes, inputAt + 2 * bytes, inputAt + 3 * bytes];
    const sizesAt = kindsAt + count;
    backend.bytes(idsAt, 4 * count).set(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
    backend.bytes(inputAt, bytes).set(images);
    backend.bytes(kindsAt, count).set(kinds);
    backend.bytes(sizesAt, count).set(sizes);
    const words = [inputAt, outputAt, maskAt, kindsAt, sizesAt, idsAt, height, width, seed, randomStreams.inspection];
    backend.pool.run('drawDefects', count, words, { scratchBytes: 64 + 4 * (height + width + 2) });
    return { images: backend.bytes(outputAt, bytes).slice(), masks: backend.bytes(maskAt, bytes).slice() };
  });
}
