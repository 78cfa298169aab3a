// An inspection from good pictures only: how far each patch is from the patches of good pictures that are most like it, where it lies
// taken into account (after PatchCore, Roth et al. 2022), and how dense good pictures are where this one lies as a whole.
// Not here: files (inspector-file.ts), drawing. Invariant: a picture's result depends on the picture and the inspector alone.
import { SelvedgeError } from '../../core/errors.ts';
import { createPhilox, drawPermutation, randomStreams } from '../../core/philox.ts';
import { resizeMap } from '../../explain/resize-map.ts';
import { alarmProbability, alarmThreshold, checkFalseAlarms, fewestHeldOut } from './alarm-threshold.ts';
import { chooseCoreset } from './coreset.ts';
import { fitGaussian, type Gaussian, gaussianDistances } from './gaussian.ts';
import { storeRows } from './nearest.ts';
import { GRID, type PatchFeatures } from './patch-features.ts';

export interface InspectorSettings {
  /** Wanted share of good pictures that are alarms, from above 0 to .5. */
  readonly falseAlarms: number;
  /** Patches that are kept, at most. */
  readonly patches: number;
  readonly seed: number;
}

export const inspectorDefaults: InspectorSettings = { falseAlarms: 0.05, patches: 1000, seed: 1 };

/** Mean and deviation of the logarithm of a score over good pictures held out. */
export interface ScoreScale {
  readonly mean: number;
  readonly deviation: number;
}

/** A fitted inspection: plain values, which a file holds. */
export interface Inspector {
  readonly settings: InspectorSettings;
  /** sha256 of the weights that made the features. */
  readonly backbone: string;
  /** Good pictures learnt from, and held out. */
  readonly learntFrom: number;
  /** What each feature is multiplied by. */
  readonly scales: Float32Array;
  /** Patches of good pictures, features and place, `[patches, width + 2]`. */
  readonly bank: Float32Array;
  /** Of features averaged over quarters of the picture. */
  readonly density: Gaussian;
  readonly patchScale: ScoreScale;
  readonly densityScale: ScoreScale;
  /** Scores of good pictures held out, in rising order. */
  readonly heldOut: Float64Array;
  /** Scores above it are alarms. */
  readonly threshold: number;
  /** A patch of a good picture held out is farther than this in one of a hundred. */
  readonly patchLimit: number;
}

/** What is found in a picture. */
export interface Inspection {
  /** Larger is stranger; that of good pictures varies about 0 by 1. */
  readonly score: number;
  readonly isAlarm: boolean;
  /** How probable a score as large is among good pictures. */
  readonly probability: number;
  /** Logarithms of distances, standardised: of the farthest patches, and of the picture as a whole. */
  readonly parts: { readonly patches: number; readonly density: number };
  /** Distance of each patch, 1 for one in a hundred of good ones, brought to `[side, side]`. */
  readonly map: Float32Array;
}

/** Of the distances of patches the mean of this many largest counts. */
const FARTHEST = 3;
/** Weight of a place beside the features of a patch: across the whole picture. */
const PLACE_WEIGHT = 1;
const FEWEST_LEARNT = 16;
/** Patches that the kept ones are chosen from, at most. */
const CANDIDATES = 12_000;
const SHRINKAGE = 1;
const PLACES = GRID * GRID;
/** Quarters of a picture. */
const QUARTERS = 4;

/** Good pictures that are needed at least for a rate of false alarms. */
export const fewestGood = (falseAlarms: number): number => fewestHeldOut(falseAlarms) + FEWEST_LEARNT;

export interface FitInspectorOptions {
  readonly settings?: Partial<InspectorSettings>;
  readonly signal?: AbortSignal;
}

/**
 * Learns what good pictures look like. Needs a started backend.
 *
 * @param images Good pictures only, levels `[count, 28, 28]`, in any order
 * @param features What looks at patches; it stays the caller's
 * @throws SelvedgeError `inspect/few` where they are too few for the rate, `inspect/rate`, `inspect/shape`, `inspect/interrupted`
 * @example
 * ```ts
 * import { fitInspector, inspectImages, loadFashionMnistSample, openPatchFeatures, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const { test } = await loadFashionMnistSample();
 * const features = await openPatchFeatures();
 * const good = test.images.subarray(0, 40 * 784);
 * const inspector = await fitInspector(good, features, { settings: { falseAlarms: 0.1, patches: 50 } });
 * const [found] = await inspectImages(inspector, features, test.images.subarray(0, 784));
 * console.assert(found!.map.length === 784 && found!.probability > 0);
 * features.dispose();
 * await engine.stop();
 * ```
 */
