// Which labels are likely wrong, by confident learning: probabilities from models that have not seen an image say what it is, and are
// held against what its label says. Pure. Not here: making such probabilities (src/experiments/out-of-fold.ts).
// Source: C. Northcutt, L. Jiang and I. Chuang, "Confident learning", JAIR 70, 2021, arXiv 1911.00068; ranks by self-confidence, as the
// package cleanlab does by default. Invariant: orders are total, so that the same probabilities give the same list.
import { checkProbabilities, type LabelledProbabilities } from './check-probabilities.ts';

/** A label that is likely wrong. */
export interface LabelIssue {
  readonly sample: number;
  readonly label: number;
  /** The class that it seems to be. */
  readonly suggested: number;
  /** Probability of its label. */
  readonly selfConfidence: number;
  /** Probability of the suggested class. */
  readonly probability: number;
}

export interface LabelErrors {
  /** Mean probability of each class over the samples that have its label: what is above counts as that class. */
  readonly thresholds: readonly number[];
  /** Samples that count, `[label][class]`. */
  readonly confidentJoint: readonly (readonly number[])[];
  /** The joint distribution of label and class, after every row was scaled to the samples of its label. */
  readonly joint: readonly (readonly number[])[];
  /** Share of wrong labels by the joint distribution. */
  readonly noiseRate: number;
  /** Samples off the diagonal of the confident joint, the least self-confident first. */
  readonly issues: readonly LabelIssue[];
  /** All samples, the least self-confident first. */
  readonly ranking: Int32Array;
}

/**
 * Finds label errors.
 *
 * @param of Probabilities out of fold, and the labels as they are given
 * @throws {SelvedgeError} `evaluation/empty`, `evaluation/shape`, `evaluation/label`, `evaluation/nan`
 * @see https://arxiv.org/abs/1911.00068
 * @example
 * ```ts
 * import { findLabelErrors } from 'selvedge';
 * const probabilities = Float32Array.of(0.9, 0.1, 0.8, 0.2, 0.1, 0.9, 0.2, 0.8, 0.95, 0.05);
 * const { issues } = findLabelErrors({ probabilities, labels: [0, 0, 1, 1, 1], classes: 2 });
 * console.assert(issues.length === 1 && issues[0]!.sample === 4 && issues[0]!.suggested === 0);
 * ```
 */
export function findLabelErrors(of: LabelledProbabilities): LabelErrors {
  checkProbabilities(of, 'find label errors');
  const { probabilities, labels, classes } = of;
  const count = labels.length;
  const probabilityOf = (sample: number, label: number): number => probabilities[sample * classes + label]!;
  const perLabel = new Array<number>(classes).fill(0);
  const sums = new Array<number>(classes).fill(0);
  for (let sample = 0; sample < count; sample++) {
    perLabel[labels[sample]!]!++;
    sums[labels[sample]!]! += probabilityOf(sample, labels[sample]!);
  }
  // A class without a sample takes none.
  const thresholds = sums.map((sum, label) => (perLabel[label] === 0 ? 2 : sum / perLabel[label]!));
  const confidentJoint = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  const issues: LabelIssue[] = [];
  for (let sample = 0; sample < count; sample++) {
    const label = labels[sample]!;
    let suggested = -1;
    for (let other = 0; other < classes; other++) {
      if (probabilityOf(sample, other) < thresholds[other]!) continue;
      if (suggested < 0 || probabilityOf(sample, other) > probabilityOf(sample, suggested)) suggested = other;
    }
    if (suggested < 0) continue;
    confidentJoint[label]![suggested]!++;
    if (suggested === label) continue;
    const [selfConfidence, probability] = [probabilityOf(sample, label), probabilityOf(sample, suggested)];
    issues.push({ sample, label, suggested, selfConfidence, probability });
  }
  const joint = jointOf(confidentJoint, perLabel, count);
  const ranking = Int32Array.from({ length: count }, (_, sample) => sample);
  const selfConfidence = Float32Array.from(ranking, (sample) => probabilityOf(sample, labels[sample]!));
  return {
    thresholds: thresholds.map((threshold) => Math.min(1, threshold)),
    confidentJoint,
    joint,
    noiseRate: 1 - joint.reduce((sum, row, label) => sum + row[label]!, 0),
    issues: issues.sort((a, b) => a.selfConfidence - b.selfConfidence || a.sample - b.sample),
    ranking: ranking.sort((a, b) => selfConfidence[a]! - selfConfidence[b]! || a - b),
  };
}

