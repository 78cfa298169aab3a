// Two evaluations of the same samples side by side: differences, F1 by class, and whether chance explains them.
// Pure; plain serialisable result. Invariant: differences are second minus first.
import { SelvedgeError } from '../core/errors.ts';
import type { Evaluation } from './evaluate.ts';
import { type McNemar, mcNemar } from './statistics.ts';

/** One quantity of both models. */
export interface Compared {
  readonly name: string;
  readonly first: number;
  readonly second: number;
  /** `second - first`. */
  readonly difference: number;
}

/** Result of a comparison; JSON holds it whole. */
export interface EvaluationComparison {
  readonly first: string;
  readonly second: string;
  readonly dataset: string;
  readonly count: number;
  /** Loss, accuracy, right and wrong samples, macro and weighted F1. */
  readonly totals: readonly Compared[];
  /** F1 of each class, in the order of the classes. */
  readonly f1: readonly Compared[];
  readonly bothRight: number;
  readonly bothWrong: number;
  readonly mcNemar: McNemar;
}

/**
 * Compares two evaluations of the same samples in the same order.
 *
 * @param first Evaluation of one model
 * @param second Evaluation of the other
 * @throws {SelvedgeError} `evaluation/different-sets` where the samples or classes are not the same
 * @example
 * ```ts
 * import { compareEvaluations, evaluateModel, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const set = { name: 'test', classNames: ['cat', 'dog'], labels: [0, 1] };
 * const first = await evaluateModel(() => Float32Array.of(0.9, 0.1, 0.7, 0.3), set, { model: 'first' });
 * const second = await evaluateModel(() => Float32Array.of(0.9, 0.1, 0.4, 0.6), set, { model: 'second' });
 * const { totals, mcNemar } = compareEvaluations(first, second);
 * console.assert(totals[1]!.difference === 0.5 && mcNemar.pValue === 1);
 * await engine.stop();
 * ```
 */
export function compareEvaluations(first: Evaluation, second: Evaluation): EvaluationComparison {
  const truth = first.predictions.truth;
  const sameTruth =
    truth.length === second.predictions.truth.length &&
    truth.every((label, sample) => label === second.predictions.truth[sample]);
  const sameNames = first.classNames.join('\n') === second.classNames.join('\n');
  if (!sameTruth || !sameNames) {
    throw new SelvedgeError(
      'evaluation/different-sets',
      `Cannot compare "${first.model}" with "${second.model}": expected the same samples and classes, got ${first.count} of "${first.dataset}" and ${second.count} of "${second.dataset}"`,
    );
  }
  const compare = (name: string, value: (evaluation: Evaluation) => number): Compared => ({
    name,
    first: value(first),
    second: value(second),
    difference: value(second) - value(first),
  });
  const agreement = agreementOf(first, second);
  return {
    first: first.model,
    second: second.model,
    dataset: second.dataset,
    count: second.count,
    totals: [
      compare('Loss', (evaluation) => evaluation.loss),
      compare('Accuracy', (evaluation) => evaluation.accuracy),
      compare('Correct', (evaluation) => evaluation.correct),
      compare('Incorrect', (evaluation) => evaluation.incorrect),
      compare('Macro F1', (evaluation) => evaluation.scores.macro['f1-score']),
      compare('Weighted F1', (evaluation) => evaluation.scores.weighted['f1-score']),
    ],
    f1: first.classNames.map((name, label) => compare(name, ({ scores }) => scores.classes[label]!['f1-score'])),
    bothRight: agreement.bothRight,
    bothWrong: agreement.bothWrong,
    mcNemar: mcNemar(agreement.onlyFirst, agreement.onlySecond),
  };
}

function agreementOf(first: Evaluation, second: Evaluation) {
  const tally = { bothRight: 0, bothWrong: 0, onlyFirst: 0, onlySecond: 0 };
  first.predictions.truth.forEach((label, sample) => {
    const firstRight = first.predictions.label[sample] === label;
    const secondRight = second.predictions.label[sample] === label;
    if (firstRight) tally[secondRight ? 'bothRight' : 'onlyFirst']++;
    else tally[secondRight ? 'onlySecond' : 'bothWrong']++;
  });
  return tally;
}
