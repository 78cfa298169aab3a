// The same training on 1 to 4 threads and on unshared memory ends with the same weights, to the bit.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type BackendOptions, startBackend } from '../../src/backend/index.ts';
import { type AugmentationSettings, defaultAugmentation } from '../../src/data/index.ts';
import type { ModelName } from '../../src/models/index.ts';
import { type FitSettings, fit } from '../../src/training/index.ts';
import { placeSample, settingsOf, studyModel, weightsDigest } from './sample-run.ts';

const STARTS: readonly BackendOptions[] = [
  { threads: 1 },
  { threads: 2 },
  { threads: 3 },
  { threads: 4 },
  { sharedMemory: false },
];
const COUNT = 230;

interface Run {
  readonly model: ModelName;
  readonly batchSize: number;
  readonly settings?: Partial<FitSettings>;
  readonly augmentation?: { readonly seed: number; readonly settings: AugmentationSettings };
}

const RUNS: Record<string, Run> = {
  'baseline, batches of 24 and a last of 14': { model: 'baseline', batchSize: 24 },
  'dropout, augmented, batches of 24 and a last of 14': {
    model: 'dropout',
    batchSize: 24,
    augmentation: { seed: 1, settings: defaultAugmentation },
  },
  'dropout, batches of 128 and a last of 102': { model: 'dropout', batchSize: 128 },
  'dropout, augmented and mixed': {
    model: 'dropout',
    batchSize: 24,
    augmentation: { seed: 1, settings: { ...defaultAugmentation, flip: { probability: 0.5, alternating: true } } },
    settings: { mixing: { mixupAlpha: 0.4, cutMixAlpha: 1, probability: 0.8 }, averaging: { decay: 0.9 } },
  },
  'dropout, augmented, from a teacher': {
    model: 'dropout',
    batchSize: 24,
    augmentation: { seed: 1, settings: defaultAugmentation },
    settings: { distillation: { temperature: 3, share: 0.7 } },
  },
  'dropout, focal loss, balanced, adjusted logits, clipped gradients': {
    model: 'dropout',
    batchSize: 24,
    settings: { classWeights: 'balanced', focalGamma: 1.5, logitAdjustment: 1, labelSmoothing: 0.1, clipNorm: 0.2 },
  },
};

/** Digest of the weights after 20 updates, and the exact losses. */
async function outcome(run: Run): Promise<string[]> {
  const { augmentation } = run;
  const { training, validation, resident } = await placeSample({
    count: COUNT,
    ...(augmentation ? { augmentation } : {}),
  });
  const epochs = run.batchSize === 128 ? 3 : 2;
  const model = studyModel(run.model);
  const teacher = run.settings?.distillation ? { teacher: studyModel('baseline', 7) } : {};
  const settings = settingsOf({ ...run.settings, epochs, batchSize: run.batchSize });
  const { history, updates } = await fit(model, { training, validation, settings, ...teacher });
  assert.is(updates, epochs * Math.ceil(COUNT / run.batchSize));
  const digest = weightsDigest(model);
  model.dispose();
  teacher.teacher?.dispose();
  resident.dispose();
  return [digest, ...history.flatMap(({ loss, validationLoss }) => [`${loss}`, `${validationLoss}`])];
}

test('fit() gives the same weights and losses, to the bit, on 1 to 4 threads and on unshared memory', async () => {
  const outcomes: Record<string, string[]>[] = [];
  for (const start of STARTS) {
    const engine = await startBackend(start);
    const found: Record<string, string[]> = {};
    for (const [name, run] of Object.entries(RUNS)) found[name] = await outcome(run);
    await engine.stop();
    outcomes.push(found);
  }
  for (const [i, found] of outcomes.entries()) assert.equal(found, outcomes[0], JSON.stringify(STARTS[i]));
  assert.is(new Set(Object.values(outcomes[0]!).map(([digest]) => digest)).size, Object.keys(RUNS).length);
});

test.run();
