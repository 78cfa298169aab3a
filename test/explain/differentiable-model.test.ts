// Scores and gradients of images against the model's own call on the cpu backend, and against differences of scores.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { openDifferentiable } from '../../src/explain/index.ts';
import { EVERY_START } from '../backend/kernels/oracle.ts';
import { type Built, builders, CLASSES, modelOf, requestOf, SIZE } from './models.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const names = Object.keys(builders) as Built[];
const furthest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

function write(weight: tf.LayerVariable, values: tf.Tensor): void {
  weight.write(values);
  values.dispose();
}

/** What tfjs says on the cpu backend of the logarithm of the chosen class's probability over that of the next class. */
async function oracle(
  name: Built,
  weights: readonly Float32Array[],
  { images, labels }: { images: Float32Array; labels: number[] },
): Promise<{ ratios: Float32Array; slopes: Float32Array }> {
  const current = tf.getBackend();
  await tf.setBackend('cpu');
  const result = tf.tidy(() => {
    const model = builders[name]();
    model.setWeights(weights.map((values, i) => tf.tensor(values, model.weights[i]!.shape as number[])));
    const sign = new Float32Array(labels.length * CLASSES);
    labels.forEach((label, row) => {
      sign[row * CLASSES + label] = 1;
      sign[row * CLASSES + ((label + 1) % CLASSES)] = -1;
    });
    const signs = tf.tensor2d(sign, [labels.length, CLASSES]);
    const ratiosOf = (x: tf.Tensor): tf.Tensor =>
      tf.sum(tf.mul(tf.log(model.apply(x, { training: false }) as tf.Tensor), signs), 1);
    const x = tf.tensor(images, [labels.length, 10, 9, 2]);
    const slopes = tf.grad((at) => tf.sum(ratiosOf(at)))(x);
    const answer = { ratios: ratiosOf(x).dataSync<'float32'>(), slopes: slopes.dataSync<'float32'>() };
    model.dispose();
    return answer;
  });
  await tf.setBackend(current);
  return result;
}

for (const name of names) {
  test(`scores and input gradients are those of tfjs on the cpu backend: ${name}`, async () => {
    const model = modelOf(name);
    const differentiable = openDifferentiable(model);
    // More than a batch of a pass.
    const request = requestOf(67);
    const weights = model.getWeights().map((weight) => weight.dataSync<'float32'>().slice());
    const expected = await oracle(name, weights, request);
    const { images, labels } = request;
    const scores = differentiable.scores(images);
    const next = labels.map((label) => (label + 1) % CLASSES);
    const ratios = labels.map((label, i) => scores[i * CLASSES + label]! - scores[i * CLASSES + next[i]!]!);
    assert.ok(furthest(ratios, expected.ratios) < 1e-4, `scores: ${furthest(ratios, expected.ratios)}`);
    const chosen = differentiable.inputGradients(images, labels);
    const other = differentiable.inputGradients(images, next);
    const slopes = chosen.map((slope, i) => slope - other[i]!);
    assert.ok(furthest(slopes, expected.slopes) < 1e-4, `slopes: ${furthest(slopes, expected.slopes)}`);
    model.dispose();
  });
}

test('inputGradients() are what scores differ by, divided by what a pixel differs by', () => {
  for (const name of ['smooth', 'foreign', 'flat'] as const) {
    const model = modelOf(name);
    const differentiable = openDifferentiable(model);
    const { images } = requestOf(1);
    const step = 1 / 64;
    for (let label = 0; label < CLASSES; label++) {
      const slopes = differentiable.inputGradients(images, [label]);
      const moved = new Float32Array(2 * SIZE * SIZE);
      for (let i = 0; i < 2 * SIZE; i++) {
        moved.set(images, i * SIZE);
        moved[i * SIZE + (i >> 1)]! += i % 2 === 0 ? step : -step;
      }
      const scores = differentiable.scores(moved);
      for (let i = 0; i < SIZE; i++) {
        const score = (row: number): number => scores[row * CLASSES + label]!;
        const difference = (score(2 * i) - score(2 * i + 1)) / (2 * step);
        // Half a thousandth: rounding of scores near 1, and the third derivative times the square of the step.
        assert.ok(Math.abs(difference - slopes[i]!) < 5e-4, `${name}, pixel ${i}: ${slopes[i]} and ${difference}`);
      }
    }
    model.dispose();
  }
});

test('featureGradients() of the values that a dense layer flattens are its weights by the class, and features are its inputs', () => {
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({ name: 'features', inputShape: [5, 4, 2], filters: 3, kernelSize: 2, activation: 'relu' }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 4, activation: 'softmax' }),
    ],
  });
  const images = requestOf(1).images.subarray(0, 40);
  const { features, gradients, layer } = openDifferentiable(model).featureGradients(images, [2], 'features');
  assert.equal([layer.height, layer.width, layer.channels], [4, 3, 3]);
  const [, , kernel, bias] = model.getWeights().map((weight) => weight.dataSync<'float32'>());
  assert.ok(
    furthest(
      gradients,
      gradients.map((_, i) => kernel![i * 4 + 2]!),
    ) < 1e-6,
  );
  const score = features.reduce((sum, feature, i) => sum + feature * kernel![i * 4 + 2]!, bias![2]!);
  assert.ok(Math.abs(openDifferentiable(model).scores(images)[2]! - score) < 1e-5);
  model.dispose();
});

