// fit() on the shipped sample: it learns, refuses as it says, and leaves nothing behind. Not here: what ends it (fit-resume.test.ts).
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend } from '../../src/backend/index.ts';
import type { Examples } from '../../src/data/index.ts';
import {
  type EpochRecord,
  type FitOptions,
  fit,
  fitDefaults,
  type OptimizerConfig,
  optimizerDefaults,
  type Progress,
} from '../../src/training/index.ts';
import { COUNT, codeOf, diverging, STEPS, useFitCase } from './fit-case.ts';
import { placeSample, settingsOf, smallModel, studyModel, weightsDigest } from './sample-run.ts';

const run = useFitCase(test);

test('fit() learns: the loss falls and the baseline is right for most of 400 validation images after two epochs', async () => {
  const learning = await placeSample({ count: 1600, validationCount: 400 });
  const model = studyModel('baseline');
  const { history, status, updates } = await fit(model, {
    training: learning.training,
    validation: learning.validation,
    settings: { ...fitDefaults, epochs: 2, batchSize: 64 },
  });
  assert.is(status, 'complete');
  assert.is(updates, 50);
  assert.ok(history[1]!.loss < 0.8 * history[0]!.loss);
  assert.ok(history[1]!.validationAccuracy! > 0.65, `validation accuracy ${history[1]!.validationAccuracy}`);
  model.dispose();
  learning.resident.dispose();
});

test('fit() reports each update and epoch, counts a short last batch right, and validates as model.predict() would', async () => {
  const model = smallModel();
  const progress: Progress[] = [];
  const epochs: EpochRecord[] = [];
  const { history, updates, updatesNow } = await fit(
    model,
    run.optionsOf({
      onProgress: (update) => progress.push(update),
      onEpoch: (record, all) => {
        assert.equal(all.at(-1), record);
        epochs.push(record);
      },
    }),
  );
  assert.equal(epochs, [...history]);
  assert.equal([updates, updatesNow], [2 * STEPS, 2 * STEPS]);
  assert.equal(
    progress.map(({ epoch, step }) => [epoch, step]),
    [1, 2].flatMap((epoch) => Array.from({ length: STEPS }, (_, step) => [epoch, step + 1])),
  );
  for (const epoch of [1, 2]) {
    const last = progress[epoch * STEPS - 1]!;
    assert.equal(
      [last.loss, last.accuracy, last.steps],
      [history[epoch - 1]!.loss, history[epoch - 1]!.accuracy, STEPS],
    );
  }
  const [loss, accuracy] = tf.tidy(() => {
    const { x, y } = run.examples.validation.batch(Int32Array.from({ length: 50 }, (_, i) => i));
    const probabilities = model.predict(x) as tf.Tensor;
    const losses = tf.neg(probabilities.log().mul(y).sum(-1).mean());
    return [losses, probabilities.argMax(-1).equal(y.argMax(-1)).mean()].map((value) => value.dataSync()[0]!);
  });
  assert.ok(Math.abs(history[1]!.validationLoss! - loss!) < 1e-5);
  assert.ok(Math.abs(history[1]!.validationAccuracy! - accuracy!) < 1e-6);
  model.dispose();
});

test('fit() without validation has no validation figures', async () => {
  const model = smallModel();
  const { history } = await fit(model, { training: run.examples.training, settings: settingsOf({ epochs: 1 }) });
  assert.equal(Object.keys(history[0]!).sort(), ['accuracy', 'durationMs', 'epoch', 'imagesPerSecond', 'loss']);
  model.dispose();
});

test('fit() leaves no tensor and no data behind, complete, interrupted, diverged or refused', async () => {
  const memory = (): object => ({ tensors: tf.memory().numTensors, data: currentBackend().numDataIds() });
  const model = smallModel();
  const before = memory();
  await fit(model, run.optionsOf({ checkpoints: run.checkpoints(), checkpointEvery: 4 }));
  assert.equal(memory(), before, 'complete');
  const aborted = new AbortController();
  aborted.abort();
  await fit(model, run.optionsOf({ signal: aborted.signal, settings: settingsOf({ seed: 3 }) }));
  assert.equal(memory(), before, 'interrupted');
  assert.match(await codeOf(fit(model, run.optionsOf({ settings: diverging }))), /^training\/diverged/);
  assert.equal(memory(), before, 'diverged');
  assert.match(
    await codeOf(fit(model, run.optionsOf({ checkpoints: run.checkpoints(), identity: 'other' }))),
    /other-run/,
  );
  assert.equal(memory(), before, 'refused');
  model.dispose();
  const unsupported = tf.sequential({
    layers: [tf.layers.flatten({ inputShape: [28, 28, 1] }), tf.layers.dense({ units: 10 })],
  });
  const own = memory();
  assert.match(await codeOf(fit(unsupported, run.optionsOf())), /^training\/unsupported-model/);
  assert.equal(memory(), own, 'unsupported');
  unsupported.dispose();
});

