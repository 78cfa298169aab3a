// A model of one class from good pictures only: a small network learns which of eight turns and mirrorings was done to them, and a new
// picture is as strange as its features are far from theirs, in all eight ways; beside it how far its pixels and gradients are from their
// nearest. Nothing here has seen another class. Not here: where in the picture (inspector.ts). Invariant: scores are a function of
// pictures and settings, whether or not the training was stopped and gone on with.
// Sources: Golan & El-Yaniv 2018 (GeoTrans), Bergman & Hoshen 2020 (GOAD), Reiss et al. 2021 (nearest features, PANDA).
import * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { shuffledIndices } from '../../core/philox.ts';
import { sha256 } from '../../core/sha256.ts';
import { placeDataset } from '../../data/batches.ts';
import { orientedGradients } from '../../data/preprocessing.ts';
import { buildNetwork, initializeWeights, type NetworkSettings } from '../../models/index.ts';
import { platform } from '../../platform/index.ts';
import {
  type EpochRecord,
  type FitSettings,
  type FitState,
  fit,
  fitDefaults,
  identityOf,
  openCheckpoints,
} from '../../training/index.ts';
import { fitGaussian, type Gaussian, gaussianDistances } from './gaussian.ts';
import { type StoredRows, storeRows } from './nearest.ts';
import { TRANSFORMATIONS, transformImages } from './transformations.ts';

/** How a score is made: larger is stranger. */
export const oneClassScores = {
  transformations:
    'how improbable the network finds what was done, the mean of negative logarithms over the eight ways',
  density: 'Mahalanobis distance of the features, summed over the eight ways',
  features: 'distance to the nearest features of all eight ways together',
  pixels: 'distance to the nearest pictures, level by level',
  gradients: 'distance to the nearest histograms of oriented gradients, by angle',
} as const;
export type OneClassScore = keyof typeof oneClassScores;
const scoreNames = Object.keys(oneClassScores) as readonly OneClassScore[];

/** Each score, and the mean of their logarithms after each was standardised on good pictures held out. */
export type OneClassScores = Readonly<Record<OneClassScore | 'combined', Float64Array>>;

export interface OneClassSettings {
  readonly network: NetworkSettings;
  readonly epochs: number;
  readonly learningRate: number;
  readonly seed: number;
  /** Share of the good pictures that the scores are standardised on, and not trained on. */
  readonly heldOut: number;
  /** Share of the mean variance added to each, see `fitGaussian`. */
  readonly shrinkage: number;
  readonly neighbours: number;
}

/** Chosen on training pictures of the classes 0, 4, 6 and 8, some held out, against training pictures of the others. */
export const oneClassDefaults: OneClassSettings = {
  network: { family: 'plain', stem: 8, widths: [16, 32], depth: 2 },
  epochs: 2,
  learningRate: 0.003,
  seed: 1,
  heldOut: 1 / 12,
  shrinkage: 1,
  neighbours: 2,
};

export interface OneClassOptions {
  readonly settings?: Partial<OneClassSettings>;
  /** Where the training keeps its checkpoints; default: nowhere. */
  readonly folder?: string;
  readonly signal?: AbortSignal;
  readonly onEpoch?: (record: EpochRecord) => void;
}

export interface OneClassModel {
  /** @throws SelvedgeError `inspect/shape`, `inspect/interrupted` when the signal comes */
  score(images: Uint8Array): Promise<OneClassScores>;
  dispose(): void;
}

/** Fewer say nothing about how scores vary. */
const FEWEST = 24;
const BATCH = 64;

/**
 * Trains on good pictures only. Needs a started backend.
 *
 * @param images Levels `[count, side, side]` of one class, grey, 24 or more
 * @param side Height and width, from 8
 * @returns A model, which the caller disposes
 * @throws SelvedgeError `inspect/shape`, `inspect/few`, `inspect/interrupted`, and what `fit` throws
 * @example
 * ```ts
 * import { fitOneClass, loadFashionMnistSample, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const { test } = await loadFashionMnistSample();
 * const model = await fitOneClass(test.images.subarray(0, 24 * 784), 28, { settings: { epochs: 1 } });
 * const { combined } = await model.score(test.images.subarray(0, 784));
 * console.assert(combined.length === 1);
 * model.dispose();
 * await engine.stop();
 * ```
 */
