// Batches of a user's own examples: whatever numbers they are, they train as float32 does, or end in an error that says what to do.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { type Batch, type Examples, loadFashionMnistSample, placeDataset } from '../../src/data/index.ts';
import { createPredictor } from '../../src/plan/index.ts';
import { fit } from '../../src/training/index.ts';
import { noise } from '../backend/kernels/oracle.ts';
import { settingsOf, smallModel, weightsDigest } from '../training/sample-run.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const COUNT = 40;
const values = noise(COUNT * 784, 1).map((value) => (value > 0.4 ? 1 : 0));
const labels = noise(COUNT, 2).map((value) => Math.floor((value + 1) * 4.99));

type Maker = (positions: Int32Array) => { x: tf.Tensor; y: tf.Tensor };

const examplesOf = (make: Maker): Examples => ({
  count: COUNT,
  batch: (positions) => make(positions) as unknown as Batch,
});

/** Black and white images and one-hot labels of these types. */
const typed =
  (xType: tf.DataType, yType: tf.DataType): Maker =>
  (positions) =>
    tf.tidy(() => ({
      x: tf.tensor4d(values, [COUNT, 28, 28, 1]).gather(tf.tensor1d(positions, 'int32')).cast(xType),
      y: tf.oneHot(tf.tensor1d(labels, 'int32').gather(tf.tensor1d(positions, 'int32')), 10).cast(yType),
    }));

async function trained(make: Maker, opByOp: boolean): Promise<string> {
  const before = tf.memory().numTensors;
  const model = smallModel();
  try {
    const examples = examplesOf(make);
    await fit(model, { training: examples, validation: examples, settings: settingsOf(), opByOp });
    const predictor = createPredictor(model);
    const probabilities = predictor.predictExamples(examples, 0, 3);
    predictor.dispose();
    return `${weightsDigest(model)} ${probabilities.join()}`;
  } finally {
    model.dispose();
    assert.is(tf.memory().numTensors, before, 'leak');
  }
}

test('fit() and predictExamples() take batches of int32 and bool as those of float32, to the bit, by a plan and op by op', async () => {
  for (const opByOp of [false, true]) {
    const expected = await trained(typed('float32', 'float32'), opByOp);
    for (const [x, y] of [
      ['float32', 'int32'],
      ['float32', 'bool'],
      ['int32', 'float32'],
      ['bool', 'int32'],
    ] as [tf.DataType, tf.DataType][]) {
      assert.is(await trained(typed(x, y), opByOp), expected, `${x}, ${y}, ${opByOp}`);
    }
  }
});

const messageOf = async (make: Maker, opByOp: boolean): Promise<string> => {
  try {
    await trained(make, opByOp);
  } catch (error) {
    if (error instanceof SelvedgeError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no error';
};

test('fit() refuses batches of other types and shapes, says what it expected, and leaves no tensor', async () => {
  const good = typed('float32', 'float32');
  const cases: [Maker, RegExp][] = [
    [
      (positions) => ({ x: good(positions).x, y: tf.tensor1d(labels.slice(0, positions.length), 'int32') }),
      /^dataset\/bad-batch: .*labels of shape \[16, 10\], got \[16\]; class numbers become such labels by tf.oneHot/,
    ],
    [
      (positions) => ({ ...good(positions), y: tf.zeros([positions.length, 9]) }),
      /labels of shape \[16, 10\], got \[16, 9\]$/,
    ],
    [
      (positions) => ({ ...good(positions), x: tf.zeros([positions.length, 28, 27, 1]) }),
      /images of shape \[16, 28, 28, 1\]/,
    ],
    [(positions) => ({ ...good(positions), x: tf.zeros([positions.length, 784]) }), /images of shape/],
    [(positions) => ({ ...good(positions), x: tf.zeros([0, 28, 28, 1]) }), /got \[0, 28, 28, 1\]$/],
    [
      (positions) => ({ ...good(positions), y: tf.fill([positions.length, 10], 'a') }),
      /labels of type float32, int32 or bool, got string$/,
    ],
  ];
  for (const [make, message] of cases) {
    for (const opByOp of [false, true]) {
      const found = await messageOf((positions) => only(make, positions), opByOp);
      assert.match(found, message);
    }
  }
});

/** Tensors that `make` leaves over, as it replaces some of a good batch, are disposed. */
const only = (make: Maker, positions: Int32Array): ReturnType<Maker> => tf.tidy(() => make(positions));

test('fit() refuses a data set of other images or classes than the model has', async () => {
  const resident = placeDataset((await loadFashionMnistSample()).test);
  const model = tf.sequential({
    layers: [tf.layers.flatten({ inputShape: [28, 28, 1] }), tf.layers.dense({ units: 9, activation: 'softmax' })],
  });
  const refusal = await fit(model, { training: resident.examples(), settings: settingsOf() }).catch((error) => error);
  assert.match(
    `${refusal.code} ${refusal.message}`,
    /^dataset\/bad-batch .*as many classes of shape \[9\], got \[10\]$/,
  );
  model.dispose();
  resident.dispose();
});

test.run();
