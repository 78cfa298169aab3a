// Products of a plan with factors for channels: the stage by itself against plain loops and against differences of its values, and plans
// with such products against the operations one by one.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startBackend } from '../../../src/backend/index.ts';
import { buildNetwork, initializeWeights } from '../../../src/models/index.ts';
import type { Group } from '../../../src/plan/fuse.ts';
import { graphOf } from '../../../src/plan/graph.ts';
import { readModel } from '../../../src/plan/index.ts';
import { layoutProduct } from '../../../src/plan/stages/product.ts';
import { noise } from '../../backend/kernels/oracle.ts';
import { noiseStep, runPlanned } from '../both-roads.ts';
import { referenceGradients } from '../float64-reference.ts';
import { apply, assertPlansAgree, batches, CLASSES, type Scenario } from './op-by-op.ts';
import { imageValue, NO_FINISH, StageRun, UNTOUCHED } from './stage-run.ts';

const { layers } = tf;
/** Of a sum of products, beside the sum of their magnitudes. */
const TOLERANCE = 2e-7;
/** So large that rounding a weight leaves all digits of its gradient. */
const EXACT_RATE = 2 ** 20;
/** Of the rms of what a relu is given. */
const CLEAR = 1e-5;

interface Shape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly capacity: number;
  readonly batch: number;
  /** Position of the vector. */
  readonly factors: 0 | 1;
}

const shapes = fc
  .record({
    height: fc.integer({ min: 1, max: 14 }),
    width: fc.integer({ min: 1, max: 14 }),
    channels: fc.integer({ min: 1, max: 19 }),
    batch: fc.integer({ min: 1, max: 17 }),
    spare: fc.nat(3),
    factors: fc.constantFrom(0 as const, 1 as const),
  })
  .map(({ spare, ...shape }): Shape => ({ ...shape, capacity: shape.batch + spare }));

/** One run of the stage on values of noise. */
function runStage({ height, width, channels, capacity, batch, factors }: Shape) {
  const image = imageValue(1, [height, width, channels]);
  const vector = imageValue(2, [1, 1, channels]);
  const output = imageValue(3, [height, width, channels]);
  const group: Group = {
    head: { kind: 'multiply', factors, inputs: [], output: 3, shape: image.shape },
    inputs: factors === 1 ? [image, vector] : [vector, image],
    sumsShape: image.shape,
    sumsUsed: image.used,
    finish: NO_FINISH,
    output,
    gradientTwin: undefined,
  };
  const floats = height * width * channels;
  const x = noise(capacity * floats, 1);
  const scale = noise(capacity * channels, 2);
  const dy = noise(capacity * floats, 3);
  const run = new StageRun(group, layoutProduct(group, factors), { capacity, batch });
  run.setValue(image, x);
  run.setValue(vector, scale);
  const ranges = Array.from({ length: Math.ceil(batch / 8) }, (_, i) => ({
    first: 8 * i,
    last: Math.min(batch, 8 * i + 8),
  }));
  run.forward(...ranges);
  run.setGradient(output, dy);
  run.backward(...ranges);
  const found = { y: run.value(output), dx: run.gradient(image), dScale: run.gradient(vector) };
  run.dispose();
  return { ...found, x, scale, dy, floats };
}

const withEngine = async (use: () => void): Promise<void> => {
  const engine = await startBackend({ threads: 2 });
  try {
    use();
  } finally {
    await engine.stop();
  }
};

test('the stage multiplies and spreads gradients as plain loops do, and leaves the images of no batch alone', () =>
  withEngine(() => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const { channels, batch, capacity } = shape;
        const { y, dx, dScale, x, scale, dy, floats } = runStage(shape);
        const sums = new Float64Array(capacity * channels);
        const magnitudes = new Float64Array(capacity * channels);
        for (let i = 0; i < capacity * floats; i++) {
          const factor = Math.floor(i / floats) * channels + (i % channels);
          const isIn = i < batch * floats;
          assert.is(y[i], isIn ? Math.fround(x[i]! * scale[factor]!) + 0 : UNTOUCHED);
          assert.is(dx[i], isIn ? Math.fround(dy[i]! * scale[factor]!) : UNTOUCHED);
          sums[factor]! += dy[i]! * x[i]!;
          magnitudes[factor]! += Math.abs(dy[i]! * x[i]!);
        }
        dScale.forEach((sum, i) => {
          if (i >= batch * channels) assert.is(sum, UNTOUCHED);
          else assert.ok(Math.abs(sum - sums[i]!) <= TOLERANCE * magnitudes[i]!, `${sum} for ${sums[i]}`);
        });
      }),
      { seed: 31, numRuns: 60 },
    );
  }));

