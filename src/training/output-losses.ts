// The losses of a model's outputs: which settings of them make sense, and with which model. The arithmetic is in assembly/output-loss.ts.
// Not here: cross-entropy of classifiers with what a regime adds to it (loss.ts).
import { type OutputLoss, outputLossNames } from '../backend/kernels/output-loss.ts';
import type * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { endingOf, endingOfLoss } from '../plan/index.ts';
import type { FitSettings } from './fit-options.ts';

export type { OutputLoss };

/** What settings must fulfil, each with the words for a setting that does not. */
export function outputLossRules(settings: Partial<FitSettings>): [holds: boolean, message: string][] {
  const {
    losses,
    labelSmoothing = 0,
    classWeights,
    focalGamma = 0,
    logitAdjustment = 0,
    distillation,
    mixing,
  } = settings;
  if (!losses) return [];
  const named = losses.find(({ name }) => !outputLossNames.includes(name));
  const isPositive = (value: number): boolean => value > 0 && value < Infinity;
  const share = losses.find((loss) => !((loss.share ?? 1) >= 0 && (loss.share ?? 1) < Infinity));
  const delta = losses.find((loss) => !isPositive(loss.delta ?? 1));
  const isPlain =
    labelSmoothing === 0 && !classWeights && focalGamma === 0 && logitAdjustment === 0 && !distillation && !mixing;
  return [
    [losses.length > 0, 'no losses: expected one an output'],
    [!named, `a loss "${named?.name}": expected one of ${outputLossNames.join(', ')}`],
    [!share, `a share of ${share?.share} for a loss: expected a number from 0`],
    [!delta, `a Huber loss that is linear from ${delta?.delta} on: expected more than 0`],
    [
      isPlain,
      'losses of outputs and label smoothing, class weights, focal loss, logit adjustment, distillation or mixing: expected none of these',
    ],
  ];
}

/**
 * Makes sure that losses are those of a model's outputs.
 *
 * @throws SelvedgeError `training/settings`
 */
export function checkOutputLosses(model: tf.LayersModel, losses: readonly OutputLoss[]): void {
  const refuse = (message: string): SelvedgeError =>
    new SelvedgeError('training/settings', `Cannot train with ${message}`);
  if (losses.length !== model.outputs.length) {
    throw refuse(`${losses.length} losses: expected ${model.outputs.length}, one an output of model "${model.name}"`);
  }
  model.outputs.forEach((output, i) => {
    const loss = losses[i]!;
    const [ending, undone] = [endingOf(output), endingOfLoss(loss)];
    if (undone === undefined || ending === undefined || ending === undone) return;
    throw refuse(
      `a loss "${loss.name}" for output "${output.name}", which ends in a ${ending}: expected a ${undone}, or logits`,
    );
  });
}
