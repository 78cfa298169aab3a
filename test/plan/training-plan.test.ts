// Training plans: the same bits on any threads, weights that stay the model's own, memory that comes back.
// That their numbers are those of the op-by-op road: random-graphs.test.ts.
import { createHash } from 'node:crypto';
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { type BatchLoss, compileTraining, type TrainingPlan } from '../../src/plan/index.ts';
import { createOptimizer, type Optimizer } from '../../src/training/optimizers.ts';
import { EVERY_START } from '../backend/kernels/oracle.ts';
import { noiseStep, type Step, weightsOf } from './both-roads.ts';
import { plannedModel, plannedModels } from './planned-models.ts';

const ADAM = { name: 'adam', learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 } as const;
const CAPACITY = 21;
const NETWORK = 'a network with dropout';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

/** A model in training. */
interface Training {
  readonly model: tf.LayersModel;
  readonly plan: TrainingPlan;
  readonly optimizer: Optimizer;
  /** Updates so far: dropout masks follow from it. */
  updates: number;
}

function start(model: tf.LayersModel, capacity = CAPACITY): Training {
  const optimizer = createOptimizer(
    model.trainableWeights.map((weight) => weight.read() as tf.Variable),
    ADAM,
  );
  return { model, plan: compile(model, optimizer, capacity), optimizer, updates: 0 };
}

function compile(model: tf.LayersModel, { updates }: Optimizer, batchSize: number): TrainingPlan {
  const plan = compileTraining(model, { batchSize, seed: 5, updates });
  if ('reason' in plan) throw new Error(`not planned: ${plan.reason}`);
  return plan;
}

function train(training: Training, { x, y }: Step): BatchLoss {
  const backend = currentBackend();
  const { plan, optimizer } = training;
  const batch = { x: backend.offset(x), y: backend.offset(y), size: x.shape[0] };
  return plan.step(batch, training.updates++, optimizer.countUpdate());
}

/** Ends a training; the model stays. */
function end({ plan, optimizer }: Training): void {
  plan.dispose();
  optimizer.dispose();
}

/** Batches for a model, of sizes that come again and again. */
function batchesFor(model: tf.LayersModel, count: number, sizes: readonly number[] = [CAPACITY]): Step[] {
  const [, height, width, channels] = model.inputs[0]!.shape as number[];
  const classes = model.outputs[0]!.shape[1]!;
  return Array.from({ length: count }, (_, i) => {
    const shape = [sizes[i % sizes.length]!, height!, width!, channels!] as const;
    return noiseStep(shape, { classes, seed: 3 * i, learningRate: 1 });
  });
}

const disposeBatches = (batches: readonly Step[]): void => tf.dispose(batches.flatMap(({ x, y }) => [x, y]));

function digest(model: tf.LayersModel, losses: readonly BatchLoss[]): string {
  const hash = createHash('sha256').update(JSON.stringify(losses));
  for (const values of weightsOf(model))
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return hash.digest('hex');
}

/** Digest of the losses and weights of a training. */
function trainingDigest(
  name: string,
  sizes: readonly number[],
  { capacity = CAPACITY, updates = 20 }: { capacity?: number; updates?: number } = {},
): string {
  const model = plannedModel(name);
  const batches = batchesFor(model, updates, sizes);
  const training = start(model, capacity);
  const losses = batches.map((batch) => train(training, batch));
  end(training);
  const found = digest(model, losses);
  disposeBatches(batches);
  model.dispose();
  return found;
}

/**
 * Asserts that a plan trains as plans do that live for one step.
 *
 * @param sizes Of the batches
 * @param disturb Called before each step with the model and the number of the update
 */
function assertSameAsAnew(
  name: string,
  sizes: readonly number[],
  disturb: (model: tf.LayersModel, update: number) => void,
): void {
  const [kept, anew] = [start(plannedModel(name)), start(plannedModel(name))];
  const batches = batchesFor(kept.model, sizes.length, sizes);
  for (const [update, batch] of batches.entries()) {
    for (const { model } of [kept, anew]) disturb(model, update);
    const loss = train(kept, batch);
    const plan = compile(anew.model, anew.optimizer, CAPACITY);
    assert.equal(train({ ...anew, plan, updates: update }, batch), loss, `${name}, update ${update}`);
    plan.dispose();
    assert.equal(weightsOf(anew.model), weightsOf(kept.model), `${name}, update ${update}`);
  }
  for (const training of [kept, anew]) {
    end(training);
    training.model.dispose();
  }
  disposeBatches(batches);
}

/** Runs `use` and asserts that it leaves no tensor behind. */
function withoutLeak(use: () => void): void {
  const before = { tensors: tf.memory().numTensors, data: currentBackend().numDataIds() };
  use();
  assert.equal({ tensors: tf.memory().numTensors, data: currentBackend().numDataIds() }, before, 'leak');
}

