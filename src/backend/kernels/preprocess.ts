// Bindings of the kernels that change images of bytes, each by itself and without chance. Not tfjs kernels: called directly.
// Not here: which one a model was trained with (data/preprocessing.ts). Invariant: an output image depends on its input alone.

import type { SelvedgeBackend } from '../selvedge-backend.ts';

/** Bytes of images and their sizes. */
export interface ImageBytes {
  /** `[count, height, width, channels]`. */
  readonly images: Uint8Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** How a kernel is called. */
interface KernelCall {
  readonly kernel: string;
  /** Words after the byte offsets of input and output. */
  readonly words: readonly number[];
  readonly scratchBytes?: number;
  /** Bytes of an image of the output. */
  readonly outputBytes: number;
}

/** Bytes that are in the backend's memory at a time. */
const CHUNK_BYTES = 1 << 24;

const imageBytesOf = ({ height, width, channels }: ImageBytes): number => height * width * channels;

/** Runs a kernel over all images, some at a time. */
function runOver(backend: SelvedgeBackend, from: ImageBytes, call: KernelCall): Uint8Array {
  const { count, images } = from;
  const { kernel, words, outputBytes, scratchBytes = 0 } = call;
  const imageBytes = imageBytesOf(from);
  const made = new Uint8Array(count * outputBytes);
  const most = Math.max(1, Math.floor(CHUNK_BYTES / (imageBytes + outputBytes)));
  for (let first = 0; first < count; first += most) {
    const size = Math.min(most, count - first);
    // A multiple of eight: the output may be of wider values.
    const outputAt = Math.ceil((size * imageBytes) / 8) * 8;
    backend.withMemory(outputAt + size * outputBytes, (at) => {
      backend.bytes(at, size * imageBytes).set(images.subarray(first * imageBytes, (first + size) * imageBytes));
      backend.pool.run(kernel, size, [at, at + outputAt, ...words], { scratchBytes });
      made.set(backend.bytes(at + outputAt, size * outputBytes), first * outputBytes);
    });
  }
  return made;
}

const LEVELS = 256;

/** See assembly/equalize-histogram.ts. */
export function equalizeHistogram(backend: SelvedgeBackend, from: ImageBytes): Uint8Array {
  const { height, width, channels } = from;
  return runOver(backend, from, {
    kernel: 'equalizeHistogram',
    words: [height * width, channels],
    scratchBytes: LEVELS * 4,
    outputBytes: imageBytesOf(from),
  });
}

/** Checked settings of `clahe`. */
export interface ClaheValues {
  /** Pixels of a side of a tile. */
  readonly tile: number;
  /** Pixels that a bin of a tile holds at most. */
  readonly limit: number;
}

/** See assembly/clahe.ts. */
export function clahe(backend: SelvedgeBackend, from: ImageBytes, { tile, limit }: ClaheValues): Uint8Array {
  const { height, width, channels } = from;
  const tiles = Math.ceil(height / tile) * Math.ceil(width / tile);
  return runOver(backend, from, {
    kernel: 'clahe',
    words: [height, width, channels, tile, limit],
    scratchBytes: LEVELS + LEVELS * 4 + tiles * LEVELS * 2 + height * width * 2,
    outputBytes: imageBytesOf(from),
  });
}

/** See assembly/standardize.ts. */
export function standardizeImages(backend: SelvedgeBackend, from: ImageBytes): Uint8Array {
  const outputBytes = imageBytesOf(from);
  return runOver(backend, from, { kernel: 'standardizeImages', words: [outputBytes], outputBytes });
}

/** See assembly/local-binary-pattern.ts. */
export function localBinaryPattern(backend: SelvedgeBackend, from: ImageBytes): Uint8Array {
  const { height, width, channels } = from;
  const outputBytes = imageBytesOf(from);
  return runOver(backend, from, { kernel: 'localBinaryPattern', words: [height, width, channels], outputBytes });
}

/** Checked settings of `orientedGradients`. */
export interface GradientValues {
  /** Pixels of a side of a cell. */
  readonly cell: number;
  /** Cells of a side of a block. */
  readonly block: number;
}

/** Bins of directions. */
const BINS = 9;

/** Blocks down, blocks across, values of a block. */
export function shapeOfGradients(
  { height, width }: Pick<ImageBytes, 'height' | 'width'>,
  { cell, block }: GradientValues,
): [down: number, across: number, values: number] {
  const blocks = (extent: number): number => Math.floor(extent / cell) - block + 1;
  return [blocks(height), blocks(width), block * block * BINS];
}

/** See assembly/oriented-gradients.ts. */
export function orientedGradients(backend: SelvedgeBackend, from: ImageBytes, values: GradientValues): Float32Array {
  const { height, width, channels } = from;
  const { cell, block } = values;
  const outputValues = shapeOfGradients(from, values).reduce((product, extent) => product * extent, 1);
  const bytes = runOver(backend, from, {
    kernel: 'orientedGradients',
    words: [height, width, channels, cell, block],
    scratchBytes: Math.floor(height / cell) * Math.floor(width / cell) * BINS * 8,
    outputBytes: outputValues * 4,
  });
  return new Float32Array(bytes.buffer);
}
