// The study that ships as data: what docs/tuning.md says of it is what its journal holds, and its best recipe is the one beside it.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  attributeNames,
  bestTrial,
  createSampler,
  readJournal,
  readRecipe,
  readSearchSpace,
  recipeOfTrial,
  type StudySettings,
} from '../../src/experiments/index.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const [study] = await readJournal(`${root}docs/results/tuning/distilled.jsonl`);
const { space } = await readSearchSpace('assets/spaces/distilled.json', root);

test('the study that ships is of the space that ships, and its best recipe is the one beside it', async () => {
  assert.equal(study!.userAttributes[attributeNames.space], space.source);
  const best = bestTrial(study!)!;
  const { recipe } = await readRecipe('docs/results/tuning/distilled-best.json', root);
  assert.equal(recipe, recipeOfTrial(space, best));
  const docs = readFileSync(`${root}docs/tuning.md`, 'utf8');
  assert.match(docs, `trial ${best.number}`);
  assert.match(docs, best.value!.toFixed(4).replace(/^0/, ''));
  assert.match(docs, `${study!.trials.length} trials`);
});

test('the sampler proposes the trials of the study that ships, on this engine', () => {
  const { sampler: settings, seed, direction } = study!.userAttributes[attributeNames.settings] as StudySettings;
  const sampler = createSampler(settings, { space, seed, direction });
  for (const { number, parameters } of study!.trials) {
    const point = space.resolve(sampler.propose({ number, trials: study!.trials.slice(0, number) }));
    assert.equal(point.parameters, parameters, `trial ${number}`);
  }
});

test.run();
