// fit() on the shipped sample: it learns, stops, resumes and refuses as it says, and leaves nothing behind.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import type { Examples } from '../../src/data/index.ts';
import {
  type CheckpointStore,
  type EpochRecord,
  type FitOptions,
  type FitState,
  fit,
  fitDefaults,
  type OptimizerConfig,
  openCheckpoints,
  optimizerDefaults,
  type Progress,
  scheduleDefaults,
} from '../../src/training/index.ts';
import { placeSample, type SampleExamples, settingsOf, smallModel, studyModel, weightsDigest } from './sample-run.ts';

/** Six updates an epoch, the last of ten images. */
const COUNT = 90;
const STEPS = 6;

let engine: RunningBackend;
let examples: SampleExamples;
let folder: string;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
  examples = await placeSample({ count: COUNT });
});
test.after(async () => {
  examples.resident.dispose();
  await engine.stop();
});
test.before.each(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-fit-'));
});
test.after.each(() => rmSync(folder, { recursive: true }));

const optionsOf = (changes: Partial<FitOptions> = {}): FitOptions => ({
  training: examples.training,
  validation: examples.validation,
  settings: settingsOf(),
  ...changes,
});

const checkpoints = (): CheckpointStore<FitState> => openCheckpoints<FitState>(folder);

/** What must be equal between runs: all but the times. */
const resultsOf = (history: readonly EpochRecord[]): object[] =>
  history.map(({ imagesPerSecond: _, durationMs: __, ...results }) => results);

const codeOf = async (body: Promise<unknown>): Promise<string> => {
  try {
    await body;
  } catch (error) {
    assert.instance(error, SelvedgeError, String((error as Error).stack));
    return `${(error as SelvedgeError).code}: ${(error as SelvedgeError).message}`;
  }
  return 'no error';
};

interface Outcome {
  readonly digest: string;
  readonly history: object[];
}

/** A small model trained from seed 1, without interruption. */
async function trainWhole(changes: Partial<FitOptions> = {}): Promise<Outcome> {
  const model = smallModel();
  const { history } = await fit(model, optionsOf(changes));
  const digest = weightsDigest(model);
  model.dispose();
  return { digest, history: resultsOf(history) };
}

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
    optionsOf({
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
    const { x, y } = examples.validation.batch(Int32Array.from({ length: 50 }, (_, i) => i));
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
  const { history } = await fit(model, { training: examples.training, settings: settingsOf({ epochs: 1 }) });
  assert.equal(Object.keys(history[0]!).sort(), ['accuracy', 'durationMs', 'epoch', 'imagesPerSecond', 'loss']);
  model.dispose();
});

test('fit() leaves no tensor and no data behind, complete, interrupted, diverged or refused', async () => {
  const memory = (): object => ({ tensors: tf.memory().numTensors, data: currentBackend().numDataIds() });
  const model = smallModel();
  const before = memory();
  await fit(model, optionsOf({ checkpoints: checkpoints(), checkpointEvery: 4 }));
  assert.equal(memory(), before, 'complete');
  const aborted = new AbortController();
  aborted.abort();
  await fit(model, optionsOf({ signal: aborted.signal, settings: settingsOf({ seed: 3 }) }));
  assert.equal(memory(), before, 'interrupted');
  assert.match(await codeOf(fit(model, optionsOf({ settings: diverging }))), /^training\/diverged/);
  assert.equal(memory(), before, 'diverged');
  assert.match(await codeOf(fit(model, optionsOf({ checkpoints: checkpoints(), identity: 'other' }))), /other-run/);
  assert.equal(memory(), before, 'refused');
  model.dispose();
  const unsupported = tf.sequential({
    layers: [tf.layers.flatten({ inputShape: [28, 28, 1] }), tf.layers.dense({ units: 10 })],
  });
  const own = memory();
  assert.match(await codeOf(fit(unsupported, optionsOf())), /^training\/unsupported-model/);
  assert.equal(memory(), own, 'unsupported');
  unsupported.dispose();
});