test('model.predict() sees the weights that fit() wrote in place, also where kernels ran on the old ones', async () => {
  const model = studyModel('dropout');
  const { x, y } = run.examples.validation.batch(Int32Array.from({ length: 20 }, (_, i) => i));
  const predict = (of: tf.LayersModel): number[] => tf.tidy(() => [...(of.predict(x) as tf.Tensor).dataSync()]);
  const before = predict(model);
  await fit(model, run.optionsOf({ settings: settingsOf({ epochs: 1 }) }));
  const after = predict(model);
  assert.not.equal(after, before);
  const fresh = studyModel('dropout', 2);
  const copies = model.getWeights().map((weight) => tf.tensor(weight.dataSync(), weight.shape));
  fresh.setWeights(copies);
  assert.equal(after, predict(fresh));
  tf.dispose([x, y, ...copies]);
  model.dispose();
  fresh.dispose();
});

test('fit() changes no tensor of the user: those given to setWeights() and clones of weights keep their values', async () => {
  const model = smallModel();
  const given = model.getWeights().map((weight) => tf.tensor(weight.dataSync(), weight.shape));
  model.setWeights(given);
  const clones = model.getWeights().map((weight) => weight.clone());
  const values = given.map((tensor) => [...tensor.dataSync()]);
  await fit(model, run.optionsOf());
  for (const tensors of [given, clones])
    assert.equal(
      tensors.map((tensor) => [...tensor.dataSync()]),
      values,
    );
  assert.is(weightsDigest(model), (await run.trainWhole()).digest);

  // Set between two trainings, they are where the second begins.
  model.setWeights(given);
  await fit(model, run.optionsOf());
  assert.is(weightsDigest(model), (await run.trainWhole()).digest);
  tf.dispose([...given, ...clones]);
  model.dispose();
});

test('fit() depends on the seed, and on nothing else that a second run would change', async () => {
  const first = await run.trainWhole();
  assert.equal(await run.trainWhole(), first);
  assert.not.equal(await run.trainWhole({ settings: settingsOf({ seed: 2 }) }), first);
});

test('fit() adds the regularisers of layers to what it minimises', async () => {
  const strength = 1000;
  const model = tf.sequential({
    layers: [
      tf.layers.flatten({ inputShape: [28, 28, 1] }),
      tf.layers.dense({ units: 10, activation: 'softmax', kernelRegularizer: tf.regularizers.l2({ l2: strength }) }),
    ],
  });
  const before = [...model.getWeights()[0]!.dataSync()];
  await fit(model, run.optionsOf({ settings: settingsOf({ epochs: 1, batchSize: COUNT }) }));
  const after = model.getWeights()[0]!.dataSync();
  // The first update of Adam is the learning rate towards zero where the penalty's slope, 2000 w, outweighs the loss's.
  const { learningRate } = fitDefaults.optimizer;
  before.forEach((value, i) => {
    if (Math.abs(value) < 0.01) return;
    assert.ok(Math.abs(after[i]! - (value - Math.sign(value) * learningRate)) < 1e-6, `weight ${i}`);
  });
  model.dispose();
});

test('fit() minimises the loss of smoothed labels, and validates with the labels as they are', async () => {
  const { flatten, dense } = tf.layers;
  const layers = [flatten({ inputShape: [28, 28, 1] }), dense({ units: 10, activation: 'softmax' })];
  const model = tf.sequential({ layers });
  const lossOf = (of: FitOptions['training'], smoothing?: number): number =>
    tf.tidy(() => {
      const { x, y } = (of as Examples).batch(Int32Array.from({ length: of.count }, (_, i) => i));
      const logits = (model.predict(x) as tf.Tensor).log();
      return tf.losses.softmaxCrossEntropy(y, logits, undefined, smoothing).dataSync()[0]!;
    });
  const before = lossOf(run.examples.training, 0.2);
  const settings = settingsOf({ epochs: 1, batchSize: COUNT, labelSmoothing: 0.2 });
  const { history } = await fit(model, run.optionsOf({ settings }));
  assert.ok(Math.abs(history[0]!.loss - before) < 1e-5, `${history[0]!.loss}, expected ${before}`);
  assert.ok(Math.abs(history[0]!.validationLoss! - lossOf(run.examples.validation)) < 1e-5);
  model.dispose();
});

