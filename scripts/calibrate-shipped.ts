// Makes the calibrations that ship beside the models, from the images that `dropout` did not train on.
// `best` was trained on all training images, so nothing is left to calibrate it on: it gets the answers of `dropout`, and says so.
//
//   node --import tsx scripts/calibrate-shipped.ts
import { writeFileSync } from 'node:fs';
import { calibrate } from '../src/apps/index.ts';
import { startBackend } from '../src/backend/index.ts';
import { subsetOf } from '../src/data/dataset.ts';
import { loadFashionMnist } from '../src/data/sources.ts';
import { splitTrainValidation } from '../src/data/split.ts';
import { weightsDigest } from '../src/models/index.ts';
import { readShippedFile } from '../src/models/shipped.ts';
import { restoreModel } from '../src/plan/index.ts';

const engine = await startBackend();
const { train } = await loadFashionMnist({});
const { model, description } = await restoreModel(await readShippedFile('dropout'));
const { validationExamples, splitSeed } = description.settings as { validationExamples: number; splitSeed: number };
const split = splitTrainValidation(train.count, { testSize: validationExamples, randomState: splitSeed });
const calibration = await calibrate(model, {
  training: subsetOf(train, split.train, 'training'),
  held: subsetOf(train, split.validation, 'validation'),
  on: `${validationExamples} training images of Fashion-MNIST that dropout was not trained on (split seed ${splitSeed})`,
});
const best = await restoreModel(await readShippedFile('best'));
const borrowed = {
  weights: await weightsDigest(best.model),
  on: `borrowed from dropout, which is less sure and less often right: best was trained on all training images (${calibration.on})`,
  answers: calibration.answers,
};
for (const [name, value] of [
  ['dropout', calibration],
  ['best', borrowed],
] as const) {
  const text = `${JSON.stringify(value)}\n`;
  writeFileSync(new URL(`../assets/models/${name}/categorise.json`, import.meta.url), text);
  console.log(name, text.length, 'bytes');
}
await engine.stop();