test('model.predict() sees the weights that fit() wrote in place, also where kernels ran on the old ones', async () => {
  const model = studyModel('dropout');
  const { x, y } = examples.validation.batch(Int32Array.from({ length: 20 }, (_, i) => i));
  const predict = (of: tf.LayersModel): number[] => tf.tidy(() => [...(of.predict(x) as tf.Tensor).dataSync()]);
  const before = predict(model);
  await fit(model, optionsOf({ settings: settingsOf({ epochs: 1 }) }));
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
  await fit(model, optionsOf());
  for (const tensors of [given, clones])
    assert.equal(
      tensors.map((tensor) => [...tensor.dataSync()]),
      values,
    );
  assert.is(weightsDigest(model), (await trainWhole()).digest);

  // Set between two trainings, they are where the second begins.
  model.setWeights(given);
  await fit(model, optionsOf());
  assert.is(weightsDigest(model), (await trainWhole()).digest);
  tf.dispose([...given, ...clones]);
  model.dispose();
});

test('fit() depends on the seed, and on nothing else that a second run would change', async () => {
  const first = await trainWhole();
  assert.equal(await trainWhole(), first);
  assert.not.equal(await trainWhole({ settings: settingsOf({ seed: 2 }) }), first);
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
  await fit(model, optionsOf({ settings: settingsOf({ epochs: 1, batchSize: COUNT }) }));
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
  const before = lossOf(examples.training, 0.2);
  const settings = settingsOf({ epochs: 1, batchSize: COUNT, labelSmoothing: 0.2 });
  const { history } = await fit(model, optionsOf({ settings }));
  assert.ok(Math.abs(history[0]!.loss - before) < 1e-5, `${history[0]!.loss}, expected ${before}`);
  assert.ok(Math.abs(history[0]!.validationLoss! - lossOf(examples.validation)) < 1e-5);
  model.dispose();
});

const diverging = settingsOf({ optimizer: { ...fitDefaults.optimizer, learningRate: 1e30 } });

test('fit() stops with epoch and step where the loss is no longer finite, and keeps the last good checkpoint', async () => {
  const broken = smallModel();
  const weights = broken.getWeights().map((weight, i) => (i === 0 ? tf.fill(weight.shape, Number.NaN) : weight));
  broken.setWeights(weights);
  weights[0]!.dispose();
  assert.match(
    await codeOf(fit(broken, optionsOf())),
    /^training\/diverged: Cannot go on: the loss became NaN in epoch 1, step 1; try a learning rate below 0.001$/,
  );
  broken.dispose();

  const model = studyModel('baseline');
  const store = checkpoints();
  const settings = { ...settingsOf({ epochs: 1 }), optimizer: { ...fitDefaults.optimizer, learningRate: 1e-3 } };
  const identity = 'one run';
  await fit(model, optionsOf({ settings, identity, checkpoints: store }));
  const faster = { ...diverging, epochs: 3 };
  assert.match(
    await codeOf(fit(model, optionsOf({ settings: faster, identity, checkpoints: store, checkpointEvery: 1 }))),
    /^training\/diverged: Cannot go on: .* in epoch 2, step \d; try a learning rate below 1e\+30$/,
  );
  const kept = (await checkpoints().load())!;
  assert.ok(kept.state.updates >= STEPS);
  assert.ok(kept.tensors.every(({ values }) => values.every(Number.isFinite)));
  model.dispose();
});

test('fit() stops where the very last update breaks the weights, or leaves weights whose validation loss is not finite', async () => {
  const single = { epochs: 1, batchSize: COUNT };
  const infinite = settingsOf({ ...single, optimizer: { ...fitDefaults.optimizer, learningRate: 1e39 } });
  const model = smallModel();
  assert.match(
    await codeOf(fit(model, { training: examples.training, settings: infinite, checkpoints: checkpoints() })),
    /^training\/diverged: Cannot go on: a value of weight "\S+" is no longer finite in epoch 1, step 1/,
  );
  assert.is(await checkpoints().load(), undefined);
  model.dispose();
  const large = studyModel('baseline');
  assert.match(
    await codeOf(
      fit(
        large,
        optionsOf({ settings: settingsOf({ ...single, optimizer: { ...fitDefaults.optimizer, learningRate: 1e30 } }) }),
      ),
    ),
    /^training\/diverged: Cannot go on: the validation loss became NaN after epoch 1/,
  );
  large.dispose();
});

/** Trains in calls that each end by `interrupt`, until one completes. */
async function trainInParts(interrupt: (call: number) => Partial<FitOptions>): Promise<Outcome & { calls: number }> {
  for (let call = 1; ; call++) {
    // Each call as in a new process: another model, another store.
    const model = smallModel(call);
    if (call === 1) assert.is(weightsDigest(model), weightsDigest(smallModel()));
    const result = await fit(model, optionsOf({ checkpoints: checkpoints(), ...interrupt(call) })).catch(
      (error: Error) => {
        if (error.message !== 'killed') throw error;
      },
    );
    const digest = weightsDigest(model);
    model.dispose();
    if (result?.status === 'complete') return { digest, history: resultsOf(result.history), calls: call };
  }
}

