// Inference plans: the probabilities that tfjs predicts, the same bits in any batch on any threads, weights that are the model's own.
import { createHash } from 'node:crypto';
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, float32Bits, type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { type Dataset, placeDataset } from '../../src/data/index.ts';
import {
  compileInference,
  compileTraining,
  createPredictor,
  type InferenceBatch,
  type InferencePlan,
} from '../../src/plan/index.ts';
import { createForward } from '../../src/training/forward.ts';
import { crossEntropy } from '../../src/training/operations.ts';
import { createOptimizer } from '../../src/training/optimizers.ts';
import { EVERY_START, noise } from '../backend/kernels/oracle.ts';
import { noiseStep, weightsOf } from './both-roads.ts';
import { inferenceModel, inferenceModels, scatterAverages } from './inference-models.ts';
import { describe, kinds, randomModel } from './random-models.ts';

const CAPACITY = 37;
const NETWORK = 'a network with dropout';
/** Of probabilities. */
const TOLERANCE = 1e-5;

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const shapeOf = (model: tf.LayersModel) => model.inputs[0]!.shape.slice(1) as [number, number, number];

const imagesFor = (model: tf.LayersModel, count: number, seed = 1): Float32Array =>
  noise(count * tf.util.sizeFromShape(shapeOf(model)), seed);

function compile(model: tf.LayersModel, batchSize = CAPACITY): InferencePlan {
  const plan = compileInference(model, { batchSize });
  if ('reason' in plan) throw new Error(`not planned: ${plan.reason}`);
  return plan;
}

function predictByTfjs(model: tf.LayersModel, images: Float32Array): Float32Array {
  return tf.tidy(() => {
    const x = tf.tensor(images, [images.length / tf.util.sizeFromShape(shapeOf(model)), ...shapeOf(model)]);
    return (model.predict(x, { batchSize: x.shape[0]! }) as tf.Tensor).dataSync<'float32'>();
  });
}

function assertNear(actual: Float32Array, expected: Float32Array, what: string): void {
  assert.is(actual.length, expected.length, what);
  const worst = actual.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
  assert.ok(worst <= TOLERANCE, `${what}: off by ${worst}`);
}

/** Examples with bytes of noise. */
function examplesFor(model: tf.LayersModel, count: number, seed = 1) {
  const [height, width, channels] = shapeOf(model);
  const classes = model.outputs[0]!.shape[1]!;
  const bytes = (length: number, limit: number, start: number) =>
    Uint8Array.from(noise(length, start), (value) => Math.floor(((value + 1) / 2) * limit));
  const dataset: Dataset = {
    name: 'noise',
    classNames: Array.from({ length: classes }, (_, label) => `${label}`),
    count,
    height,
    width,
    channels,
    images: bytes(count * height * width * channels, 256, seed),
    labels: bytes(count, classes, seed + 1),
  };
  return { dataset, resident: placeDataset(dataset) };
}

/** Runs `use` and asserts that it leaves no tensor behind. */
function withoutLeak(use: () => void): void {
  const before = { tensors: tf.memory().numTensors, data: currentBackend().numDataIds() };
  use();
  assert.equal({ tensors: tf.memory().numTensors, data: currentBackend().numDataIds() }, before, 'leak');
}

test('predict() gives the probabilities of model.predict() on the cpu backend of tfjs', async () => {
  for (const name of inferenceModels) {
    const model = inferenceModel(name);
    const images = imagesFor(model, 13);
    const plan = compile(model);
    const actual = plan.predict({ images }).slice();
    plan.dispose();
    assertNear(actual, predictByTfjs(model, images), name);
    const weights = weightsOf(model);
    model.dispose();
    const backend = tf.getBackend();
    await tf.setBackend('cpu');
    const onCpu = inferenceModel(name);
    tf.tidy(() => onCpu.setWeights(weights.map((values, i) => tf.tensor(values, onCpu.weights[i]!.shape as number[]))));
    const expected = predictByTfjs(onCpu, images);
    onCpu.dispose();
    await tf.setBackend(backend);
    assertNear(actual, expected, `${name}, cpu`);
  }
});

test('predict() gives an image the same bits in a batch of any size, at any place', () => {
  for (const name of inferenceModels) {
    const model = inferenceModel(name);
    const images = imagesFor(model, CAPACITY);
    const plan = compile(model);
    const { classes } = plan;
    const imageFloats = images.length / CAPACITY;
    const expected = plan.predict({ images }).slice();
    for (const size of [1, 2, 3, 8, 13, 16, 17, 36]) {
      const first = CAPACITY - size;
      const actual = plan.predict({ images: images.subarray(first * imageFloats) }).slice();
      assert.equal(actual, expected.subarray(first * classes), `${name}, ${size} images`);
    }
    plan.dispose();
    model.dispose();
  }
});

