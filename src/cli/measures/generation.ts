// selvedge measure generation: designs of the generator that ships, as many of each class as the test set has, against the test images: distance
// of features, agreement of the model, what a classifier learns from designs alone, nearness to training images. Designs are kept in the work
// folder, so that a stopped measure goes on. Not here: how each is computed (src/apps/generate/evaluate.ts, src/evaluation/frechet.ts).
import {
  accuracyFrom,
  designDefaults,
  type Generator,
  hiddenFeatures,
  likeliestOf,
  nearestDistances,
  openGenerator,
} from '../../apps/generate/index.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { shuffledIndices } from '../../core/philox.ts';
import { sha256 } from '../../core/sha256.ts';
import { type Dataset, subsetOf } from '../../data/dataset.ts';
import { splitTrainValidation } from '../../data/split.ts';
import { frechetDistance } from '../../evaluation/frechet.ts';
import { wilsonInterval95 } from '../../evaluation/statistics.ts';
import { loadShippedModel } from '../../models/index.ts';
import { platform } from '../../platform/index.ts';
import { fitDefaults } from '../../training/index.ts';
import type { CommandContext } from '../command.ts';
import { writtenPicture } from './example-picture.ts';
import { measureWays } from './generation-ways.ts';
import type { MeasureOptions } from './index.ts';
import type { Anchor, Measured, Subject } from './subject.ts';

const SEED = 1;
const AT_ONCE = 100;
/** Of the classifier that learns from designs. */
const EPOCHS = 30;
/** Pictures whose nearest training image is looked for. */
const NEAR_COUNT = 2000;
/** Of each class that are shown. */
const EXAMPLES = 4;

const anchors: readonly Anchor[] = [
  {
    figure: "FID of generated against real, and of real against real, in its author's own features",
    value: '3.3; 1.9 to 2.6',
    source: 'fast.ai course 22p2, a U-Net of diffusion',
  },
  {
    figure: 'classifier agreement: DDPM, DDIM, VAE',
    value: '.88, .96, .88',
    source: 'sevrynUA/Fashion-MNIST-Generative-Models',
  },
];

/** Measures on the test set; the floor is of validation images, which the features' model has not seen either. */
export async function measureGeneration(subject: Subject, options: MeasureOptions): Promise<Measured> {
  const { context, data } = subject;
  const { train, test, source } = data;
  const split = data.split ?? splitTrainValidation(train.count);
  const training = subsetOf(train, split.train, 'training');
  const validation = subsetOf(train, split.validation, 'validation');
  const { model: judge, probabilitiesOfImages } = await subject.model();
  const designs = await makeDesigns(test, options, context);
  const settings = { ...fitDefaults, epochs: options.epochs ?? EPOCHS, seed: SEED };

  const count = Math.min(test.count, validation.count);
  const size = test.height * test.width * test.channels;
  const some = (set: Dataset): Uint8Array => drawn(set, count).images;
  const distances = await openDistances(some(test));
  const fid = {
    designs: await distances.distanceOf(some(designs)),
    floor: await distances.distanceOf(some(validation)),
  };
  const generator = await openGenerator();
  const { distanceOf } = distances;
  const ways = await measureWays({
    generator,
    validation,
    distanceOf,
    probabilitiesOf: probabilitiesOfImages,
    signal: context.signal,
    say: (line) => context.writeError(`${line}\n`),
  });
  generator.dispose();
  distances.dispose();
  const probabilities = await probabilitiesOfImages(designs.images);
  const likeliest = likeliestOf(probabilities, test.classNames.length);
  const agreement = agreementOf(designs, likeliest);
  const learn = async (set: Dataset, name: string): Promise<number> => {
    const accuracy = await accuracyFrom(set, test, {
      settings,
      signal: context.signal,
      onEpoch: ({ epoch, accuracy: own }) =>
        context.writeError(`Learning from ${name}, epoch ${epoch} of ${settings.epochs}: accuracy ${own.toFixed(4)}\n`),
    });
    if (accuracy === undefined) throw interrupted();
    return accuracy;
  };
  const fromDesigns = await learn(designs, 'designs');
  const fromImages = await learn(drawn(training, designs.count), 'training images');
  const near = Math.min(NEAR_COUNT, designs.count);
  const nearest = {
    designs: quantiles(await nearestDistances(drawn(designs, near).images, training.images, size)),
    test: quantiles(await nearestDistances(drawn(test, near).images, training.images, size)),
  };
  const result = {
    generator: { ...designDefaults, strength: undefined, seed: SEED },
    count: designs.count,
    isSample: source.isSample,
    fid: { features: 'dropout, last hidden layer', images: count, ...fid },
    agreement,
    ways,
    learning: {
      network: 'dropout',
      epochs: settings.epochs,
      seed: SEED,
      images: designs.count,
      fromDesigns,
      fromImages,
    },
    nearest: { images: near, trainingImages: training.count, ...nearest },
    anchors,
    examples: examplesOf(designs),
  };
  return { result, text: describe(result, judge.name) };
}

const interrupted = (): SelvedgeError =>
  new SelvedgeError('cli/interrupted', 'Interrupted; the same command goes on from there');

