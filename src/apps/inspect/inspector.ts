// An inspection from good pictures only: a network says how much each pixel is not as garments are, and a Gaussian how far the levels of a picture
// are from those of good ones; good pictures held out say what is usual. Not here: the network (anomaly-network.ts), files (inspector-file.ts), drawing.
// Invariant: a picture's result depends on the picture and the inspector alone; needs no tfjs, so it runs wherever the network does.
import { SelvedgeError } from '../../core/errors.ts';
import { createPhilox, drawPermutation, randomStreams } from '../../core/philox.ts';
import type { Classifier } from '../../edge/index.ts';
import { alarmProbability, alarmThreshold, checkFalseAlarms, fewestHeldOut } from './alarm-threshold.ts';
import { fitGaussian, type Gaussian, gaussianDistances } from './gaussian.ts';

export interface InspectorSettings {
  /** Wanted share of good pictures that are alarms, from above 0 to .5. */
  readonly falseAlarms: number;
  readonly seed: number;
}

export const inspectorDefaults: InspectorSettings = { falseAlarms: 0.05, seed: 1 };

/** Mean and deviation of a score over good pictures held out. */
export interface ScoreScale {
  readonly mean: number;
  readonly deviation: number;
}

/** A fitted inspection: plain values, which a file holds. */
export interface Inspector {
  readonly settings: InspectorSettings;
  /** Fingerprint of the network that it was fitted with. */
  readonly network: string;
  /** Good pictures learnt from. */
  readonly learntFrom: number;
  /** Of mean levels of blocks of 4x4 pixels. */
  readonly density: Gaussian;
  readonly pixelScale: ScoreScale;
  readonly densityScale: ScoreScale;
  /** Scores of good pictures held out, in rising order. */
  readonly heldOut: Float64Array;
  /** Scores above it are alarms. */
  readonly threshold: number;
  /** Of what the network says of the pixels of good pictures held out: the median, and what one in a hundred passes. */
  readonly pixelMedian: number;
  readonly pixelLimit: number;
}

/** What is found in a picture. */
export interface Inspection {
  /** Larger is stranger; that of good pictures varies about 0. */
  readonly score: number;
  readonly isAlarm: boolean;
  /** How probable a score as large is among good pictures. */
  readonly probability: number;
  /** Standardised: of the pixels that deviate most, and of the picture as a whole. */
  readonly parts: { readonly pixels: number; readonly density: number };
  /** How much each pixel deviates, from 0; 1 for one in a hundred of good ones, `[side, side]`. */
  readonly map: Float32Array;
}

/** Mean of this many pixels, those that deviate most, is the score. */
const FARTHEST = 5;
const FEWEST_LEARNT = 16;
/** Side of a block whose mean level counts in the density. */
const BLOCK = 4;
const SHRINKAGE = 0.05;
/** Of the density, beside the pixels. */
const DENSITY_WEIGHT = 0.5;

/** Good pictures that are needed at least for a rate of false alarms. */
export const fewestGood = (falseAlarms: number): number => fewestHeldOut(falseAlarms) + FEWEST_LEARNT;

/**
 * Learns what good pictures look like.
 *
 * @param images Good pictures only, levels `[count, 28, 28]`, in any order
 * @param network Of `openInspectionNetwork`, or of its file by `createClassifier`
 * @throws SelvedgeError `inspect/few` where they are too few for the rate, `inspect/rate`, `edge/images`, `image/blank`
 * @example
 * ```ts
 * import { fitInspector, inspectImages, loadFashionMnistSample, openInspectionNetwork } from 'selvedge';
 * const { test } = await loadFashionMnistSample();
 * const network = await openInspectionNetwork();
 * const good = test.images.subarray(0, 40 * 784);
 * const inspector = fitInspector(good, network, { falseAlarms: 0.1 });
 * const [found] = inspectImages(inspector, network, test.images.subarray(0, 784));
 * console.assert(found!.map.length === 784 && found!.probability > 0);
 * ```
 */
