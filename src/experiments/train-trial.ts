// Trials that train: a recipe, on part of the data, to its validation accuracy after each epoch; with checkpoints, so that a trial that
// was stopped goes on inside. Not here: which recipes (tune.ts). Invariant: a trial's weights are those that `train` makes of the same
// recipe, seed and examples.

import type { ExampleOptions, Examples } from '../data/batches.ts';
import { exampleOptionsOf } from '../data/example-options.ts';
import { buildForImages, initializeWeights, type ModelConfig, weightsDigest } from '../models/index.ts';
import { type Files, platform } from '../platform/index.ts';
import { type EpochRecord, type FitState, fit, openCheckpoints, type Progress } from '../training/index.ts';
import type { RunningTrial, TrialOutcome } from './tune.ts';

export interface TrialTraining {
  /** Of the examples. */
  readonly data: ModelConfig;
  /** Examples to train on, resampled and changed as a recipe says. */
  readonly training: (options: Pick<ExampleOptions, 'resampling' | 'augmentation'>) => Examples;
  readonly validation: Examples;
  /** Of weights, order and masks: the same for all trials. */
  readonly seed: number;
  /** Holds the checkpoints; whoever calls removes it once the journal says that the trial has ended. */
  readonly folder: string;
  /** Where that folder is; default: the platform's files. */
  readonly files?: Files;
  /** What else decides the weights: a checkpoint of another run is refused. */
  readonly identity: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** Told the digest of the weights after each epoch, before its value is reported, and after the training, without an epoch. */
  readonly onWeights?: (digest: string, epoch?: number) => void;
}

/**
 * Trains a trial of a study. Needs a started backend.
 *
 * @returns How it ended, and how long its epochs took, those of earlier calls counted
 * @throws SelvedgeError as `fit`
 */
export async function trainTrial(trial: RunningTrial, options: TrialTraining): Promise<TrialOutcome> {
  const { training, validation, seed, folder, signal, onProgress } = options;
  const { network, validation: _, augmentation, resampling, averaging, ...regime } = trial.recipe;
  const checkpoints = openCheckpoints<FitState>(folder, options.files ?? platform.files);
  const stopping = new AbortController();
  const forward = (): void => stopping.abort();
  signal?.addEventListener('abort', forward);
  if (signal?.aborted) forward();
  let isPruned = false;
  const report = async ({ epoch, validationAccuracy }: EpochRecord): Promise<void> => {
    if ((await trial.report(epoch, validationAccuracy!)) === 'go on' || epoch === regime.epochs) return;
    isPruned = true;
    stopping.abort();
  };
  const identity = JSON.stringify({ recipe: trial.recipe, seed, ...options.identity });
  // What another study left here is of no use to this one.
  const saved = (await checkpoints.load())?.state.identity;
  if (saved !== undefined && saved !== identity) await checkpoints.clear();
  // Where the process was killed between a checkpoint and the journal.
  let history: readonly EpochRecord[] = (await checkpoints.load())?.state.history ?? [];
  for (const record of history) if (!isPruned) await report(record);
  const model = isPruned ? undefined : buildForImages(network, options.data);
  try {
    if (model) {
      initializeWeights(model, seed);
      const result = await fit(model, {
        training: training(exampleOptionsOf({ resampling, augmentation, seed })),
        validation,
        settings: { ...regime, ...(averaging ? { averaging } : {}), seed },
        identity,
        checkpoints,
        signal: stopping.signal,
        onEpoch: async (record, soFar) => {
          history = soFar;
          if (options.onWeights) options.onWeights(await weightsDigest(model), record.epoch);
          await report(record);
        },
        ...(onProgress ? { onProgress } : {}),
      });
      history = result.history;
      if (options.onWeights) options.onWeights(await weightsDigest(model));
      if (result.status === 'interrupted' && !isPruned)
        return { status: 'interrupted', durationMs: durationOf(history) };
    }
  } finally {
    model?.dispose();
    signal?.removeEventListener('abort', forward);
  }
  return { status: isPruned ? 'pruned' : 'complete', durationMs: durationOf(history) };
}

const durationOf = (history: readonly EpochRecord[]): number =>
  history.reduce((sum, { durationMs }) => sum + durationMs, 0);
