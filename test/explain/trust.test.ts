// How far maps can be trusted: curves against a model whose answer is known, ranks against scipy's, weights that come back, and the
// evaluation of all of it.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import {
  CURVE_STEPS,
  cascadeRandomisation,
  evaluateExplanations,
  perturbationCurves,
  rankCorrelation,
  rankPlaces,
} from '../../src/explain/index.ts';
import { initializeWeights, weightsDigest } from '../../src/models/index.ts';
import { noise } from '../backend/kernels/oracle.ts';
import { modelOf, requestOf } from './models.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

test('rankPlaces() puts the highest first and shuffles what ranks alike by its seed', () => {
  const values = noise(784, 1);
  const order = rankPlaces(values, 1);
  assert.equal(
    [...order].sort((a, b) => a - b),
    Array.from({ length: 784 }, (_, i) => i),
  );
  for (let rank = 1; rank < 784; rank++) assert.ok(values[order[rank - 1]!]! >= values[order[rank]!]!);
  assert.equal(rankPlaces(values, 2), order);
  const alike = new Float32Array(784).fill(0.5);
  assert.equal(rankPlaces(alike, 1), rankPlaces(alike, 1));
  assert.not.equal(rankPlaces(alike, 1), rankPlaces(alike, 2));
});

test('perturbationCurves() of a model that counts bright places run straight down and straight up', () => {
  const places = 56;
  const image = new Float32Array(2 * places).fill(1);
  const predict = (images: Float32Array): Float32Array => {
    const rows = images.length / image.length;
    return Float32Array.from({ length: 3 * rows }, (_, i) => {
      const row = images.subarray(Math.floor(i / 3) * image.length, (Math.floor(i / 3) + 1) * image.length);
      return i % 3 === 1 ? row.reduce((sum, value) => sum + value, 0) / image.length : 0;
    });
  };
  const order = rankPlaces(noise(places, 2), 1);
  const curves = perturbationCurves(predict, { image, label: 1, order }, 3);
  assert.is(curves.deletion.length, CURVE_STEPS + 1);
  curves.deletion.forEach((value, step) => {
    assert.ok(Math.abs(value - (1 - step / CURVE_STEPS)) < 1e-6);
    assert.ok(Math.abs(curves.insertion[step]! - step / CURVE_STEPS) < 1e-6);
  });
  assert.ok(Math.abs(curves.deletionArea - 0.5) < 1e-6 && Math.abs(curves.insertionArea - 0.5) < 1e-6);
});

test('perturbationCurves() delete the first places first, and insert them first', () => {
  // The model sees one place alone.
  const image = Float32Array.from({ length: 8 }, (_, i) => (i + 1) / 8);
  const predict = (images: Float32Array): Float32Array =>
    Float32Array.from({ length: images.length / 8 }, (_, row) => (images[row * 8 + 5]! > 0 ? 1 : 0));
  const areas = [0, 7].map((rank) => {
    const others = [0, 1, 2, 3, 4, 6, 7];
    const order = [...others.slice(0, rank), 5, ...others.slice(rank)];
    return perturbationCurves(predict, { image, label: 0, order }, 1);
  });
  assert.equal(areas[0]!.deletion, [1, 0, 0, 0, 0, 0, 0, 0, 0]);
  assert.equal(areas[0]!.insertion, [0, 1, 1, 1, 1, 1, 1, 1, 1]);
  assert.equal(areas[1]!.deletion, [1, 1, 1, 1, 1, 1, 1, 1, 0]);
  assert.equal(
    areas.map(({ deletionArea }) => deletionArea),
    [1 / 16, 15 / 16],
  );
  assert.equal(
    areas.map(({ insertionArea }) => insertionArea),
    [15 / 16, 1 / 16],
  );
});

