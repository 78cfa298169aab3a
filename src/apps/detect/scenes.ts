// Scenes composed of images of single items, in four kinds, with the boxes of what is visible: what a detector is trained and measured on,
// since no public data has such pictures. The arithmetic is in assembly/scenes.ts.
// Invariant: a scene is a function of (items, settings, seed, its number): the same on every engine, at any number of threads.
import { currentBackend } from '../../backend/index.ts';
import { composeScenes as compose, FOUND_VALUES, type SceneValues } from '../../backend/kernels/compose-scenes.ts';
import type * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { checkSeed } from '../../core/mersenne-twister.ts';
import { randomStreams } from '../../core/philox.ts';
import { tensorOf } from '../../data/backend-memory.ts';
import { placeDataset } from '../../data/batches.ts';
import type { Dataset } from '../../data/dataset.ts';
import type { TrueItem } from './boxes.ts';

/** What is hard about a scene: nothing, items that cover each other, things on the ground that are none, or both. */
export const sceneKinds = ['plain', 'overlap', 'clutter', 'both'] as const;
export type SceneKind = (typeof sceneKinds)[number];

export interface SceneSettings {
  readonly height: number;
  readonly width: number;
  /** Items wanted, 1 to 16; those that find no place are left out. */
  readonly fewest: number;
  readonly most: number;
  /** Sides of an item's image in the scene over those that it has. */
  readonly scale: readonly [from: number, to: number];
  /** Greatest turn to either side, 0 to 90. */
  readonly degrees: number;
  /** Where items overlap, this share of each stays visible at least. */
  readonly leastVisible: number;
  /** Pieces of clutter at most. */
  readonly clutter: number;
  /** Greatest level of the ground, from 0 to 1, before it slopes by up to .15. */
  readonly ground: number;
  /** Greatest standard deviation of grain; half of the scenes have none. */
  readonly grain: number;
}

/** The scenes that `selvedge measure detection` tells of. */
export const defaultScenes: SceneSettings = {
  height: 128,
  width: 128,
  fewest: 1,
  most: 6,
  scale: [0.9, 1.6],
  degrees: 20,
  leastVisible: 0.5,
  clutter: 8,
  ground: 0.3,
  grain: 0.05,
};

/** A scene's picture and what is in it. */
export interface Scenes {
  /** `[count, height, width, 1]`, 0 to 1; the caller disposes it. */
  readonly images: tf.Tensor4D;
  /** In each scene, in the order in which they were laid: later ones lie over earlier ones. */
  readonly items: readonly (readonly SceneItem[])[];
}

/** An item of a scene. */
export interface SceneItem extends TrueItem {
  /** Share of its pixels that nothing covers. */
  readonly visible: number;
}

export interface SceneRequest {
  /** Number of the first scene, and how many. */
  readonly first: number;
  readonly count: number;
  /** `mixed`: the four kinds in turn, as scenes are numbered. */
  readonly kind: SceneKind | 'mixed';
  readonly seed: number;
}

/** Makes scenes of the items of a data set. */
export interface SceneComposer {
  readonly settings: SceneSettings;
  compose(request: SceneRequest): Scenes;
  /** Gives back the memory of the items. */
  dispose(): void;
}

const LARGEST_SIDE = 2048;

/**
 * Copies items into the memory of the running backend, to compose scenes of them.
 *
 * @param dataset Grey images, light on black, at most 28 pixels high and wide or thereabouts
 * @param settings Default: `defaultScenes`
 * @throws SelvedgeError `detect/items` for an empty data set or one in colour, `detect/scenes` for settings that make no sense
 * @example
 * ```ts
 * import { loadFashionMnistSample, openScenes, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const scenes = openScenes((await loadFashionMnistSample()).train);
 * const { images, items } = scenes.compose({ first: 0, count: 2, kind: 'both', seed: 1 });
 * console.assert(images.shape.join() === '2,128,128,1' && items[0]!.length >= 1);
 * images.dispose();
 * scenes.dispose();
 * await engine.stop();
 * ```
 */