test('predict() gives the probabilities of model.predict() for 100 random graphs, in any batch the same', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = randomModel(seed, new Set(kinds));
    const { model } = random;
    const what = `seed ${seed}: ${describe(random)}`;
    scatterAverages(model, seed);
    const images = imagesFor(model, 13, seed);
    const plan = compile(model, 13);
    const actual = plan.predict({ images }).slice();
    assertNear(actual, predictByTfjs(model, images), what);
    const imageFloats = images.length / 13;
    for (const size of [1, 3]) {
      const few = plan.predict({ images: images.subarray((13 - size) * imageFloats) }).slice();
      assert.equal(few, actual.subarray((13 - size) * plan.classes), what);
    }
    plan.dispose();
    model.dispose();
  }
});

test('predict() takes wasm memory and examples like arrays', () => {
  for (const name of [NETWORK, 'residual']) {
    const model = inferenceModel(name);
    const { dataset, resident } = examplesFor(model, 40);
    const plan = compile(model);
    const positions = Int32Array.of(3, 39, 0, 17, 17, 20, 21, 22, 23, 24, 11);
    const { x, y } = resident.batch(positions);
    const images = x.dataSync<'float32'>();
    const expected = plan.predict({ images }).slice();
    const batches: InferenceBatch[] = [
      { byteOffset: currentBackend().offset(x), size: positions.length },
      { source: resident.examples().source!, positions },
    ];
    for (const batch of batches) assert.equal(plan.predict(batch).slice(), expected, name);
    tf.dispose([x, y]);
    plan.dispose();
    resident.dispose();
    model.dispose();
    assert.is(dataset.count, 40);
  }
});

test('measure() sums the losses and hits of the op-by-op road', () => {
  for (const name of inferenceModels) {
    if (name === 'noisy') continue;
    const model = inferenceModel(name);
    const { resident } = examplesFor(model, 60);
    const examples = resident.examples();
    const plan = compile(model);
    const forward = createForward(model);
    for (const size of [CAPACITY, 1, 9]) {
      const positions = Int32Array.from({ length: size }, (_, i) => (i * 7) % 60);
      const actual = plan.measure(examples.source!, positions);
      tf.tidy(() => {
        const { x, y } = examples.batch(positions);
        crossEntropy(forward(x, { training: false, seed: 0, step: 0 }), y, ({ lossSum, hits }) => {
          assert.ok(Math.abs(actual.lossSum - lossSum) <= 1e-5 * lossSum, `${name}: ${actual.lossSum}, ${lossSum}`);
          assert.is(actual.hits, hits, name);
        });
      });
    }
    plan.dispose();
    resident.dispose();
    model.dispose();
  }
});

test('predict() gives the same bits on 1, 2, 3 and 4 threads and on unshared memory', async () => {
  await engine.stop();
  const found: string[][] = [];
  for (const options of EVERY_START) {
    engine = await startBackend(options);
    const digests = inferenceModels.map((name) => {
      const model = inferenceModel(name);
      const plan = compile(model);
      const hash = createHash('sha256');
      for (const size of [CAPACITY, 1, 5]) hash.update(plan.predict({ images: imagesFor(model, size) }).slice());
      plan.dispose();
      model.dispose();
      return hash.digest('hex');
    });
    found.push(digests);
    await engine.stop();
  }
  engine = await startBackend({ threads: 2 });
  for (const [i, digests] of found.entries()) assert.equal(digests, found[0], JSON.stringify(EVERY_START[i]));
});

/** Changes the weights of a model in every way that there is. */
const writers: Readonly<Record<string, (model: tf.LayersModel) => void>> = {
  'model.setWeights': (model) => {
    const source = inferenceModel(NETWORK, 9);
    model.setWeights(source.getWeights());
    source.dispose();
  },
  'variable.assign of one bias': (model) => {
    const bias = model.weights[1]!.read() as tf.Variable;
    tf.tidy(() => bias.assign(bias.add(1)));
  },
  'an optimiser, in place': (model) => {
    const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
    const optimizer = createOptimizer(variables, { name: 'sgd', learningRate: 1, momentum: 0, nesterov: false });
    tf.tidy(() =>
      optimizer.apply(Object.fromEntries(variables.map((each) => [each.name, tf.onesLike(each).mul(0.01)]))),
    );
    optimizer.dispose();
  },
  'a training plan, in place': trainByPlan,
};

function trainByPlan(model: tf.LayersModel): void {
  const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const optimizer = createOptimizer(variables, { name: 'sgd', learningRate: 1, momentum: 0, nesterov: false });
  const plan = compileTraining(model, { batchSize: 5, seed: 1, updates: optimizer.updates });
  if ('reason' in plan) throw new Error(plan.reason);
  const classes = model.outputs[0]!.shape[1]!;
  const { x, y } = noiseStep([5, ...shapeOf(model)], { classes, seed: 3, learningRate: 1 });
  const backend = currentBackend();
  plan.step(
    { x: backend.offset(x), y: backend.offset(y), size: 5 },
    0,
    optimizer.updates.map(() => [float32Bits(0.1)]),
  );
  tf.dispose([x, y]);
  plan.dispose();
  optimizer.dispose();
}

