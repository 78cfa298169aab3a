// Trains a generator by flow matching: on the straight line from noise to a picture, the network learns the velocity (Lipman et al. 2023;
// Liu et al. 2023). Not here: the network (u-net.ts) and the file that ships (generator-file.ts).
// Invariant: weights are a function of pictures, settings and the number of updates; a killed training goes on to the same bits.
import { currentBackend } from '../../backend/index.ts';
import { averageWeights } from '../../backend/kernels/average-weights.ts';
import * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { naturalExponential } from '../../core/exponential.ts';
import { normalQuantile } from '../../core/normal-quantile.ts';
import { createPhilox, type Philox, randomStreams, shuffledIndices } from '../../core/philox.ts';
import { sha256 } from '../../core/sha256.ts';
import { platform } from '../../platform/index.ts';
import {
  type CheckpointStore,
  type CheckpointTensor,
  openCheckpoints,
  optimizerDefaults,
} from '../../training/index.ts';
import { createOptimizer } from '../../training/optimizers.ts';
import {
  type GeneratorInputs,
  type GeneratorShape,
  type GeneratorWeights,
  initialWeights,
  PATCH,
  timeFeatures,
  toPatches,
  velocityOf,
  weightShapes,
} from './u-net.ts';

/** What a training depends on, beside the pictures. */
export interface GeneratorSettings {
  readonly seed: number;
  readonly batchSize: number;
  /** In all. The learning rate is constant, and falls to 0 over the last `decayShare` of them. */
  readonly updates: number;
  readonly learningRate: number;
  /** Updates over which the learning rate rises from 0. */
  readonly warmUp: number;
  readonly decayShare: number;
  /** What of the averages of weights remains in an update. */
  readonly averaging: number;
  /** Share of examples whose class is not told, for guidance. */
  readonly classDropout: number;
}

export const generatorDefaults: GeneratorSettings = {
  seed: 1,
  batchSize: 64,
  updates: 30_000,
  learningRate: 0.001,
  warmUp: 200,
  decayShare: 0.3,
  averaging: 0.999,
  classDropout: 0.1,
};

/** The shape of the generator that ships. */
export const shippedShape: GeneratorShape = { side: 28, classes: 10, width: 64, condition: 64, blocks: [1, 3, 1] };

/** Pictures to learn from. */
export interface GeneratorExamples {
  /** uint8 `[count, side, side]`. */
  readonly images: Uint8Array;
  /** `[count]`, each below the number of classes. */
  readonly labels: ArrayLike<number>;
}

/** What a checkpoint tells. */
export interface GeneratorState {
  /** Made so far, and in all. */
  readonly updates: number;
  readonly total: number;
  readonly shape: GeneratorShape;
  readonly settings: Omit<GeneratorSettings, 'updates'>;
  /** sha256 of pictures and labels. */
  readonly examples: string;
}

export interface GeneratorProgress {
  readonly updates: number;
  /** Mean squared error of the velocity in the last update. */
  readonly loss: number;
}

export interface GeneratorTrainingOptions {
  readonly shape?: GeneratorShape;
  readonly settings?: Partial<GeneratorSettings>;
  /** Where to keep checkpoints, and go on from. */
  readonly checkpoints?: CheckpointStore<GeneratorState>;
  /** Updates between checkpoints. Default: 250. */
  readonly checkpointEvery?: number;
  readonly onProgress?: (progress: GeneratorProgress) => void;
  /** Ends after the update it is raised in, with a checkpoint. */
  readonly signal?: AbortSignal;
}

/** A trained generator. */
export interface TrainedGenerator {
  readonly shape: GeneratorShape;
  /** Averages of the weights, in the order of `weightShapes`. */
  readonly weights: readonly Float32Array[];
  readonly updates: number;
  /** False where the signal came first: the same call with the same checkpoints goes on. */
  readonly isFinished: boolean;
}

