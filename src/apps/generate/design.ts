// New pictures of clothes by a generator: of a class or a mixture of classes, between two pictures, or varied from one. Not here: the flow that
// makes them (flow.ts), how the generator is trained (train.ts).
// Invariant: a picture is a function of the generator, its number, the seed and the settings: the same bits on every engine, at any number of
// threads, and however many are asked for.
import * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { createPhilox, randomStreams } from '../../core/philox.ts';
import { readShippedGenerator } from '../../models/shipped-generator.ts';
import { designDefaults, designLimits } from './design-defaults.ts';
import { followFlow, progressAt } from './flow.ts';
import { decodeGenerator, type GeneratorDescription, type GeneratorModel } from './generator-file.ts';
import { fromPatches, type GeneratorWeights, toPatches, weightShapes } from './u-net.ts';

/** Shares of classes by name; they need not sum to 1. */
export type ClassMixture = Readonly<Record<string, number>>;

/** How pictures are made. */
export interface DesignSettings {
  /** From 0 to 2^32 - 1. Default: 1. */
  readonly seed?: number;
  /** Of Heun's method, two velocities each, from 1 to 200. Default: 10. */
  readonly steps?: number;
  /** How strongly a class is asked for: 1 as it is in the data, more for typical pictures, from 0 to 10. */
  readonly guidance?: number;
  /** Times of the flow, from 0 to 1, between which it is asked for more strongly. Default: .2 to .7. */
  readonly guidedTimes?: readonly [from: number, to: number];
}

export interface DesignRequest extends DesignSettings {
  readonly classes: ClassMixture;
  readonly count: number;
  /** Number of the first picture: the pictures from 10 on are those that come after ten. Default: 0. */
  readonly first?: number;
}

export interface VariationRequest extends DesignRequest {
  /** Levels from 0 to 255, `side * side` of them. */
  readonly picture: ArrayLike<number>;
  /** What is drawn anew: from 0, nothing, to 1, everything. Default: .5. */
  readonly strength?: number;
}

/** A picture and the classes that it shows. */
export interface DesignEnd {
  readonly picture: ArrayLike<number>;
  readonly classes: ClassMixture;
}

export interface BetweenRequest extends Omit<DesignSettings, 'seed'> {
  readonly first: DesignEnd;
  readonly second: DesignEnd;
  /** Pictures, both ends among them: at least 2. */
  readonly count: number;
}

/** Pictures, levels from 0 to 255. */
export interface Designs {
  /** `[count, side, side]`. */
  readonly images: Uint8Array;
  readonly count: number;
  readonly side: number;
}

/** A generator on the running engine. */
export interface Generator {
  readonly description: GeneratorDescription;
  /** Of a class or a mixture. */
  design(request: DesignRequest): Designs;
  /** Of a picture, partly drawn anew, of the classes asked for. */
  vary(request: VariationRequest): Designs;
  /** From one picture to another. */
  between(request: BetweenRequest): Designs;
  dispose(): void;
}

/**
 * Opens a generator on the running engine, which the caller disposes.
 *
 * @param file Of `encodeGenerator`; default: the one that ships
 * @throws SelvedgeError `generate/foreign`, `generate/version`, `generate/truncated`, `generate/corrupt`, `generate/absent`, `backend/…`
 */
export async function openGenerator(file?: Uint8Array): Promise<Generator> {
  return createGenerator(await decodeGenerator(file ?? (await readShippedGenerator())));
}

/** Pictures are made in steps that are finer where they are nearly there. */
const FINER = 2;

/** A flow of few steps leaves a haze on the ground, of which real pictures have little. */
const FAINTEST = 8;

function levelOf(value: number): number {
  const level = Math.min(255, Math.round((value + 1) * 127.5));
  return level < FAINTEST ? 0 : level;
}

