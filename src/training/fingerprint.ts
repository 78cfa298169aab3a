// One training whose weights are compared across runtimes, thread counts, builds and interruptions. Not a study: it measures nothing.
// Invariant: its weights are a function of (model, data set, number of images, kernels), and of nothing else.
import { kernelsDigest } from '../backend/index.ts';
import { SelvedgeError } from '../core/errors.ts';
import { sha256 } from '../core/sha256.ts';
import { withoutUndefined } from '../core/without-undefined.ts';
import { defaultAugmentation } from '../data/augmentation.ts';
import { placeDataset } from '../data/batches.ts';
import type { Dataset } from '../data/dataset.ts';
import { buildModel, initializeWeights, weightsDigest } from '../models/index.ts';
import type { CheckpointStore } from './checkpoint.ts';
import { fit } from './fit.ts';
import { type FitOptions, type FitResult, type FitState, fitDefaults } from './fit-options.ts';

/** What is trained: a batch is short where the images are no multiple of it. */
export const fingerprintSettings = { ...fitDefaults, epochs: 2, batchSize: 100 } as const;

/** Images that are trained on, unless told otherwise: no multiple of the batch size. */
export const FINGERPRINT_IMAGES = 12_345;

export interface FingerprintOptions
  extends Pick<FitOptions, 'checkpointEvery' | 'signal' | 'onStart' | 'onProgress' | 'onEpoch'> {
  /** One of `modelNames`. */
  readonly model: string;
  /** The first images of it are trained on. */
  readonly dataset: Dataset;
  /** Default: `FINGERPRINT_IMAGES`. */
  readonly images?: number;
  /** Where a run that is killed goes on from; default: nowhere, it starts anew. */
  readonly checkpoints?: CheckpointStore<FitState>;
  /** Default: that of `fingerprintSettings`. */
  readonly batchSize?: number;
  readonly opByOp?: boolean;
}

export interface Fingerprint {
  readonly model: string;
  readonly images: number;
  readonly batchSize: number;
  readonly epochs: number;
  readonly seed: number;
  readonly status: FitResult['status'];
  /** Updates in all, and those that this call made. */
  readonly updates: number;
  readonly updatesNow: number;
  /** Mean training loss of each epoch. */
  readonly losses: readonly number[];
  /** sha256 of the weights. */
  readonly weights: string;
}

/**
 * Trains a model on augmented images, with a short last batch, and digests its weights.
 *
 * @param options What to train on, and where to keep checkpoints
 * @returns The digest; equal on every runtime, at any number of threads, on shared and unshared memory, and however often the run
 *   was killed and resumed
 * @throws SelvedgeError `training/too-few-images`, and what `fit` throws
 *
 * @example
 * ```ts
 * import { fingerprintTraining, loadFashionMnistSample, startBackend } from 'selvedge';
 * const engine = await startBackend();
 * const { train } = await loadFashionMnistSample();
 * const { weights, updates } = await fingerprintTraining({ model: 'baseline', dataset: train, images: 150 });
 * console.assert(weights.length === 64 && updates === 4);
 * await engine.stop();
 * ```
 */
export async function fingerprintTraining(options: FingerprintOptions): Promise<Fingerprint> {
  const { model: name, dataset, images = FINGERPRINT_IMAGES, batchSize = fingerprintSettings.batchSize } = options;
  if (images > dataset.count) {
    throw new SelvedgeError(
      'training/too-few-images',
      `Cannot take the fingerprint: expected ${images} images, "${dataset.name}" has ${dataset.count}`,
    );
  }
  const { checkpoints, checkpointEvery, signal, onStart, onProgress, onEpoch, opByOp } = options;
  const settings = { ...fingerprintSettings, batchSize };
  const { seed, epochs } = settings;
  const model = buildModel(name, {
    inputShape: [dataset.height, dataset.width, dataset.channels],
    classes: dataset.classNames.length,
  });
  const resident = placeDataset(dataset);
  try {
    initializeWeights(model, seed);
    const { status, updates, updatesNow, history } = await fit(model, {
      training: resident.examples({
        indices: Int32Array.from({ length: images }, (_, i) => i),
        augmentation: { seed, settings: defaultAugmentation },
      }),
      settings,
      identity: JSON.stringify({
        model: name,
        images,
        settings,
        kernels: await kernelsDigest(),
        data: [await sha256(dataset.images), await sha256(dataset.labels)],
      }),
      ...withoutUndefined({ checkpoints, checkpointEvery, signal, onStart, onProgress, onEpoch, opByOp }),
    });
    const losses = history.map(({ loss }) => loss);
    const weights = await weightsDigest(model);
    return { model: name, images, batchSize, epochs, seed, status, updates, updatesNow, losses, weights };
  } finally {
    resident.dispose();
    model.dispose();
  }
}