/** As many of each class as a set has, in its order; from the work folder where they were made before. */
async function makeDesigns(like: Dataset, { workFolder }: MeasureOptions, context: CommandContext): Promise<Dataset> {
  const generator = await openGenerator();
  try {
    const { files } = platform;
    const size = like.height * like.width * like.channels;
    const identity = await sha256(JSON.stringify([generator.description, designDefaults, SEED, [...like.labels]]));
    const folder = files.join(workFolder, 'generation', identity.slice(0, 16));
    const images = new Uint8Array(like.count * size);
    for (const [label, name] of like.classNames.entries()) {
      const places = Array.from(like.labels.keys()).filter((i) => like.labels[i] === label);
      const file = files.join(folder, `${label}.bin`);
      const kept = (await files.status(file)) ? await files.readBytes(file) : undefined;
      const made =
        kept?.length === places.length * size ? kept : await designsOf(generator, label, places.length, context);
      if (made !== kept) await files.write(file, made);
      places.forEach((place, i) => {
        images.set(made.subarray(i * size, (i + 1) * size), place * size);
      });
      context.writeError(`Made ${places.length} of ${name}\n`);
    }
    return { ...like, name: 'designs', images };
  } finally {
    generator.dispose();
  }
}

async function designsOf(
  generator: Generator,
  label: number,
  count: number,
  { signal }: CommandContext,
): Promise<Uint8Array> {
  const { classNames, shape } = generator.description;
  const size = shape.side * shape.side;
  const images = new Uint8Array(count * size);
  // Noise of its own for each class.
  const start = label * 100_000;
  for (let first = 0; first < count; first += AT_ONCE) {
    await platform.giveWay();
    if (signal.aborted) throw interrupted();
    const part = { first: start + first, count: Math.min(AT_ONCE, count - first) };
    images.set(generator.design({ classes: { [classNames[label]!]: 1 }, seed: SEED, ...part }).images, first * size);
  }
  return images;
}

/** Some of a set, drawn without putting back. */
function drawn(set: Dataset, count: number): Dataset {
  if (count >= set.count) return set;
  return subsetOf(set, shuffledIndices(set.count, { seed: SEED, epoch: 0 }).subarray(0, count).sort(), set.name);
}

/** Distances of features to those of the test images; the caller disposes the network that gives them. */
async function openDistances(testImages: Uint8Array) {
  const { model } = await loadShippedModel();
  const test = await hiddenFeatures(model, testImages);
  return {
    distanceOf: async (images: Uint8Array): Promise<number> =>
      frechetDistance(await hiddenFeatures(model, images), test),
    dispose: () => model.dispose(),
  };
}

function agreementOf({ labels, classNames, count }: Dataset, likeliest: Uint8Array) {
  const hits = labels.reduce((sum, label, i) => sum + (label === likeliest[i] ? 1 : 0), 0);
  const classes = classNames.map((name, label) => {
    const own = labels.reduce((sum, each) => sum + (each === label ? 1 : 0), 0);
    const right = labels.reduce((sum, each, i) => sum + (each === label && likeliest[i] === label ? 1 : 0), 0);
    return { name, agreement: right / own };
  });
  return { share: hits / count, interval95: wilsonInterval95(hits, count), classes };
}

/** Roots of mean squared differences of levels. */
function quantiles(distances: Float64Array) {
  const sorted = distances.slice().sort();
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))]!;
  return { least: at(0), percent1: at(0.01), percent10: at(0.1), median: at(0.5) };
}

/** The first designs of each class. */
function examplesOf({ labels, classNames, images, width, height }: Dataset) {
  const size = width * height;
  return classNames.map((name, label) => {
    const places = Array.from(labels.keys()).filter((i) => labels[i] === label);
    const pictureAt = (place: number) =>
      writtenPicture(width, height, images.subarray(place * size, (place + 1) * size));
    return { name, images: places.slice(0, EXAMPLES).map(pictureAt) };
  });
}

interface Described {
  readonly ways: Awaited<ReturnType<typeof measureWays>>;
  readonly count: number;
  readonly fid: { readonly designs: number; readonly floor: number };
  readonly agreement: ReturnType<typeof agreementOf>;
  readonly learning: { readonly fromDesigns: number; readonly fromImages: number };
  readonly nearest: Record<'designs' | 'test', ReturnType<typeof quantiles>>;
}

function describe({ count, fid, agreement, ways, learning, nearest }: Described, judge: string): string {
  const { share, interval95 } = agreement;
  const [low, high] = Object.values(interval95) as [number, number];
  const distance = ({ percent1, median }: ReturnType<typeof quantiles>): string =>
    `median ${median.toFixed(1)} levels, 1% below ${percent1.toFixed(1)}`;
  return [
    `${count} designs`,
    `Distance of features (FID) to test images: ${fid.designs.toFixed(2)}; of real images: ${fid.floor.toFixed(2)}`,
    `${judge} sees the class that was asked for: ${share.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}]`,
    `Halves of ${ways.pairs} ways within a class: FID ${ways.fid.halves.toFixed(2)}; of their ends ${ways.fid.ends.toFixed(2)}, of the means of pixels ${ways.fid.means.toFixed(2)}; seen as of the class: ${ways.withinClass.seenAsIt.toFixed(3)}; between classes as of either: ${ways.betweenClasses.seenAsEither.toFixed(3)}`,
    `Accuracy on test images after learning from designs alone: ${learning.fromDesigns.toFixed(4)}; from as many training images: ${learning.fromImages.toFixed(4)}`,
    `Nearest training image of a design: ${distance(nearest.designs)}; of a test image: ${distance(nearest.test)}`,
  ].join('\n');
}
