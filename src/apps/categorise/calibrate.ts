// Calibrates a model: what its confidences come to on images that it was not trained on, and a gate for what is strange. Not here: thresholds.
// Invariant: nothing is chosen by the images that were held out but scales and quantiles; made images are made from training images.
import type * as tf from '../../backend/tfjs.ts';
import type { Dataset } from '../../data/dataset.ts';
import { type MadeImageKind, madeImageKinds, makeImages } from '../../data/made-images.ts';
import { weightsDigest } from '../../models/index.ts';
import { createPredictor } from '../../plan/index.ts';
import { type CategoriserCalibration, summarizeAnswers } from './calibration.ts';
import { likeliest, scaled } from './categoriser.ts';
import { fitGate, type OpenGate } from './gate.ts';
import { gateLayersOf, openFeatures, openGateReader } from './gate-network.ts';
import { packGate } from './packed-gate.ts';

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
/** Made images of each kind, at most. */
const MADE_IMAGES = 1000;
/** `measure categorise` and `measure outliers` draw by another. */
const MADE_SEED = 11;

/**
 * Calibrates a model. Needs a started backend.
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
  const predictor = createPredictor(model);
  try {
    const { labels, confidences } = likeliest(predictor.predict(scaled(held.images)), classes);
    const isRight = Array.from(labels, (label, i) => label === held.labels[i]);
    const answers = summarizeAnswers(confidences, isRight);
    const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
    labels.forEach((predicted, i) => {
      confusion[held.labels[i]!]![predicted]!++;
    });
    const opened = fitOpenGate(model, training, classes);
    if (!opened) return { weights, on, answers, confusion };
    const reader = openGateReader(model, opened);
    const { scores } = reader.read(scaled(held.images));
    reader.dispose();
    return { weights, on, answers, confusion, gate: packGate(opened, scores, weights) };
  } finally {
    predictor.dispose();
  }
}

function fitOpenGate(model: tf.LayersModel, training: Dataset, classes: number): OpenGate | undefined {
  const layers = gateLayersOf(model);
  const features = openFeatures(model, layers);
  if (!features) return undefined;
  const { images, labels, height, width, channels } = training;
  const count = Math.min(GATE_IMAGES, training.count);
  const imageBytes = height * width * channels;
  try {
    // Kinds of made images are of one channel.
    const made = channels === 1 ? Object.keys(madeImageKinds).map((kind) => madeOf(kind as MadeImageKind)) : [];
    return fitGate({
      layers,
      widths: features.widths,
      training: features.read(scaled(images.subarray(0, count * imageBytes))),
      labels: labels.subarray(0, count),
      classes,
      made: Float32Array.from(made.flatMap((rows) => Array.from(rows))),
    });
  } finally {
    features.dispose();
  }

  function madeOf(kind: MadeImageKind): Float32Array {
    const some = Math.min(MADE_IMAGES, training.count);
    return features!.read(scaled(makeImages({ kind, count: some, seed: MADE_SEED, width, height, real: images })));
  }
}
