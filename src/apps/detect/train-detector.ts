// Trains a detector on scenes composed as it goes, op by op on our kernels. Not here: the loss (loss.ts), the network (network.ts).
// Invariant: weights are a function of items, settings and the number of updates: the same bits on every engine, at any number of threads,
// and whether or not the training was interrupted.
import * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { sha256 } from '../../core/sha256.ts';
import type { Dataset } from '../../data/dataset.ts';
import { platform } from '../../platform/index.ts';
import { type CheckpointStore, type CheckpointTensor, openCheckpoints } from '../../training/checkpoint.ts';
import { createOptimizer } from '../../training/optimizers.ts';
import type { DetectorDescription, DetectorModel } from './detector-file.ts';
import { detectionLoss } from './loss.ts';
import { createTrainable, type DetectorWidths, defaultWidths, fold, type TrainableDetector } from './network.ts';
import { defaultScenes, openScenes, type SceneSettings } from './scenes.ts';

export interface DetectorTraining {
  readonly widths: DetectorWidths;
  readonly scenes: SceneSettings;
  readonly seed: number;
  /** Updates in all; the learning rate falls to zero over the last part of them. */
  readonly steps: number;
  /** Scenes an update, of the four kinds in turn. */
  readonly batch: number;
  readonly learningRate: number;
  readonly weightDecay: number;
}

/** The recipe of the detector that ships. */
export const detectorTrainingDefaults: DetectorTraining = {
  widths: defaultWidths,
  scenes: { ...defaultScenes, height: 96, width: 96, fewest: 2, most: 6 },
  seed: 1,
  steps: 26_000,
  batch: 16,
  learningRate: 0.0025,
  weightDecay: 0.02,
};

/** Updates over which the learning rate rises. */
const WARM_UP = 100;
/** The part of all updates over which it falls. */
const FALL = 0.4;

/** How an update went. */
export interface DetectorProgress {
  readonly step: number;
  readonly steps: number;
  readonly scores: number;
  readonly boxes: number;
  readonly overlap: number;
}

export interface DetectorTrainingOptions {
  /** Items of the scenes: the training part of the training images. */
  readonly items: Dataset;
  readonly training: DetectorTraining;
  /** Where checkpoints go; a training that is there goes on. */
  readonly folder: string;
  readonly signal?: AbortSignal;
  onProgress?(progress: DetectorProgress): void;
}

/** What a checkpoint holds besides tensors. */
interface State {
  readonly identity: string;
  readonly step: number;
  /** The first update whose rate depends on how many there are to be. */
  readonly fallsFrom: number;
}

const CHECKPOINT_EVERY = 100;

/**
 * Trains, or goes on training.
 *
 * @returns The detector, or undefined if the signal came: then the checkpoint holds what is done
 * @throws SelvedgeError `detect/training` for settings that make no sense, `detect/other-training` if the folder holds another training,
 *   `detect/diverged` where a loss is no number, and as `openScenes`
 */
export async function trainDetector(options: DetectorTrainingOptions): Promise<DetectorModel | undefined> {
  const { items, training, folder, signal } = options;
  checkTraining(training);
  const { steps, ...rest } = training;
  const identity = JSON.stringify({ ...rest, items: await sha256(items.images), labels: await sha256(items.labels) });
  const store = openCheckpoints<State>(folder);
  const loaded = await store.load();
  const fallsFrom = Math.floor(steps * (1 - FALL));
  if (loaded) checkState(loaded.state, { identity, step: steps, fallsFrom }, folder);
  const scenes = openScenes(items, training.scenes);
  const network = createTrainable(items.classNames.length, training.seed, training.widths);
  const { learningRate, weightDecay } = training;
  const config = { name: 'adamw', learningRate, beta1: 0.9, beta2: 0.99, epsilon: 1e-7, weightDecay } as const;
  const optimizer = createOptimizer(network.variables, config);
  try {
    let step = loaded?.state.step ?? 0;
    if (loaded) {
      const weights = weightsOf(network);
      write(weights, loaded.tensors.slice(0, weights.length));
      optimizer.restore(loaded.tensors.slice(weights.length), step);
    }
    const save = (): Promise<void> => saveTo(store, { identity, step, fallsFrom }, network, optimizer.save());
    while (step < steps) {
      const made = scenes.compose({
        first: step * training.batch,
        count: training.batch,
        kind: 'mixed',
        seed: training.seed,
      });
      const { gradients, ...loss } = gradientsOf(network, made.images, made.items);
      made.images.dispose();
      if (!Number.isFinite(loss.scores + loss.boxes)) {
        tf.dispose(gradients);
        throw new SelvedgeError(
          'detect/diverged',
          `Cannot train on: the loss of update ${step + 1} is no number; use a smaller learning rate than ${learningRate}`,
        );
      }
      optimizer.apply(gradients, rateAt(step, steps, fallsFrom));
      tf.dispose(gradients);
      step++;
      options.onProgress?.({ step, steps, ...loss });
      if (step % CHECKPOINT_EVERY === 0 || step === steps || signal?.aborted) await save();
      await platform.giveWay();
      if (signal?.aborted) return undefined;
    }
    return { description: describe(options, steps), convolutions: fold(network) };
  } finally {
    scenes.dispose();
    optimizer.dispose();
    network.dispose();
  }
}