/**
 * Trains a generator, or goes on with a training. The engine runs already.
 *
 * @param examples Pictures and their labels
 * @param options Shape, settings, and where checkpoints are
 * @returns The averaged weights; plain values
 * @throws SelvedgeError `generate/examples`, `generate/settings`, `generate/checkpoint`, `generate/diverged`
 * @example
 * ```ts
 * import { startBackend } from 'selvedge';
 * import { trainGenerator } from 'selvedge/apps';
 * const engine = await startBackend({ threads: 1 });
 * const shape = { side: 8, classes: 2, width: 4, condition: 8, blocks: [1, 1, 1] } as const;
 * const examples = { images: new Uint8Array(4 * 64), labels: [0, 1, 0, 1] };
 * const { weights } = await trainGenerator(examples, { shape, settings: { updates: 2, batchSize: 2 } });
 * console.assert(weights.length > 0);
 * await engine.stop();
 * ```
 */
export async function trainGenerator(
  examples: GeneratorExamples,
  options: GeneratorTrainingOptions = {},
): Promise<TrainedGenerator> {
  const { shape = shippedShape, checkpoints, checkpointEvery = 250, onProgress, signal } = options;
  const settings = checkSettings({ ...generatorDefaults, ...options.settings }, examples, shape);
  const { updates: total, ...kept } = settings;
  const identity = checkpoints ? await digestOf(examples) : '';
  const trainer = createTrainer(examples, shape, settings);
  try {
    const saved = await checkpoints?.load();
    if (saved) {
      requireSame(saved.state, { updates: 0, total, shape, settings: kept, examples: identity });
      trainer.restore(saved.state.updates, saved.tensors);
    }
    const save = async (): Promise<void> => {
      await checkpoints?.save({
        state: { updates: trainer.updates, total, shape, settings: kept, examples: identity },
        tensors: trainer.save(),
      });
    };
    while (trainer.updates < total && !signal?.aborted) {
      const loss = trainer.update();
      onProgress?.({ updates: trainer.updates, loss });
      if (trainer.updates % checkpointEvery === 0) await save();
      await platform.giveWay();
    }
    await save();
    return { shape, weights: trainer.averages(), updates: trainer.updates, isFinished: trainer.updates >= total };
  } finally {
    trainer.dispose();
  }
}

/** Checkpoints of a training in a folder, which is made with the first of them. */
export const openGeneratorCheckpoints = (folder: string): CheckpointStore<GeneratorState> =>
  openCheckpoints<GeneratorState>(folder);

interface Trainer {
  readonly updates: number;
  /** Makes an update; answers with its loss. */
  update(): number;
  averages(): Float32Array[];
  save(): CheckpointTensor[];
  /** @param updates Made when `save` was called */
  restore(updates: number, tensors: readonly CheckpointTensor[]): void;
  dispose(): void;
}