export function fitInspector(
  images: Uint8Array,
  network: Classifier,
  given: Partial<InspectorSettings> = {},
): Inspector {
  const settings = { ...inspectorDefaults, ...given };
  const { falseAlarms, seed } = settings;
  checkFalseAlarms(falseAlarms);
  const size = network.model.labels.length;
  const count = images.length / size;
  const needed = fewestGood(falseAlarms);
  if (count < needed) {
    throw new SelvedgeError(
      'inspect/few',
      `Cannot hold false alarms to ${falseAlarms}: expected at least ${needed} good pictures, ${FEWEST_LEARNT} to learn from and ` +
        `${fewestHeldOut(falseAlarms)} held out, got ${Math.floor(count)}; give more, or a higher rate`,
    );
  }
  const seen = logitsOf(network, images);
  const order = drawPermutation(createPhilox({ seed, stream: randomStreams.inspection, substream: [0, 1] }), count);
  const held = Math.max(fewestHeldOut(falseAlarms), Math.round(count / 4));
  const [learnt, heldOut] = [order.subarray(held), order.subarray(0, held)];
  const logits = Array.from(heldOut, (index) => seen.subarray(index * size, (index + 1) * size));
  const blocks = blocksOf(images, size);
  const width = blocks.length / count;
  const blocksOfPictures = (indices: Int32Array): Float32Array => {
    const rows = new Float32Array(indices.length * width);
    indices.forEach((index, row) => {
      rows.set(blocks.subarray(index * width, (index + 1) * width), row * width);
    });
    return rows;
  };
  const density = fitGaussian(blocksOfPictures(learnt), width, SHRINKAGE);
  const raw = {
    pixels: logits.map(farthestMean),
    density: densitiesOf(density, blocksOfPictures(heldOut)),
  };
  const [pixelScale, densityScale] = [scaleOf(raw.pixels), scaleOf(raw.density)];
  const scores = Float64Array.from(raw.pixels, (value, i) =>
    scoreOf({ pixels: standardise(value, pixelScale), density: standardise(raw.density[i]!, densityScale) }),
  );
  const pixels = Float32Array.from(logits.flatMap((values) => [...values])).sort();
  const pixelMedian = pixels[pixels.length >> 1]!;
  return {
    settings,
    network: network.model.fingerprint,
    learntFrom: count - held,
    density,
    pixelScale,
    densityScale,
    heldOut: scores.slice().sort(),
    threshold: alarmThreshold(scores, falseAlarms),
    pixelMedian,
    // Further than the median, whatever the pictures.
    pixelLimit: Math.max(pixelMedian + 0.1, pixels[Math.floor(0.99 * pixels.length)]!),
  };
}

/**
 * Inspects pictures.
 *
 * @param images Levels `[count, 28, 28]`
 * @param network The one that the inspector was fitted with
 * @returns One a picture
 * @throws SelvedgeError `inspect/other-network`, `edge/images`, `image/blank`
 */
export function inspectImages(inspector: Inspector, network: Classifier, images: Uint8Array): Inspection[] {
  requireSameNetwork(inspector, network);
  const size = network.model.labels.length;
  const { pixelMedian, pixelLimit } = inspector;
  const seen = logitsOf(network, images);
  const densities = densitiesOf(inspector.density, blocksOf(images, size));
  return Array.from({ length: images.length / size }, (_, picture) => {
    const logits = seen.subarray(picture * size, (picture + 1) * size);
    const parts = {
      pixels: standardise(farthestMean(logits), inspector.pixelScale),
      density: standardise(densities[picture]!, inspector.densityScale),
    };
    const score = scoreOf(parts);
    return {
      score,
      isAlarm: score > inspector.threshold,
      probability: alarmProbability(inspector.heldOut, score),
      parts,
      map: logits.map((logit) => Math.max(0, (logit - pixelMedian) / (pixelLimit - pixelMedian))),
    };
  });
}

/** @throws SelvedgeError `inspect/other-network` */
export function requireSameNetwork({ network }: Inspector, { model }: Classifier): void {
  if (network === model.fingerprint) return;
  throw new SelvedgeError(
    'inspect/other-network',
    'Cannot inspect: the model was made with the network of another release; train it again',
  );
}

/** What the network says, in the order of pixels: its labels are their numbers. */
function logitsOf(network: Classifier, images: Uint8Array): Float32Array {
  const seen = network.classify(images);
  const size = network.model.labels.length;
  const places = network.model.labels.map(Number);
  const ordered = new Float32Array(seen.length);
  for (let start = 0; start < seen.length; start += size) {
    for (let i = 0; i < size; i++) ordered[start + places[i]!] = seen[start + i]!;
  }
  return ordered;
}

const scoreOf = ({ pixels, density }: Inspection['parts']): number =>
  (pixels + DENSITY_WEIGHT * density) / (1 + DENSITY_WEIGHT);

const farthestMean = (values: Float32Array): number =>
  values
    .slice()
    .sort()
    .subarray(-FARTHEST)
    .reduce((sum, value) => sum + value, 0) / FARTHEST;

/** Mean levels of blocks, from 0 to 1, `[pictures, blocks]`. */
function blocksOf(images: Uint8Array, size: number): Float32Array {
  const side = Math.sqrt(size);
  const across = Math.floor(side / BLOCK);
  const blocks = new Float32Array((images.length / size) * across * across);
  images.forEach((level, i) => {
    const [x, y] = [i % side, Math.floor((i % size) / side)];
    const block = Math.floor(y / BLOCK) * across + Math.floor(x / BLOCK);
    blocks[Math.floor(i / size) * across * across + block]! += level / 255 / (BLOCK * BLOCK);
  });
  return blocks;
}

/** Squares of the distances: other garments are many times as far. */
const densitiesOf = (density: Gaussian, blocks: Float32Array): number[] =>
  Array.from(gaussianDistances(density, blocks), (distance) => distance * distance);

const standardise = (value: number, { mean, deviation }: ScoreScale): number => (value - mean) / deviation;

function scaleOf(values: readonly number[]): ScoreScale {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0) / values.length;
  return { mean, deviation: Math.sqrt(variance) || 1 };
}
