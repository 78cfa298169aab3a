// Binding of the kernel that changes images at random. Not a tfjs kernel: called directly. Not here: checks of the settings
// (data/augmentation.ts). Invariant: an output image is a function of its input, its id, the key and the settings alone.

import { float32Bits } from '../float-bits.ts';
import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type { TensorInfo } from '../tfjs.ts';

/** What decides the random choices, besides the id of an example. Whole numbers from 0 to 2^32 - 1. */
export interface AugmentKey {
  readonly seed: number;
  readonly stream: number;
  readonly epoch: number;
}

/** Settings in the kernel's units: probabilities, pixels, radians, factors, shares of the image's area. */
export interface AugmentValues {
  readonly mirrorProbability: number;
  readonly moveProbability: number;
  readonly movePixels: number;
  readonly turnProbability: number;
  readonly turnAngle: number;
  readonly scaleProbability: number;
  readonly scaleFrom: number;
  readonly scaleTo: number;
  readonly noiseProbability: number;
  readonly noiseDeviation: number;
  readonly eraseProbability: number;
  readonly eraseFrom: number;
  readonly eraseTo: number;
  readonly eraseAspect: number;
  readonly eraseFill: number;
  /** Whether an image that is mirrored in one epoch is not in the next. */
  readonly alternates: boolean;
  /** Whether a rectangle is filled with a copy of another, not with `eraseFill`. */
  readonly eraseCopies: boolean;
}

/** The choices of an image and a buffer of noise, 64 bytes each. */
export const AUGMENT_SCRATCH_BYTES = 128;
/** Position of the epoch in `augmentWords`. */
export const AUGMENT_EPOCH_AT = 8;

/**
 * Argument words of the kernel, whose unit is an image: `AugmentArgs` in assembly/augment.ts.
 *
 * @param offsets Byte offsets of images, of what they become, and of one int32 a image
 * @param shape Height, width, channels
 */
export function augmentWords(
  offsets: { readonly input: number; readonly output: number; readonly ids: number },
  shape: readonly [number, number, number],
  key: AugmentKey,
  values: AugmentValues,
): number[] {
  return [
    offsets.input,
    offsets.output,
    offsets.ids,
    ...shape,
    key.seed,
    key.stream,
    key.epoch,
    float32Bits(values.mirrorProbability),
    float32Bits(values.moveProbability),
    values.movePixels,
    float32Bits(values.turnProbability),
    float32Bits(values.turnAngle),
    float32Bits(values.scaleProbability),
    float32Bits(values.scaleFrom),
    float32Bits(values.scaleTo),
    float32Bits(values.noiseProbability),
    float32Bits(values.noiseDeviation),
    float32Bits(values.eraseProbability),
    float32Bits(values.eraseFrom),
    float32Bits(values.eraseTo),
    float32Bits(values.eraseAspect),
    float32Bits(values.eraseFill),
    values.alternates ? 1 : 0,
    values.eraseCopies ? 1 : 0,
  ];
}

/**
 * Changes each image of a batch.
 *
 * @param backend The started backend
 * @param x float32 `[batch, height, width, channels]` from 0 to 1
 * @param ids Byte offset of one int32 a image
 * @param key What the random choices depend on
 * @param values Checked settings
 * @returns A new tensor shaped as `x`; the caller disposes it
 */
export function augment(
  backend: SelvedgeBackend,
  x: TensorInfo,
  ids: number,
  key: AugmentKey,
  values: AugmentValues,
): TensorInfo {
  const [batch = 0, height = 0, width = 0, channels = 0] = x.shape;
  const output = backend.output(x.shape, 'float32');
  const offsets = { input: backend.offset(x), output: backend.offset(output), ids };
  const words = augmentWords(offsets, [height, width, channels], key, values);
  backend.pool.run('augment', batch, words, { scratchBytes: AUGMENT_SCRATCH_BYTES });
  return output;
}