test('fit() refuses settings out of range before it does anything', async () => {
  const model = smallModel();
  const digest = weightsDigest(model);
  const empty = { ...run.examples.training, count: 0 };
  const { adam, adamw, sgd } = optimizerDefaults;
  const refused: [Partial<FitOptions>, RegExp][] = [
    ...[0, 1.5, Number.NaN, Infinity].map((epochs): [Partial<FitOptions>, RegExp] => [
      { settings: settingsOf({ epochs }) },
      /epochs: expected a whole number from 1/,
    ]),
    ...[0, -1, 2.5].map((batchSize): [Partial<FitOptions>, RegExp] => [
      { settings: settingsOf({ batchSize }) },
      /batch size/,
    ]),
    ...[-1, 0.5, 2 ** 32].map((seed): [Partial<FitOptions>, RegExp] => [{ settings: settingsOf({ seed }) }, /seed/]),
    ...[0, -1, Number.NaN, Infinity].map((learningRate): [Partial<FitOptions>, RegExp] => [
      { settings: settingsOf({ optimizer: { ...adam, learningRate } }) },
      /learning rate/,
    ]),
    [{ settings: settingsOf({ optimizer: { ...adam, beta1: 1 } }) }, /betas of 1 and 0.999/],
    [{ settings: settingsOf({ optimizer: { ...adam, beta2: -0.1 } }) }, /betas of 0.9 and -0.1/],
    [{ settings: settingsOf({ optimizer: { ...adam, epsilon: 0 } }) }, /epsilon of 0/],
    ...[-0.1, 1, Number.NaN].flatMap((share): [Partial<FitOptions>, RegExp][] => [
      [{ settings: settingsOf({ optimizer: { ...sgd, momentum: share } }) }, /a momentum of/],
      [{ settings: settingsOf({ labelSmoothing: share }) }, /a label smoothing of/],
    ]),
    ...[-0.1, Infinity, Number.NaN].map((weightDecay): [Partial<FitOptions>, RegExp] => [
      { settings: settingsOf({ optimizer: { ...adamw, weightDecay } }) },
      /a weight decay of/,
    ]),
    [{ settings: settingsOf({ optimizer: { ...sgd, nesterov: true } }) }, /Nesterov momentum of 0/],
    [
      { settings: settingsOf({ optimizer: { ...adam, name: 'rmsprop' } as unknown as OptimizerConfig }) },
      /optimiser "rmsprop": expected one of adam, adamw, sgd$/,
    ],
    ...[0, 1.5, -2].map((checkpointEvery): [Partial<FitOptions>, RegExp] => [{ checkpointEvery }, /checkpoint every/]),
    [{ training: empty }, /no examples/],
    [{ validation: empty }, /no validation examples/],
  ];
  for (const [changes, message] of refused) {
    const code = await codeOf(fit(model, run.optionsOf(changes)));
    assert.match(code, /^training\/settings: Cannot train with/);
    assert.match(code, message);
  }
  assert.is(weightsDigest(model), digest);
  model.dispose();
});

test('fit() refuses a model with constraints or with nothing to train', async () => {
  const { flatten, dense } = tf.layers;
  const constrained = tf.sequential({
    layers: [
      flatten({ inputShape: [28, 28, 1] }),
      dense({ name: 'held', units: 10, activation: 'softmax', kernelConstraint: tf.constraints.nonNeg() }),
    ],
  });
  assert.match(
    await codeOf(fit(constrained, run.optionsOf())),
    /unsupported-model: .*weight "held\/kernel" has a constraint/,
  );
  constrained.dispose();
  const frozen = smallModel();
  for (const layer of frozen.layers) layer.trainable = false;
  assert.match(await codeOf(fit(frozen, run.optionsOf())), /unsupported-model: .*no trainable weights/);
  frozen.dispose();
});

test('fit() leaves frozen layers as they are and trains the others', async () => {
  const model = studyModel('dropout');
  model.getLayer('conv2d_1').trainable = false;
  const named = (name: string): number[] => [...model.getLayer(name).getWeights()[0]!.dataSync()];
  const before = { frozen: named('conv2d_1'), trained: named('conv2d_2') };
  await fit(model, run.optionsOf({ settings: settingsOf({ epochs: 1 }) }));
  assert.equal(named('conv2d_1'), before.frozen);
  assert.not.equal(named('conv2d_2'), before.trained);
  model.dispose();
});

test.run();