export async function fitOneClass(
  images: Uint8Array,
  side: number,
  options: OneClassOptions = {},
): Promise<OneClassModel> {
  const settings = { ...oneClassDefaults, ...options.settings };
  const size = side * side;
  const count = images.length / size;
  if (!Number.isInteger(side) || side < 8 || !Number.isInteger(count)) {
    throw new SelvedgeError(
      'inspect/shape',
      `Cannot learn one class: expected whole pictures of a side from 8, got ${images.length} levels, side ${side}`,
    );
  }
  if (count < FEWEST) {
    throw new SelvedgeError(
      'inspect/few',
      `Cannot learn one class: expected at least ${FEWEST} good pictures, got ${count}`,
    );
  }
  const order = shuffledIndices(count, { seed: settings.seed, epoch: 0 });
  const heldCount = Math.max(2, Math.round(settings.heldOut * count));
  const take = (indices: Int32Array): Uint8Array => {
    const taken = new Uint8Array(indices.length * size);
    indices.forEach((index, place) => {
      taken.set(images.subarray(index * size, (index + 1) * size), place * size);
    });
    return taken;
  };
  const training = take(order.subarray(heldCount));
  const model = buildNetwork(settings.network, { inputShape: [side, side, 1], classes: TRANSFORMATIONS });
  try {
    initializeWeights(model, settings.seed);
    await train(model, training, side, settings, options);
    const parts = await openParts(model, training, side, settings, options.signal);
    try {
      const scales = scalesOf(await parts.score(take(order.subarray(0, heldCount))));
      return {
        score: async (seen) => combine(await parts.score(seen), scales),
        dispose() {
          parts.dispose();
          model.dispose();
        },
      };
    } catch (error) {
      parts.dispose();
      throw error;
    }
  } catch (error) {
    model.dispose();
    throw error;
  }
}

async function train(
  model: tf.LayersModel,
  images: Uint8Array,
  side: number,
  { epochs, learningRate, seed, network }: OneClassSettings,
  { folder, signal, onEpoch }: OneClassOptions,
): Promise<void> {
  const fitSettings: FitSettings = {
    ...fitDefaults,
    epochs,
    seed,
    optimizer: { name: 'adam', learningRate, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 },
    schedule: { name: 'linear', warmUp: 0.2, start: 0.1, final: 0.01 },
  };
  const resident = placeDataset(transformImages(images, side));
  try {
    const identity = identityOf({ ...fitSettings, network, data: await sha256(images) });
    const checkpoints = folder === undefined ? undefined : openCheckpoints<FitState>(folder);
    // What another run left here is of no use to this one.
    if (checkpoints && (await checkpoints.load())?.state.identity !== identity) await checkpoints.clear();
    const { status } = await fit(model, {
      training: resident.examples(),
      settings: fitSettings,
      identity,
      ...(checkpoints ? { checkpoints, checkpointEvery: 200 } : {}),
      ...(signal ? { signal } : {}),
      ...(onEpoch ? { onEpoch: (record: EpochRecord) => onEpoch(record) } : {}),
    });
    if (status === 'interrupted' || signal?.aborted) throw new SelvedgeError('inspect/interrupted', 'Interrupted');
  } finally {
    resident.dispose();
  }
}

type Parts = Readonly<Record<OneClassScore, Float64Array>>;

/** The single scores, and what good pictures they compare with. */
async function openParts(
  model: tf.LayersModel,
  good: Uint8Array,
  side: number,
  { shrinkage, neighbours }: OneClassSettings,
  signal: AbortSignal | undefined,
): Promise<{ score(images: Uint8Array): Promise<Parts>; dispose(): void }> {
  const input = model.layers.at(-1)!.input as tf.SymbolicTensor;
  const view = tf.model({ inputs: model.inputs, outputs: [input, ...model.outputs] });
  const width = input.shape.at(-1)!;
  const { features } = await lookAt(view, good, side, signal);
  const densities: Gaussian[] = Array.from({ length: TRANSFORMATIONS }, (_, way) =>
    fitGaussian(columnsOf(features, width, way), width, shrinkage),
  );
  const gradients = gradientsOf(good, side);
  const stores: StoredRows[] = [];
  const store = (rows: Float32Array, rowWidth: number): StoredRows => {
    const stored = storeRows(rows, { width: rowWidth, neighbours, signal });
    stores.push(stored);
    return stored;
  };
  const byFeatures = store(features, width * TRANSFORMATIONS);
  const byPixels = store(pixelsOf(good), side * side);
  const byGradients = store(gradients.rows, gradients.width);
  return {
    async score(images) {
      const { features: seen, transformations } = await lookAt(view, images, side, signal);
      const density = new Float64Array(images.length / (side * side));
      densities.forEach((gaussian, way) => {
        gaussianDistances(gaussian, columnsOf(seen, width, way)).forEach((distance, i) => {
          density[i]! += distance;
        });
      });
      const nearest = async (stored: StoredRows, rows: Float32Array): Promise<Float64Array> =>
        Float64Array.from((await stored.nearest(rows)).distances);
      return {
        transformations,
        density,
        features: await nearest(byFeatures, seen),
        pixels: await nearest(byPixels, pixelsOf(images)),
        gradients: await nearest(byGradients, gradientsOf(images, side).rows),
      };
    },
    dispose() {
      for (const stored of stores) stored.dispose();
    },
  };
}

