// Random changes of training images, and their settings. The arithmetic is in assembly/augment.ts.
// Invariant: an augmented image is a function of (image, seed, epoch, example id, settings): the same on every engine, at any
// number of threads and in any batch.

import * as v from 'valibot';
import { currentBackend } from '../backend/index.ts';
import { type AugmentValues, augment } from '../backend/kernels/augment.ts';
import type * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { checkSeed } from '../core/mersenne-twister.ts';
import { randomStreams } from '../core/philox.ts';
import { int32Bytes, tensorOf, withBytes } from './backend-memory.ts';

const within = (from: number, to: number) => v.pipe(v.number(), v.minValue(from), v.maxValue(to));
const probability = within(0, 1);

/** Which changes, how often and how much: each happens to an image with its own probability. */
export interface AugmentationSettings {
  /**
   * Mirrors left and right. Alternating: images that are mirrored in one epoch are not in the next, so that two epochs see both of each;
   * the probability is that of an even epoch, that of an odd one is what is missing to 1.
   */
  flip: { probability: number; alternating?: boolean };
  /**
   * Moves by whole pixels, from -pixels to pixels in each direction; what moves in is 0. With probability 1 this is the random crop of an
   * image that was padded by as many zeros on each side.
   */
  shift: { probability: number; pixels: number };
  /** Turns about the centre by an angle from -degrees to degrees. */
  rotate: { probability: number; degrees: number };
  /** Scales about the centre by a factor; above 1 enlarges. */
  scale: { probability: number; minimum: number; maximum: number };
  /** Adds noise of this standard deviation, in units of the full range of grey, and keeps within 0 and 1. */
  noise: { probability: number; standardDeviation: number };
  /**
   * Fills a rectangle: its share of the image's area, its longest side over its shortest at most, and its grey, or "copy" for what lies
   * elsewhere in the image.
   */
  erase: {
    probability: number;
    minimumArea: number;
    maximumArea: number;
    maximumAspect: number;
    fill: number | 'copy';
  };
}

/** Schema of the settings, for configuration files. */
export const augmentationSchema: v.GenericSchema<AugmentationSettings> = v.strictObject({
  flip: v.strictObject({ probability, alternating: v.exactOptional(v.boolean()) }),
  shift: v.strictObject({ probability, pixels: v.pipe(within(0, 4096), v.integer()) }),
  rotate: v.strictObject({ probability, degrees: within(0, 180) }),
  scale: v.pipe(
    v.strictObject({ probability, minimum: within(0.1, 10), maximum: within(0.1, 10) }),
    v.check(({ minimum, maximum }) => minimum <= maximum, 'expected minimum <= maximum'),
  ),
  noise: v.strictObject({ probability, standardDeviation: within(0, 1) }),
  erase: v.pipe(
    v.strictObject({
      probability,
      minimumArea: within(0, 1),
      maximumArea: within(0, 1),
      maximumAspect: within(1, 100),
      fill: v.union([within(0, 1), v.literal('copy')], 'expected a grey from 0 to 1, or "copy"'),
    }),
    v.check(({ minimumArea, maximumArea }) => minimumArea <= maximumArea, 'expected minimumArea <= maximumArea'),
  ),
});

/** Mild changes under which a garment stays what it is: no shoe is upside down. */
export const defaultAugmentation: AugmentationSettings = {
  flip: { probability: 0.5 },
  shift: { probability: 0.5, pixels: 2 },
  rotate: { probability: 0.5, degrees: 8 },
  scale: { probability: 0.5, minimum: 0.9, maximum: 1.1 },
  noise: { probability: 0.25, standardDeviation: 0.03 },
  erase: { probability: 0.25, minimumArea: 0.02, maximumArea: 0.15, maximumAspect: 3, fill: 0 },
};

export interface AugmentOptions {
  /** Whole number from 0 to 2^32 - 1. */
  readonly seed: number;
  /** Number of the epoch; each has its own changes. */
  readonly epoch: number;
  /** What each image is called, usually its index in the data set; one a image. */
  readonly exampleIds: Int32Array;
  /** Default: `defaultAugmentation`. */
  readonly settings?: AugmentationSettings;
}

/**
 * Changes each image of a batch at random, on all threads of the running backend.
 *
 * @param x Images `[batch, height, width, channels]` from 0 to 1; not disposed
 * @param options What the changes depend on
 * @returns New images of the same shape; the caller disposes them
 * @throws SelvedgeError `augmentation/bad-settings`, `augmentation/bad-ids`, `random/bad-seed`, `backend/not-started`
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs';
 * import { augmentBatch, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const x = tf.ones<tf.Rank.R4>([2, 28, 28, 1]);
 * const changed = augmentBatch(x, { seed: 1, epoch: 0, exampleIds: Int32Array.of(0, 1) });
 * console.assert(changed.shape.join() === '2,28,28,1');
 * await engine.stop();
 * ```
 */
export function augmentBatch(x: tf.Tensor4D, options: AugmentOptions): tf.Tensor4D {
  const { seed, epoch, exampleIds, settings = defaultAugmentation } = options;
  checkSeed(seed);
  checkSeed(epoch);
  if (exampleIds.length !== x.shape[0]) {
    throw new SelvedgeError(
      'augmentation/bad-ids',
      `Cannot augment a batch of ${x.shape[0]}: expected as many example ids, got ${exampleIds.length}`,
    );
  }
  const values = kernelValues(checkAugmentation(settings));
  const backend = currentBackend();
  const key = { seed, stream: randomStreams.augmentation, epoch };
  const output = withBytes(backend, int32Bytes(exampleIds), (at) => augment(backend, x, at, key, values));
  return tensorOf(output) as tf.Tensor4D;
}

/**
 * Refuses settings that make no sense.
 *
 * @param settings What the caller gave
 * @returns The same, typed
 * @throws SelvedgeError `augmentation/bad-settings`, naming the setting, what was expected and what was found
 */
export function checkAugmentation(settings: unknown): AugmentationSettings {
  const result = v.safeParse(augmentationSchema, settings);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new SelvedgeError(
    'augmentation/bad-settings',
    `Cannot augment with ${v.getDotPath(issue) ?? 'these settings'} = ${JSON.stringify(issue.input)}: ${issue.message}`,
  );
}

/** Settings in the kernel's units. */
export function kernelValues(settings: AugmentationSettings): AugmentValues {
  const { flip, shift, rotate, scale, noise, erase } = settings;
  return {
    mirrorProbability: flip.probability,
    moveProbability: shift.probability,
    movePixels: shift.pixels,
    turnProbability: rotate.probability,
    turnAngle: (rotate.degrees * Math.PI) / 180,
    scaleProbability: scale.probability,
    scaleFrom: scale.minimum,
    scaleTo: scale.maximum,
    noiseProbability: noise.probability,
    noiseDeviation: noise.standardDeviation,
    eraseProbability: erase.probability,
    eraseFrom: erase.minimumArea,
    eraseTo: erase.maximumArea,
    eraseAspect: erase.maximumAspect,
    eraseFill: erase.fill === 'copy' ? 0 : erase.fill,
    eraseCopies: erase.fill === 'copy',
    alternates: flip.alternating === true,
  };
}