test('step() gives the same weights and losses, to the bit, on 1, 2, 3 and 4 threads and on unshared memory', async () => {
  await engine.stop();
  const names = Object.keys(plannedModels);
  const found: Record<string, string>[] = [];
  for (const options of EVERY_START) {
    engine = await startBackend(options);
    withoutLeak(() => {
      const digestOf = (name: string): string =>
        trainingDigest(name, [CAPACITY, 9], { updates: name === NETWORK ? 20 : 6 });
      found.push(Object.fromEntries(names.map((name) => [name, digestOf(name)])));
    });
    await engine.stop();
  }
  engine = await startBackend({ threads: 2 });
  for (const [i, digests] of found.entries()) assert.equal(digests, found[0], JSON.stringify(EVERY_START[i]));
  assert.is(new Set(Object.values(found[0]!)).size, names.length);
});

test('step() of a batch shorter than the plan has room for gives the bits of a plan of just that room', () => {
  for (const name of Object.keys(plannedModels)) {
    for (const size of [1, 7, 8, 9, 17]) {
      const short = trainingDigest(name, [size], { updates: 3 });
      assert.is(short, trainingDigest(name, [size], { capacity: size, updates: 3 }), `${name}, batches of ${size}`);
    }
  }
});

test('step() keeps nothing of the batches before but the weights: a plan compiled anew for each step gives the same bits', () => {
  for (const name of Object.keys(plannedModels)) {
    withoutLeak(() => assertSameAsAnew(name, [CAPACITY, 5, CAPACITY, 12, 5], () => undefined));
  }
});

test('compileTraining() refuses batches that cannot fit into the memory, before it asks for any', () => {
  const model = plannedModel(NETWORK);
  const optimizer = createOptimizer([], { name: 'sgd', learningRate: 1, momentum: 0, nesterov: false });
  assert.throws(
    () => compileTraining(model, { batchSize: 1e8, seed: 1, updates: optimizer.updates }),
    /Cannot train on batches of 100000000 images: .* GB or more, expected at most 4\.3 GB/,
  );
  model.dispose();
});

test('step() lowers the loss of the batch it trains on', () => {
  for (const name of Object.keys(plannedModels)) {
    const model = plannedModel(name);
    const batches = batchesFor(model, 1);
    const training = start(model);
    const losses = Array.from({ length: 40 }, () => train(training, batches[0]!).lossSum);
    assert.ok(losses.at(-1)! < 0.7 * losses[0]!, `${name}: ${losses[0]} to ${losses.at(-1)}`);
    end(training);
    disposeBatches(batches);
    model.dispose();
  }
});

/** Writes weights in ways that tfjs offers; each leaves the model with those of `source`. */
const writers: Readonly<Record<string, (model: tf.LayersModel, source: tf.LayersModel) => void>> = {
  'model.setWeights': (model, source) => model.setWeights(source.getWeights()),
  'layer.setWeights': (model, source) => {
    for (const [i, layer] of model.layers.entries()) layer.setWeights(source.layers[i]!.getWeights());
  },
  'variable.assign': (model, source) => {
    tf.tidy(() => {
      model.weights.forEach((weight, i) => {
        (weight.read() as tf.Variable).assign(source.weights[i]!.read().clone());
      });
    });
  },
  'variable.assign of one kernel': (model, source) => {
    model.setWeights(source.getWeights());
    const kernel = model.weights[0]!.read() as tf.Variable;
    tf.tidy(() => kernel.assign(kernel.mul(1)));
  },
};

for (const [writer, write] of Object.entries(writers)) {
  test(`step() sees what ${writer} wrote since the step before`, () => {
    for (const name of Object.keys(plannedModels)) {
      withoutLeak(() => {
        const source = plannedModel(name, 9);
        // Both sizes are compiled when the weights change, and each of them runs first behind a change.
        const sizes = [CAPACITY, 6, 6, CAPACITY, CAPACITY, 6];
        assertSameAsAnew(name, sizes, (model, update) => {
          if (update === 2 || update === 4) write(model, source);
        });
        source.dispose();
      });
    }
  });
}

test('predict() and save() after steps have the trained weights', async () => {
  const model = plannedModel(NETWORK);
  const untrained = weightsOf(model);
  const batches = batchesFor(model, 3);
  const training = start(model);
  for (const batch of batches) train(training, batch);
  const trained = weightsOf(model);
  for (const [i, values] of trained.entries()) assert.not.equal(values, untrained[i]);
  let saved: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  const loaded = await tf.loadLayersModel(tf.io.fromMemory(saved!));
  assert.equal(weightsOf(loaded), trained);
  const predict = (by: tf.LayersModel): Float32Array =>
    tf.tidy(() => (by.predict(batches[0]!.x) as tf.Tensor).dataSync<'float32'>());
  assert.equal(predict(model), predict(loaded));
  // … and goes on as if nobody had looked.
  const other = plannedModel(NETWORK);
  const undisturbed = start(other);
  for (const batch of [...batches, batches[0]!]) train(undisturbed, batch);
  train(training, batches[0]!);
  assert.equal(weightsOf(model), weightsOf(other));
  for (const each of [training, undisturbed]) end(each);
  disposeBatches(batches);
  for (const each of [model, loaded, other]) each.dispose();
});