export async function fitInspector(
  images: Uint8Array,
  features: PatchFeatures,
  { settings: given, signal }: FitInspectorOptions = {},
): Promise<Inspector> {
  const settings = { ...inspectorDefaults, ...given };
  const { falseAlarms, patches, seed } = settings;
  checkFalseAlarms(falseAlarms);
  const size = features.side * features.side;
  const count = images.length / size;
  const needed = fewestGood(falseAlarms);
  if (count < needed) {
    throw new SelvedgeError(
      'inspect/few',
      `Cannot hold false alarms to ${falseAlarms}: expected at least ${needed} good pictures, ${FEWEST_LEARNT} to learn from and ` +
        `${fewestHeldOut(falseAlarms)} held out, got ${Math.floor(count)}; give more, or a higher rate`,
    );
  }
  const seen = await features.look(images, signal);
  const order = drawPermutation(createPhilox({ seed, stream: randomStreams.inspection, substream: [0, 1] }), count);
  const held = Math.max(fewestHeldOut(falseAlarms), Math.round(count / 4));
  const ofPicture = PLACES * features.width;
  const take = (indices: Int32Array): Float32Array => {
    const taken = new Float32Array(indices.length * ofPicture);
    indices.forEach((index, place) => {
      taken.set(seen.subarray(index * ofPicture, (index + 1) * ofPicture), place * ofPicture);
    });
    return taken;
  };
  const [learnt, heldOut] = [take(order.subarray(held)), take(order.subarray(0, held))];
  const scales = scalesOf(learnt, features.layers);
  const all = placedRows(learnt, scales);
  const bank = keep(all, scales.length + 2, patches, seed);
  const density = fitGaussian(quartersOf(learnt, scales), QUARTERS * scales.length, SHRINKAGE);
  const raw = await distancesOf({ scales, bank, density }, heldOut, signal);
  const [patchScale, densityScale] = [scaleOf(raw.patches), scaleOf(raw.density)];
  const scores = Float64Array.from(raw.patches, (patch, i) =>
    scoreOf(standardise(patch, patchScale), standardise(raw.density[i]!, densityScale)),
  );
  const sorted = raw.places.slice().sort();
  return {
    settings,
    backbone: features.digest,
    learntFrom: count - held,
    scales,
    bank,
    density,
    patchScale,
    densityScale,
    heldOut: scores.slice().sort(),
    threshold: alarmThreshold(scores, falseAlarms),
    patchLimit: sorted[Math.min(sorted.length - 1, Math.floor(0.99 * sorted.length))]!,
  };
}

/**
 * Inspects pictures. Needs a started backend.
 *
 * @param images Levels `[count, 28, 28]`
 * @param features The same that the inspector was fitted with
 * @returns One a picture
 * @throws SelvedgeError `inspect/other-backbone`, `inspect/shape`, `inspect/interrupted`
 */
export async function inspectImages(
  inspector: Inspector,
  features: PatchFeatures,
  images: Uint8Array,
  signal?: AbortSignal,
): Promise<Inspection[]> {
  requireSameBackbone(inspector, features);
  const raw = await distancesOf(inspector, await features.look(images, signal), signal);
  return Array.from(raw.patches, (distance, picture) => {
    const parts = {
      patches: standardise(distance, inspector.patchScale),
      density: standardise(raw.density[picture]!, inspector.densityScale),
    };
    const score = scoreOf(parts.patches, parts.density);
    const places = raw.places.subarray(picture * PLACES, (picture + 1) * PLACES);
    const values = places.map((place) => place / inspector.patchLimit);
    return {
      score,
      isAlarm: score > inspector.threshold,
      probability: alarmProbability(inspector.heldOut, score),
      parts,
      map: resizeMap({ height: GRID, width: GRID, values }, features.side, features.side),
    };
  });
}

/** @throws SelvedgeError `inspect/other-backbone` */
export function requireSameBackbone({ backbone }: Inspector, { digest }: PatchFeatures): void {
  if (digest === backbone) return;
  throw new SelvedgeError(
    'inspect/other-backbone',
    'Cannot inspect: the model was made with another release of the shipped classifier; train it again',
  );
}

/** The mean of both, which good pictures share a scale by. */
const scoreOf = (patches: number, density: number): number => (patches + density) / 2;

