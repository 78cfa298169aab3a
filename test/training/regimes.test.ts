// What a recipe may add to a training: each addition is reproducible across interruptions and roads, and changes what it should.
// Not here: numbers of threads (fit-determinism.test.ts).
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { defaultAugmentation, type Examples } from '../../src/data/index.ts';
import { type FitOptions, type FitSettings, type FitState, fit, openCheckpoints } from '../../src/training/index.ts';
import { placeSample, type SampleExamples, settingsOf, smallModel, weightsDigest } from './sample-run.ts';

const COUNT = 90;

let engine: RunningBackend;
let examples: SampleExamples;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
  examples = await placeSample({ count: COUNT, augmentation: { seed: 3, settings: defaultAugmentation } });
});
test.after(async () => {
  examples.resident.dispose();
  await engine.stop();
});

const regimes: Readonly<Record<string, Partial<FitSettings>>> = {
  mixup: { mixing: { mixupAlpha: 0.4, cutMixAlpha: 0, probability: 1 } },
  CutMix: { mixing: { mixupAlpha: 0, cutMixAlpha: 1, probability: 1 } },
  'mixup or CutMix': { mixing: { mixupAlpha: 0.4, cutMixAlpha: 1, probability: 0.7 }, averaging: { decay: 0.9 } },
};

const optionsOf = (settings: Partial<FitSettings>, changes: Partial<FitOptions> = {}): FitOptions => ({
  training: examples.training,
  validation: examples.validation,
  settings: settingsOf(settings),
  ...changes,
});

interface Outcome {
  readonly digest: string;
  readonly losses: (number | undefined)[];
}

async function train(options: FitOptions): Promise<Outcome> {
  const model = smallModel();
  const before = tf.memory().numTensors;
  try {
    const { history } = await fit(model, options);
    assert.is(tf.memory().numTensors, before, 'leak');
    return {
      digest: weightsDigest(model),
      losses: history.flatMap(({ loss, validationLoss }) => [loss, validationLoss]),
    };
  } finally {
    model.dispose();
  }
}

/** The same examples, which come as tensors. */
const withoutSource = ({ count, batch }: Examples): Examples => ({ count, batch });

for (const [name, settings] of Object.entries(regimes)) {
  test(`fit() with ${name} trains other weights, the same each time, from resident examples and from tensors`, async () => {
    const found = await train(optionsOf(settings));
    const { mixing: _, ...rest } = settings;
    assert.not.equal((await train(optionsOf(rest))).digest, found.digest);
    assert.equal(await train(optionsOf(settings)), found);
    const fromTensors = await train(optionsOf(settings, { training: withoutSource(examples.training) }));
    assert.equal(fromTensors, found);
  });

  test(`fit() with ${name} stopped in an epoch and resumed ends with the weights and losses of one never stopped`, async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-regime-'));
    try {
      const checkpoints = openCheckpoints<FitState>(folder);
      const whole = await train(optionsOf(settings));
      const controller = new AbortController();
      let updates = 0;
      const onProgress = (): void => {
        if (++updates === 8) controller.abort();
      };
      await train(optionsOf(settings, { checkpoints, signal: controller.signal, onProgress }));
      assert.is(updates, 8);
      assert.equal(await train(optionsOf(settings, { checkpoints })), whole);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test(`fit() with ${name} has the losses of the plan op by op, up to rounding`, async () => {
    const planned = await train(optionsOf({ ...settings, epochs: 1 }));
    const opByOp = await train(optionsOf({ ...settings, epochs: 1 }, { opByOp: true }));
    planned.losses.forEach((loss, i) => {
      assert.ok(Math.abs(loss! - opByOp.losses[i]!) < 1e-4 * loss!, `${loss} by the plan, ${opByOp.losses[i]} else`);
    });
  });
}

test('fit() refuses a checkpoint of another regime', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-regime-'));
  try {
    const checkpoints = openCheckpoints<FitState>(folder);
    await train(optionsOf({}, { checkpoints }));
    for (const [name, settings] of Object.entries(regimes)) {
      const error = await train(optionsOf(settings, { checkpoints })).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      assert.ok(error instanceof SelvedgeError && error.code === 'training/other-run', name);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const refused: readonly [settings: Partial<FitSettings>, message: RegExp][] = [
  [
    { mixing: { mixupAlpha: -1, cutMixAlpha: 0, probability: 1 } },
    /an alpha of mixup of -1: expected 0, or from 0\.001/,
  ],
  [{ mixing: { mixupAlpha: 0, cutMixAlpha: Number.NaN, probability: 1 } }, /an alpha of CutMix of NaN/],
  [{ mixing: { mixupAlpha: 0, cutMixAlpha: 0, probability: 1 } }, /alphas of 0: expected one of them above 0/],
];

test('fit() refuses settings of a regime that make no sense, in words', async () => {
  for (const [settings, message] of refused) {
    const error = await train(optionsOf(settings)).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof SelvedgeError && error.code === 'training/settings', String(error));
    assert.match((error as SelvedgeError).message, message);
  }
});

test.run();
