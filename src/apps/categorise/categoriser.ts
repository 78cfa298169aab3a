// A model as a categoriser: class, confidence, and how strange a picture is. Not here: shards, thresholds (calibration.ts).
// Invariant: an image has the same answer in every batch and at any number of threads; models stay the caller's.
import * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { naturalExponential } from '../../core/exponential.ts';
import { sha256 } from '../../core/sha256.ts';
import type { Dataset } from '../../data/dataset.ts';
import { type Preparation, usualPreparation } from '../../data/preparation.ts';
import { lastDenseOf, replaceLastDense, type ShippedName, weightsDigest } from '../../models/index.ts';
import { readShippedFile } from '../../models/shipped.ts';
import { createNetworkPredictor, createPredictor, restoreModel } from '../../plan/index.ts';
import { readShippedCalibration } from '../shipped-calibration.ts';
import {
  type CalibrationGate,
  type CategoriserCalibration,
  fitGate,
  type OpenGate,
  openGate,
  packGate,
  summarizeAnswers,
} from './calibration.ts';
import type { Categorised, Categoriser } from './categorise-shard.ts';

/** A categoriser that owns memory: dispose it. */
export interface OpenCategoriser extends Categoriser {
  categorise(images: Uint8Array): Categorised;
  dispose(): void;
}

/** A network and what tells strange pictures by its features. */
export interface GateNetwork {
  readonly network: tf.LayersModel;
  readonly gate: CalibrationGate;
}

export interface OpenCategoriserOptions {
  readonly classNames: readonly string[];
  readonly preparation: Preparation;
  /** The model's own network, or another that takes the same images; default: strangeness is not told. */
  readonly gate?: GateNetwork | undefined;
}

/**
 * Makes a model a categoriser. Needs a started backend.
 *
 * @param model One input of images, one output of class probabilities; it stays the caller's
 * @returns A categoriser, which the caller disposes before the model
 * @throws SelvedgeError `categorise/calibration` for a gate of another network, `predictor/shape`
 */
export async function openCategoriser(
  model: tf.LayersModel,
  { classNames, preparation, gate }: OpenCategoriserOptions,
): Promise<OpenCategoriser> {
  const weights = await weightsDigest(model);
  if (gate && (await weightsDigest(gate.network)) !== gate.gate.weights) {
    throw new SelvedgeError(
      'categorise/calibration',
      `Cannot categorise by "${model.name}": its calibration is of other weights; calibrate again`,
    );
  }
  const digest = await sha256(JSON.stringify(['categorise/1', weights, classNames, preparation, gate?.gate ?? null]));
  const reader = gate ? openReader(gate.network, openGate(gate.gate)) : undefined;
  const isOwn = gate?.network === model;
  const predictor = isOwn ? undefined : createPredictor(model);
  const classes = classNames.length;
  /** Kept from call to call: what is thrown away by the million stays until the collector comes. */
  let room = new Float32Array(0);
  return {
    digest,
    classNames,
    preparation,
    categorise(images) {
      if (room.length < images.length) room = new Float32Array(images.length);
      const levels = scaled(images, room.subarray(0, images.length));
      const seen = reader?.read(levels);
      const probabilities = predictor ? predictor.predict(levels) : softmaxRows(seen!.logits, classes);
      return { ...likeliest(probabilities, classes), ...(seen ? { outliers: seen.distances } : {}) };
    },
    dispose() {
      reader?.dispose();
      predictor?.dispose();
    },
  };
}

const scaledBytes = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

function scaled(images: Uint8Array, values = new Float32Array(images.length)): Float32Array {
  for (let i = 0; i < images.length; i++) values[i] = scaledBytes[images[i]!]!;
  return values;
}

