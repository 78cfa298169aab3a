// What is left of an accuracy on corrupted images: by kind, by strength and in the mean. Pure. Not here: corrupting and predicting.
// Invariant: every kind weighs the same in the mean, and so does every strength of a kind.
import { SelvedgeError } from '../core/errors.ts';
import { type Interval, wilsonInterval95 } from './statistics.ts';

/** Right answers under one corruption at one strength. */
export interface CorruptionCell {
  readonly kind: string;
  readonly group: string;
  /** What `amount` counts. */
  readonly unit: string;
  /** From 1. */
  readonly strength: number;
  readonly amount: number;
  readonly correct: number;
}

interface Share {
  readonly accuracy: number;
  readonly accuracyInterval95: Interval;
}

/** Robustness of a model. */
export interface Robustness {
  readonly count: number;
  readonly clean: Share & { readonly correct: number };
  readonly meanAccuracy: number;
  /** `meanAccuracy` over the accuracy on clean images. */
  readonly relativeAccuracy: number;
  /** Mean by strength, the mildest first. */
  readonly byStrength: readonly number[];
  readonly kinds: readonly {
    readonly kind: string;
    readonly group: string;
    readonly unit: string;
    readonly meanAccuracy: number;
    readonly strengths: readonly (Share & {
      readonly strength: number;
      readonly amount: number;
      readonly correct: number;
    })[];
  }[];
}

/**
 * Summarises accuracies under corruption.
 *
 * @param cleanCorrect Right answers on images as they are
 * @param count Images, the same for all
 * @param cells One a kind and strength; every kind at the same strengths
 * @throws {SelvedgeError} `evaluation/empty`, `evaluation/shape`
 * @see https://arxiv.org/abs/1903.12261
 * @example
 * ```ts
 * import { summarizeRobustness } from 'selvedge';
 * const cell = { kind: 'noise', group: 'noise', unit: 'levels', amount: 9 };
 * const { meanAccuracy } = summarizeRobustness(9, 10, [{ ...cell, strength: 1, correct: 8 }, { ...cell, strength: 2, correct: 4 }]);
 * console.assert(Math.abs(meanAccuracy - 0.6) < 1e-12);
 * ```
 */
export function summarizeRobustness(cleanCorrect: number, count: number, cells: readonly CorruptionCell[]): Robustness {
  if (count < 1 || cells.length === 0) {
    throw new SelvedgeError(
      'evaluation/empty',
      `Cannot summarise robustness: expected images and corruptions, got ${count} and ${cells.length}`,
    );
  }
  const share = (correct: number): Share => ({
    accuracy: correct / count,
    accuracyInterval95: wilsonInterval95(correct, count),
  });
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const names = [...new Set(cells.map(({ kind }) => kind))];
  const kinds = names.map((kind) => {
    const ofKind = cells.filter((cell) => cell.kind === kind);
    const strengths = ofKind.map(({ strength, amount, correct }) => ({ strength, amount, correct, ...share(correct) }));
    const { group, unit } = ofKind[0]!;
    return { kind, group, unit, meanAccuracy: mean(strengths.map(({ accuracy }) => accuracy)), strengths };
  });
  const steps = kinds[0]!.strengths.length;
  const uneven = kinds.find(({ strengths }) => strengths.length !== steps);
  if (uneven) {
    throw new SelvedgeError(
      'evaluation/shape',
      `Cannot summarise robustness: expected ${steps} strengths of "${uneven.kind}", got ${uneven.strengths.length}`,
    );
  }
  const meanAccuracy = mean(kinds.map((kind) => kind.meanAccuracy));
  return {
    count,
    clean: { correct: cleanCorrect, ...share(cleanCorrect) },
    meanAccuracy,
    relativeAccuracy: cleanCorrect === 0 ? 0 : (meanAccuracy * count) / cleanCorrect,
    byStrength: Array.from({ length: steps }, (_, step) =>
      mean(kinds.map(({ strengths }) => strengths[step]!.accuracy)),
    ),
    kinds,
  };
}