test('featureGradients() reach the score by every way, also past the layer', () => {
  // Moving the bias of a convolution moves all of its features alike: the slope by the bias is the sum of theirs.
  const model = modelOf('residual');
  const differentiable = openDifferentiable(model);
  const { images } = requestOf(1);
  const names = differentiable.featureLayers.map(({ name }) => name);
  assert.ok(names.includes('stage_1_block_1_1_conv') && names.includes('stage_2_block_1_add'), names.join());
  const { layer, gradients } = differentiable.featureGradients(images, [1], 'stem_bn');
  const beta = model.getLayer('stem_bn').weights[1]!;
  const [step, channel] = [1 / 256, 2];
  const scoreWith = (change: number): number => {
    const values = beta.read().dataSync<'float32'>().slice();
    values[channel]! += change;
    write(beta, tf.tensor1d(values));
    const score = differentiable.scores(images)[1]!;
    values[channel]! -= change;
    write(beta, tf.tensor1d(values));
    return score;
  };
  const difference = (scoreWith(step) - scoreWith(-step)) / (2 * step);
  let sum = 0;
  for (let i = channel; i < gradients.length; i += layer.channels) sum += gradients[i]!;
  assert.ok(Math.abs(difference - sum) < 0.02 * Math.max(1, Math.abs(sum)), `${sum} and ${difference}`);
  model.dispose();
});

test('featureLayers are those from the first convolution on whose positions are places in the image', () => {
  const namesOf = (model: tf.LayersModel): string[] => {
    const found = openDifferentiable(model).featureLayers.map(({ name, isComputed }) => `${name} ${isComputed}`);
    model.dispose();
    return found;
  };
  assert.equal(namesOf(modelOf('flat')), []);
  const study = namesOf(modelOf('study'));
  assert.equal([study.length, study[0], study.at(-1)], [4, 'first true', 'second true']);
  assert.equal(
    study.slice(1, 3).map((name) => name.split(' ')[1]),
    ['false', 'false'],
  );
  assert.is(namesOf(modelOf('foreign')).length, 3);
  const turned = tf.sequential({
    layers: [
      tf.layers.conv2d({ name: 'kept', inputShape: [6, 6, 1], filters: 3, kernelSize: 2 }),
      tf.layers.permute({ dims: [3, 1, 2] }),
      tf.layers.conv2d({ filters: 2, kernelSize: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 2, activation: 'softmax' }),
    ],
  });
  assert.equal(namesOf(turned), ['kept true']);
});

test('questions leave no tensor behind and have the same bits at any number of threads', async () => {
  await engine.stop();
  const first = new Map<Built, Float32Array[]>();
  for (const options of EVERY_START) {
    const started = await startBackend(options);
    for (const name of names) {
      const model = modelOf(name);
      const differentiable = openDifferentiable(model);
      const { images, labels } = requestOf(9);
      const layer = differentiable.featureLayers[0]?.name;
      const ask = (): Float32Array[] => [
        differentiable.scores(images),
        differentiable.inputGradients(images, labels),
        ...(layer ? [differentiable.featureGradients(images, labels, layer).gradients] : []),
      ];
      const before = [tf.memory().numTensors, tf.engine().backend.numDataIds()];
      const answers = ask();
      assert.equal([tf.memory().numTensors, tf.engine().backend.numDataIds()], before, `leak of ${name}`);
      const expected = first.get(name) ?? answers;
      first.set(name, expected);
      assert.equal(answers, expected, `${name} with ${JSON.stringify(options)}`);
      model.dispose();
    }
    await started.stop();
  }
  engine = await startBackend({ threads: 2 });
});

test('what is no question is refused', () => {
  const model = modelOf('study');
  const differentiable = openDifferentiable(model);
  const { images, labels } = requestOf(2);
  const codeOf = (ask: () => unknown): string => {
    try {
      ask();
    } catch (error) {
      return (error as { code: string }).code;
    }
    return 'none';
  };
  assert.is(
    codeOf(() => differentiable.scores(images.subarray(1))),
    'explain/shape',
  );
  assert.is(
    codeOf(() => differentiable.scores(new Float32Array(0))),
    'explain/shape',
  );
  assert.is(
    codeOf(() => differentiable.scores(images.map((value, i) => (i === 7 ? Number.NaN : value)))),
    'explain/not-finite',
  );
  for (const wrong of [[0], [0, 4], [0, -1], [0, 0.5]]) {
    assert.is(
      codeOf(() => differentiable.inputGradients(images, wrong)),
      'explain/class',
    );
  }
  assert.is(
    codeOf(() => differentiable.featureGradients(images, labels, 'none')),
    'explain/layer',
  );
  write(model.weights[0]!, tf.fill(model.weights[0]!.shape as number[], Number.NaN));
  assert.is(
    codeOf(() => differentiable.inputGradients(images, labels)),
    'explain/not-finite',
  );
  model.dispose();
  const linear = tf.sequential({
    layers: [tf.layers.flatten({ inputShape: [4, 4, 1] }), tf.layers.dense({ units: 2 })],
  });
  assert.is(
    codeOf(() => openDifferentiable(linear)),
    'explain/unsupported-model',
  );
  const vectors = tf.sequential({ layers: [tf.layers.dense({ inputShape: [4], units: 2, activation: 'softmax' })] });
  assert.is(
    codeOf(() => openDifferentiable(vectors)),
    'explain/unsupported-model',
  );
  linear.dispose();
  vectors.dispose();
});

test.run();