test('fit() interrupted by its signal after any update goes on to the same weights and losses', async () => {
  const whole = await trainWhole();
  for (const after of [1, 4, 6, 7]) {
    const { calls, ...outcome } = await trainInParts(() => {
      const stop = new AbortController();
      let updates = 0;
      return {
        signal: stop.signal,
        onProgress: () => {
          if (++updates === after) stop.abort();
        },
      };
    });
    assert.equal(outcome, whole, `after ${after}`);
    assert.is(calls, Math.ceil((2 * STEPS) / after), `after ${after}`);
    await checkpoints().clear();
  }
});

test('fit() with any optimiser and smoothed labels goes on from an interruption to the same weights and losses', async () => {
  const { adamw, sgd } = optimizerDefaults;
  const digests = new Set<string>();
  for (const optimizer of [adamw, sgd, { ...sgd, momentum: 0.9 }, { ...sgd, momentum: 0.9, nesterov: true }]) {
    const settings = settingsOf({ optimizer, labelSmoothing: 0.1 });
    const whole = await trainWhole({ settings });
    const { calls, ...outcome } = await trainInParts(() => {
      const stop = new AbortController();
      let updates = 0;
      return {
        settings,
        signal: stop.signal,
        onProgress: () => {
          if (++updates === 4) stop.abort();
        },
      };
    });
    assert.equal([calls, outcome], [3, whole], JSON.stringify(optimizer));
    digests.add(whole.digest);
    await checkpoints().clear();
  }
  assert.is(digests.size, 4);
});

test('fit() that dies after any update goes on from the last checkpoint to the same weights and losses', async () => {
  const whole = await trainWhole();
  for (const [after, checkpointEvery] of [
    [3, 2],
    [5, 1],
    [5, 4],
    [7, undefined],
  ] as const) {
    const { calls, ...outcome } = await trainInParts(() => {
      let updates = 0;
      return {
        ...(checkpointEvery ? { checkpointEvery } : {}),
        onProgress: () => {
          if (++updates > after) throw new Error('killed');
        },
      };
    });
    assert.equal(outcome, whole, `after ${after}`);
    assert.ok(calls > 1);
    await checkpoints().clear();
  }
});

test('fit() interrupted at the end of an epoch says so, unless it was the last', async () => {
  const stop = new AbortController();
  const run = async (epochs: number): Promise<[string, number]> => {
    const model = smallModel();
    const { status, updatesNow } = await fit(
      model,
      optionsOf({
        settings: settingsOf({ epochs }),
        checkpoints: checkpoints(),
        signal: stop.signal,
        onEpoch: () => stop.abort(),
      }),
    );
    model.dispose();
    return [status, updatesNow];
  };
  assert.equal(await run(2), ['interrupted', STEPS]);
  assert.equal(await run(1), ['complete', 0]);
});

test('fit() goes on with more epochs to where it would have come at once, and restores a finished run without an update', async () => {
  const whole = await trainWhole({ settings: settingsOf({ epochs: 3 }) });
  let last: Outcome | undefined;
  for (const epochs of [1, 3, 3]) {
    const model = smallModel(9 + epochs);
    // The seed of the model is that of the first call alone.
    if (epochs === 1) {
      const initial = smallModel();
      model.setWeights(initial.getWeights());
      initial.dispose();
    }
    const { history, updatesNow } = await fit(
      model,
      optionsOf({ settings: settingsOf({ epochs }), checkpoints: checkpoints() }),
    );
    assert.is(updatesNow, last?.history.length === 3 ? 0 : (epochs === 1 ? 1 : 2) * STEPS);
    last = { digest: weightsDigest(model), history: resultsOf(history) };
    model.dispose();
  }
  assert.equal(last, whole);
});