function createTrainer(examples: GeneratorExamples, shape: GeneratorShape, settings: GeneratorSettings): Trainer {
  const shapes = weightShapes(shape);
  const start = initialWeights(shape, settings.seed);
  const variables = shapes.map((weight, i) => tf.tidy(() => tf.variable(tf.tensor(start[i]!, [...weight.shape]))));
  const averages = shapes.map((weight, i) => tf.keep(tf.tensor(start[i]!, [...weight.shape])));
  const weights: GeneratorWeights = Object.fromEntries(shapes.map(({ name }, i) => [name, variables[i]!]));
  const optimizer = createOptimizer(variables, {
    ...optimizerDefaults.adam,
    learningRate: settings.learningRate,
    beta2: 0.99,
    epsilon: 1e-8,
  });
  const batches = createBatches(examples, shape, settings);
  let updates = 0;
  const valuesOf = (tensors: readonly tf.Tensor[]): Float32Array[] =>
    tensors.map((each) => each.dataSync<'float32'>().slice());
  return {
    get updates() {
      return updates;
    },
    update() {
      const { inputs, target } = batches.at(updates);
      const { value, grads } = tf.variableGrads(
        () => tf.losses.meanSquaredError(target, velocityOf(shape, weights, inputs)) as tf.Scalar,
        variables,
      );
      const loss = value.dataSync()[0]!;
      if (Number.isFinite(loss)) optimizer.apply(grads, rateFactor(updates, settings));
      tf.dispose([value, grads, inputs.x, inputs.time, inputs.classes, target]);
      if (!Number.isFinite(loss)) {
        throw new SelvedgeError(
          'generate/diverged',
          `Cannot go on with the training: the loss of update ${updates + 1} is ${loss}; choose a lower learning rate than ${settings.learningRate}`,
        );
      }
      const share = 1 - Math.min(settings.averaging, (1 + updates) / (10 + updates));
      variables.forEach((variable, i) => {
        const average = averages[i]!;
        averageWeights(currentBackend(), { weights: variable, average, elements: average.size, share });
      });
      updates++;
      return loss;
    },
    averages: () => valuesOf(averages),
    save: () => [
      ...shapes.map(({ name, shape: extents }, i) => ({ name, shape: extents, values: valuesOf([variables[i]!])[0]! })),
      ...shapes.map(({ name, shape: extents }, i) => ({
        name: `${name}/average`,
        shape: extents,
        values: valuesOf([averages[i]!])[0]!,
      })),
      ...optimizer.save().map((slot) => ({ ...slot, values: slot.values.slice() })),
    ],
    restore(made, tensors) {
      const count = shapes.length;
      write(variables, tensors.slice(0, count));
      write(averages, tensors.slice(count, 2 * count));
      optimizer.restore(tensors.slice(2 * count), made);
      updates = made;
    },
    dispose() {
      optimizer.dispose();
      tf.dispose([variables, averages]);
    },
  };
}

/** A training may only be made longer or shorter before its learning rate falls in either. */
function requireSame(saved: GeneratorState, now: GeneratorState): void {
  const refuse = (what: string): SelvedgeError =>
    new SelvedgeError(
      'generate/checkpoint',
      `Cannot go on with the training: its checkpoint has ${what}; choose another run`,
    );
  if (JSON.stringify([saved.shape, saved.settings]) !== JSON.stringify([now.shape, now.settings])) {
    throw refuse('other settings');
  }
  if (saved.examples !== now.examples) throw refuse('other pictures');
  const fallsAt = Math.min(saved.total, now.total) * (1 - now.settings.decayShare);
  if (saved.total !== now.total && saved.updates > fallsAt) {
    throw refuse(`a learning rate that falls to 0 at ${saved.total} updates, not ${now.total}`);
  }
}

async function digestOf({ images, labels }: GeneratorExamples): Promise<string> {
  return sha256((await sha256(images)) + (await sha256(Uint8Array.from(labels))));
}

function write(tensors: readonly tf.Tensor[], from: readonly CheckpointTensor[]): void {
  const backend = currentBackend();
  tensors.forEach((tensor, i) => {
    const values = from[i]?.values;
    if (values?.length !== tensor.size) {
      throw new SelvedgeError(
        'generate/checkpoint',
        `Cannot go on with the training: expected ${tensor.size} values of a weight, got ${values?.length ?? 'none'}`,
      );
    }
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    backend.bytes(backend.offset(tensor), bytes.length).set(bytes);
  });
}

/** Constant between a rise at the start and a fall to 0 at the end, both straight. */
function rateFactor(updates: number, { updates: total, warmUp, decayShare }: GeneratorSettings): number {
  const rise = Math.min(1, (updates + 1) / Math.max(1, warmUp));
  const fall = decayShare > 0 ? Math.min(1, (total - updates) / (total * decayShare)) : 1;
  return rise * fall;
}

interface FlowBatch {
  readonly inputs: GeneratorInputs;
  /** Picture minus noise. */
  readonly target: tf.Tensor4D;
}

