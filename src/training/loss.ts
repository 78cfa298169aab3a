// What is minimised: the settings of the loss, which of them make sense, and what they become for a data set. The arithmetic is in
// assembly/weighted-cross-entropy.ts. Invariant: validation measures plain cross-entropy, whatever is minimised.
import { currentBackend } from '../backend/index.ts';
import type { Distillation, LossOptions } from '../backend/kernels/weighted-cross-entropy.ts';
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { naturalLogarithm } from '../core/exponential.ts';
import type { Examples } from '../data/index.ts';

/** What a regime says of the loss that is minimised. */
export interface LossSettings {
  /**
   * Share of each label that is spread evenly over all classes. The validation loss is of the labels as they are, so that runs can be
   * compared.
   */
  readonly labelSmoothing: number;
  /**
   * What the label of each class counts: a factor a class, in their order, or `balanced`: examples / (classes * examples of the class),
   * as scikit-learn has it. As PyTorch does with soft labels, and Keras, the sum over a batch is divided by its size, not by the weights.
   */
  readonly classWeights?: 'balanced' | readonly number[];
  /** Exponent of (1 - p) in focal loss (Lin et al. 2017): what is told well counts less. Default: 0, which is cross-entropy. */
  readonly focalGamma?: number;
  /**
   * Logit adjustment (Menon et al. 2021, https://arxiv.org/abs/2007.07314), its tau: the labels' part of the loss is of the logits plus
   * tau times the logarithm of each class's share of the training examples, so that the logits themselves, by which the model tells
   * classes, favour none for being frequent. Neither a teacher's part nor hits are of adjusted logits. Default: 0, which is none.
   */
  readonly logitAdjustment?: number;
  /**
   * Learns from a teacher, too (Hinton et al. 2015): its share of the loss is temperature^2 times the Kullback-Leibler divergence of its
   * probabilities and the model's, both of logits divided by the temperature. Needs `FitOptions.teacher`.
   */
  readonly distillation?: TaughtBy;
}

/** How much a teacher says, and how often it is asked. */
export interface TaughtBy extends Distillation {
  /**
   * Asked once about each image, as it is in the data, and not in each epoch about what augmentation made of it: of use where the teacher
   * takes longer than the training itself. Not with mixed images. Default: false.
   */
  readonly once?: boolean;
}

const LARGEST_GAMMA = 100;
const LARGEST_TAU = 100;
const LARGEST_TEMPERATURE = 1000;

/** A teacher's part where nobody says otherwise. */
export const distillationDefaults: TaughtBy = { temperature: 4, share: 0.9 };

/**
 * What settings of a loss must fulfil, each with the words for a setting that does not.
 *
 * @param classes Of the model, where it is known
 */
export function lossRules(settings: LossSettings, classes?: number): [holds: boolean, message: string][] {
  const { labelSmoothing, classWeights, focalGamma = 0, logitAdjustment = 0, distillation } = settings;
  const { temperature, share } = distillation ?? distillationDefaults;
  const weights = Array.isArray(classWeights) ? (classWeights as readonly number[]) : undefined;
  const isWeight = (value: number): boolean => value >= 0 && value < Infinity;
  const bad = weights?.find((value) => !isWeight(value));
  return [
    [
      labelSmoothing >= 0 && labelSmoothing < 1,
      `a label smoothing of ${labelSmoothing}: expected from 0 up to, not including, 1`,
    ],
    [
      classWeights === undefined || classWeights === 'balanced' || weights !== undefined,
      `class weights "${String(classWeights)}": expected balanced, or a list of numbers`,
    ],
    [bad === undefined, `a class weight of ${bad}: expected a number from 0`],
    [weights === undefined || weights.some((value) => value > 0), 'class weights of 0: expected one of them above 0'],
    [
      weights === undefined || classes === undefined || weights.length === classes,
      `${weights?.length} class weights: expected ${classes}, one a class`,
    ],
    [
      focalGamma >= 0 && focalGamma <= LARGEST_GAMMA,
      `a focal loss of gamma ${focalGamma}: expected from 0 to ${LARGEST_GAMMA}`,
    ],
    [
      logitAdjustment >= 0 && logitAdjustment <= LARGEST_TAU,
      `a logit adjustment of tau ${logitAdjustment}: expected from 0 to ${LARGEST_TAU}`,
    ],
    [
      temperature > 0 && temperature <= LARGEST_TEMPERATURE,
      `a teacher at a temperature of ${temperature}: expected above 0, up to ${LARGEST_TEMPERATURE}`,
    ],
    [share >= 0 && share <= 1, `a teacher's share of ${share} in the loss: expected from 0 to 1`],
  ];
}

