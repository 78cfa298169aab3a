// The layers and losses that plans of any network know, beside PyTorch's values: gradients of weights and of inputs, on both roads.
// Images are rows of an embedding, so that their gradients are those of a weight. Made by network-layers.py (Debian: python3-torch).
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { type OutputLossName, outputLoss } from '../../src/backend/kernels/output-loss.ts';
import { groupNormalization } from '../../src/models/index.ts';
import { runNetworkOpByOp, runNetworkPlanned } from './network-roads.ts';

interface LayerValues {
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly slope: readonly number[];
  readonly dx: readonly number[];
  readonly weights: Readonly<
    Record<string, { readonly values: readonly number[]; readonly gradient: readonly number[] }>
  >;
}

interface LossValues {
  readonly outputs: readonly number[];
  readonly targets: readonly number[];
  readonly loss: number;
  readonly gradient: readonly number[];
}

const golden = JSON.parse(readFileSync(new URL('network-layers.json', import.meta.url), 'utf8')) as {
  readonly layers: Readonly<Record<string, LayerValues>>;
  readonly losses: Readonly<Record<OutputLossName, LossValues>>;
};
const [BATCH, SIDE, CHANNELS] = [2, 4, 6];
/** Values of the file have six decimals. */
const TOLERANCE = 2e-5;

const { layers } = tf;
const made: Readonly<Record<string, () => tf.layers.Layer>> = {
  silu: () => layers.activation({ activation: 'swish' as 'relu' }),
  gelu: () => layers.activation({ activation: 'gelu' as 'relu' }),
  geluTanh: () => layers.activation({ activation: 'gelu_new' as 'relu' }),
  groupNormalization: () => groupNormalization({ groups: 3 }),
  layerNormalization: () => layers.layerNormalization(),
  nearest: () => layers.upSampling2d({ size: [2, 2] }),
  transposedConvolution: () => layers.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2 }),
};

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

/** The layer behind images that are looked up by number. */
function modelOf(layer: tf.layers.Layer, values: LayerValues): tf.LayersModel {
  const floats = SIDE * SIDE * CHANNELS;
  const input = tf.input({ shape: [1] });
  const table = layers.embedding({ inputDim: BATCH, outputDim: floats });
  const apply = (next: tf.layers.Layer, x: tf.SymbolicTensor) => next.apply(x) as tf.SymbolicTensor;
  const images = apply(layers.reshape({ targetShape: [SIDE, SIDE, CHANNELS] }), apply(table, input));
  const model = tf.model({ inputs: input, outputs: apply(layer, images) });
  tf.tidy(() => {
    table.setWeights([tf.tensor2d([...values.x], [BATCH, floats])]);
    const weights = Object.values(values.weights);
    layer.setWeights(layer.weights.map(({ shape }, i) => tf.tensor([...weights[i]!.values], shape as number[])));
  });
  return model;
}

for (const [name, make] of Object.entries(made)) {
  for (const [road, run] of [
    ['plan', runNetworkPlanned],
    ['tape', runNetworkOpByOp],
  ] as const) {
    // biome-ignore format: a table
    test(`${name}: gradients by the ${road} are PyTorch's`, () => {
      const values = golden.layers[name]!;
      const model = modelOf(make(), values);
      const shape = [BATCH, ...model.outputs[0]!.shape.slice(1)] as number[];
      // The slope of the squared error is that of the file at these targets.
      const half = values.y.length / 2;
      const target = values.y.map((value, i) => value - values.slope[i]! * half);
      const inputs = [tf.tensor2d([0, 1], [2, 1])];
      const targets = [tf.tensor(target, shape)];
      const before = tf.memory().numTensors;
      const steps = [{ inputs, targets, learningRate: 1 }];
      const outcome = run(model, steps, { losses: [{ name: 'meanSquaredError' }], capacity: 3 });
      assert.not('reason' in outcome, JSON.stringify(outcome));
      assert.is(tf.memory().numTensors, before);
      const expected = [values.dx, ...Object.values(values.weights).map(({ gradient }) => gradient)];
      const { changes } = (outcome as Exclude<typeof outcome, { reason: string }>)[0]!;
      expected.forEach((gradient, i) => {
        const scale = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0) / gradient.length);
        gradient.forEach((value, k) => {
          const got = -changes[i]![k]!;
          assert.ok(Math.abs(got - value) < TOLERANCE * Math.max(1, scale), `${name}, weight ${i}[${k}]: ${got} for ${value}`);
        });
      });
      tf.dispose([...inputs, ...targets]);
      model.dispose();
    });
  }
}

for (const [name, values] of Object.entries(golden.losses) as [OutputLossName, LossValues][]) {
  test(`outputLoss() of ${name} is PyTorch's, with its gradient`, () => {
    tf.tidy(() => {
      const shape: [number, number, number, number] = [BATCH, SIDE, SIDE, CHANNELS];
      const [outputs, targets] = [tf.tensor4d([...values.outputs], shape), tf.tensor4d([...values.targets], shape)];
      const made = outputLoss(currentBackend(), outputs, targets, { name, delta: 0.7 });
      const [losses, , gradient] = [made.losses, made.hits, made.gradient].map((info) =>
        tf.engine().makeTensorFromTensorInfo(info).dataSync<'float32'>(),
      ) as [Float32Array, Float32Array, Float32Array];
      const mean = losses.reduce((sum, loss) => sum + loss, 0) / BATCH;
      assert.ok(Math.abs(mean - values.loss) < 2e-6 * Math.max(1, values.loss), `${mean} for ${values.loss}`);
      gradient.forEach((value, i) => {
        assert.ok(Math.abs(value - values.gradient[i]!) < 1e-6, `gradient ${i}: ${value} for ${values.gradient[i]}`);
      });
    });
  });
}

test.run();