test('the gradients of the stage are the differences of its values', () =>
  withEngine(() => {
    const shape: Shape = { height: 3, width: 5, channels: 6, capacity: 2, batch: 2, factors: 1 };
    const { dx, dScale, x, scale, dy, floats } = runStage(shape);
    const lossOf = (images: ArrayLike<number>, factors: ArrayLike<number>): number => {
      let loss = 0;
      for (let i = 0; i < dy.length; i++) {
        loss += dy[i]! * images[i]! * factors[Math.floor(i / floats) * shape.channels + (i % shape.channels)]!;
      }
      return loss;
    };
    const slopeAt = (values: Float32Array, i: number, loss: (moved: Float64Array) => number): number => {
      const [up, down] = [0.5, -0.5].map((step) => {
        const moved = Float64Array.from(values);
        moved[i]! += step;
        return loss(moved);
      });
      return up! - down!;
    };
    dx.forEach((slope, i) => {
      const expected = slopeAt(x, i, (moved) => lossOf(moved, scale));
      assert.ok(Math.abs(slope - expected) < 1e-6, `image ${i}`);
    });
    dScale.forEach((slope, i) => {
      const expected = slopeAt(scale, i, (moved) => lossOf(x, moved));
      assert.ok(Math.abs(slope - expected) < 1e-6, `factor ${i}`);
    });
  }));

test('a plan multiplies by factors as the operations do, for random images', async () => {
  const samples = fc.sample(
    fc.record({
      inputShape: fc.tuple(
        fc.integer({ min: 4, max: 9 }),
        fc.integer({ min: 4, max: 9 }),
        fc.integer({ min: 1, max: 4 }),
      ),
      filters: fc.integer({ min: 1, max: 18 }),
      units: fc.integer({ min: 1, max: 6 }),
      isFactorFirst: fc.boolean(),
      /** The image reaches the end beside the product, too. */
      isShared: fc.boolean(),
      pooled: fc.boolean(),
      batches,
    }),
    { seed: 32, numRuns: 30 },
  );
  const scenarios = samples.map((sample): Scenario => {
    const build = () => {
      const input = tf.input({ shape: [...sample.inputShape] });
      const convolution = layers.conv2d({
        filters: sample.filters,
        kernelSize: 3,
        padding: 'same',
        activation: 'tanh',
      });
      const image = apply(input, convolution);
      const factors = apply(
        image,
        layers.globalAveragePooling2d({}),
        layers.dense({ units: sample.units, activation: 'elu' }),
        layers.dense({ units: sample.filters, activation: 'sigmoid' }),
      );
      const pair = sample.isFactorFirst ? [factors, image] : [image, factors];
      let value = layers.multiply().apply(pair) as tf.SymbolicTensor;
      if (sample.isShared) value = layers.add().apply([value, image]) as tf.SymbolicTensor;
      if (sample.pooled) value = apply(value, layers.averagePooling2d({ poolSize: 3, strides: 3 }));
      const end = [layers.flatten(), layers.dense({ units: CLASSES, activation: 'softmax' })];
      return tf.model({ inputs: input, outputs: apply(value, ...end) });
    };
    return { name: JSON.stringify(sample), build, ...sample.batches };
  });
  await assertPlansAgree(scenarios);
});

