// From images with labels to what a study needs: a training set with its split, and a test set. Not here: reading images.
// Invariant: a function of the images, their given parts and the seed; a part that was given is kept, what is missing is held out class by class,
// a fifth of what there is.
import { SelvedgeError } from '../core/errors.ts';
import { contradictionNotices, type PartedImages, requireAllClasses, requireDisjointParts } from './check-parts.ts';
import { type Dataset, subsetOf } from './dataset.ts';
import { firstEqualImages } from './first-equal-images.ts';
import type { Part } from './picture-list.ts';
import type { Split } from './split.ts';
import { seededOrder, splitByClass } from './split-classes.ts';

/** Which images of a training set train and which validate, where it is not the study's split. */
export interface GivenSplit extends Split {
  /** Of what was drawn. */
  readonly seed: number;
  /** How, in words: `… images train and … validate, <description>`. */
  readonly description: string;
}

export interface ArrangedParts {
  readonly train: Dataset;
  readonly test: Dataset;
  readonly split: GivenSplit;
  readonly notices: readonly string[];
}

export interface ArrangeOptions {
  readonly seed: number;
  /** Equal images in different parts are no error. */
  readonly keepDuplicates: boolean;
  /** For messages: where the data are from. */
  readonly place: string;
}

/** Part of each class that is held out where no part for it is given: of all to test, of the rest to validate. */
const HELD_OUT = 0.2;

/** Images in one set, with the parts that are given for them: for all or for none. */
export interface UnarrangedImages {
  readonly dataset: Dataset;
  readonly parts?: readonly Part[] | undefined;
  nameOf(index: number): string;
}

/**
 * Divides images into a training set with a split, and a test set, each in a random order.
 *
 * @throws SelvedgeError `data/no-training`, `data/missing-class`, `data/duplicates`
 */
export function arrangeParts({ dataset, parts, nameOf }: UnarrangedImages, options: ArrangeOptions): ArrangedParts {
  const { seed, place } = options;
  const { labels, count, classNames, height, width, channels } = dataset;
  const groups = firstEqualImages([dataset], height * width * channels);
  const partAt: Part[] = parts ? [...parts] : new Array<Part>(count).fill('train');
  const wasGiven = new Set(parts ?? []);
  if (parts && !wasGiven.has('train')) {
    throw new SelvedgeError('data/no-training', `Cannot use ${place}: expected images to train on, got none`);
  }
  for (const part of ['test', 'validation'] as const) {
    if (wasGiven.has(part)) continue;
    const pool = indicesWhere(count, (i) => partAt[i] === 'train');
    const at = (values: ArrayLike<number>): Int32Array => pool.map((i) => values[i]!);
    const { heldOut } = splitByClass(at(labels), { share: HELD_OUT, seed, groups: at(groups) });
    for (const i of heldOut) partAt[pool[i]!] = part;
  }
  const images: PartedImages = { place, classNames, labels, groups, partOf: (i) => partAt[i]!, nameOf };
  check(images, options);
  // Files lie class by class: the first of them would be of one class.
  const shuffled = seededOrder(count, seed);
  const train = shuffled.filter((i) => partAt[i] !== 'test');
  const positions = indicesWhere(train.length, () => true);
  return {
    train: subsetOf(dataset, train, `${dataset.name} training set`),
    test: subsetOf(
      dataset,
      shuffled.filter((i) => partAt[i] === 'test'),
      `${dataset.name} test set`,
    ),
    split: {
      train: positions.filter((i) => partAt[train[i]!] === 'train'),
      validation: positions.filter((i) => partAt[train[i]!] === 'validation'),
      seed,
      description: describe(wasGiven, seed),
    },
    notices: contradictionNotices(images),
  };
}

/**
 * Takes a training and a test set as they are, and splits the training set.
 *
 * @param sets With the names of their images
 * @throws SelvedgeError `data/missing-class`, `data/duplicates`
 */
export function arrangeSets(
  sets: { readonly train: Dataset; readonly test: Dataset; nameOf(index: number): string },
  options: ArrangeOptions,
): ArrangedParts {
  const { train, test, nameOf } = sets;
  const { seed, place } = options;
  const groups = firstEqualImages([train, test], train.height * train.width * train.channels);
  const { kept, heldOut } = splitByClass(train.labels, {
    share: HELD_OUT,
    seed,
    groups: groups.subarray(0, train.count),
  });
  const isHeldOut = new Uint8Array(train.count);
  for (const i of heldOut) isHeldOut[i] = 1;
  const labels = new Uint8Array(train.count + test.count);
  labels.set(train.labels);
  labels.set(test.labels, train.count);
  const partOf = (i: number): Part => (i >= train.count ? 'test' : isHeldOut[i] === 1 ? 'validation' : 'train');
  const images: PartedImages = { place, classNames: train.classNames, labels, groups, partOf, nameOf };
  check(images, options);
  const split = {
    train: kept,
    validation: heldOut,
    seed,
    description: describe(new Set<Part>(['train', 'test']), seed),
  };
  return { train, test, split, notices: contradictionNotices(images) };
}

function check(images: PartedImages, { keepDuplicates }: ArrangeOptions): void {
  requireAllClasses(images);
  if (!keepDuplicates) requireDisjointParts(images);
}

function indicesWhere(count: number, holds: (i: number) => boolean): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => i).filter(holds);
}

function describe(given: ReadonlySet<Part>, seed: number): string {
  if (given.has('validation')) return 'as the data have it';
  return `a fifth of each class, drawn with seed ${seed}, equal images on one side`;
}
