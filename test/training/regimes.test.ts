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
let teacher: tf.LayersModel;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
  examples = await placeSample({ count: COUNT, augmentation: { seed: 3, settings: defaultAugmentation } });
  teacher = smallModel(9);
});
test.after(async () => {
  teacher.dispose();
  examples.resident.dispose();
  await engine.stop();
});

const regimes: Readonly<Record<string, Partial<FitSettings>>> = {
  mixup: { mixing: { mixupAlpha: 0.4, cutMixAlpha: 0, probability: 1 } },
  CutMix: { mixing: { mixupAlpha: 0, cutMixAlpha: 1, probability: 1 } },
  'class weights': { classWeights: [1, 2, 0.5, 1, 0, 1, 3, 1, 1, 1] },
  'balanced class weights and smoothed labels': { classWeights: 'balanced', labelSmoothing: 0.1 },
  'focal loss': { focalGamma: 2 },
  'adjusted logits': { logitAdjustment: 1 },
  'adjusted logits and a teacher': { logitAdjustment: 0.5, distillation: { temperature: 2, share: 0.5 } },
  'clipped gradients': { clipNorm: 0.5 },
  'a teacher': { distillation: { temperature: 4, share: 0.9 } },
  'a teacher that is asked once': { distillation: { temperature: 2, share: 0.8, once: true } },
  'a teacher alone, of mixed images': {
    distillation: { temperature: 1, share: 1 },
    mixing: { mixupAlpha: 0.4, cutMixAlpha: 0, probability: 1 },
  },
  'mixup or CutMix': { mixing: { mixupAlpha: 0.4, cutMixAlpha: 1, probability: 0.7 }, averaging: { decay: 0.9 } },
};