test('step() leaves frozen layers as they are and trains the others', () => {
  for (const name of Object.keys(plannedModels)) {
    for (let frozen = 0; ; frozen++) {
      const model = plannedModel(name);
      const layer = model.layers.filter(({ weights }) => weights.length > 0)[frozen];
      if (!layer) {
        model.dispose();
        break;
      }
      layer.trainable = false;
      const before = weightsOf(model);
      const batches = batchesFor(model, 2);
      const training = start(model);
      for (const batch of batches) train(training, batch);
      end(training);
      // Those of a batch norm include its averages.
      const frozenNames = layer.weights.map(({ name }) => name);
      model.weights.forEach((weight, i) => {
        const isSame = weightsOf(model)[i]!.every((value, k) => value === before[i]![k]);
        assert.is(isSame, frozenNames.includes(weight.name), `${name}: ${weight.name}, ${layer.name} frozen`);
      });
      disposeBatches(batches);
      model.dispose();
    }
  }
});

test('Two plans that run in turn give the bits that each gives alone', () => {
  const names = [NETWORK, 'dense layers'] as const;
  const alone = names.map((name) => trainingDigest(name, [CAPACITY, 4]));
  const models = names.map((name) => plannedModel(name));
  const batches = models.map((model) => batchesFor(model, 20, [CAPACITY, 4]));
  const trainings = models.map((model) => start(model));
  const losses: BatchLoss[][] = models.map(() => []);
  for (let i = 0; i < 20; i++) {
    for (const [k, training] of trainings.entries()) losses[k]!.push(train(training, batches[k]![i]!));
  }
  assert.equal(
    models.map((model, k) => digest(model, losses[k]!)),
    alone,
  );
  trainings.forEach(end);
  batches.forEach(disposeBatches);
  for (const model of models) model.dispose();
});

test('dispose() frees everything: fifty plans one after the other need the memory of one', () => {
  const model = plannedModel(NETWORK);
  const batches = batchesFor(model, 2, [60, 11]);
  const memoryBytes = (): number => currentBackend().bytes(0, 1).buffer.byteLength;
  let planBytes = 0;
  const cycle = (): void => {
    const training = start(model, 60);
    for (const batch of batches) train(training, batch);
    planBytes = training.plan.byteLength;
    end(training);
  };
  cycle();
  const before = memoryBytes();
  withoutLeak(() => {
    for (let i = 0; i < 50; i++) cycle();
  });
  assert.ok(planBytes > 1 << 20, `a plan has ${planBytes} bytes`);
  assert.is(memoryBytes(), before);
  disposeBatches(batches);
  model.dispose();
});

test('dispatches: one for the passes and one for the updates, one more with tiles of Winograd, two more a batch norm', () => {
  const expected: Readonly<Record<keyof typeof plannedModels, number>> = {
    [NETWORK]: 3,
    'winograd on 9x9': 3,
    'winograd on 12x12': 3,
    'dense layers': 2,
    'convolutions of other kinds': 2,
    'branches with batch norm': 7,
    'squeeze and excitation': 2,
  };
  for (const name of Object.keys(plannedModels)) {
    const model = plannedModel(name);
    const training = start(model);
    assert.is(training.plan.dispatches, expected[name], name);
    end(training);
    model.dispose();
  }
});

test('step() refuses a batch that is empty or larger than the plan has room for', () => {
  const model = plannedModel(NETWORK);
  const batches = batchesFor(model, 1, [CAPACITY + 1]);
  const training = start(model);
  const { x, y } = batches[0]!;
  const backend = currentBackend();
  const before = weightsOf(model);
  for (const size of [0, CAPACITY + 1]) {
    const batch = { x: backend.offset(x), y: backend.offset(y), size };
    assert.throws(
      () => training.plan.step(batch, 0, training.optimizer.countUpdate()),
      (error: Error) => error.message.includes(`got ${size}`) && error.message.includes(`1 to ${CAPACITY}`),
    );
  }
  assert.equal(weightsOf(model), before);
  end(training);
  disposeBatches(batches);
  model.dispose();
});

test('compileTraining() of an unknown layer gives a reason that names it', () => {
  const model = tf.sequential({
    layers: [
      tf.layers.permute({ dims: [2, 1, 3], inputShape: [4, 4, 1], name: 'turned' }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
  withoutLeak(() => {
    const plan = compileTraining(model, { batchSize: 4, seed: 1, updates: [] });
    assert.ok('reason' in plan && plan.reason.includes('"turned"') && plan.reason.includes('Permute'));
  });
  model.dispose();
});

test.run();
