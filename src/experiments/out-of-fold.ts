// Probabilities of every image by a model that has not seen it: as many trainings as folds, each predicting what it was not trained on.
// Not here: what is done with them. Invariant: they are a function of images, labels, network and settings, whether or not the
// trainings were stopped and gone on with in between.
import { SelvedgeError } from '../core/errors.ts';
import { shuffledIndices } from '../core/philox.ts';
import { sha256 } from '../core/sha256.ts';
import { placeDataset, type ResidentDataset } from '../data/batches.ts';
import type { Dataset } from '../data/dataset.ts';
import { buildForImages, initializeWeights, type NetworkSettings } from '../models/index.ts';
import { createPredictor } from '../plan/index.ts';
import { platform } from '../platform/index.ts';
import {
  type EpochRecord,
  type FitSettings,
  type FitState,
  fit,
  identityOf,
  openCheckpoints,
} from '../training/index.ts';

const PREDICT_BATCH = 250;

export interface OutOfFoldOptions {
  readonly network: NetworkSettings;
  readonly settings: FitSettings;
  /** From 2. */
  readonly folds: number;
  /** Where each fold keeps its checkpoints; default: nowhere. */
  readonly folder?: string;
  readonly signal?: AbortSignal;
  readonly onEpoch?: (fold: number, record: EpochRecord) => void;
}

/**
 * Predicts every image out of fold. Needs a started backend.
 *
 * @param set Images and labels
 * @returns Probabilities `[count, classes]`, or undefined where the signal came before the end
 * @throws SelvedgeError `experiments/folds`, and what `fit` throws
 * @example
 * ```ts
 * import { fitDefaults, loadFashionMnistSample, predictOutOfFold, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const { test } = await loadFashionMnistSample();
 * const settings = { ...fitDefaults, epochs: 1 };
 * const probabilities = await predictOutOfFold(test, { network: { family: 'baseline' }, settings, folds: 2 });
 * console.assert(probabilities!.length === 10 * test.count);
 * await engine.stop();
 * ```
 */
export async function predictOutOfFold(set: Dataset, options: OutOfFoldOptions): Promise<Float32Array | undefined> {
  const { folds, settings } = options;
  if (!Number.isInteger(folds) || folds < 2 || folds > set.count / 2) {
    throw new SelvedgeError(
      'experiments/folds',
      `Cannot predict out of fold: expected from 2 folds to ${Math.floor(set.count / 2)}, got ${folds}`,
    );
  }
  const classes = set.classNames.length;
  const order = shuffledIndices(set.count, { seed: settings.seed, epoch: 0 });
  const probabilities = new Float32Array(set.count * classes);
  const data = await Promise.all([sha256(set.images), sha256(set.labels)]);
  const resident = placeDataset(set);
  try {
    for (let fold = 0; fold < folds; fold++) {
      const isHeld = (_: number, place: number): boolean => place % folds === fold;
      const held = order.filter(isHeld);
      const training = order.filter((index, place) => !isHeld(index, place)).sort();
      const predicted = await trainFold(resident, { ...options, fold, held, training, data });
      if (predicted === undefined) return undefined;
      held.forEach((index, place) => {
        probabilities.set(predicted.subarray(place * classes, (place + 1) * classes), index * classes);
      });
    }
  } finally {
    resident.dispose();
  }
  return probabilities;
}

interface Fold extends OutOfFoldOptions {
  readonly fold: number;
  readonly held: Int32Array;
  readonly training: Int32Array;
  /** sha256 of images and labels. */
  readonly data: readonly string[];
}

async function trainFold(resident: ResidentDataset, options: Fold): Promise<Float32Array | undefined> {
  const { network, settings, folds, fold, held, training, data, folder, signal, onEpoch } = options;
  const { height, width, channels, classNames } = resident.dataset;
  const identity = identityOf({ ...settings, network, folds, fold, data });
  const model = buildForImages(network, { inputShape: [height, width, channels], classes: classNames.length });
  try {
    initializeWeights(model, settings.seed);
    const checkpoints =
      folder === undefined ? undefined : openCheckpoints<FitState>(platform.files.join(folder, `fold-${fold + 1}`));
    // What another run left here is of no use to this one.
    if (checkpoints && (await checkpoints.load())?.state.identity !== identity) await checkpoints.clear();
    const { status } = await fit(model, {
      training: resident.examples({ indices: training }),
      settings,
      identity,
      ...(checkpoints ? { checkpoints } : {}),
      ...(signal ? { signal } : {}),
      onEpoch: (record) => onEpoch?.(fold + 1, record),
    });
    if (status === 'interrupted' || signal?.aborted) return undefined;
    const predictor = createPredictor(model, { batchSize: PREDICT_BATCH });
    try {
      return predictor.predictExamples(resident.examples({ indices: held }), 0, held.length);
    } finally {
      predictor.dispose();
    }
  } finally {
    model.dispose();
  }
}