function softmaxRows(logits: Float32Array, classes: number): Float32Array {
  const probabilities = new Float32Array(logits.length);
  for (let first = 0; first < logits.length; first += classes) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let i = first; i < first + classes; i++) largest = Math.max(largest, logits[i]!);
    let sum = 0;
    for (let i = first; i < first + classes; i++) sum += probabilities[i] = naturalExponential(logits[i]! - largest);
    for (let i = first; i < first + classes; i++) probabilities[i]! /= sum;
  }
  return probabilities;
}

function likeliest(probabilities: Float32Array, classes: number): { labels: Int32Array; confidences: Float32Array } {
  const count = probabilities.length / classes;
  const labels = new Int32Array(count);
  const confidences = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let best = 0;
    for (let c = 1; c < classes; c++)
      if (probabilities[i * classes + c]! > probabilities[i * classes + best]!) best = c;
    labels[i] = best;
    confidences[i] = probabilities[i * classes + best]!;
  }
  return { labels, confidences };
}

interface Reading {
  readonly logits: Float32Array;
  /** To the nearest class. */
  readonly distances: Float64Array;
}

/** Images that go through a network at once: more than its default, for shards have many. */
const BATCH_SIZE = 256;

/** Reads logits and distances out of a network whose last layer is dense. */
function openReader(network: tf.LayersModel, { whitening, means }: OpenGate) {
  const last = lastDenseOf(network);
  const width = Math.sqrt(whitening.length);
  if (!last || last.width !== width) {
    throw new SelvedgeError(
      'categorise/calibration',
      `Cannot use the calibration with "${network.name}": expected features of width ${width}, got ${last?.width ?? 'none'}`,
    );
  }
  // Columns: features whitened; logits.
  const columns = width + last.classes;
  const kernel = new Float32Array(width * columns);
  const bias = new Float32Array(columns);
  for (let i = 0; i < width; i++) {
    for (let j = 0; j < width; j++) kernel[i * columns + j] = whitening[j * width + i]!;
    for (let c = 0; c < last.classes; c++) kernel[i * columns + width + c] = last.kernel[i * last.classes + c]!;
  }
  bias.set(last.bias, width);
  const replaced = replaceLastDense(network, { kernel, bias });
  const predictor = createNetworkPredictor(replaced.network, { batchSize: BATCH_SIZE });
  return {
    read(levels: Float32Array): Reading {
      const [features, values] = predictor.predict(levels) as [Float32Array, Float32Array];
      const count = values.length / columns;
      const logits = new Float32Array(count * last.classes);
      const distances = new Float64Array(count);
      for (let i = 0; i < count; i++) {
        const row = values.subarray(i * columns, (i + 1) * columns);
        distances[i] = distanceOf(features.subarray(i * width, (i + 1) * width), row, means);
        logits.set(row.subarray(width), i * last.classes);
      }
      return { logits, distances };
    },
    dispose() {
      predictor.dispose();
      replaced.dispose();
    },
  };
}

/** Of features, which are `whitened`, to the nearest of the means. */
function distanceOf(features: Float32Array, whitened: Float32Array, means: Float32Array): number {
  const width = features.length;
  let square = 0;
  for (let i = 0; i < width; i++) square += features[i]! * features[i]!;
  const scale = square === 0 ? 0 : 1 / Math.sqrt(square);
  let least = Number.POSITIVE_INFINITY;
  for (let first = 0; first < means.length; first += width) {
    let sum = 0;
    for (let i = 0; i < width; i++) {
      const difference = whitened[i]! * scale - means[first + i]!;
      sum += difference * difference;
    }
    if (sum < least) least = sum;
  }
  return Math.sqrt(least);
}

/** A shipped categoriser, and what it was calibrated on. */
export interface ShippedCategoriser extends OpenCategoriser {
  readonly calibration: CategoriserCalibration;
}