function jointOf(
  confidentJoint: readonly (readonly number[])[],
  perLabel: readonly number[],
  count: number,
): number[][] {
  return confidentJoint.map((row, label) => {
    const sum = row.reduce((whole, value) => whole + value, 0);
    // Where nothing counts, labels are taken at their word.
    if (sum === 0) return row.map((_, other) => (other === label ? perLabel[label]! / count : 0));
    return row.map((value) => ((value / sum) * perLabel[label]!) / count);
  });
}

/** How well flipped labels were found among all that were suspected. */
export interface FlipDetection {
  readonly flipped: number;
  readonly suspected: number;
  readonly found: number;
  /** Share of the suspected that were flipped; errors that the labels had before count as mistakes. */
  readonly precision: number;
  /** Share of the flipped that were suspected. */
  readonly recall: number;
}

/** Flipped labels from one class to another, and how they were found. */
export interface FlippedPair extends FlipDetection {
  /** What the images are. */
  readonly from: number;
  /** What their labels were made. */
  readonly to: number;
  /** Share of the flipped whose suggested class is the one they had. */
  readonly restored: number;
}

/**
 * Counts which flipped labels were found.
 *
 * @param issues Of labels among which some were flipped
 * @param flips Sample, class before and class after
 * @returns All together, and by pair of classes in their order
 * @example
 * ```ts
 * import { measureFlips } from 'selvedge';
 * const issue = { sample: 3, label: 1, suggested: 0, selfConfidence: 0.1, probability: 0.9 };
 * const { all } = measureFlips([issue], [{ sample: 3, from: 0, to: 1 }, { sample: 4, from: 0, to: 1 }]);
 * console.assert(all.precision === 1 && all.recall === 0.5);
 * ```
 */
export function measureFlips(
  issues: readonly LabelIssue[],
  flips: readonly { readonly sample: number; readonly from: number; readonly to: number }[],
): { readonly all: FlipDetection; readonly pairs: readonly FlippedPair[] } {
  const bySample = new Map(issues.map((issue) => [issue.sample, issue]));
  const detection = (ofFlips: typeof flips, suspected: number): FlipDetection => {
    const found = ofFlips.filter(({ sample }) => bySample.has(sample)).length;
    return {
      flipped: ofFlips.length,
      suspected,
      found,
      precision: suspected === 0 ? 0 : found / suspected,
      recall: ofFlips.length === 0 ? 0 : found / ofFlips.length,
    };
  };
  const keys = [...new Set(flips.map(({ from, to }) => `${from} ${to}`))].map((key) => key.split(' ').map(Number));
  keys.sort(([a, b], [c, d]) => a! - c! || b! - d!);
  const pairs = keys.map(([from, to]) => {
    const ofPair = flips.filter((flip) => flip.from === from && flip.to === to);
    const restored = ofPair.filter(({ sample }) => bySample.get(sample)?.suggested === from).length;
    const inPair = issues.filter(({ label, suggested }) => label === to && suggested === from);
    const found = ofPair.filter(({ sample }) => bySample.has(sample)).length;
    return {
      from: from!,
      to: to!,
      flipped: ofPair.length,
      suspected: inPair.length,
      found,
      precision: inPair.length === 0 ? 0 : restored / inPair.length,
      recall: found / ofPair.length,
      restored: restored / ofPair.length,
    };
  });
  return { all: detection(flips, issues.length), pairs };
}