test('fit() with a schedule goes on from an interruption to the same weights, and calls other epochs another run', async () => {
  const settings = settingsOf({
    schedule: { ...scheduleDefaults.cosine, warmUp: 0.2 },
    optimizer: { ...optimizerDefaults.sgd, momentum: 0.9 },
  });
  const whole = await trainWhole({ settings });
  assert.is.not(
    whole.digest,
    (await trainWhole({ settings: { ...settings, schedule: scheduleDefaults.constant } })).digest,
  );
  const model = smallModel();
  const store = checkpoints();
  const stop = new AbortController();
  const stopAfter = ({ epoch, step }: Progress): void => {
    if (epoch === 2 && step === 1) stop.abort();
  };
  const first = await fit(
    model,
    optionsOf({ settings, checkpoints: store, signal: stop.signal, onProgress: stopAfter }),
  );
  assert.is(first.status, 'interrupted');
  const longer = { ...settings, epochs: settings.epochs + 1 };
  assert.match(await codeOf(fit(model, optionsOf({ settings: longer, checkpoints: store }))), /^training\/other-run/);
  await fit(model, optionsOf({ settings, checkpoints: store }));
  assert.is(weightsDigest(model), whole.digest);
  model.dispose();
});

test('fit() refuses a checkpoint of other settings, of another model, and one beyond the epochs asked for', async () => {
  const model = smallModel();
  const store = checkpoints();
  const identity = 'a run';
  const stop = new AbortController();
  let updates = 0;
  const onProgress = (): void => {
    if (++updates === 2 * STEPS + 1) stop.abort();
  };
  const settings = settingsOf({ epochs: 3 });
  await fit(model, optionsOf({ settings, identity, checkpoints: store, signal: stop.signal, onProgress }));
  const digest = weightsDigest(model);
  const refusal = (of: tf.LayersModel, changes: Partial<FitOptions>): Promise<string> =>
    codeOf(fit(of, optionsOf({ settings, identity, checkpoints: store, ...changes })));
  assert.match(await refusal(model, { identity: 'another' }), /^training\/other-run: .*other settings or data$/);
  for (const epochs of [1, 2]) {
    assert.match(
      await refusal(model, { settings: settingsOf({ epochs }) }),
      new RegExp(`^training/other-run: .*beyond the ${epochs} epochs asked for: 2 are done$`),
    );
  }
  const other = studyModel('baseline');
  assert.match(
    await refusal(other, {}),
    /^training\/other-run: .*tensor 0 of the checkpoint has shape \[3, 3, 1, 4\], the model has \[3, 3, 1, 32\]$/,
  );
  assert.is(weightsDigest(model), digest, 'a refused run changes nothing');
  other.dispose();
  model.dispose();
});

test('fit() without an identity tells runs apart by settings and number of examples', async () => {
  const model = smallModel();
  await fit(model, optionsOf({ checkpoints: checkpoints(), settings: settingsOf({ epochs: 1 }) }));
  for (const settings of [
    settingsOf({ seed: 2 }),
    settingsOf({ batchSize: 8 }),
    settingsOf({ optimizer: { ...fitDefaults.optimizer, learningRate: 0.01 } }),
    settingsOf({ optimizer: optimizerDefaults.sgd }),
    settingsOf({ labelSmoothing: 0.1 }),
  ]) {
    assert.match(await codeOf(fit(model, optionsOf({ settings, checkpoints: checkpoints() }))), /^training\/other-run/);
  }
  const fewer = examples.validation;
  assert.match(
    await codeOf(fit(model, optionsOf({ training: fewer, checkpoints: checkpoints() }))),
    /^training\/other-run/,
  );
  model.dispose();
});

test('fit() refuses settings out of range before it does anything', async () => {
  const model = smallModel();
  const digest = weightsDigest(model);
  const empty = { ...examples.training, count: 0 };
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
    const code = await codeOf(fit(model, optionsOf(changes)));
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
    await codeOf(fit(constrained, optionsOf())),
    /unsupported-model: .*weight "held\/kernel" has a constraint/,
  );
  constrained.dispose();
  const frozen = smallModel();
  for (const layer of frozen.layers) layer.trainable = false;
  assert.match(await codeOf(fit(frozen, optionsOf())), /unsupported-model: .*no trainable weights/);
  frozen.dispose();
});

test('fit() leaves frozen layers as they are and trains the others', async () => {
  const model = studyModel('dropout');
  model.getLayer('conv2d_1').trainable = false;
  const named = (name: string): number[] => [...model.getLayer(name).getWeights()[0]!.dataSync()];
  const before = { frozen: named('conv2d_1'), trained: named('conv2d_2') };
  await fit(model, optionsOf({ settings: settingsOf({ epochs: 1 }) }));
  assert.equal(named('conv2d_1'), before.frozen);
  assert.not.equal(named('conv2d_2'), before.trained);
  model.dispose();
});

test.run();
