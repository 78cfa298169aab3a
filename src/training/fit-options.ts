// What fit() takes and gives, and which of it makes sense. Not the loop: fit.ts.
import type * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import type { ExampleSource } from '../data/batches.ts';
import { type MixingSettings, mixingRules } from '../data/mixing.ts';
import type { TargetExamples } from '../data/target-batch.ts';
import type { CheckpointStore } from './checkpoint.ts';
import { type LossSettings, lossRules } from './loss.ts';
import { type OptimizerConfig, optimizerDefaults, optimizerRules } from './optimizer-config.ts';
import { type OutputLoss, outputLossRules } from './output-losses.ts';
import { cyclesOf, type Schedule, scheduleDefaults, scheduleRules } from './schedule.ts';
import type { Averaging } from './weight-average.ts';

/** Examples to train on: images and labels, `Examples`, for a classifier; anything that the model takes with losses of outputs. */
export interface TrainingExamples extends TargetExamples {
  /** See `Examples.source`. */
  readonly source?: ExampleSource;
}

/** Settings that decide the weights. */
export interface FitSettings extends LossSettings {
  readonly epochs: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly optimizer: OptimizerConfig;
  /** How the learning rate moves, update by update. */
  readonly schedule: Schedule;
  /** Validates, and ends with, averages of the weights in their place; default: the weights as the last update left them. */
  readonly averaging?: Averaging;
  /**
   * Where the norm of all gradients together (Pascanu et al. 2013) is above this, they are multiplied by what brings it down to it, before
   * weight decay; default: they are left as they are.
   */
  readonly clipNorm?: number;
  /**
   * What is minimised of each output of the model: their sum. Default: the model is a classifier, whose cross-entropy is. Then neither
   * label smoothing nor what else changes cross-entropy applies, and examples give whatever the model takes: `TargetExamples`.
   */
  readonly losses?: readonly OutputLoss[];
  /** Mixes the examples of a batch by mixup or CutMix; default: each stays as it is. Not in validation. */
  readonly mixing?: MixingSettings;
}

/** One epoch as the history keeps it. */
export interface EpochRecord {
  readonly epoch: number;
  readonly loss: number;
  /** Of outputs that have losses of their own: the mean share of rows that are right, 0 for errors, which have no classes. */
  readonly accuracy: number;
  readonly validationLoss?: number;
  readonly validationAccuracy?: number;
  /** Of training alone, validation not counted. */
  readonly imagesPerSecond: number;
  readonly durationMs: number;
}

/** Where a run stands. */
export interface Progress {
  readonly epoch: number;
  readonly epochs: number;
  /** Updates done in this epoch, and how many it has. */
  readonly step: number;
  readonly steps: number;
  /** Means over the epoch so far. */
  readonly loss: number;
  readonly accuracy: number;
  readonly imagesPerSecond: number;
  /** Time spent in updates of this epoch. */
  readonly elapsedMs: number;
}

/** What a checkpoint holds besides tensors. */
export interface FitState {
  /** Settings and data of the run, as the caller describes them: a checkpoint of another run is refused. */
  readonly identity: string;
  readonly epoch: number;
  readonly step: number;
  readonly updates: number;
  readonly lossSum: number;
  readonly hits: number;
  readonly trainingMs: number;
  readonly history: readonly EpochRecord[];
}

export interface FitOptions {
  readonly training: TrainingExamples;
  readonly validation?: TrainingExamples;
  /** Whom the model learns from, by `settings.distillation`; it stays the caller's. */
  readonly teacher?: tf.LayersModel;
  readonly settings: FitSettings;
  /** Describes the run; equal for a run and its resumption. Default: the settings and the number of examples. */
  readonly identity?: string;
  readonly checkpoints?: CheckpointStore<FitState>;
  /** Updates between checkpoints inside an epoch. Default: none, only at its end. */
  readonly checkpointEvery?: number;
  /** Run one operation after the other, as what a plan cannot do is run: many times slower, and other bits. Default: false. */
  readonly opByOp?: boolean;
  /** Ends the run after the current update, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Called once, when nothing is left that could be refused, and before a checkpoint is read; training waits for it. */
  readonly onReady?: () => Promise<void>;
  /** Told once, before the first update. */
  readonly onStart?: (execution: Execution) => void;
  /** Told after each update. */
  readonly onProgress?: (progress: Progress) => void;
  /** Told at the end of each cycle of a schedule that has several, from 1, before its checkpoint; again, where a run was killed in between. */
  readonly onCycle?: (cycle: number) => Promise<void>;
  /** Told after each epoch and its validation; training waits for it. */
  readonly onEpoch?: (record: EpochRecord, history: readonly EpochRecord[]) => void | Promise<void>;
}

