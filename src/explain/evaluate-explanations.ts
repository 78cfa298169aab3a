// How far the maps of each method can be trusted, over many images: deletion and insertion beside orders that know nothing of the
// model, how well integrated gradients add up, and whether maps change when the weights are randomised.
// Not here: one image's curves (perturbation.ts), the cascade (randomisation.ts). Invariant: the same bits at any number of threads.
import type * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { shuffledIndices } from '../core/philox.ts';
import { createPredictor } from '../plan/index.ts';
import { platform } from '../platform/index.ts';
import { type DifferentiableModel, openDifferentiable } from './differentiable-model.ts';
import { explainImages } from './explain-images.ts';
import type { Completeness, ExplainRequest, MethodName, MethodOptions } from './explanation.ts';
import { methodsFor } from './grad-cam.ts';
import { type PerturbationCurves, perturbationCurves, rankPlaces } from './perturbation.ts';
import { cascadeRandomisation, randomisedLayers } from './randomisation.ts';
import { rankCorrelation } from './rank-correlation.ts';

/** Orders that know nothing of the model: places at random, and the brightest first. */
export const controlNames = ['random', 'brightness'] as const;
export type ControlName = (typeof controlNames)[number];

/** A mean over images, with its 95% interval. */
export interface MeanOfImages {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Curves of an order of places, over all images. */
export interface CurvesOfOrder {
  readonly order: MethodName | ControlName;
  /** Area under the deletion curve: small is good. */
  readonly deletionArea: MeanOfImages;
  /** Area under the insertion curve: large is good. */
  readonly insertionArea: MeanOfImages;
  /** Share of images whose area is better than that of the random order. */
  readonly betterThanRandom: { readonly deletion: number; readonly insertion: number };
  /** Mean probability of the explained class, by share of places. */
  readonly deletion: readonly number[];
  readonly insertion: readonly number[];
}

/** Rank correlation of the magnitudes of trained and randomised maps, by the layers that got fresh weights. */
export interface RandomisationOfMethod {
  readonly method: MethodName;
  readonly stages: readonly {
    readonly layer: string;
    readonly layers: number;
    /** Over the images whose map is not the same everywhere; 0 if there is none. */
    readonly correlation: number;
    /** The same over the places that are not black: many maps tell the object from black ground whatever the weights are. */
    readonly correlationOnObject: number;
    /** Images whose map says nothing: the same value everywhere, before or after. */
    readonly blankMaps: number;
  }[];
}

export interface ExplanationEvaluation {
  readonly model: string;
  readonly images: number;
  readonly orders: readonly CurvesOfOrder[];
  /** Of integrated gradients: error as a share of what it should add up to. */
  readonly completeness?: { readonly meanError: number; readonly largestError: number; readonly steps: number };
  readonly randomisation: { readonly images: number; readonly methods: readonly RandomisationOfMethod[] };
}

export interface ExplanationEvaluationOptions {
  /** Default: all that the model allows. */
  readonly methods?: readonly MethodName[];
  readonly options?: MethodOptions;
  /** Images of the check by randomised weights. Default: 100, or all if there are fewer. */
  readonly randomisedImages?: number;
  /** Of random orders and fresh weights. Default 1. */
  readonly seed?: number;
  /** Hears of progress: what is done, of how much. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Images that are explained in one go; between two goes Ctrl-C is heard. */
const TOGETHER = 16;

/**
 * Measures explanations of the classes that a model predicts. Needs a started backend.
 *
 * @param model As `openDifferentiable` takes it; its weights are changed meanwhile, and put back
 * @param images `[count, height, width, channels]`, values from 0 to 1
 * @throws SelvedgeError `explain/…`, `models/initializer`
 * @example
 * ```ts
 * import { evaluateExplanations, loadShippedModel, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const { model } = await loadShippedModel();
 * const images = Float32Array.from({ length: 2 * 784 }, (_, i) => (i % 28 > 8 && i % 28 < 19 ? 0.8 : 0));
 * const { orders } = await evaluateExplanations(model, images, { methods: ['grad-cam'] });
 * console.assert(orders.map(({ order }) => order).join() === 'grad-cam,random,brightness');
 * model.dispose();
 * await engine.stop();
 * ```
 */
export async function evaluateExplanations(
  model: tf.LayersModel,
  images: Float32Array,
  options: ExplanationEvaluationOptions = {},
): Promise<ExplanationEvaluation> {
  const differentiable = openDifferentiable(model);
  const scores = differentiable.scores(images);
  const labels = labelsOf(scores, differentiable.classes);
  const { methods = methodsFor(differentiable), seed = 1, randomisedImages = 100, onProgress } = options;
  if (!Number.isInteger(randomisedImages) || randomisedImages < 0) {
    throw new SelvedgeError(
      'explain/option',
      `Cannot evaluate explanations with ${randomisedImages} randomised images: expected a whole number from 0`,
    );
  }
  const all = { images, labels };
  const some = firstOf(all, Math.min(randomisedImages, labels.length));
  const stages = some.labels.length === 0 ? 0 : randomisedLayers(model).length;
  const total = methods.length * (labels.length + stages * some.labels.length);
  let done = 0;
  const explainer: Explainer = {
    model: differentiable,
    options: options.options ?? {},
    onImages(count) {
      done += count;
      onProgress?.(done, total);
    },
  };
  const maps = new Map<MethodName, Maps>();
  for (const method of methods) maps.set(method, await mapsOf(explainer, all, method));
  const attributed = [...maps.values()].flatMap(({ completeness }) => completeness);
  return {
    model: model.name,
    images: labels.length,
    orders: await drawCurves(model, all, maps, seed),
    ...(attributed.length > 0 ? { completeness: summarise(attributed) } : {}),
    randomisation: {
      images: some.labels.length,
      methods: some.labels.length === 0 ? [] : await randomise(model, explainer, some, maps, seed),
    },
  };
}

interface Explainer {
  readonly model: DifferentiableModel;
  readonly options: MethodOptions;
  onImages(count: number): void;
}

interface Maps {
  readonly values: readonly Float32Array[];
  readonly completeness: readonly Completeness[];
}

function firstOf({ images, labels }: Request, count: number): Request {
  const size = images.length / labels.length;
  return { images: images.subarray(0, count * size), labels: labels.slice(0, count) };
}

interface Request extends ExplainRequest {
  readonly labels: readonly number[];
}

async function mapsOf({ model, options, onImages }: Explainer, all: Request, method: MethodName): Promise<Maps> {
  const values: Float32Array[] = [];
  const completeness: Completeness[] = [];
  const size = all.images.length / all.labels.length;
  for (let start = 0; start < all.labels.length; start += TOGETHER) {
    const labels = all.labels.slice(start, start + TOGETHER);
    const images = all.images.subarray(start * size, (start + labels.length) * size);
    for (const map of explainImages(model, { images, labels }, method, options)) {
      values.push(map.values);
      if (map.completeness) completeness.push(map.completeness);
    }
    onImages(labels.length);
    await platform.giveWay();
  }
  return { values, completeness };
}

function labelsOf(scores: Float32Array, classes: number): number[] {
  return Array.from({ length: scores.length / classes }, (_, row) => {
    const own = scores.subarray(row * classes, (row + 1) * classes);
    return own.indexOf(own.reduce((most, score) => Math.max(most, score)));
  });
}

async function drawCurves(
  model: tf.LayersModel,
  { images, labels }: Request,
  maps: ReadonlyMap<MethodName, Maps>,
  seed: number,
): Promise<CurvesOfOrder[]> {
  const predictor = createPredictor(model);
  const size = images.length / labels.length;
  const names = [...maps.keys(), ...controlNames];
  const channels = model.inputs[0]!.shape.at(-1)!;
  const curves = new Map<string, PerturbationCurves[]>(names.map((name) => [name, []]));
  try {
    for (const [index, label] of labels.entries()) {
      const image = images.subarray(index * size, (index + 1) * size);
      const orders = new Map<string, Int32Array>([
        ['random', shuffledIndices(size / channels, { seed, epoch: index + 1 })],
        ['brightness', rankPlaces(brightnessOf(image, channels), seed)],
        ...[...maps].map(([method, { values }]) => [method, rankPlaces(values[index]!, seed)] as const),
      ]);
      for (const [name, order] of orders) {
        curves
          .get(name)!
          .push(perturbationCurves((seen) => predictor.predict(seen), { image, label, order }, predictor.classes));
      }
      await platform.giveWay();
    }
  } finally {
    predictor.dispose();
  }
  return names.map((order) => summariseCurves(order, curves.get(order)!, curves.get('random')!));
}

function summariseCurves(
  order: CurvesOfOrder['order'],
  curves: readonly PerturbationCurves[],
  random: readonly PerturbationCurves[],
): CurvesOfOrder {
  const shareWhere = (isBetter: (own: PerturbationCurves, other: PerturbationCurves) => boolean): number =>
    curves.filter((own, i) => isBetter(own, random[i]!)).length / curves.length;
  const meanCurve = (of: (own: PerturbationCurves) => readonly number[]): number[] =>
    of(curves[0]!).map((_, step) => meanOf(curves.map((own) => of(own)[step]!)));
  return {
    order,
    deletionArea: meanOfImages(curves.map(({ deletionArea }) => deletionArea)),
    insertionArea: meanOfImages(curves.map(({ insertionArea }) => insertionArea)),
    betterThanRandom: {
      deletion: shareWhere((own, other) => own.deletionArea < other.deletionArea),
      insertion: shareWhere((own, other) => own.insertionArea > other.insertionArea),
    },
    deletion: meanCurve(({ deletion }) => deletion),
    insertion: meanCurve(({ insertion }) => insertion),
  };
}

/** The brightest channel of each place. */
const brightnessOf = (image: Float32Array, channels: number): Float32Array =>
  Float32Array.from({ length: image.length / channels }, (_, place) =>
    image.subarray(place * channels, (place + 1) * channels).reduce((most, value) => Math.max(most, value)),
  );

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of those that are numbers; 0 if none is. */
function meanOfNumbers(values: readonly number[]): number {
  const numbers = values.filter((value) => !Number.isNaN(value));
  return numbers.length === 0 ? 0 : meanOf(numbers);
}

/** 1.96 standard errors to either side. */
function meanOfImages(values: readonly number[]): MeanOfImages {
  const mean = meanOf(values);
  const squares = values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0);
  const error = values.length > 1 ? Math.sqrt(squares / (values.length - 1) / values.length) : 0;
  return { mean, low: mean - 1.96 * error, high: mean + 1.96 * error };
}

function summarise(parts: readonly Completeness[]): NonNullable<ExplanationEvaluation['completeness']> {
  const shares = parts.map(({ error, difference }) => error / Math.max(Math.abs(difference), Number.EPSILON));
  return { meanError: meanOf(shares), largestError: Math.max(...shares), steps: parts[0]!.steps };
}

async function randomise(
  model: tf.LayersModel,
  explainer: Explainer,
  some: Request,
  trained: ReadonlyMap<MethodName, Maps>,
  seed: number,
): Promise<RandomisationOfMethod[]> {
  const found = new Map<MethodName, RandomisationOfMethod['stages'][number][]>(
    [...trained.keys()].map((method) => [method, []]),
  );
  const size = some.images.length / some.labels.length;
  const objects = some.labels.map((_, i) =>
    brightnessOf(some.images.subarray(i * size, (i + 1) * size), explainer.model.shape[2]),
  );
  await cascadeRandomisation(model, seed, async (stage) => {
    for (const [method, { values }] of trained) {
      const fresh = await mapsOf(explainer, some, method);
      const pairs = fresh.values.map((map, i) => [map.map(Math.abs), values[i]!.map(Math.abs)] as const);
      const whole = pairs.map(([map, before]) => rankCorrelation(map, before));
      const onObject = pairs.map(([map, before], i) => {
        const isObject = (_: number, place: number): boolean => objects[i]![place]! > 0;
        return rankCorrelation(map.filter(isObject), before.filter(isObject));
      });
      found.get(method)!.push({
        ...stage,
        correlation: meanOfNumbers(whole),
        correlationOnObject: meanOfNumbers(onObject),
        blankMaps: whole.filter(Number.isNaN).length,
      });
    }
  });
  return [...found].map(([method, stages]) => ({ method, stages }));
}
