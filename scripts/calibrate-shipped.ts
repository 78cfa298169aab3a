// Makes the calibrations that ship beside the models, from images that they were not trained on: of `dropout` the validation images of its
// training; of `best` and `distilled`, which were trained on all training images, one half of the test images.
//
//   node --import tsx scripts/calibrate-shipped.ts
import { writeFileSync } from 'node:fs';
import { calibrate } from '../src/apps/index.ts';
import { startBackend } from '../src/backend/index.ts';
import { subsetOf } from '../src/data/dataset.ts';
import { loadFashionMnist } from '../src/data/sources.ts';
import { splitTrainValidation, testHalves } from '../src/data/split.ts';
import { readShippedFile, type ShippedName } from '../src/models/shipped.ts';
import { restoreModel } from '../src/plan/index.ts';

function write(name: ShippedName, calibration: object): void {
  const text = `${JSON.stringify(calibration)}\n`;
  writeFileSync(new URL(`../assets/models/${name}/categorise.json`, import.meta.url), text);
  console.log(name, text.length, 'bytes');
}

const engine = await startBackend();
const { train, test } = await loadFashionMnist({});
const { model, description } = await restoreModel(await readShippedFile('dropout'));
const { validationExamples, splitSeed } = description.settings as { validationExamples: number; splitSeed: number };
const split = splitTrainValidation(train.count, { testSize: validationExamples, randomState: splitSeed });
const ofDropout = await calibrate(model, {
  training: subsetOf(train, split.train, 'training'),
  held: subsetOf(train, split.validation, 'validation'),
  on: `${validationExamples} training images of Fashion-MNIST that dropout was not trained on (split seed ${splitSeed})`,
});
const half = subsetOf(test, testHalves(test.count)[0], 'calibration');
write('dropout', ofDropout);
for (const name of ['best', 'distilled'] as const) {
  const restored = await restoreModel(await readShippedFile(name));
  // What is strange is told by the gate of `dropout`.
  const { gate: _, ...calibration } = await calibrate(restored.model, {
    training: train,
    held: half,
    on: `${half.count} test images of Fashion-MNIST; promises are measured on the others: ${name} was trained on all training images`,
  });
  write(name, calibration);
}
await engine.stop();