/**
 * Opens a model that ships as a categoriser, with its calibration. Needs a started backend.
 *
 * @param name `dropout`, fast; or `best`, which is asked for the class alone: strange pictures are told by the features of `dropout`
 * @returns A categoriser, which the caller disposes
 * @throws SelvedgeError `models/shipped`
 * @example
 * ```ts
 * import { startBackend } from 'selvedge';
 * import { chooseThresholds, openShippedCategoriser } from 'selvedge/apps';
 * const engine = await startBackend({ threads: 1 });
 * const categoriser = await openShippedCategoriser('dropout');
 * const { labels, confidences } = categoriser.categorise(Uint8Array.from({ length: 784 }, (_, i) => i % 256));
 * const { confidence } = chooseThresholds(categoriser.calibration, { errorRate: 0.02, falseAlarms: 0.01 });
 * console.assert(labels.length === 1 && confidences[0]! <= 1 && confidence > 0.5);
 * categoriser.dispose();
 * await engine.stop();
 * ```
 */
export async function openShippedCategoriser(name: ShippedName = 'dropout'): Promise<ShippedCategoriser> {
  const [calibration, gated] = await Promise.all([readShippedCalibration(name), readShippedCalibration('dropout')]);
  const { model: network, description } = await restoreModel(await readShippedFile('dropout'));
  const other = name === 'dropout' ? undefined : await restoreModel(await readShippedFile(name));
  const model = other?.model ?? network;
  const classNames = (other?.description ?? description).labels;
  const dispose = (): void => {
    network.dispose();
    other?.model.dispose();
  };
  try {
    const gate = gated.gate && { network, gate: gated.gate };
    const categoriser = await openCategoriser(model, { classNames, preparation: usualPreparation, gate });
    return {
      ...categoriser,
      calibration: { ...calibration, gate: gated.gate },
      dispose() {
        categoriser.dispose();
        dispose();
      },
    };
  } catch (error) {
    dispose();
    throw error;
  }
}

export interface CalibrateOptions {
  /** Images that the model was trained on. */
  readonly training: Dataset;
  /** Images that it was not trained on. */
  readonly held: Dataset;
  /** Which images `held` are, in words. */
  readonly on: string;
}

/** Training images that a gate is fitted to, at most. */
const GATE_IMAGES = 20_000;

/**
 * Calibrates a model on images that it was not trained on. Needs a started backend.
 *
 * @returns The calibration; without a gate where the model does not end in a dense layer with a plan
 * @throws SelvedgeError `categorise/calibration`
 */
export async function calibrate(
  model: tf.LayersModel,
  { training, held, on }: CalibrateOptions,
): Promise<CategoriserCalibration> {
  const weights = await weightsDigest(model);
  const classes = held.classNames.length;
  const opened = fitOpenGate(model, training, classes);
  const predictor = createPredictor(model);
  try {
    const probabilities = predictor.predict(scaled(held.images));
    const { labels, confidences } = likeliest(probabilities, classes);
    const isRight = Array.from(labels, (label, i) => label === held.labels[i]);
    const answers = summarizeAnswers(confidences, isRight);
    const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
    labels.forEach((predicted, i) => {
      confusion[held.labels[i]!]![predicted]!++;
    });
    if (!opened) return { weights, on, answers, confusion };
    const reader = openReader(model, opened);
    const { distances } = reader.read(scaled(held.images));
    reader.dispose();
    return { weights, on, answers, confusion, gate: packGate(opened, distances, weights) };
  } finally {
    predictor.dispose();
  }
}

function fitOpenGate(model: tf.LayersModel, training: Dataset, classes: number): OpenGate | undefined {
  const last = lastDenseOf(model);
  if (!last) return undefined;
  const count = Math.min(GATE_IMAGES, training.count);
  const imageBytes = training.images.length / training.count;
  const predictor = createNetworkPredictor(tf.model({ inputs: model.inputs, outputs: last.features }), {
    batchSize: BATCH_SIZE,
  });
  try {
    // Op by op, an image need not have the same distance in every batch.
    if (predictor.unplanned !== undefined) return undefined;
    const [features] = predictor.predict(scaled(training.images.subarray(0, count * imageBytes)));
    return fitGate(features!, training.labels.subarray(0, count), classes);
  } finally {
    predictor.dispose();
  }
}