/** A generator of plain values, which the caller disposes. */
export function createGenerator({ description, weights: values }: GeneratorModel): Generator {
  const { shape, classNames } = description;
  const { side } = shape;
  const size = side * side;
  const shapes = weightShapes(shape);
  const tensors = shapes.map((weight, i) => tf.keep(tf.tensor(values[i]!, [...weight.shape])));
  const weights: GeneratorWeights = Object.fromEntries(shapes.map(({ name }, i) => [name, tensors[i]!]));

  const finish = (x: Float32Array): Designs => ({
    images: Uint8Array.from(fromPatches(x, side), levelOf),
    count: x.length / size,
    side,
  });
  const startOf = (picture: ArrayLike<number>): Float32Array => {
    if (
      picture.length !== size ||
      Array.prototype.some.call(picture, (level: number) => !(level >= 0 && level <= 255))
    ) {
      throw bad(`a picture of ${picture.length} levels`, `${side}x${side} levels from 0 to 255`);
    }
    return toPatches(
      Float32Array.from(picture, (level) => level / 127.5 - 1),
      side,
    );
  };
  const noiseOf = (seed: number, number: number): Float32Array => {
    const draws = createPhilox({ seed, stream: randomStreams.generation, substream: [2, number] });
    return Float32Array.from({ length: size }, () => draws.nextNormal());
  };
  const sharesOf = (mixture: ClassMixture): Float32Array => shareOut(mixture, classNames);

  return {
    description,
    design(request) {
      const { seed, count, first, ...how } = checkRequest(request);
      const shares = sharesOf(request.classes);
      const classes = together(count, shares.length, () => shares);
      const start = together(count, size, (i) => noiseOf(seed, first + i));
      return finish(followFlow(shape, weights, { start, classes, from: 0, to: 1, finer: FINER, ...how }));
    },
    vary(request) {
      const { seed, count, first, ...how } = checkRequest(request);
      const { strength = designDefaults.strength } = request;
      if (!(strength >= 0 && strength <= 1)) throw bad(`a strength of ${strength}`, 'from 0 to 1');
      const from = 1 - strength;
      const picture = startOf(request.picture);
      const start = together(count, size, (i) =>
        noiseOf(seed, first + i).map((noise, k) => from * picture[k]! + strength * noise),
      );
      const shares = sharesOf(request.classes);
      const classes = together(count, shares.length, () => shares);
      // As many steps a time as a whole picture has.
      const steps = Math.max(1, Math.ceil(how.steps * (1 - progressAt(from, FINER))));
      return finish(followFlow(shape, weights, { start, classes, from, to: 1, finer: FINER, ...how, steps }));
    },
    between(request) {
      const { first: _, second: __, ...rest } = request;
      const { count, ...asked } = checkRequest(rest);
      // Back and forth by the same velocities in even steps, or the ends would not come back.
      const how = { ...asked, guidance: 1, finer: 1 };
      if (count < 2) throw bad(`${count} pictures`, 'both ends and what is between: 2 or more');
      const ends = [request.first, request.second];
      const shares = ends.map(({ classes }) => sharesOf(classes));
      const classes = concatenateFloats(shares);
      const pictures = concatenateFloats(ends.map(({ picture }) => startOf(picture)));
      const noise = followFlow(shape, weights, { start: pictures, classes, from: 1, to: 0, ...how });
      const [first, second] = [noise.subarray(0, size), noise.subarray(size)];
      const shareAt = (i: number): number => i / (count - 1);
      const start = together(count, size, (i) => blendNoise(first, second, shareAt(i)));
      const mixed = together(count, classNames.length, (i) =>
        shares[0]!.map((share, k) => share + shareAt(i) * (shares[1]![k]! - share)),
      );
      return finish(followFlow(shape, weights, { start, classes: mixed, from: 0, to: 1, ...how }));
    },
    dispose: () => tf.dispose(tensors),
  };
}

