// Recipes: what ships is whole, what is none is refused with the path to its field, and two runs of one give the same weights.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkRecipe, readRecipe, recipeNames } from '../../src/experiments/index.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-recipe-'));
test.after(() => rmSync(folder, { recursive: true }));

test('every recipe that ships can be read by its name', async () => {
  for (const name of recipeNames) {
    const found = await readRecipe(name, folder);
    assert.is(found.name, name);
    assert.ok(found.recipe.epochs > 0);
  }
});

test('a file is read, and named by its own name', async () => {
  const { recipe } = await readRecipe('record-30', folder);
  writeFileSync(path.join(folder, 'mine.json'), JSON.stringify({ ...recipe, epochs: 3 }));
  const found = await readRecipe('mine.json', folder);
  assert.equal(found, { name: 'mine', recipe: { ...recipe, epochs: 3 } });
});

test('what is no recipe is refused, with the path to the field', async () => {
  const { recipe } = await readRecipe('record-30', folder);
  const cases: [unknown, RegExp][] = [
    [[], /network: expected "network", got undefined/],
    [{ ...recipe, network: { ...recipe.network, widths: [8, 0] } }, /network\.widths\.1: expected >=1, got 0/],
    [{ ...recipe, network: { family: 'transformer' } }, /network\.family: expected \(.*"plain".*\), got "transformer"/],
    [{ ...recipe, network: { family: 'preactivation', widths: [8], depth: 1 } }, /network\.stem: expected "stem"/],
    [
      { ...recipe, network: { family: 'residual', widths: [16], depth: 1, squeeze: 0 } },
      /network\.squeeze: expected >=1, got 0/,
    ],
    [
      { ...recipe, network: { family: 'inception', stem: 8, widths: [16, 24], depth: 1 } },
      /network\.widths\.1: expected %16, got 24/,
    ],
    [{ ...recipe, optimizer: { ...recipe.optimizer, momentumm: 1 } }, /optimizer\.momentumm: expected never/],
    [{ ...recipe, optimizer: { name: 'sgd' } }, /optimizer\.learningRate: expected "learningRate", got undefined/],
    [{ ...recipe, schedule: { name: 'cosine', warmUp: 'long' } }, /schedule\.warmUp: expected number, got "long"/],
    [{ ...recipe, epochs: 1.5 }, /epochs/],
    [{ ...recipe, epochs: 0 }, /epochs: expected >=1, got 0/],
    [{ ...recipe, network: { ...recipe.network, widths: [1e7] } }, /network\.widths\.0: expected <=4096, got 10000000/],
    [
      { ...recipe, network: { family: 'plain', stem: 512, widths: [4096], depth: 2 } },
      /network: expected at most 50000000 weights, got at least 169869312/,
    ],
    [
      { ...recipe, network: { family: 'densenet', growth: 4096, blocks: 2, depth: 2 } },
      /network: expected at most 50000000 weights/,
    ],
    [
      { ...recipe, optimizer: { ...recipe.optimizer, learningRate: -1 } },
      /optimizer\.learningRate: expected >0, got -1/,
    ],
    [{ ...recipe, optimizer: { ...recipe.optimizer, momentum: 1 } }, /optimizer\.momentum: expected <1, got 1/],
    [{ ...recipe, labelSmoothing: 2 }, /labelSmoothing: expected <1, got 2/],
    [
      { ...recipe, mixing: { mixupAlpha: -1, cutMixAlpha: 0, probability: 1 } },
      /mixing\.mixupAlpha: expected >=0, got -1/,
    ],
    [{ ...recipe, mixing: { mixupAlpha: 1 } }, /mixing\.cutMixAlpha: expected "cutMixAlpha", got undefined/],
    [{ ...recipe, classWeights: [1, -1] }, /classWeights\.1: expected >=0, got -1/],
    [{ ...recipe, classWeights: 'even' }, /classWeights: expected \("balanced" \| Array\), got "even"/],
    [{ ...recipe, focalGamma: Number.NaN }, /focalGamma: expected number, got NaN/],
    [{ ...recipe, logitAdjustment: -1 }, /logitAdjustment: expected >=0, got -1/],
    [{ ...recipe, logitAdjustment: 101 }, /logitAdjustment: expected <=100, got 101/],
    [{ ...recipe, resampling: 'over' }, /resampling: expected \("oversample" \| "undersample"\), got "over"/],
    [{ ...recipe, clipNorm: 0 }, /clipNorm: expected >0, got 0/],
    [{ ...recipe, distillation: { temperature: 4, share: 2 } }, /distillation\.share: expected <=1, got 2/],
    [
      { ...recipe, augmentation: { ...recipe.augmentation, flip: { probability: 0.5, alternating: 1 } } },
      /augmentation\.flip\.alternating: expected boolean, got 1/,
    ],
    [{ ...recipe, augmentation: { flip: 1 } }, /augmentation\.flip/],
  ];
  for (const [value, message] of cases) {
    assert.throws(
      () => checkRecipe(value, 'x.json'),
      (error: Error & { code: string }) => error.code === 'recipe/bad' && message.test(error.message),
      String(message),
    );
  }
  writeFileSync(path.join(folder, 'half.json'), '{"network":');
  for (const [name, code] of [
    ['half.json', 'recipe/bad'],
    ['none.json', 'recipe/unknown'],
    ['.', 'recipe/unknown'],
  ] as const) {
    const error = await readRecipe(name, folder).then(
      () => undefined,
      (reason: Error & { code: string }) => reason,
    );
    assert.is(error?.code, code);
  }
});

test.run();