const standardise = (distance: number, { mean, deviation }: ScoreScale): number =>
  (Math.log(Math.max(distance, 1e-6)) - mean) / deviation;

function scaleOf(distances: ArrayLike<number>): ScoreScale {
  const logs = Array.from(distances, (distance) => Math.log(Math.max(distance, 1e-6)));
  const mean = logs.reduce((sum, value) => sum + value, 0) / logs.length;
  const variance = logs.reduce((sum, value) => sum + (value - mean) * (value - mean), 0) / logs.length;
  return { mean, deviation: Math.sqrt(variance) || 1 };
}

/** Factors that give every feature a variance of 1, and every layer the same say. */
function scalesOf(seen: Float32Array, layers: readonly number[]): Float32Array {
  const width = layers.reduce((sum, own) => sum + own, 0);
  const rows = seen.length / width;
  const [sums, squares] = [new Float64Array(width), new Float64Array(width)];
  for (let i = 0; i < seen.length; i++) {
    sums[i % width]! += seen[i]!;
    squares[i % width]! += seen[i]! * seen[i]!;
  }
  const weights = layers.flatMap((own) => Array<number>(own).fill(1 / Math.sqrt(own)));
  return Float32Array.from(weights, (weight, i) => {
    const mean = sums[i]! / rows;
    const deviation = Math.sqrt(Math.max(0, squares[i]! / rows - mean * mean));
    return weight / (deviation + 0.01);
  });
}

/** Scaled features of each patch, and where it lies, `[pictures * places, width + 2]`. */
function placedRows(seen: Float32Array, scales: Float32Array): Float32Array {
  const width = scales.length;
  const count = seen.length / width;
  const rows = new Float32Array(count * (width + 2));
  for (let row = 0; row < count; row++) {
    const at = row * (width + 2);
    for (let i = 0; i < width; i++) rows[at + i] = seen[row * width + i]! * scales[i]!;
    const place = row % PLACES;
    rows[at + width] = (PLACE_WEIGHT * Math.floor(place / GRID)) / GRID;
    rows[at + width + 1] = (PLACE_WEIGHT * (place % GRID)) / GRID;
  }
  return rows;
}

/** Some of the rows, drawn at random where they are too many to choose from. */
function keep(rows: Float32Array, width: number, count: number, seed: number): Float32Array {
  const many = rows.length / width;
  const order = drawPermutation(createPhilox({ seed, stream: randomStreams.inspection, substream: [0, 2] }), many);
  const candidates = pick(rows, width, order.subarray(0, CANDIDATES));
  return pick(candidates, width, chooseCoreset(candidates, width, count));
}

function pick(rows: Float32Array, width: number, indices: Int32Array): Float32Array {
  const picked = new Float32Array(indices.length * width);
  indices.forEach((index, place) => {
    picked.set(rows.subarray(index * width, (index + 1) * width), place * width);
  });
  return picked;
}

/** Means of the scaled features over quarters of each picture, `[pictures, 4 * width]`. */
function quartersOf(seen: Float32Array, scales: Float32Array): Float32Array {
  const width = scales.length;
  const pictures = seen.length / width / PLACES;
  const means = new Float32Array(pictures * QUARTERS * width);
  const share = QUARTERS / PLACES;
  for (let row = 0; row < pictures * PLACES; row++) {
    const place = row % PLACES;
    const quarter = 2 * Number(place >= PLACES / 2) + Number(place % GRID >= GRID / 2);
    const at = (Math.floor(row / PLACES) * QUARTERS + quarter) * width;
    for (let i = 0; i < width; i++) means[at + i]! += share * seen[row * width + i]! * scales[i]!;
  }
  return means;
}

async function distancesOf(
  { scales, bank, density }: Pick<Inspector, 'scales' | 'bank' | 'density'>,
  seen: Float32Array,
  signal: AbortSignal | undefined,
): Promise<{ places: Float32Array; patches: Float64Array; density: Float64Array }> {
  const stored = storeRows(bank, { width: scales.length + 2, signal });
  try {
    const { distances: places } = await stored.nearest(placedRows(seen, scales));
    const patches = Float64Array.from({ length: places.length / PLACES }, (_, picture) => {
      const own = places.slice(picture * PLACES, (picture + 1) * PLACES).sort();
      return own.subarray(-FARTHEST).reduce((sum, value) => sum + value, 0) / FARTHEST;
    });
    return { places, patches, density: gaussianDistances(density, quartersOf(seen, scales)) };
  } finally {
    stored.dispose();
  }
}