test('a plan multiplies a vector by itself as the operations do', async () => {
  const build = () => {
    const input = tf.input({ shape: [5, 4, 3] });
    const vector = apply(input, layers.flatten(), layers.dense({ units: 7, activation: 'tanh' }));
    const squares = layers.multiply().apply([vector, vector]) as tf.SymbolicTensor;
    const cubes = layers.multiply().apply([squares, vector]) as tf.SymbolicTensor;
    return tf.model({ inputs: input, outputs: apply(cubes, layers.dense({ units: CLASSES, activation: 'softmax' })) });
  };
  await assertPlansAgree([{ name: 'cubes', build, batches: [13, 8], capacity: 14 }]);
});

test('a network with squeeze and excitation has the gradients of double precision', () =>
  withEngine(() => {
    const inputShape = [9, 8, 2] as const;
    const batch = 6;
    const model = buildNetwork(
      { family: 'residual', widths: [6, 10], depth: 1, squeeze: 2 },
      { inputShape, classes: 4 },
    );
    initializeWeights(model, 2);
    const graph = graphOf(model);
    if ('reason' in graph) throw new Error(graph.reason);
    // Where a relu is closer to its edge than rounding reaches, its side is nobody's defect: images without such are looked for.
    for (let seed = 1; ; seed++) {
      const step = noiseStep([batch, ...inputShape], { classes: 4, seed, learningRate: EXACT_RATE });
      const [images, labels] = [step.x.dataSync(), step.y.dataSync()];
      const expected = referenceGradients({ graph, images, labels, batch });
      if (expected.margin > CLEAR) {
        const outcome = runPlanned(model, [step], { capacity: batch });
        if ('reason' in outcome) throw new Error(outcome.reason);
        const all = Math.max(...[...expected.gradients.values()].map(norm));
        model.weights.forEach((weight, i) => {
          const gradient = expected.gradients.get(weight);
          if (!gradient) return;
          const found = outcome[0]!.changes[i]!.map((change) => -change / EXACT_RATE);
          const error = norm(gradient.map((value, k) => value - found[k]!));
          assert.ok(error < 1e-5 * Math.max(norm(gradient), 0.01 * all), `${weight.originalName}: ${error}`);
        });
        model.dispose();
        tf.dispose([step.x, step.y]);
        return;
      }
      tf.dispose([step.x, step.y]);
    }
  }));

const norm = (values: Float64Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

test('readModel() takes products of an image and a vector, and leaves others to their layer', () =>
  withEngine(() => {
    const kindsOf = (shapes: readonly (readonly number[])[]): string[] => {
      const image = tf.input({ shape: [4, 4, 6] });
      const product = layers.multiply().apply(shapes.map((shape) => reshaped(image, shape))) as tf.SymbolicTensor;
      const vector = product.shape.length > 2 ? apply(product, layers.flatten()) : product;
      const outputs = apply(vector, layers.dense({ units: 2, activation: 'softmax' }));
      const read = readModel(tf.model({ inputs: image, outputs }));
      if ('reason' in read) throw new Error(read.reason);
      return read.operations.filter(({ layer }) => layer.getClassName() === 'Multiply').map(({ kind }) => kind);
    };
    assert.equal(kindsOf([[4, 4, 6], [6]]), ['multiply']);
    assert.equal(
      kindsOf([
        [1, 1, 6],
        [4, 4, 6],
      ]),
      ['multiply'],
    );
    assert.equal(kindsOf([[6], [6]]), ['multiply']);
    assert.equal(
      kindsOf([
        [4, 4, 6],
        [4, 4, 6],
      ]),
      ['opaque'],
    );
    assert.equal(kindsOf([[4, 4, 6], [1]]), ['opaque']);
    assert.equal(kindsOf([[4, 1, 6], [6]]), ['multiply']);
    assert.equal(
      kindsOf([
        [4, 1, 6],
        [1, 4, 6],
      ]),
      ['opaque'],
    );
    assert.equal(kindsOf([[4, 4, 6], [6], [6]]), ['opaque']);
  }));

/** A value of some shape. */
const reshaped = (image: tf.SymbolicTensor, shape: readonly number[]): tf.SymbolicTensor =>
  apply(
    image,
    layers.flatten(),
    layers.dense({ units: shape.reduce((product, extent) => product * extent, 1) }),
    layers.reshape({ targetShape: [...shape] }),
  );

test.run();
