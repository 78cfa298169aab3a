// The network that tells where a garment is not as garments are: residual blocks at half the side, and for each 2x2 pixels four logits.
// Not here: what it learns from (anomalies.ts), what becomes of its answers (inspector.ts).
// Invariant: its layers are those that edge deployments have; weights are a function of pictures and settings.
import * as tf from '../../backend/tfjs.ts';
import { initializeWeights } from '../../models/index.ts';
import { convolve, normaliseAndActivate } from '../../models/layers.ts';
import { exportModel } from '../../plan/index.ts';
import {
  type CheckpointStore,
  type EpochRecord,
  type FitState,
  fit,
  fitDefaults,
  type Progress,
} from '../../training/index.ts';
import { makeAnomaly } from './anomalies.ts';

const SIDE = 28;
const SIZE = SIDE * SIDE;
/** Places of the output, and pixels of each. */
const GRID = SIDE / 2;
const PIXELS = 4;

export interface AnomalySettings {
  readonly seed: number;
  /** Channels at the whole side and at half of it. */
  readonly widths: readonly [whole: number, half: number];
  /** Residual blocks. */
  readonly blocks: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
}

/** Of the network that ships. */
export const anomalyDefaults: AnomalySettings = {
  seed: 1,
  widths: [16, 32],
  blocks: 4,
  epochs: 3,
  batchSize: 64,
  learningRate: 0.002,
};

/** Builds the network: `[28, 28, 1]` from 0 to 1 to logits `[14, 14, 4]`, a pixel each, row by row in each 2x2. */
export function buildAnomalyNetwork({ widths: [whole, half], blocks }: AnomalySettings): tf.LayersModel {
  const input = tf.input({ name: 'images', shape: [SIDE, SIDE, 1] });
  const layer = (x: tf.SymbolicTensor, name: string, filters: number, strides: 1 | 2 = 1): tf.SymbolicTensor =>
    normaliseAndActivate(convolve(x, { name, filters, kernelSize: 3, strides }), name);
  let x = layer(layer(input, 'stem', whole), 'half', half, 2);
  for (let block = 1; block <= blocks; block++) {
    const name = `block_${block}`;
    const branch = convolve(layer(x, `${name}_1`, half), { name: `${name}_2`, filters: half, kernelSize: 3 });
    const normal = tf.layers.batchNormalization({ name: `${name}_2_bn`, momentum: 0.9 }).apply(branch);
    const sum = tf.layers.add({ name: `${name}_add` }).apply([normal as tf.SymbolicTensor, x]);
    x = tf.layers.activation({ name: `${name}_relu`, activation: 'relu' }).apply(sum) as tf.SymbolicTensor;
  }
  const logits = tf.layers.conv2d({
    name: 'logits',
    filters: PIXELS,
    kernelSize: 1,
    kernelInitializer: 'glorotUniform',
  });
  return tf.model({ name: 'anomaly', inputs: input, outputs: logits.apply(x) as tf.SymbolicTensor });
}

export interface AnomalyTraining {
  readonly settings?: Partial<AnomalySettings>;
  readonly checkpoints?: CheckpointStore<FitState>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  readonly onEpoch?: (record: EpochRecord) => void;
}

/**
 * Trains the network on anomalies made as it goes. Needs a started backend.
 *
 * @param images Levels `[count, 28, 28]`, light on dark
 * @returns The network, which the caller disposes; undefined if the signal came: the checkpoint holds what is done
 */
export async function trainAnomalyNetwork(
  images: Uint8Array,
  { settings: given, checkpoints, signal, onProgress, onEpoch }: AnomalyTraining = {},
): Promise<tf.LayersModel | undefined> {
  const settings = { ...anomalyDefaults, ...given };
  const { seed, epochs, batchSize, learningRate } = settings;
  const model = buildAnomalyNetwork(settings);
  try {
    initializeWeights(model, seed);
    const { status } = await fit(model, {
      training: {
        count: images.length / SIZE,
        batch: (positions, epoch = 0) => batchOf(images, positions, epoch, seed),
      },
      settings: {
        ...fitDefaults,
        epochs,
        batchSize,
        seed,
        optimizer: { name: 'adam', learningRate, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 },
        schedule: { name: 'linear', warmUp: 0.05, start: 0.1, final: 0.01 },
        losses: [{ name: 'sigmoidCrossEntropy' }],
      },
      ...(checkpoints ? { checkpoints, checkpointEvery: 100 } : {}),
      ...(signal ? { signal } : {}),
      ...(onProgress ? { onProgress } : {}),
      ...(onEpoch ? { onEpoch: (record: EpochRecord) => onEpoch(record) } : {}),
    });
    if (status === 'complete') return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
  model.dispose();
  return undefined;
}

/**
 * The file of a trained network, which runs wherever `createClassifier` does: its labels are the numbers of the pixels.
 *
 * @param kernels `edgeKernelsDigest` of the kernels that will run it
 */
export function exportAnomalyNetwork(
  model: tf.LayersModel,
  { kernels, settings }: { readonly kernels: string; readonly settings: Readonly<Record<string, unknown>> },
): Promise<Uint8Array> {
  const labels = new Array<string>(SIZE);
  for (let i = 0; i < SIZE; i++) labels[placeOfPixel(i)] = String(i);
  return exportModel(model, { name: model.name, labels, ending: 'linear', settings, kernels });
}

function batchOf(images: Uint8Array, positions: Int32Array, epoch: number, seed: number) {
  const count = positions.length;
  const x = new Float32Array(count * SIZE);
  const y = new Float32Array(count * SIZE);
  const weights = new Float32Array(count * GRID * GRID).fill(1);
  positions.forEach((position, row) => {
    const { image, mask } = makeAnomaly(images, { position, epoch, seed, side: SIDE });
    const start = row * SIZE;
    for (let i = 0; i < SIZE; i++) {
      x[start + i] = image[i]! / 255;
      if (mask[i] === 0) continue;
      const place = placeOfPixel(i);
      y[start + place] = 1;
      // There are many more pixels without.
      weights[row * GRID * GRID + Math.floor(place / PIXELS)] = 2;
    }
  });
  return {
    x: tf.tensor(x, [count, SIDE, SIDE, 1]),
    y: tf.tensor(y, [count, GRID, GRID, PIXELS]),
    weights: tf.tensor(weights, [count, GRID, GRID]),
  };
}

/** Where in the output a pixel is. */
function placeOfPixel(i: number): number {
  const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
  return ((y >> 1) * GRID + (x >> 1)) * PIXELS + (y & 1) * 2 + (x & 1);
}
