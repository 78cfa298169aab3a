// selvedge measure robustness: accuracy on the test set under fifteen corruptions at five strengths. Not here: how images are corrupted.
import { CORRUPTION_STRENGTHS, corruptImages, corruptionNames, corruptions } from '../../data/corruptions.ts';
import type { Dataset } from '../../data/dataset.ts';
import { summarizeRobustness } from '../../evaluation/robustness.ts';
import { platform } from '../../platform/index.ts';
import type { Measured, Subject } from './subject.ts';

const SEED = 1;
/** Images that are corrupted between two turns of the event loop. */
const AT_ONCE = 500;

/** Measures on the test set. */
export async function measureRobustness({ model: load, data, context }: Subject): Promise<Measured> {
  const model = await load();
  const { test } = data;
  const classes = test.classNames.length;
  const correctOf = async (images: Uint8Array): Promise<number> => {
    const probabilities = await model.probabilitiesOfImages(images);
    let correct = 0;
    for (let sample = 0; sample < test.count; sample++) {
      const row = probabilities.subarray(sample * classes, (sample + 1) * classes);
      if (row.indexOf(row.reduce((most, value) => Math.max(most, value), 0)) === test.labels[sample]) correct++;
    }
    return correct;
  };
  const clean = await correctOf(test.images);
  const cells = [];
  for (const kind of corruptionNames) {
    const { group, unit, strengths } = corruptions[kind];
    for (let strength = 1; strength <= CORRUPTION_STRENGTHS; strength++) {
      const correct = await correctOf(await corruptTest(test, kind, strength));
      cells.push({ kind, group, unit, strength, amount: strengths[strength - 1]!, correct });
    }
    context.writeError(`Measured ${kind}\n`);
  }
  const summary = summarizeRobustness(clean, test.count, cells);
  return { result: { seed: SEED, ...summary, anchors: [] }, text: describe(summary) };
}

async function corruptTest(
  test: Dataset,
  kind: (typeof corruptionNames)[number],
  strength: number,
): Promise<Uint8Array> {
  const { width, height, channels, images } = test;
  const corrupted = new Uint8Array(images.length);
  const size = width * height * channels;
  for (let first = 0; first < test.count; first += AT_ONCE) {
    await platform.giveWay();
    const some = images.subarray(first * size, Math.min(test.count, first + AT_ONCE) * size);
    const options = { kind, strength, seed: SEED, width, height, firstImage: first };
    // Each channel as a grey image, by the same draws.
    for (let channel = 0; channel < channels; channel++) {
      const plane = channels === 1 ? some : some.filter((_, i) => i % channels === channel);
      corruptImages(plane, options).forEach((level, i) => {
        corrupted[first * size + i * channels + channel] = level;
      });
    }
  }
  return corrupted;
}

function describe({ clean, meanAccuracy, relativeAccuracy, kinds }: ReturnType<typeof summarizeRobustness>): string {
  const width = Math.max(...kinds.map(({ kind }) => kind.length));
  const percent = (share: number): string => `${(100 * share).toFixed(2)}%`.padStart(7);
  const strengths = Array.from({ length: CORRUPTION_STRENGTHS }, (_, i) => String(i + 1).padStart(7)).join(' ');
  return [
    `Accuracy ${percent(clean.accuracy).trim()} on images as they are, ${percent(meanAccuracy).trim()} in the mean of all corruptions: ${percent(relativeAccuracy).trim()} of it is left`,
    `${'strength'.padEnd(width)} ${strengths}    mean`,
    ...kinds.map(
      ({ kind, strengths: of, meanAccuracy: mean }) =>
        `${kind.padEnd(width)} ${of.map(({ accuracy }) => percent(accuracy)).join(' ')} ${percent(mean)}`,
    ),
  ].join('\n');
}