/** The batch of each update; the caller disposes its tensors. */
function createBatches(
  { images, labels }: GeneratorExamples,
  { side, classes }: GeneratorShape,
  { seed, batchSize, classDropout }: GeneratorSettings,
): { at(update: number): FlowBatch } {
  const size = side * side;
  const perEpoch = Math.floor(labels.length / batchSize);
  let order: { epoch: number; positions: Int32Array } | undefined;
  const positionsOf = (update: number): Int32Array => {
    const epoch = Math.floor(update / perEpoch);
    if (order?.epoch !== epoch) order = { epoch, positions: shuffledIndices(labels.length, { seed, epoch }) };
    const first = (update % perEpoch) * batchSize;
    return order.positions.subarray(first, first + batchSize);
  };
  return {
    at(update) {
      const positions = positionsOf(update);
      const draws = createPhilox({ seed, stream: randomStreams.generation, substream: [1, update] });
      const times = drawTimes(draws, batchSize);
      const classRows = new Float32Array(batchSize * (classes + 1));
      const pictures = new Float32Array(batchSize * size);
      positions.forEach((position, row) => {
        const isTold = draws.nextUniform() >= classDropout;
        classRows[row * (classes + 1) + (isTold ? labels[position]! : classes)] = 1;
        for (let i = 0; i < size; i++) pictures[row * size + i] = images[position * size + i]! / 127.5 - 1;
      });
      const x = toPatches(pictures, side);
      const target = new Float32Array(x.length);
      for (let row = 0; row < batchSize; row++) {
        const time = times[row]!;
        for (let i = row * size; i < (row + 1) * size; i++) {
          const noise = draws.nextNormal();
          target[i] = x[i]! - noise;
          x[i] = time * x[i]! + (1 - time) * noise;
        }
      }
      const shape: [number, number, number, number] = [batchSize, side / 2, side / 2, PATCH];
      return {
        inputs: {
          x: tf.tensor4d(x, shape),
          time: tf.tensor2d(timeFeatures(times), [batchSize, timeFeatures([0]).length]),
          classes: tf.tensor2d(classRows, [batchSize, classes + 1]),
        },
        target: tf.tensor4d(target, shape),
      };
    },
  };
}

/**
 * Times of a batch: the logistic function of a normal variable, so that most lie where the velocity is hardest to know (Esser et al. 2024),
 * one from each of as many equal parts of its probability.
 */
function drawTimes(draws: Philox, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    const normal = normalQuantile((i + Math.max(1e-6, draws.nextUniform())) / count);
    return 1 / (1 + naturalExponential(-normal));
  });
}

function checkSettings(
  settings: GeneratorSettings,
  { images, labels }: GeneratorExamples,
  { side, classes }: GeneratorShape,
): GeneratorSettings {
  const { batchSize, updates, learningRate } = settings;
  if (labels.length === 0 || images.length !== labels.length * side * side) {
    throw new SelvedgeError(
      'generate/examples',
      `Cannot train a generator: expected pictures of ${side}x${side} pixels with a label each, got ${images.length} pixels and ${labels.length} labels`,
    );
  }
  const wrong = Array.prototype.find.call(labels, (label: number) => !(label >= 0 && label < classes));
  if (wrong !== undefined) {
    throw new SelvedgeError(
      'generate/examples',
      `Cannot train a generator: got label ${wrong}, expected 0 to ${classes - 1}`,
    );
  }
  const isCount = (value: number): boolean => Number.isInteger(value) && value > 0;
  if (!isCount(batchSize) || batchSize > labels.length || !isCount(updates) || !(learningRate > 0)) {
    throw new SelvedgeError(
      'generate/settings',
      `Cannot train a generator: expected a batch from 1 to ${labels.length}, whole updates and a learning rate above 0, got ${batchSize}, ${updates} and ${learningRate}`,
    );
  }
  return settings;
}
