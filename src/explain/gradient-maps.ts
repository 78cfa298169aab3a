// Maps of the gradient of an image: saliency, SmoothGrad, integrated gradients. The baseline is the black image, the data set's ground.
// Sources: K. Simonyan et al., "Deep inside convolutional networks", 2014; D. Smilkov et al., "SmoothGrad", 2017; M. Sundararajan et
// al., "Axiomatic attribution for deep networks", 2017.
import { createPhilox } from '../core/philox.ts';
import type { DifferentiableModel } from './differentiable-model.ts';
import type { Completeness, ExplainRequest } from './explanation.ts';

/** Stream of the noise of SmoothGrad; beside those of `randomStreams`. */
const NOISE_STREAM = 0x5e0170;

/** The largest slope of the score by a channel of each place, without its sign. */
export function saliencyMaps(model: DifferentiableModel, { images, labels }: ExplainRequest): Float32Array[] {
  return magnitudes(model, model.inputGradients(images, labels));
}

interface NoiseOptions {
  readonly samples: number;
  readonly noise: number;
  readonly seed: number;
}

/** The saliency of the mean slope of noisy copies. An image gets the same noise whatever is beside it. */
export function smoothGradMaps(
  model: DifferentiableModel,
  { images, labels }: ExplainRequest,
  { samples, noise, seed }: NoiseOptions,
): Float32Array[] {
  const size = images.length / labels.length;
  const means = new Float32Array(images.length);
  for (let image = 0; image < labels.length; image++) {
    const values = images.subarray(image * size, (image + 1) * size);
    const draws = createPhilox({ seed, stream: NOISE_STREAM });
    const deviation = noise * rangeOf(values);
    const copies = new Float32Array(samples * size);
    for (let i = 0; i < copies.length; i++) copies[i] = values[i % size]! + deviation * draws.nextNormal();
    const slopes = model.inputGradients(copies, new Uint32Array(samples).fill(labels[image]!));
    means.set(columnSums(slopes, size, 1 / samples), image * size);
  }
  return magnitudes(model, means);
}

/** A map of integrated gradients, and how far its sum is from what it should be. */
export interface IntegratedGradients {
  readonly values: Float32Array;
  readonly completeness: Completeness;
}

/** The image times its mean slope on the straight way from black, by the midpoint rule; summed over channels. */
export function integratedGradients(
  model: DifferentiableModel,
  { images, labels }: ExplainRequest,
  steps: number,
): IntegratedGradients[] {
  const size = images.length / labels.length;
  const { classes } = model;
  const scores = model.scores(images);
  const baseline = model.scores(new Float32Array(size));
  return Array.from(labels, (label, image) => {
    const values = images.subarray(image * size, (image + 1) * size);
    const path = new Float32Array(steps * size);
    for (let i = 0; i < path.length; i++) path[i] = (values[i % size]! * (Math.floor(i / size) + 0.5)) / steps;
    const slopes = model.inputGradients(path, new Uint32Array(steps).fill(label));
    const parts = columnSums(slopes, size, 1 / steps).map((slope, i) => slope * values[i]!);
    const difference = scores[image * classes + label]! - baseline[label]!;
    const sum = parts.reduce((total, part) => total + part, 0);
    return {
      values: overChannels(model, parts, (total, part) => total + part),
      completeness: { sum, difference, error: Math.abs(sum - difference), steps },
    };
  });
}

function magnitudes(model: DifferentiableModel, slopes: Float32Array): Float32Array[] {
  const [height, width, channels] = model.shape;
  const size = height * width * channels;
  return Array.from({ length: slopes.length / size }, (_, image) =>
    overChannels(model, slopes.subarray(image * size, (image + 1) * size), (most, slope) =>
      Math.max(most, Math.abs(slope)),
    ),
  );
}

/** One value a place. */
function overChannels(
  { shape: [height, width, channels] }: DifferentiableModel,
  values: ArrayLike<number>,
  join: (joined: number, value: number) => number,
): Float32Array {
  return Float32Array.from({ length: height * width }, (_, place) => {
    let joined = 0;
    for (let channel = 0; channel < channels; channel++) joined = join(joined, values[place * channels + channel]!);
    return joined;
  });
}

/** Sums of rows of `size`, in double precision, times a factor. */
function columnSums(rows: Float32Array, size: number, factor: number): Float64Array {
  const sums = new Float64Array(size);
  for (let i = 0; i < rows.length; i++) sums[i % size]! += rows[i]!;
  return sums.map((sum) => sum * factor);
}

function rangeOf(values: Float32Array): number {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return high - low;
}