function together(count: number, size: number, rowOf: (row: number) => Float32Array): Float32Array {
  const rows = new Float32Array(count * size);
  for (let row = 0; row < count; row++) rows.set(rowOf(row), row * size);
  return rows;
}

const concatenateFloats = (parts: readonly Float32Array[]): Float32Array =>
  together(parts.length, parts[0]!.length, (row) => parts[row]!);

/** On the straight line between two noises, as far from the origin as they are: noise of many pixels lies on a sphere. */
function blendNoise(first: Float32Array, second: Float32Array, share: number): Float32Array {
  const blend = first.map((value, i) => value + share * (second[i]! - value));
  const lengthOf = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  const wanted = (1 - share) * lengthOf(first) + share * lengthOf(second);
  const scale = wanted / Math.max(1e-12, lengthOf(blend));
  return share === 0 || share === 1 ? blend : blend.map((value) => value * scale);
}

/** Shares that sum to 1, in the order of labels. */
function shareOut(mixture: ClassMixture, classNames: readonly string[]): Float32Array {
  const shares = new Float64Array(classNames.length);
  for (const [name, share] of Object.entries(mixture)) {
    const label = labelOf(name, classNames);
    if (!(share > 0 && share < Infinity)) throw bad(`${share} of "${name}"`, 'a share above 0');
    shares[label]! += share;
  }
  // By the largest first: the sum of shares may be no number.
  const largest = shares.reduce((most, share) => Math.max(most, share));
  if (largest === 0) throw bad('no class', `one of ${classNames.join(', ')}`);
  if (largest === Infinity) throw bad('shares that are too large to add', 'smaller ones');
  const parts = shares.map((share) => share / largest);
  const sum = parts.reduce((total, part) => total + part);
  return Float32Array.from(parts, (part) => part / sum);
}

/**
 * The label of a class, whatever the case of its name; a part of a name such as "T-shirt" of "T-shirt/top" will do.
 *
 * @throws SelvedgeError `generate/class`
 */
export function labelOf(name: string, classNames: readonly string[]): number {
  const wanted = name.trim().toLowerCase();
  const label = classNames.findIndex((known) =>
    [known, ...known.split('/')].some((each) => each.toLowerCase() === wanted),
  );
  if (label >= 0) return label;
  throw new SelvedgeError('generate/class', `Cannot generate "${name}": expected one of ${classNames.join(', ')}`);
}

interface Request extends DesignSettings {
  readonly count: number;
  readonly first?: number;
}

function checkRequest({
  count,
  first = 0,
  seed = designDefaults.seed,
  steps = designDefaults.steps,
  guidance = designDefaults.guidance,
  guidedTimes = designDefaults.guidedTimes,
}: Request): Required<Request> {
  const isWhole = (value: number, least: number, most: number): boolean =>
    Number.isInteger(value) && value >= least && value <= most;
  if (!isWhole(count, 1, designLimits.count)) throw bad(`${count} pictures`, `1 to ${designLimits.count}`);
  if (!isWhole(first, 0, 0xffff_ffff - count)) throw bad(`pictures from ${first}`, 'a whole number from 0');
  if (!isWhole(seed, 0, 0xffff_ffff)) throw bad(`from seed ${seed}`, 'a whole number from 0 to 4294967295');
  if (!isWhole(steps, 1, designLimits.steps)) throw bad(`in ${steps} steps`, `1 to ${designLimits.steps}`);
  if (!(guidance >= 0 && guidance <= designLimits.guidance)) {
    throw bad(`with guidance of ${guidance}`, `from 0 to ${designLimits.guidance}`);
  }
  const [from, to] = guidedTimes;
  if (!(from >= 0 && from <= to && to <= 1))
    throw bad(`guided from ${from} to ${to}`, 'times from 0 to 1, in their order');
  return { count, first, seed, steps, guidance, guidedTimes };
}

const bad = (got: string, expected: string): SelvedgeError =>
  new SelvedgeError('generate/request', `Cannot generate ${got}: expected ${expected}`);
