// fit() that ends early, by its signal, by a broken weight or killed: it says so, and goes on to the same weights. Not here: what it learns (fit.test.ts).
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type FitOptions,
  fit,
  fitDefaults,
  optimizerDefaults,
  type Progress,
  scheduleDefaults,
} from '../../src/training/index.ts';
import { COUNT, codeOf, diverging, type Outcome, resultsOf, STEPS, useFitCase } from './fit-case.ts';
import { settingsOf, smallModel, studyModel, weightsDigest } from './sample-run.ts';

const run = useFitCase(test);

test('fit() stops with epoch and step where the loss is no longer finite, and keeps the last good checkpoint', async () => {
  const broken = smallModel();
  const weights = broken.getWeights().map((weight, i) => (i === 0 ? tf.fill(weight.shape, Number.NaN) : weight));
  broken.setWeights(weights);
  weights[0]!.dispose();
  assert.match(
    await codeOf(fit(broken, run.optionsOf())),
    /^training\/diverged: Cannot go on: the loss became NaN in epoch 1, step 1; try a learning rate below 0.001$/,
  );
  broken.dispose();

  const model = studyModel('baseline');
  const store = run.checkpoints();
  const settings = { ...settingsOf({ epochs: 1 }), optimizer: { ...fitDefaults.optimizer, learningRate: 1e-3 } };
  const identity = 'one run';
  await fit(model, run.optionsOf({ settings, identity, checkpoints: store }));
  const faster = { ...diverging, epochs: 3 };
  assert.match(
    await codeOf(fit(model, run.optionsOf({ settings: faster, identity, checkpoints: store, checkpointEvery: 1 }))),
    /^training\/diverged: Cannot go on: .* in epoch 2, step \d; try a learning rate below 1e\+30$/,
  );
  const kept = (await run.checkpoints().load())!;
  assert.ok(kept.state.updates >= STEPS);
  assert.ok(kept.tensors.every(({ values }) => values.every(Number.isFinite)));
  model.dispose();
});

test('fit() stops where the very last update breaks the weights, or leaves weights whose validation loss is not finite', async () => {
  const single = { epochs: 1, batchSize: COUNT };
  const infinite = settingsOf({ ...single, optimizer: { ...fitDefaults.optimizer, learningRate: 1e39 } });
  const model = smallModel();
  assert.match(
    await codeOf(fit(model, { training: run.examples.training, settings: infinite, checkpoints: run.checkpoints() })),
    /^training\/diverged: Cannot go on: a value of weight "\S+" is no longer finite in epoch 1, step 1/,
  );
  assert.is(await run.checkpoints().load(), undefined);
  model.dispose();
  const large = studyModel('baseline');
  assert.match(
    await codeOf(
      fit(
        large,
        run.optionsOf({
          settings: settingsOf({ ...single, optimizer: { ...fitDefaults.optimizer, learningRate: 1e30 } }),
        }),
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
    const result = await fit(model, run.optionsOf({ checkpoints: run.checkpoints(), ...interrupt(call) })).catch(
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
  const whole = await run.trainWhole();
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
    await run.checkpoints().clear();
  }
});

test('fit() with any optimiser and smoothed labels goes on from an interruption to the same weights and losses', async () => {
  const { adamw, sgd } = optimizerDefaults;
  const digests = new Set<string>();
  for (const optimizer of [adamw, sgd, { ...sgd, momentum: 0.9 }, { ...sgd, momentum: 0.9, nesterov: true }]) {
    const settings = settingsOf({ optimizer, labelSmoothing: 0.1 });
    const whole = await run.trainWhole({ settings });
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
    await run.checkpoints().clear();
  }
  assert.is(digests.size, 4);
});

test('fit() that dies after any update goes on from the last checkpoint to the same weights and losses', async () => {
  const whole = await run.trainWhole();
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
    await run.checkpoints().clear();
  }
});

test('fit() interrupted at the end of an epoch says so, unless it was the last', async () => {
  const stop = new AbortController();
  const train = async (epochs: number): Promise<[string, number]> => {
    const model = smallModel();
    const { status, updatesNow } = await fit(
      model,
      run.optionsOf({
        settings: settingsOf({ epochs }),
        checkpoints: run.checkpoints(),
        signal: stop.signal,
        onEpoch: () => stop.abort(),
      }),
    );
    model.dispose();
    return [status, updatesNow];
  };
  assert.equal(await train(2), ['interrupted', STEPS]);
  assert.equal(await train(1), ['complete', 0]);
});

test('fit() goes on with more epochs to where it would have come at once, and restores a finished run without an update', async () => {
  const whole = await run.trainWhole({ settings: settingsOf({ epochs: 3 }) });
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
      run.optionsOf({ settings: settingsOf({ epochs }), checkpoints: run.checkpoints() }),
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
  const whole = await run.trainWhole({ settings });
  assert.is.not(
    whole.digest,
    (await run.trainWhole({ settings: { ...settings, schedule: scheduleDefaults.constant } })).digest,
  );
  const model = smallModel();
  const store = run.checkpoints();
  const stop = new AbortController();
  const stopAfter = ({ epoch, step }: Progress): void => {
    if (epoch === 2 && step === 1) stop.abort();
  };
  const first = await fit(
    model,
    run.optionsOf({ settings, checkpoints: store, signal: stop.signal, onProgress: stopAfter }),
  );
  assert.is(first.status, 'interrupted');
  const longer = { ...settings, epochs: settings.epochs + 1 };
  assert.match(
    await codeOf(fit(model, run.optionsOf({ settings: longer, checkpoints: store }))),
    /^training\/other-run/,
  );
  await fit(model, run.optionsOf({ settings, checkpoints: store }));
  assert.is(weightsDigest(model), whole.digest);
  model.dispose();
});

test('fit() refuses a checkpoint of other settings, of another model, and one beyond the epochs asked for', async () => {
  const model = smallModel();
  const store = run.checkpoints();
  const identity = 'a run';
  const stop = new AbortController();
  let updates = 0;
  const onProgress = (): void => {
    if (++updates === 2 * STEPS + 1) stop.abort();
  };
  const settings = settingsOf({ epochs: 3 });
  await fit(model, run.optionsOf({ settings, identity, checkpoints: store, signal: stop.signal, onProgress }));
  const digest = weightsDigest(model);
  const refusal = (of: tf.LayersModel, changes: Partial<FitOptions>): Promise<string> =>
    codeOf(fit(of, run.optionsOf({ settings, identity, checkpoints: store, ...changes })));
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
  await fit(model, run.optionsOf({ checkpoints: run.checkpoints(), settings: settingsOf({ epochs: 1 }) }));
  for (const settings of [
    settingsOf({ seed: 2 }),
    settingsOf({ batchSize: 8 }),
    settingsOf({ optimizer: { ...fitDefaults.optimizer, learningRate: 0.01 } }),
    settingsOf({ optimizer: optimizerDefaults.sgd }),
    settingsOf({ labelSmoothing: 0.1 }),
  ]) {
    assert.match(
      await codeOf(fit(model, run.optionsOf({ settings, checkpoints: run.checkpoints() }))),
      /^training\/other-run/,
    );
  }
  const fewer = run.examples.validation;
  assert.match(
    await codeOf(fit(model, run.optionsOf({ training: fewer, checkpoints: run.checkpoints() }))),
    /^training\/other-run/,
  );
  model.dispose();
});

test.run();