export function openScenes(dataset: Dataset, settings: SceneSettings = defaultScenes): SceneComposer {
  if (dataset.count === 0 || dataset.channels !== 1) {
    throw new SelvedgeError(
      'detect/items',
      `Cannot compose scenes of "${dataset.name}": expected at least one image of one channel, got ${dataset.count} of ${dataset.channels}`,
    );
  }
  checkScenes(settings);
  const resident = placeDataset(dataset);
  const { bytes } = resident.examples({ indices: Int32Array.of(0) }).source!;
  return {
    settings,
    compose({ first, count, kind, seed }) {
      for (const whole of [first, seed]) checkSeed(whole);
      const values: SceneValues = { ...kernelValues(settings), first, seed, kind: kindNumber(kind) };
      const made = compose(currentBackend(), bytes, { examples: dataset.count, scenes: count }, values);
      const [images, found, counts] = [made.images, made.found, made.counts].map(tensorOf);
      const items = itemsOf(found!.dataSync<'float32'>(), counts!.dataSync<'int32'>(), settings.most);
      found!.dispose();
      counts!.dispose();
      return { images: images as tf.Tensor4D, items };
    },
    dispose: () => resident.dispose(),
  };
}

const kindNumber = (kind: SceneKind | 'mixed'): number => (kind === 'mixed' ? 4 : sceneKinds.indexOf(kind));

/** Tangents of half of 0, 5, … 90 degrees: sine and cosine follow from them by arithmetic that is exact on every engine. */
export function kernelValues(settings: SceneSettings): Omit<SceneValues, 'first' | 'seed' | 'kind'> {
  const { scale, degrees, ...rest } = settings;
  const [scaleFrom, scaleTo] = scale;
  return { ...rest, scaleFrom, scaleTo, turn: tangent((degrees * Math.PI) / 360), stream: randomStreams.scenes };
}

/** tan x for x from 0 to pi / 4, by the continued fraction of Lambert; error below 1e-12. */
function tangent(x: number): number {
  let fraction = 0;
  for (let odd = 17; odd >= 1; odd -= 2) fraction = (x * x) / (odd - fraction);
  return x === 0 ? 0 : fraction / x;
}

function itemsOf(found: Float32Array, counts: Int32Array, most: number): SceneItem[][] {
  return Array.from(counts, (count, scene) =>
    Array.from({ length: count }, (_, row) => {
      const at = (scene * most + row) * FOUND_VALUES;
      const [label, left, top, right, bottom, visible] = found.subarray(at, at + FOUND_VALUES);
      return { label: label!, box: [left!, top!, right!, bottom!], visible: visible! };
    }),
  );
}

/**
 * Refuses settings that make no sense.
 *
 * @throws SelvedgeError `detect/scenes`
 */
export function checkScenes(settings: SceneSettings): void {
  const { height, width, fewest, most, scale, degrees, leastVisible, clutter, ground, grain } = settings;
  const isWhole = (value: number, least: number, greatest: number): boolean =>
    Number.isInteger(value) && value >= least && value <= greatest;
  const isWithin = (value: number, least: number, greatest: number): boolean => value >= least && value <= greatest;
  const rules: readonly [boolean, string][] = [
    [isWhole(height, 16, LARGEST_SIDE) && isWhole(width, 16, LARGEST_SIDE), `a side of 16 to ${LARGEST_SIDE} pixels`],
    [isWhole(most, 1, 16) && isWhole(fewest, 1, most), '1 to 16 items, the fewest no more than the most'],
    [isWithin(scale[0], 0.1, 16) && isWithin(scale[1], scale[0], 16), 'a scale from .1 to 16, the lower one first'],
    [isWithin(degrees, 0, 90), 'a turn of 0 to 90 degrees'],
    [isWithin(leastVisible, 0.05, 1), 'a visible share of .05 to 1'],
    [isWhole(clutter, 1, 64), '1 to 64 pieces of clutter'],
    [isWithin(ground, 0, 1) && isWithin(grain, 0, 1), 'ground and grain from 0 to 1'],
  ];
  const broken = rules.find(([holds]) => !holds);
  if (broken) {
    throw new SelvedgeError(
      'detect/scenes',
      `Cannot compose scenes: expected ${broken[1]}, got ${JSON.stringify(settings)}`,
    );
  }
}
