// fit() by losses of outputs: models of several inputs and outputs train by the plan as they do op by op, to the same bits on any number
// of threads, resume where they were killed, and refuse what makes no sense.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import type { TargetBatch, TargetExamples } from '../../src/data/index.ts';
import { groupNormalization, initializeWeights } from '../../src/models/index.ts';
import {
  type Checkpoint,
  type CheckpointStore,
  type FitOptions,
  type FitResult,
  type FitSettings,
  type FitState,
  fit,
  fitDefaults,
  optimizerDefaults,
} from '../../src/training/index.ts';
import { EVERY_START, noise } from '../backend/kernels/oracle.ts';
import { weightsDigest } from './sample-run.ts';

const { layers } = tf;
const COUNT = 37;
const SIDE = 8;
const LOSSES = [
  { name: 'meanSquaredError' },
  { name: 'softmaxCrossEntropy', share: 0.5 },
  { name: 'sigmoidCrossEntropy', share: 0.25 },
] as const;

/** A small network of an image and a class: an image, classes of its pixels, and marks of the whole of it. */
function network(): tf.LayersModel {
  const apply = (layer: tf.layers.Layer, ...x: tf.SymbolicTensor[]) =>
    layer.apply(x.length > 1 ? x : x[0]!) as tf.SymbolicTensor;
  const same = { kernelSize: 3, padding: 'same', kernelInitializer: 'glorotUniform' } as const;
  const image = tf.input({ shape: [SIDE, SIDE, 1] });
  const label = tf.input({ shape: [1] });
  const table = layers.embedding({ inputDim: 4, outputDim: 12, embeddingsInitializer: 'glorotUniform' });
  const condition = apply(
    layers.dense({ units: 12, activation: 'swish' as 'relu' }),
    apply(layers.flatten(), apply(table, label)),
  );
  const first = apply(layers.conv2d({ ...same, filters: 12 }), image);
  const down = apply(layers.conv2d({ ...same, filters: 12, strides: 2 }), first);
  const scaled = apply(layers.multiply(), down, apply(layers.dense({ units: 12 }), condition));
  const conditioned = apply(layers.add(), scaled, apply(layers.dense({ units: 12 }), condition));
  const normed = apply(
    layers.activation({ activation: 'swish' as 'relu' }),
    apply(groupNormalization({ groups: 4 }), conditioned),
  );
  const up = apply(layers.concatenate(), first, apply(layers.upSampling2d({}), normed));
  const outputs = [
    apply(layers.conv2d({ ...same, filters: 1 }), up),
    apply(layers.conv2d({ ...same, filters: 3, activation: 'softmax' }), up),
    apply(layers.dense({ units: 2, activation: 'sigmoid' }), apply(layers.globalAveragePooling2d({}), normed)),
  ];
  const model = tf.model({ inputs: [image, label], outputs });
  initializeWeights(model, 3);
  return model;
}

/** Noise that depends on positions and epoch; classes of pixels by brightness; half of the second output's pixels masked. */
const examples: TargetExamples = {
  count: COUNT,
  batch(positions, epoch = 0): TargetBatch {
    const pixels = SIDE * SIDE;
    const images = Array.from(positions, (position) => noise(pixels, 1 + position + 100 * epoch));
    const all = Float32Array.from(images.flatMap((image) => [...image]));
    const x = tf.tensor4d(all, [positions.length, SIDE, SIDE, 1]);
    const labels = tf.tensor2d(
      Array.from(positions, (position) => position % 4),
      [positions.length, 1],
      'int32',
    );
    const classes = tf.tidy(() =>
      tf.oneHot(
        tf.tensor(
          all.map((value) => (value < -0.3 ? 0 : value < 0.3 ? 1 : 2)),
          [positions.length, SIDE, SIDE],
          'int32',
        ),
        3,
      ),
    );
    const marks = tf.tensor2d(
      Array.from(positions).flatMap((position) => [position % 2, position % 3 === 0 ? 1 : 0]),
      [positions.length, 2],
    );
    const mask = tf.tensor(
      all.map((value) => (value > 0 ? 1 : 0)),
      [positions.length, SIDE, SIDE],
    );
    return {
      x: [x, labels],
      y: [tf.clone(x), classes, marks],
      weights: [undefined, mask, tf.fill([positions.length], 2)],
    };
  },
};

const settingsOf = (changes: Partial<FitSettings> = {}): FitSettings => ({
  ...fitDefaults,
  epochs: 2,
  batchSize: 12,
  optimizer: { ...optimizerDefaults.adam, learningRate: 0.01 },
  losses: LOSSES,
  ...changes,
});

async function train(changes: Partial<FitOptions> = {}): Promise<{ digest: string; result: FitResult; kind: string }> {
  const model = network();
  let kind = '';
  const result = await fit(model, {
    training: examples,
    validation: examples,
    settings: settingsOf(),
    onStart: (execution) => {
      kind = execution.kind;
    },
    ...changes,
  });
  const digest = weightsDigest(model);
  model.dispose();
  return { digest, result, kind };
}

let engine: RunningBackend | undefined;
const started = async (): Promise<void> => {
  engine ??= await startBackend({ threads: 2 });
};
test.after(() => engine?.stop());

test('fit() trains a network of several inputs and outputs to the same bits on any number of threads', async () => {
  const digests = new Set<string>();
  for (const options of EVERY_START) {
    const own = await startBackend(options);
    const { digest, result, kind } = await train();
    await own.stop();
    assert.is(kind, 'plan');
    digests.add(
      `${digest} ${JSON.stringify(result.history.map(({ loss, validationLoss }) => [loss, validationLoss]))}`,
    );
  }
  assert.is(digests.size, 1, [...digests].join('\n'));
});