/** Features `[count, ways, width]`, and how improbable what was done seems, `[count]`. */
async function lookAt(
  view: tf.LayersModel,
  images: Uint8Array,
  side: number,
  signal: AbortSignal | undefined,
): Promise<{ readonly features: Float32Array; readonly transformations: Float64Array }> {
  const size = side * side;
  const count = images.length / size;
  const width = view.outputs[0]!.shape.at(-1)!;
  const features = new Float32Array(count * TRANSFORMATIONS * width);
  const transformations = new Float64Array(count);
  for (let first = 0; first < count; first += BATCH) {
    await platform.giveWay();
    if (signal?.aborted) throw new SelvedgeError('inspect/interrupted', 'Interrupted');
    const turned = transformImages(images.subarray(first * size, Math.min(count, first + BATCH) * size), side);
    tf.tidy(() => {
      const x = tf.tensor(pixelsOf(turned.images), [turned.count, side, side, 1]);
      const [seen, probabilities] = view.predictOnBatch(x) as tf.Tensor[];
      features.set(seen!.dataSync<'float32'>(), first * TRANSFORMATIONS * width);
      const rows = probabilities!.dataSync<'float32'>();
      for (let i = 0; i < turned.count; i++) {
        const probability = rows[i * TRANSFORMATIONS + (i % TRANSFORMATIONS)]!;
        transformations[first + Math.floor(i / TRANSFORMATIONS)]! -= logarithm(probability) / TRANSFORMATIONS;
      }
    });
  }
  return { features, transformations };
}

/** The features of one way, `[count, width]`. */
function columnsOf(features: Float32Array, width: number, way: number): Float32Array {
  const rowWidth = width * TRANSFORMATIONS;
  const columns = new Float32Array(features.length / TRANSFORMATIONS);
  for (let row = 0; row < features.length / rowWidth; row++) {
    const at = row * rowWidth + way * width;
    columns.set(features.subarray(at, at + width), row * width);
  }
  return columns;
}

const pixelsOf = (images: Uint8Array): Float32Array => Float32Array.from(images, (level) => level / 255);

/** Histograms of oriented gradients, of length 1 or 0. */
function gradientsOf(images: Uint8Array, side: number): { readonly rows: Float32Array; readonly width: number } {
  const count = images.length / (side * side);
  const rows = orientedGradients({ images, count, height: side, width: side, channels: 1 });
  const width = rows.length / count;
  for (let row = 0; row < count; row++) {
    const own = rows.subarray(row * width, (row + 1) * width);
    const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
    if (length > 0) for (let i = 0; i < width; i++) own[i]! /= length;
  }
  return { rows, width };
}

type Scales = Readonly<Record<OneClassScore, { readonly mean: number; readonly deviation: number }>>;

/** A distance of nothing has a logarithm all the same. */
const logarithm = (distance: number): number => Math.log(Math.max(distance, 1e-6));

function scalesOf(parts: Parts): Scales {
  const scaleOf = (distances: Float64Array) => {
    const logs = distances.map(logarithm);
    const mean = logs.reduce((sum, value) => sum + value, 0) / logs.length;
    const variance = logs.reduce((sum, value) => sum + (value - mean) * (value - mean), 0) / logs.length;
    return { mean, deviation: Math.sqrt(variance) || 1 };
  };
  return Object.fromEntries(scoreNames.map((name) => [name, scaleOf(parts[name])])) as Scales;
}

function combine(parts: Parts, scales: Scales): OneClassScores {
  const combined = parts.density.map((_, i) => {
    const standardised = scoreNames.map(
      (name) => (logarithm(parts[name][i]!) - scales[name].mean) / scales[name].deviation,
    );
    return standardised.reduce((sum, value) => sum + value, 0) / scoreNames.length;
  });
  return { ...parts, combined };
}
