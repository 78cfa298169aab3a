// Small models for tests of plans with sums and batch normalisation, and the comparison of a plan's steps with those op by op.
// Not here: training. Invariant: same weights on every call, gamma and beta away from one and zero.
import * as tf from '@tensorflow/tfjs';
import * as assert from 'uvu/assert';
import { initializeWeights } from '../../../src/models/index.ts';
import { noise } from '../../backend/kernels/oracle.ts';
import { noiseStep, runOpByOp, runPlanned } from '../both-roads.ts';

type Symbolic = tf.SymbolicTensor;

export const CLASSES = 10;

/** A model that ends in a dense layer. */
export function modelOf(
  shape: readonly [height: number, width: number, channels: number],
  body: (x: Symbolic) => Symbolic,
): tf.LayersModel {
  const input = tf.input({ shape: [...shape] });
  const made = body(input);
  const vector = made.shape.length > 2 ? apply(tf.layers.flatten(), made) : made;
  const outputs = apply(tf.layers.dense({ units: CLASSES, activation: 'softmax' }), vector);
  const model = tf.model({ inputs: input, outputs });
  initializeWeights(model, 1);
  for (const [i, weight] of model.weights.entries()) {
    if (!/gamma|beta/.test(weight.name)) continue;
    tf.tidy(() => {
      weight.write(weight.read().add(tf.tensor1d(noise(weight.shape[0]!, i)).mul(0.5)));
    });
  }
  return model;
}

const apply = (layer: tf.layers.Layer, x: Symbolic | Symbolic[]): Symbolic => layer.apply(x) as Symbolic;

type BatchNormOptions = Parameters<typeof tf.layers.batchNormalization>[0];

export const normalise = (x: Symbolic, options: BatchNormOptions = {}): Symbolic =>
  apply(tf.layers.batchNormalization(options), x);

export const relu = (x: Symbolic): Symbolic => apply(tf.layers.reLU(), x);

export const activate = (x: Symbolic, activation: 'elu' | 'tanh' | 'sigmoid' | 'relu6'): Symbolic =>
  apply(tf.layers.activation({ activation }), x);

export const add = (...values: Symbolic[]): Symbolic => apply(tf.layers.add(), values);

export const pool = (x: Symbolic): Symbolic => apply(tf.layers.maxPooling2d({ poolSize: 2 }), x);

export const drop = (x: Symbolic): Symbolic => apply(tf.layers.dropout({ rate: 0.3 }), x);

export const flatten = (x: Symbolic): Symbolic => apply(tf.layers.flatten(), x);

export const dense = (x: Symbolic, units: number): Symbolic => apply(tf.layers.dense({ units, useBias: false }), x);

/** 3x3, of the size of its input. */
export const convolve = (x: Symbolic, filters = 16): Symbolic =>
  apply(tf.layers.conv2d({ filters, kernelSize: 3, padding: 'same', useBias: false }), x);

const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/** What the rounding of a weight of about one leaves of a change. */
const ROUNDING = 1e-7;

/** Asserts that a step by the plan changes every weight and every moving average as the step op by op does. */
export function assertSameStep(
  build: () => tf.LayersModel,
  { size, capacity = size, tolerance = 2e-5 }: { size: number; capacity?: number; tolerance?: number },
): void {
  const models = [build(), build()] as const;
  const [height, width, channels] = models[0].inputs[0]!.shape.slice(1) as [number, number, number];
  const step = noiseStep([size, height, width, channels], { classes: CLASSES, seed: 5, learningRate: 1 });
  const [expected] = runOpByOp(models[0], [step]);
  const planned = runPlanned(models[1], [step], { capacity });
  if ('reason' in planned) throw new Error(`Expected a plan, got none: ${planned.reason}`);
  const [actual] = planned;
  assert.ok(Math.abs(actual!.lossSum - expected!.lossSum) <= 1e-5 * expected!.lossSum + 1e-6, 'loss');
  assert.is(actual!.hits, expected!.hits);
  models[0].weights.forEach(({ name }, i) => {
    const change = expected!.changes[i]!;
    const error = norm(change.map((value, k) => value - actual!.changes[i]![k]!));
    const allowed = tolerance * norm(change) + ROUNDING * Math.sqrt(change.length);
    assert.ok(error <= allowed, `${name}, ${size} of ${capacity} images: ${error} beside ${norm(change)}`);
  });
  tf.dispose([step.x, step.y]);
  for (const model of models) model.dispose();
}