test('fit() learns by the plan as it does op by op, and leaves no tensor behind', async () => {
  await started();
  const before = { tensors: tf.memory().numTensors, data: currentBackend().numDataIds() };
  const settings = settingsOf({ epochs: 6 });
  const planned = (await train({ settings })).result;
  const opByOp = (await train({ settings, opByOp: true })).result;
  assert.equal({ tensors: tf.memory().numTensors, data: currentBackend().numDataIds() }, before, 'leak');
  planned.history.forEach((record, i) => {
    const other = opByOp.history[i]!;
    assert.ok(Math.abs(record.loss / other.loss - 1) < 1e-3, `epoch ${i + 1}: ${record.loss} for ${other.loss}`);
    assert.ok(Math.abs(record.validationLoss! / other.validationLoss! - 1) < 1e-3);
  });
  const [first, last] = [planned.history[0]!, planned.history.at(-1)!];
  assert.ok(last.loss < 0.8 * first.loss, `${first.loss} to ${last.loss}`);
  assert.ok(last.accuracy > first.accuracy && last.accuracy <= 1);
});

test('fit() resumes a training by losses of outputs to the same weights', async () => {
  await started();
  const whole = await train();
  let saved: Checkpoint<FitState> | undefined;
  const checkpoints: CheckpointStore<FitState> = {
    load: async () => saved,
    clear: async () => undefined,
    save: async (checkpoint) => {
      saved = structuredClone({
        ...checkpoint,
        tensors: checkpoint.tensors.map((tensor) => ({ ...tensor, values: tensor.values.slice() })),
      });
    },
  };
  const abort = new AbortController();
  const first = await train({
    checkpoints,
    signal: abort.signal,
    onProgress: ({ step }) => step === 2 && abort.abort(),
  });
  assert.is(first.result.status, 'interrupted');
  const resumed = await train({ checkpoints });
  assert.is(resumed.digest, whole.digest);
  assert.is(resumed.result.updatesNow, whole.result.updates - first.result.updatesNow);
});

test('fit() trains a model that has no plan op by op, and says why', async () => {
  await started();
  const input = tf.input({ shape: [6, 4] });
  const y = layers.conv1d({ filters: 3, kernelSize: 3, padding: 'same' }).apply(input) as tf.SymbolicTensor;
  const model = tf.model({ inputs: input, outputs: y });
  const training: TargetExamples = {
    count: 8,
    batch: ({ length }) => ({ x: tf.tensor(noise(length * 24), [length, 6, 4]), y: tf.zeros([length, 6, 3]) }),
  };
  let told = '';
  const settings = settingsOf({ epochs: 4, losses: [{ name: 'huber', delta: 0.5 }] });
  const { history } = await fit(model, {
    training,
    settings,
    onStart: (execution) => {
      told = 'reason' in execution ? execution.reason : 'plan';
    },
  });
  assert.match(told, /rank 3|Conv1D/);
  assert.ok(history.at(-1)!.loss < history[0]!.loss);
  model.dispose();
});

/** Settings and examples that are refused, by code and message. */
const refused: Readonly<Record<string, [changes: Partial<FitOptions>, code: string, message: RegExp]>> = {
  'too few losses': [
    { settings: settingsOf({ losses: LOSSES.slice(1) }) },
    'training/settings',
    /2 losses: expected 3/,
  ],
  'an unknown loss': [
    { settings: settingsOf({ losses: [{ name: 'hinge' as 'huber' }] }) },
    'training/settings',
    /a loss "hinge": expected one of softmaxCrossEntropy/,
  ],
  'a loss of another activation': [
    { settings: settingsOf({ losses: [LOSSES[0], LOSSES[2], LOSSES[2]] }) },
    'training/settings',
    /ends in a softmax: expected a sigmoid/,
  ],
  'smoothed labels': [{ settings: settingsOf({ labelSmoothing: 0.1 }) }, 'training/settings', /label smoothing/],
  'a negative delta': [
    { settings: settingsOf({ losses: [{ name: 'huber', delta: -1 }, LOSSES[1], LOSSES[2]] }) },
    'training/settings',
    /linear from -1 on: expected more than 0/,
  ],
  'one input': [
    { training: { count: 4, batch: ({ length }) => ({ x: tf.zeros([length, SIDE, SIDE, 1]), y: [] }) } },
    'dataset/bad-batch',
    /expected 2 inputs, got 1/,
  ],
  'targets of another shape': [
    {
      training: {
        count: 4,
        batch: (positions) => ({
          ...examples.batch(positions),
          y: [0, 1, 2].map(() => tf.zeros([positions.length, 2])),
        }),
      },
    },
    'dataset/bad-batch',
    /expected target 0 of shape \[4,8,8,1\], got \[4,2\]/,
  ],
  'weights of another shape': [
    {
      training: {
        count: 4,
        batch: (positions) => ({ ...examples.batch(positions), weights: tf.zeros([positions.length, 3]) }),
      },
    },
    'dataset/bad-batch',
    /expected weights 0 of shape \[4,8,8\]/,
  ],
  'a class that the table has not': [
    {
      training: {
        count: 4,
        batch: (positions) => {
          const { x, ...rest } = examples.batch(positions);
          return { ...rest, x: [(x as tf.Tensor[])[0]!, tf.fill([positions.length, 1], 9)] };
        },
      },
    },
    'training/diverged',
    /the loss became NaN/,
  ],
};

for (const [what, [changes, code, message]] of Object.entries(refused)) {
  test(`fit() refuses ${what}`, async () => {
    await started();
    try {
      await train(changes);
      assert.unreachable('it trained');
    } catch (error) {
      assert.instance(error, SelvedgeError, String(error));
      assert.is((error as SelvedgeError).code, code);
      assert.match((error as SelvedgeError).message, message);
    }
  });
}

test.run();