/** Whatever the loss is weighted by, in words; nothing for plain cross-entropy. */
export function describeLoss(settings: LossSettings): string {
  const { labelSmoothing, classWeights, focalGamma = 0, logitAdjustment = 0, distillation } = settings;
  const weights = classWeights === 'balanced' ? 'in balance' : classWeights?.join(', ');
  return [
    focalGamma > 0 ? `focal, gamma ${focalGamma}` : '',
    labelSmoothing > 0 ? `labels smoothed by ${labelSmoothing}` : '',
    weights === undefined ? '' : `classes weighted ${weights}`,
    logitAdjustment > 0 ? `logits adjusted by the shares of classes, tau ${logitAdjustment}` : '',
    distillation === undefined
      ? ''
      : `${distillation.share} of it by a teacher at temperature ${distillation.temperature}${distillation.once ? ', asked once about each image' : ''}`,
  ]
    .filter((part) => part !== '')
    .join(', ');
}

/**
 * The loss for these examples.
 *
 * @param classes Of the model
 * @throws SelvedgeError `training/settings`
 */
export function lossOf(settings: LossSettings, training: Examples, classes: number): LossOptions {
  for (const [holds, message] of lossRules(settings, classes)) {
    if (!holds) throw new SelvedgeError('training/settings', `Cannot train with ${message}`);
  }
  const { labelSmoothing, classWeights, focalGamma, logitAdjustment: tau = 0, distillation } = settings;
  const counts = classWeights === 'balanced' || tau > 0 ? countsOf(training, classes) : [];
  const weights = classWeights === 'balanced' ? balancedWeights(counts) : classWeights;
  return {
    labelSmoothing,
    ...(weights === undefined ? {} : { classWeights: weights }),
    ...(focalGamma === undefined ? {} : { focalGamma }),
    ...(tau === 0 ? {} : { adjustment: sharesOf(counts).map((share) => tau * naturalLogarithm(share)) }),
    ...(distillation === undefined ? {} : { distillation }),
  };
}

function balancedWeights(counts: readonly number[]): number[] {
  requireEach(counts, 'balanced class weights', 'give a list of weights');
  const sum = sumOf(counts);
  return counts.map((count) => sum / (counts.length * count));
}

/** Shares of the classes in the training examples: their prior probabilities. */
function sharesOf(counts: readonly number[]): number[] {
  requireEach(counts, 'logit adjustment', 'its share has no logarithm');
  const sum = sumOf(counts);
  return counts.map((count) => count / sum);
}

function requireEach(counts: readonly number[], what: string, rest: string): void {
  const missing = counts.indexOf(0);
  if (missing < 0) return;
  throw new SelvedgeError(
    'training/settings',
    `Cannot train with ${what}: class ${missing} has no training example; ${rest}`,
  );
}

const sumOf = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

/** Examples at a time, where labels come with their images. */
const BATCH = 1000;

/** How many examples each class has, parts of soft labels counted as such. */
function countsOf(training: Examples, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  const positions = Int32Array.from({ length: training.count }, (_, i) => i);
  if (training.source) {
    const { indicesOf, bytes } = training.source;
    const indices = indicesOf(positions);
    const labels = currentBackend().bytes(bytes.labels, indices.reduce((most, index) => Math.max(most, index), 0) + 1);
    for (const index of indices) counts[labels[index]!]!++;
    return counts;
  }
  for (let start = 0; start < positions.length; start += BATCH) {
    const { x, y } = training.batch(positions.subarray(start, start + BATCH));
    const labels = y.dataSync();
    tf.dispose([x, y]);
    labels.forEach((value, i) => {
      counts[i % classes]! += value;
    });
  }
  return counts;
}
