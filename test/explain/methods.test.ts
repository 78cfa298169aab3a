// Maps against PyTorch's of the same small network, against what each method promises, and against what nobody may ask.
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import {
  classActivations,
  type DifferentiableModel,
  explainImages,
  type MethodName,
  methodNames,
  openDifferentiable,
  resizeMap,
} from '../../src/explain/index.ts';
import { loadShippedModel } from '../../src/models/index.ts';
import { EVERY_START } from '../backend/kernels/oracle.ts';
import { type Built, builders, modelOf, requestOf } from './models.ts';

interface Golden {
  readonly side: number;
  readonly weights: readonly number[][];
  readonly images: number[];
  readonly labels: number[];
  readonly scores: number[];
  readonly maps: readonly Readonly<Record<MethodName | 'activations', number[]>>[];
}

const golden = JSON.parse(readFileSync(new URL('golden-maps.json', import.meta.url), 'utf8')) as Golden;

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const furthest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  assert.is(a.length, b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
};

/** Asks a model and lets it go. */
function asking<T>(model: tf.LayersModel, ask: (model: DifferentiableModel) => T): T {
  try {
    return ask(openDifferentiable(model));
  } finally {
    model.dispose();
  }
}

function goldenModel(): tf.LayersModel {
  const { layers } = tf;
  const model = tf.sequential({
    layers: [
      layers.conv2d({
        name: 'first',
        inputShape: [golden.side, golden.side, 1],
        filters: 4,
        kernelSize: 3,
        activation: 'relu',
      }),
      layers.conv2d({ name: 'second', filters: 5, kernelSize: 3, activation: 'relu' }),
      layers.flatten(),
      layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
  tf.tidy(() => model.setWeights(golden.weights.map((w, i) => tf.tensor(w, model.weights[i]!.shape as number[]))));
  return model;
}

const goldenRequest = { images: Float32Array.from(golden.images), labels: golden.labels };

test('Grad-CAM, saliency, integrated gradients and occlusion are those of PyTorch in double precision', () => {
  asking(goldenModel(), (model) => {
    assert.ok(furthest(model.scores(goldenRequest.images), golden.scores) < 1e-5);
    const activations = classActivations(model, goldenRequest);
    golden.maps.forEach((maps, image) => {
      assert.ok(furthest(activations[image]!.values, maps.activations) < 1e-5, 'activations');
    });
    for (const method of ['grad-cam', 'saliency', 'integrated-gradients', 'occlusion'] as const) {
      const options = { steps: 64, window: 3 };
      explainImages(model, goldenRequest, method, options).forEach(({ values }, image) => {
        const distance = furthest(values, golden.maps[image]![method]);
        assert.ok(distance < 1e-5, `${method} of image ${image}: ${distance}`);
      });
    }
  });
});

test('integrated gradients add up to what the image scores more than black, the better the more steps', () => {
  for (const name of Object.keys(builders) as Built[]) {
    asking(modelOf(name), (model) => {
      const { images, labels } = requestOf(3);
      const scores = model.scores(images);
      const black = model.scores(new Float32Array(images.length / 3));
      const explained = (steps: number) =>
        explainImages(model, { images, labels }, 'integrated-gradients', { steps }).map((map, i) => {
          const sum = map.values.reduce((total, value) => total + value, 0);
          const { completeness } = map;
          const difference = scores[i * model.classes + labels[i]!]! - black[labels[i]!]!;
          assert.is(completeness!.difference, difference);
          assert.ok(Math.abs(completeness!.sum - sum) < 1e-4 * Math.max(1, Math.abs(sum)));
          assert.is(completeness!.error, Math.abs(completeness!.sum - difference));
          assert.is(completeness!.steps, steps);
          return completeness!.error;
        });
      const worst = (errors: number[]): number => Math.max(...errors);
      const [few, many] = [worst(explained(4)), worst(explained(512))];
      assert.ok(many < 0.02, `${name}: ${many}`);
      assert.ok(many <= few, `${name}: ${few} with 4 steps, ${many} with 512`);
    });
  }
});

test('saliency is the largest slope over the channels, without its sign', () => {
  asking(modelOf('smooth'), (model) => {
    const request = requestOf(2);
    const slopes = model.inputGradients(request.images, request.labels);
    explainImages(model, request, 'saliency').forEach(({ values }, image) => {
      values.forEach((value, place) => {
        const [a, b] = [0, 1].map((channel) => Math.abs(slopes[(image * 90 + place) * 2 + channel]!));
        assert.is(value, Math.max(a!, b!));
      });
    });
  });
});

test('SmoothGrad without noise is saliency; with noise it depends on its seed, and not on the images beside', () => {
  asking(modelOf('study'), (model) => {
    const request = requestOf(3);
    const valuesOf = (maps: { values: Float32Array }[]): Float32Array[] => maps.map(({ values }) => values);
    const without = valuesOf(explainImages(model, request, 'smooth-grad', { noise: 0, samples: 3 }));
    const saliency = valuesOf(explainImages(model, request, 'saliency'));
    without.forEach((map, i) => {
      assert.ok(furthest(map, saliency[i]!) < 1e-5);
    });
    const some = valuesOf(explainImages(model, request, 'smooth-grad'));
    const size = request.images.length / 3;
    const alone = { images: request.images.slice(size, 2 * size), labels: [request.labels[1]!] };
    assert.equal(valuesOf(explainImages(model, alone, 'smooth-grad'))[0], some[1]);
    assert.ok(furthest(valuesOf(explainImages(model, alone, 'smooth-grad', { seed: 2 }))[0]!, some[1]!) > 0);
  });
});

test('occlusion of a model that is a weighted sum is what the covered pixels add', () => {
  const model = tf.sequential({
    layers: [
      tf.layers.flatten({ inputShape: [4, 4, 1] }),
      tf.layers.dense({ units: 2, useBias: false, activation: 'softmax' }),
    ],
  });
  const images = requestOf(1).images.subarray(0, 16);
  const kernel = model.getWeights()[0]!.dataSync<'float32'>();
  asking(model, (linear) => {
    const parts = images.map((value, i) => value * kernel[i * 2 + 1]!);
    const [map] = explainImages(linear, { images, labels: [1] }, 'occlusion', { window: 1 });
    assert.ok(furthest(map!.values, parts) < 1e-6);
    const [halves] = explainImages(linear, { images, labels: [1] }, 'occlusion', { window: 2, stride: 2 });
    const corner = parts[0]! + parts[1]! + parts[4]! + parts[5]!;
    assert.ok(Math.abs(halves!.values[5]! - corner) < 1e-6);
    // The last square ends at the edge, whatever the stride.
    const [uneven] = explainImages(linear, { images, labels: [1] }, 'occlusion', { window: 1, stride: 3 });
    assert.equal(
      [...uneven!.values].map((value) => value !== 0),
      Array.from({ length: 16 }, (_, i) => [0, 3, 12, 15].includes(i)),
    );
  });
});

test('Grad-CAM takes the last layer that computes features, or the one that it is told', () => {
  const layerOf = (model: tf.LayersModel, layer?: string): string =>
    asking(model, (asked) => explainImages(asked, requestOf(1), 'grad-cam', layer ? { layer } : {})[0]!.layer!);
  assert.is(layerOf(modelOf('study')), 'second');
  assert.is(layerOf(modelOf('study'), 'first'), 'first');
  assert.is(layerOf(modelOf('plain')), 'block_2_2_relu');
  assert.is(layerOf(modelOf('residual')), 'stage_2_block_1_relu');
});

test('Grad-CAM says that a model has no convolution, and every other method explains it', () => {
  asking(modelOf('flat'), (model) => {
    for (const method of methodNames) {
      const ask = () => explainImages(model, requestOf(1), method);
      if (method !== 'grad-cam') assert.is(ask().length, 1);
      else assert.throws(ask, (error: { code: string; message: string }) => error.code === 'explain/no-convolution');
    }
  });
});

test('resizeMap() keeps constants and the mean of two halves, and is what PyTorch interpolates', () => {
  const constant = { height: 3, width: 2, values: new Float32Array(6).fill(0.7) };
  assert.ok(resizeMap(constant, 7, 9).every((value) => Math.abs(value - 0.7) < 1e-6));
  const cell = { height: 1, width: 1, values: Float32Array.of(4) };
  assert.equal([...resizeMap(cell, 2, 2)], [4, 4, 4, 4]);
  const same = { height: 2, width: 2, values: Float32Array.of(1, 2, 3, 4) };
  assert.equal(resizeMap(same, 2, 2), same.values);
  golden.maps.forEach((maps) => {
    const small = { height: 5, width: 5, values: Float32Array.from(maps.activations) };
    assert.ok(furthest(resizeMap(small, golden.side, golden.side), maps['grad-cam']) < 1e-6);
  });
});

test('every method has the same bits at any number of threads and leaves no tensor behind', async () => {
  await engine.stop();
  const first = new Map<string, Float32Array[]>();
  for (const start of EVERY_START) {
    const started = await startBackend(start);
    for (const name of ['study', 'plain', 'residual'] as const) {
      const model = modelOf(name);
      const differentiable = openDifferentiable(model);
      const before = tf.memory().numTensors;
      for (const method of methodNames) {
        const maps = explainImages(differentiable, requestOf(2), method, { steps: 8, samples: 4, stride: 3 });
        const values = maps.map((map) => map.values);
        const key = `${name} by ${method}`;
        first.set(key, first.get(key) ?? values);
        assert.equal(values, first.get(key), `${key} with ${JSON.stringify(start)}`);
        assert.is(tf.memory().numTensors, before, `leak of ${key}`);
      }
      model.dispose();
    }
    await started.stop();
  }
  engine = await startBackend({ threads: 2 });
});

test('methods and options that do not exist are refused', () => {
  asking(modelOf('study'), (model) => {
    const codeOf = (method: string, options: object): string => {
      try {
        explainImages(model, requestOf(1), method as MethodName, options);
      } catch (error) {
        return (error as { code: string }).code;
      }
      return 'none';
    };
    assert.is(codeOf('toString', {}), 'explain/method');
    for (const options of [
      { steps: 0 },
      { steps: 1.5 },
      { samples: Number.NaN },
      { window: 10 },
      { stride: 0 },
      { noise: -1 },
    ]) {
      assert.is(codeOf('occlusion', options), 'explain/option', JSON.stringify(options));
    }
    assert.is(codeOf('grad-cam', { layer: 'none' }), 'explain/layer');
  });
});

test('the shipped model is explained by every method', async () => {
  const { model } = await loadShippedModel();
  asking(model, (shipped) => {
    const request = { images: new Float32Array(784).map((_, i) => (i % 28 > 8 && i % 28 < 19 ? 0.8 : 0)), labels: [3] };
    for (const method of methodNames) {
      const [map] = explainImages(shipped, request, method);
      assert.is(map!.values.length, 784);
      assert.ok(map!.values.every(Number.isFinite));
      if (!map!.isSigned) assert.ok(map!.values.every((value) => value >= 0));
    }
  });
});

test.run();