function rateAt(step: number, steps: number, fallsFrom: number): number {
  const rise = Math.min(1, (step + 1) / WARM_UP);
  return step < fallsFrom ? rise : rise * ((steps - step) / (steps - fallsFrom));
}

interface Gradients {
  readonly gradients: Record<string, tf.Tensor>;
  readonly scores: number;
  readonly boxes: number;
  readonly overlap: number;
}

/** The loss is computed outside of tfjs: the tape is given its slope by the outputs. */
function gradientsOf(
  network: TrainableDetector,
  x: tf.Tensor4D,
  items: Parameters<typeof detectionLoss>[1],
): Gradients {
  let loss: ReturnType<typeof detectionLoss> | undefined;
  const { value, grads } = tf.variableGrads(() => {
    const outputs = network.forward(x);
    const [batch, rows, columns] = outputs.shape;
    loss = detectionLoss(outputs.dataSync<'float32'>(), items, { batch, rows, columns, classes: network.classes });
    return tf.sum(tf.mul(outputs, tf.tensor(loss.gradient, outputs.shape))) as tf.Scalar;
  }, network.variables as tf.Variable[]);
  value.dispose();
  const { gradient: _, ...sums } = loss!;
  return { gradients: grads, ...sums };
}

const weightsOf = ({ variables, averages }: TrainableDetector): tf.Variable[] => [...variables, ...averages];

function saveTo(
  store: CheckpointStore<State>,
  state: State,
  network: TrainableDetector,
  slots: readonly CheckpointTensor[],
): Promise<void> {
  const weights = weightsOf(network).map(
    (weight): CheckpointTensor => ({
      name: weight.name,
      shape: weight.shape,
      values: weight.dataSync<'float32'>().slice(),
    }),
  );
  return store.save({
    state,
    tensors: [...weights, ...slots.map((slot) => ({ ...slot, values: slot.values.slice() }))],
  });
}

function write(weights: readonly tf.Variable[], tensors: readonly CheckpointTensor[]): void {
  weights.forEach((weight, i) => {
    const value = tf.tensor(tensors[i]!.values, weight.shape);
    weight.assign(value);
    value.dispose();
  });
}

function checkState(found: State, wanted: State, folder: string): void {
  const isOther = found.identity !== wanted.identity;
  // Up to where the rate falls in either, trainings of different lengths are the same.
  const isOtherLength =
    found.fallsFrom !== wanted.fallsFrom && found.step > Math.min(found.fallsFrom, wanted.fallsFrom);
  if (!isOther && !isOtherLength && found.step <= wanted.step) return;
  throw new SelvedgeError(
    'detect/other-training',
    `Cannot go on in "${folder}": it holds ${found.step} updates of a training with other ${isOther ? 'settings or items' : 'updates in all'}; ` +
      'name another run, or remove it',
  );
}

function checkTraining({ steps, batch, learningRate, weightDecay, widths }: DetectorTraining): void {
  const isWhole = (value: number, most: number): boolean => Number.isInteger(value) && value >= 1 && value <= most;
  const rules: readonly [boolean, string][] = [
    [isWhole(steps, 10_000_000), `1 or more updates, got ${steps}`],
    [isWhole(batch, 1024), `1 to 1024 scenes an update, got ${batch}`],
    [learningRate > 0 && learningRate < Infinity, `a learning rate above 0, got ${learningRate}`],
    [weightDecay >= 0 && weightDecay < Infinity, `a weight decay from 0, got ${weightDecay}`],
    [Object.values(widths).every((width) => isWhole(width, 1024)), `1 to 1024 channels, got ${JSON.stringify(widths)}`],
  ];
  const broken = rules.find(([holds]) => !holds);
  if (broken) throw new SelvedgeError('detect/training', `Cannot train a detector: expected ${broken[1]}`);
}

function describe({ items, training }: DetectorTrainingOptions, steps: number): DetectorDescription {
  const { widths, ...how } = training;
  return { classNames: items.classNames, widths, training: { ...how, steps, items: items.count } };
}