export interface FitResult {
  readonly status: 'complete' | 'interrupted';
  readonly history: readonly EpochRecord[];
  /** Updates done in all, and by this call: fewer if it resumed. */
  readonly updates: number;
  readonly updatesNow: number;
}

/** How a model is run: compiled into a plan, or one operation after the other, and then why. */
export type Execution =
  | { readonly kind: 'plan'; readonly dispatches: number; readonly byteLength: number }
  | { readonly kind: 'op-by-op'; readonly reason: string };

/** The same in words. */
export function describeExecution(execution: Execution): string {
  if (execution.kind === 'op-by-op') return `op by op: ${execution.reason}`;
  const megabytes = (execution.byteLength / 1e6).toFixed(1);
  return `by a plan: ${execution.dispatches} dispatches a step, ${megabytes} MB`;
}

/** The regime of the study. */
export const fitDefaults: FitSettings = {
  epochs: 50,
  batchSize: 128,
  seed: 1,
  optimizer: optimizerDefaults.adam,
  schedule: scheduleDefaults.constant,
  labelSmoothing: 0,
};

/** What settings must fulfil, each with the words for a setting that does not. */
function settingsRules(settings: FitSettings, classes?: number): [holds: boolean, message: string][] {
  const { epochs, batchSize, seed, optimizer, schedule, averaging, mixing, clipNorm } = settings;
  return [
    [isCount(epochs), `${epochs} epochs: expected a whole number from 1`],
    [isCount(batchSize), `a batch size of ${batchSize}: expected a whole number from 1`],
    [
      Number.isInteger(seed) && seed >= 0 && seed < 0x100000000,
      `seed ${seed}: expected a whole number from 0 to 4294967295`,
    ],
    ...optimizerRules(optimizer),
    ...scheduleRules(schedule),
    [
      epochs % cyclesOf(schedule) === 0,
      `${epochs} epochs of ${cyclesOf(schedule)} cycles: expected cycles of whole epochs`,
    ],
    [
      cyclesOf(schedule) === 1 || averaging === undefined,
      'cycles and averages of weights: expected one of both, since a snapshot is of one update',
    ],
    ...lossRules(settings, classes),
    ...outputLossRules(settings),
    [
      averaging === undefined || (averaging.decay >= 0 && averaging.decay < 1),
      `averages that keep ${averaging?.decay} of themselves: expected from 0 up to, not including, 1`,
    ],
    [
      clipNorm === undefined || (clipNorm > 0 && clipNorm < Infinity),
      `gradients clipped to a norm of ${clipNorm}: expected more than 0`,
    ],
    ...(mixing ? mixingRules(mixing) : []),
    [
      mixing === undefined || settings.distillation?.once !== true,
      'mixed images and a teacher that is asked once: expected one of both, since it sees images as they are in the data',
    ],
  ];
}

const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1;

function requireRules(rules: readonly [holds: boolean, message: string][]): void {
  for (const [holds, message] of rules) {
    if (!holds) throw new SelvedgeError('training/settings', `Cannot train with ${message}`);
  }
}

/**
 * Makes sure that settings can be trained with, before any data is there.
 *
 * @param classes Of the data that is to come
 * @throws SelvedgeError `training/settings`
 * @example
 * ```ts
 * import { checkFitSettings, fitDefaults } from 'selvedge';
 * checkFitSettings({ ...fitDefaults, focalGamma: 2 }, 10);
 * ```
 */
export function checkFitSettings(settings: FitSettings, classes?: number): void {
  requireRules(settingsRules(settings, classes));
}

/**
 * Makes sure that settings and data can be trained with.
 *
 * @throws SelvedgeError `training/settings`
 */
export function checkSettings({ settings, training, validation, teacher, checkpointEvery = 1 }: FitOptions): void {
  requireRules([
    ...settingsRules(settings),
    [isCount(checkpointEvery), `a checkpoint every ${checkpointEvery} updates: expected a whole number from 1`],
    [
      (teacher === undefined) === (settings.distillation === undefined),
      teacher
        ? 'a teacher and no distillation: expected settings of it'
        : 'a distillation and no teacher: expected one',
    ],
    [training.count >= 1, 'no examples: expected at least one'],
    [
      validation === undefined || validation.count >= 1,
      'no validation examples: expected at least one, or no validation',
    ],
  ]);
}