test('rankCorrelation() is that of scipy', () => {
  // scipy.stats.spearmanr of 1.10.1.
  const close = (a: number, b: number): boolean => Math.abs(a - b) < 1e-12;
  assert.ok(close(rankCorrelation([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]), 0.8207826816681233));
  assert.ok(close(rankCorrelation([1, 1, 2, 0, 0, 0], [3, 1, 2, 2, 0, 1]), 0.49262233777688935));
  assert.ok(Number.isNaN(rankCorrelation([1, 1, 1], [1, 2, 3])));
  fc.assert(
    fc.property(fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 3 }), (values) => {
      const own = rankCorrelation(values, values);
      const against = rankCorrelation(
        values,
        values.map((value) => -value),
      );
      const isConstant = values.every((value) => value === values[0]);
      assert.ok(isConstant ? Number.isNaN(own) : close(own, 1) && close(against, -1));
    }),
  );
});

test('cascadeRandomisation() goes from the output down, layer after layer, and gives the weights back', async () => {
  const model = modelOf('residual');
  initializeWeights(model, 1);
  const before = await weightsDigest(model);
  const tensors = tf.memory().numTensors;
  const values = (): Float32Array[] => model.weights.map((weight) => weight.read().dataSync<'float32'>().slice());
  const trained = values();
  let previous = 0;
  const layers: string[] = [];
  await cascadeRandomisation(model, 7, ({ layer, layers: number }) => {
    layers.push(layer);
    assert.is(number, layers.length);
    const names = model.weights
      .filter((_, i) => values()[i]!.some((value, at) => value !== trained[i]![at]))
      .map(({ name }) => name);
    assert.ok(names.length > previous, `${layer}: ${names}`);
    previous = names.length;
  });
  assert.equal([layers[0], layers.at(-1)], ['dense', 'stem_conv']);
  // All kernels; biases and batch norm begin as they are initialised.
  assert.is(previous, model.weights.filter(({ shape }) => shape.length > 1).length);
  assert.is(await weightsDigest(model), before);
  let message = '';
  await cascadeRandomisation(model, 7, () => {
    throw new Error('visited');
  }).catch((error: Error) => {
    message = error.message;
  });
  assert.equal([message, await weightsDigest(model)], ['visited', before]);
  assert.is(tf.memory().numTensors, tensors);
  model.dispose();
});

test('evaluateExplanations() measures every method beside orders that know nothing, and leaves the model as it was', async () => {
  const model = modelOf('study');
  const { images } = requestOf(5);
  const before = [await weightsDigest(model), tf.memory().numTensors];
  const progress: number[] = [];
  const options = {
    options: { steps: 32, samples: 2 },
    randomisedImages: 2,
    onProgress: (done: number) => progress.push(done),
  };
  const found = await evaluateExplanations(model, images, options);
  assert.equal([await weightsDigest(model), tf.memory().numTensors], before);
  assert.equal(
    found.orders.map(({ order }) => order).join(),
    'grad-cam,saliency,smooth-grad,integrated-gradients,occlusion,random,brightness',
  );
  for (const { order, deletionArea, insertionArea, deletion, betterThanRandom } of found.orders) {
    for (const { mean, low, high } of [deletionArea, insertionArea]) {
      assert.ok(low <= mean && mean <= high && mean > 0 && mean < 1, order);
    }
    assert.is(deletion.length, CURVE_STEPS + 1);
    if (order === 'random') assert.equal(betterThanRandom, { deletion: 0, insertion: 0 });
  }
  assert.ok(found.completeness!.meanError <= found.completeness!.largestError);
  assert.equal([found.images, found.randomisation.images, found.completeness!.steps], [5, 2, 32]);
  for (const { stages } of found.randomisation.methods) {
    assert.equal(
      stages.map(({ layers }) => layers),
      [1, 2, 3, 4],
    );
    for (const { correlation, correlationOnObject } of stages) {
      assert.ok(Math.abs(correlation) <= 1 && Math.abs(correlationOnObject) <= 1);
    }
  }
  assert.is(progress.at(-1), 5 * (5 + 4 * 2));
  assert.equal(await evaluateExplanations(model, images, options), found, 'again');
  model.dispose();
});

test('evaluateExplanations() leaves Grad-CAM out where there is no convolution, and the check where nobody wants it', async () => {
  const model = modelOf('flat');
  const found = await evaluateExplanations(model, requestOf(2).images, { randomisedImages: 0, options: { steps: 4 } });
  assert.not.ok(found.orders.some(({ order }) => order === 'grad-cam'));
  assert.equal(found.randomisation, { images: 0, methods: [] });
  model.dispose();
});

test.run();
