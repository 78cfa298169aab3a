// What the guidance of the generator that ships is worth, and when it is given, on validation images: distance of features, agreement of
// `dropout`, and what a classifier learns from designs alone. Not here: the test set, which `selvedge measure generation` has. Same figures on every machine.
//
//   node --import tsx scripts/short-runs/guidance.ts [--count 200]     designs of each class for each guidance; some minutes
import { parseArgs } from 'node:util';
import { accuracyFrom, hiddenFeatures, likeliestOf, openGenerator } from '../../src/apps/index.ts';
import { startBackend } from '../../src/backend/index.ts';
import { loadFashionMnist, splitTrainValidation, subsetOf } from '../../src/data/index.ts';
import { frechetDistance } from '../../src/evaluation/index.ts';
import { loadShippedModel } from '../../src/models/index.ts';
import { createPredictor } from '../../src/plan/index.ts';
import { fitDefaults } from '../../src/training/index.ts';

const { values } = parseArgs({ options: { count: { type: 'string', default: '200' } } });
const count = Number(values.count);
const AT_ONCE = 100;
const engine = await startBackend();
const { train } = await loadFashionMnist({ allowSample: false });
const split = splitTrainValidation(train.count);
const validation = subsetOf(train, split.validation, 'validation');
const { model } = await loadShippedModel();
const predictor = createPredictor(model);
const generator = await openGenerator();
const size = train.height * train.width;
const real = await hiddenFeatures(model, validation.images);

/** Guidance, and the times of the flow between which it is given. */
const settings: readonly [number, readonly [number, number]][] = [
  [1, [0, 1]],
  [1.75, [0, 1]],
  [2, [0.2, 0.7]],
  [2.5, [0.2, 0.7]],
  [2.5, [0.1, 0.6]],
];
console.log(
  '| Guidance | at times | FID to validation images | `dropout` agrees | Accuracy on validation images after learning from them |',
);
console.log('|---|---|---|---|---|');
for (const [guidance, guidedTimes] of settings) {
  const images = new Uint8Array(10 * count * size);
  const labels = Uint8Array.from({ length: 10 * count }, (_, i) => Math.floor(i / count));
  for (const [label, name] of train.classNames.entries()) {
    for (let done = 0; done < count; done += AT_ONCE) {
      const part = { first: label * 100_000 + done, count: Math.min(AT_ONCE, count - done) };
      const made = generator.design({ classes: { [name]: 1 }, seed: 2, guidance, guidedTimes, ...part });
      images.set(made.images, (label * count + done) * size);
    }
  }
  const designs = { ...train, name: 'designs', count: labels.length, images, labels };
  const distance = frechetDistance(await hiddenFeatures(model, images), real);
  const probabilities = predictor.predict(Float32Array.from(images, (level) => level / 255));
  const likeliest = likeliestOf(probabilities, 10);
  const agreement = labels.filter((label, i) => label === likeliest[i]).length / labels.length;
  const accuracy = await accuracyFrom(designs, validation, { settings: { ...fitDefaults, epochs: 20, seed: 1 } });
  console.log(
    `| ${guidance} | ${guidedTimes.join(' to ')} | ${distance.toFixed(2)} | ${agreement.toFixed(3)} | ${accuracy!.toFixed(3)} |`,
  );
}
generator.dispose();
predictor.dispose();
model.dispose();
await engine.stop();