for (const [writer, write] of Object.entries(writers)) {
  test(`predict() sees what ${writer} wrote`, () => {
    const models = writer.startsWith('a training') ? [NETWORK, 'residual', 'unfolded', 'single'] : [NETWORK];
    for (const name of models) {
      const model = inferenceModel(name);
      withoutLeak(() => {
        const images = imagesFor(model, 7);
        const plan = compile(model);
        const before = plan.predict({ images }).slice();
        write(model);
        const after = plan.predict({ images }).slice();
        assert.not.equal(after, before, name);
        const anew = compile(model);
        assert.equal(after, anew.predict({ images }).slice(), name);
        plan.dispose();
        anew.dispose();
      });
      model.dispose();
    }
  });
}

test('predict() and measure() ask for no memory after the first call of a size', () => {
  const model = inferenceModel(NETWORK);
  const { resident } = examplesFor(model, 60);
  const { source } = resident.examples();
  const plan = compile(model);
  const [images, one] = [imagesFor(model, CAPACITY), imagesFor(model, 1)];
  const positions = Int32Array.from({ length: 30 }, (_, i) => i);
  const cycle = (): void => {
    plan.predict({ images });
    plan.predict({ images: one });
    plan.measure(source!, positions);
  };
  const memory = () => {
    const { numTensors, numBytes } = tf.memory();
    return { numTensors, numBytes, plan: plan.byteLength, wasm: currentBackend().bytes(0, 1).buffer.byteLength };
  };
  cycle();
  const before = memory();
  for (let i = 0; i < 100; i++) cycle();
  assert.equal(memory(), before);
  plan.dispose();
  resident.dispose();
  model.dispose();
});

test('a plan that has seen batches of every size keeps the programs of a few', () => {
  const model = inferenceModel('dense layers');
  const plan = compile(model, 200);
  const bytesAfter = (last: number): number => {
    for (let size = last; size > last - 16; size--) plan.predict({ images: imagesFor(model, size) });
    return plan.byteLength;
  };
  const before = bytesAfter(200);
  assert.ok(bytesAfter(100) <= before);
  assert.is(bytesAfter(200), before);
  plan.dispose();
  model.dispose();
});

test('dispose() frees everything: fifty plans one after the other need the memory of one', () => {
  const model = inferenceModel('residual');
  const images = imagesFor(model, CAPACITY);
  const cycle = (): void => {
    const plan = compile(model);
    plan.predict({ images });
    plan.dispose();
  };
  cycle();
  const before = currentBackend().bytes(0, 1).buffer.byteLength;
  withoutLeak(() => {
    for (let i = 0; i < 50; i++) cycle();
  });
  assert.is(currentBackend().bytes(0, 1).buffer.byteLength, before);
  model.dispose();
});

test('predict() refuses batches that are empty, too large or of other images', () => {
  const model = inferenceModel(NETWORK);
  const stranger = inferenceModel('residual');
  const other = examplesFor(stranger, 4);
  const plan = compile(model);
  const images = imagesFor(model, CAPACITY + 1);
  const batches: InferenceBatch[] = [
    { images: images.subarray(0, 0) },
    { images },
    { images: images.subarray(1) },
    { byteOffset: 0, size: 0 },
    { source: other.resident.examples().source!, positions: Int32Array.of(1) },
  ];
  for (const batch of batches) {
    assert.throws(
      () => plan.predict(batch),
      (error: { code?: string }) => error.code === 'plan/batch',
    );
  }
  plan.dispose();
  other.resident.dispose();
  stranger.dispose();
  model.dispose();
});

/** A model with a layer that no plan knows. */
const unplanned = (): tf.LayersModel =>
  tf.sequential({
    layers: [
      tf.layers.cropping2D({
        inputShape: [4, 4, 1],
        cropping: [
          [1, 1],
          [0, 0],
        ],
        name: 'cropped',
      }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });

test('createPredictor() predicts any number of images by either road, and says why there is no plan', () => {
  const models = [inferenceModel(NETWORK), inferenceModel('residual'), unplanned()];
  for (const model of models) {
    withoutLeak(() => {
      const predictor = createPredictor(model, { batchSize: 128 });
      assert.is(predictor.unplanned?.includes('cropped') ?? false, model === models[2]);
      const { resident } = examplesFor(model, 300);
      const examples = resident.examples();
      const x = tf.tidy(() => examples.batch(Int32Array.from({ length: 300 }, (_, i) => i)).x.dataSync<'float32'>());
      const expected = predictByTfjs(model, x);
      const actual = predictor.predict(x);
      assertNear(actual, expected, model.name);
      const into = new Float32Array(expected.length);
      assert.is(predictor.predict(x, into), into);
      assert.equal(into, actual);
      assert.equal(predictor.predictExamples(examples, 0, 300), actual);
      const few = predictor.predictExamples(examples, 140, 290);
      assertNear(few, expected.subarray(140 * predictor.classes, 290 * predictor.classes), model.name);
      assert.throws(() => predictor.predict(x.subarray(1)), /Cannot predict/);
      assert.throws(() => predictor.predict(x, new Float32Array(3)), /Cannot predict/);
      assert.is(predictor.predict(x.subarray(0, 0)).length, 0);
      resident.dispose();
      predictor.dispose();
    });
  }
  for (const model of models) model.dispose();
});

test.run();
