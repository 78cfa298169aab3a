// A model as a categoriser: class, confidence, and how strange a picture is. Not here: shards, thresholds (calibration.ts), the gate (gate.ts).
// Invariant: an image has the same answer in every batch and at any number of threads; models stay the caller's.
import type * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { naturalExponential } from '../../core/exponential.ts';
import { sha256 } from '../../core/sha256.ts';
import { type Preparation, usualPreparation } from '../../data/preparation.ts';
import { type ShippedName, weightsDigest } from '../../models/index.ts';
import { readShippedFile } from '../../models/shipped.ts';
import { createPredictor, restoreModel } from '../../plan/index.ts';
import { readShippedCalibration } from '../shipped-calibration.ts';
import type { CategoriserCalibration } from './calibration.ts';
import type { Categorised, Categoriser } from './categorise-shard.ts';
import { combineScores } from './gate.ts';
import { openGateReader } from './gate-network.ts';
import { type CalibrationGate, openGate } from './packed-gate.ts';

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
  const digest = await sha256(JSON.stringify(['categorise/2', weights, classNames, preparation, gate?.gate ?? null]));
  const opened = gate && openGate(gate.gate);
  const reader = gate && openGateReader(gate.network, opened!);
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
      return {
        ...likeliest(probabilities, classes),
        ...(seen ? { outliers: combineScores(seen.scores, opened!.scales) } : {}),
      };
    },
    dispose() {
      reader?.dispose();
      predictor?.dispose();
    },
  };
}

const scaledBytes = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/** Levels from 0 to 1. */
export function scaled(images: Uint8Array, values = new Float32Array(images.length)): Float32Array {
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

/** The class of most probability, and that. */
export function likeliest(
  probabilities: Float32Array,
  classes: number,
): { labels: Int32Array; confidences: Float32Array } {
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

/** A shipped categoriser, and what it was calibrated on. */
export interface ShippedCategoriser extends OpenCategoriser {
  readonly calibration: CategoriserCalibration;
}

/**
 * Opens a model that ships as a categoriser, with its calibration. Needs a started backend.
 *
 * @param name `dropout`, fast; or `distilled` or `best`, which are asked for the class alone: strange pictures are told by the features of `dropout`
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