const optionsOf = (settings: Partial<FitSettings>, changes: Partial<FitOptions> = {}): FitOptions => ({
  training: examples.training,
  validation: examples.validation,
  settings: settingsOf(settings),
  ...(settings.distillation ? { teacher } : {}),
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
    const { labelSmoothing = 0, averaging } = settings;
    const plain = await train(optionsOf({ labelSmoothing, ...(averaging ? { averaging } : {}) }));
    assert.not.equal(plain.digest, found.digest);
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
  [{ classWeights: [1, 2, 3] }, /3 class weights: expected 10, one a class/],
  [{ classWeights: [] }, /class weights of 0|0 class weights/],
  [{ classWeights: [1, 2, 3, 4, 5, 6, 7, 8, 9, Number.NaN] }, /a class weight of NaN: expected a number from 0/],
  [{ classWeights: 'even' as 'balanced' }, /class weights "even": expected balanced, or a list of numbers/],
  [{ clipNorm: 0 }, /gradients clipped to a norm of 0: expected more than 0/],
  [{ clipNorm: Number.NaN }, /gradients clipped to a norm of NaN/],
  [{ distillation: { temperature: 0, share: 0.5 } }, /a teacher at a temperature of 0: expected above 0, up to 1000/],
  [{ distillation: { temperature: 4, share: 1.5 } }, /a teacher's share of 1\.5 in the loss: expected from 0 to 1/],
  [{ focalGamma: -0.5 }, /a focal loss of gamma -0\.5/],
  [{ focalGamma: Number.NaN }, /a focal loss of gamma NaN/],
  [{ logitAdjustment: -1 }, /a logit adjustment of tau -1: expected from 0 to 100/],
  [{ logitAdjustment: Number.NaN }, /a logit adjustment of tau NaN/],
  [{ mixing: { mixupAlpha: 0, cutMixAlpha: 0, probability: 1 } }, /alphas of 0: expected one of them above 0/],
];

test('fit() balances classes by their number of examples, and refuses to where one has none', async () => {
  const labels = examples.resident.dataset.labels.subarray(0, COUNT);
  const counts = Array.from({ length: 10 }, (_, k) => labels.filter((label) => label === k).length);
  const byHand = counts.map((count) => COUNT / (10 * count));
  const balanced = await train(optionsOf({ classWeights: 'balanced' }));
  assert.equal(await train(optionsOf({ classWeights: byHand })), balanced);
  const indices = Int32Array.from({ length: COUNT }, (_, i) => i).filter((index) => labels[index] !== 3);
  const error = await train(
    optionsOf({ classWeights: 'balanced' }, { training: examples.resident.examples({ indices }) }),
  ).then(
    () => undefined,
    (reason: Error) => reason,
  );
  assert.match(String(error), /balanced class weights: class 3 has no training example/);
});

test('fit() of examples that were drawn twice has the same bits from resident examples and from tensors, mixed or not', async () => {
  const indices = Int32Array.from({ length: COUNT }, (_, i) => i % 40);
  const augmentation = { seed: 3, settings: defaultAugmentation };
  const training = examples.resident.examples({ indices, resampling: { counts: 'largest', seed: 1 }, augmentation });
  for (const settings of [{}, { mixing: { mixupAlpha: 0.4, cutMixAlpha: 1, probability: 0.7 } }]) {
    const found = await train(optionsOf(settings, { training }));
    assert.equal(await train(optionsOf(settings, { training: withoutSource(training) })), found);
  }
});

test('fit() adjusts logits by the shares of the training examples, and by a tau of 0 not at all', async () => {
  assert.equal(await train(optionsOf({ logitAdjustment: 0 })), await train(optionsOf({})));
  // Shares that are all the same move every logit alike.
  const labels = examples.resident.dataset.labels;
  const each = Array.from({ length: 10 }, (_, k) => labels.indexOf(k));
  const even = examples.resident.examples({ indices: Int32Array.from([...each, ...each]) });
  const losses = async (logitAdjustment: number, training: Examples): Promise<number[]> =>
    (await train(optionsOf({ logitAdjustment, epochs: 1 }, { training }))).losses.map((loss) => loss!);
  const [plain, adjusted] = [await losses(0, even), await losses(1, even)];
  plain.forEach((loss, i) => {
    assert.ok(Math.abs(loss - adjusted[i]!) < 1e-5 * loss, `${loss} and ${adjusted[i]}`);
  });
  // Where one class fills the set, even logits have the entropy of the shares for a loss, and not the logarithm of ten.
  const mostly = Int32Array.from([...each, ...new Array<number>(90).fill(each[0]!)]);
  const uneven = examples.resident.examples({ indices: mostly });
  assert.ok((await losses(1, uneven))[0]! < (await losses(0, uneven))[0]!);
  const without = examples.resident.examples({ indices: Int32Array.from(each.slice(1)) });
  const error = await losses(1, without).then(
    () => undefined,
    (reason: Error) => reason,
  );
  assert.match(
    String(error),
    /Cannot train with logit adjustment: class 0 has no training example; its share has no logarithm/,
  );
});

test('fit() with a teacher learns from another teacher otherwise, and from one that no plan knows as well', async () => {
  const settings = { distillation: { temperature: 2, share: 0.5 } };
  const found = await train(optionsOf(settings));
  const digest = weightsDigest(teacher);
  const other = smallModel(8);
  assert.not.equal(await train(optionsOf(settings, { teacher: other })), found);
  other.dispose();
  assert.is(weightsDigest(teacher), digest, 'the teacher stays as it is');
  const unplanned = tf.sequential({
    layers: [
      tf.layers.permute({ inputShape: [28, 28, 1], dims: [2, 1, 3] }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 10, activation: 'softmax' }),
    ],
  });
  const learned = await train(optionsOf(settings, { teacher: unplanned }));
  assert.ok(learned.losses.every(Number.isFinite));
  unplanned.dispose();
});

test('fit() with a teacher that is asked once teaches what it says of images as they are, in any epoch', async () => {
  const settings = (once: boolean): Partial<FitSettings> => ({ distillation: { temperature: 2, share: 0.8, once } });
  const [each, once] = [await train(optionsOf(settings(false))), await train(optionsOf(settings(true)))];
  assert.not.equal(once, each);
  const unchanged = await placeSample({ count: COUNT });
  const { training } = unchanged;
  const [plainEach, plainOnce] = [
    await train(optionsOf(settings(false), { training })),
    await train(optionsOf(settings(true), { training })),
  ];
  assert.equal(plainOnce, plainEach, 'the same where nothing is augmented');
  unchanged.resident.dispose();
  const error = await train(
    optionsOf({ ...settings(true), mixing: { mixupAlpha: 0.4, cutMixAlpha: 0, probability: 1 } }),
  ).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.match(String(error), /mixed images and a teacher that is asked once: expected one of both/);
});

test('fit() that learns from nobody but a teacher ends nearer to it than it was', async () => {
  const settings = settingsOf({ distillation: { temperature: 2, share: 1 }, epochs: 12 });
  const model = smallModel();
  const { history } = await fit(model, { training: examples.training, teacher, settings });
  assert.ok(history.at(-1)!.loss < 0.5 * history[0]!.loss, `${history[0]!.loss} to ${history.at(-1)!.loss}`);
  model.dispose();
});

test('fit() refuses teachers of other shapes, a teacher without a distillation, and a distillation without a teacher', async () => {
  const other = tf.sequential({
    layers: [tf.layers.flatten({ inputShape: [28, 28, 1] }), tf.layers.dense({ units: 5, activation: 'softmax' })],
  });
  const distillation = { temperature: 4, share: 0.9 };
  const cases: readonly [FitOptions, RegExp][] = [
    [
      optionsOf({ distillation }, { teacher: other }),
      /training\/teacher: .*of images \[28, 28, 1\] and 5 classes: expected images \[28, 28, 1\] and 10 classes/,
    ],
    [optionsOf({}, { teacher }), /training\/settings: .*a teacher and no distillation: expected settings of it/],
    [
      { training: examples.training, settings: settingsOf({ distillation }) },
      /training\/settings: .*a distillation and no teacher: expected one/,
    ],
  ];
  for (const [options, message] of cases) {
    const error = await train(options).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof SelvedgeError, String(error));
    assert.match(`${(error as SelvedgeError).code}: ${(error as SelvedgeError).message}`, message);
  }
  other.dispose();
});

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
