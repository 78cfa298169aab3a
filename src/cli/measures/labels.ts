// selvedge measure labels: likely label errors of the training set by confident learning, and how well it finds labels that were flipped
// on purpose. Trains the network `dropout` out of fold, twice; stopped, it goes on where it was.
import { SelvedgeError } from '../../core/errors.ts';
import { createPhilox, randomStreams } from '../../core/philox.ts';
import type { Dataset } from '../../data/dataset.ts';
import { findLabelErrors, type LabelErrors, type LabelIssue, measureFlips } from '../../evaluation/label-errors.ts';
import { predictOutOfFold } from '../../experiments/out-of-fold.ts';
import { platform } from '../../platform/index.ts';
import { fitDefaults } from '../../training/index.ts';
import type { MeasureOptions } from './index.ts';
import { type Anchor, isStudied, type Measured, type Subject } from './subject.ts';

const FOLDS = 4;
const EPOCHS = 3;
const SHOWN = 100;
const LOOKED_AT = 2000;
/** Training images that upstream's issue 166 shows to be labelled wrong. */
const KNOWN_ERRORS = [45592, 16691, 28264, 33982, 40513, 42018];
/** Share of each class that is flipped to each of two others. */
const FLIPPED_SHARE = 0.025;

const anchors: readonly Anchor[] = [
  {
    figure: 'training images published as mislabelled, by number',
    value: KNOWN_ERRORS.join(', '),
    source: 'zalandoresearch/fashion-mnist issue 166; of 64 in arXiv 1912.05283, table 7',
  },
];

/** Measures the labels of the training set. */
export async function measureLabels(subject: Subject, options: MeasureOptions): Promise<Measured> {
  const { train, source } = subject.data;
  const settings = { ...fitDefaults, epochs: options.epochs ?? EPOCHS, seed: 1 };
  const predict = (set: Dataset, variant: string) => predictVariant(set, variant, settings, subject, options);
  const given = findErrors(train, await predict(train, 'given'));
  const { flipped, flips } = flipLabels(train, given);
  const found = measureFlips(findErrors(flipped, await predict(flipped, 'flipped')).issues, flips);
  const ranks = Int32Array.from({ length: train.count });
  given.ranking.forEach((sample, rank) => {
    ranks[sample] = rank + 1;
  });
  const nameOf = (label: number): string => train.classNames[label]!;
  const known =
    source.isSample || !isStudied(subject.data)
      ? []
      : KNOWN_ERRORS.map((image) => ({ image, rank: ranks[image]!, label: nameOf(train.labels[image]!) }));
  const result = {
    settings: { network: 'dropout', folds: FOLDS, epochs: settings.epochs, seed: settings.seed },
    count: train.count,
    noiseRate: given.noiseRate,
    issues: given.issues.length,
    thresholds: given.thresholds,
    confidentJoint: given.confidentJoint,
    mostSuspectedPairs: suspectedPairs(given.issues, train.classNames).slice(0, 10),
    likeliest: given.issues.slice(0, SHOWN).map(({ sample, label, suggested, selfConfidence, probability }) => ({
      image: sample,
      label: nameOf(label),
      suggested: nameOf(suggested),
      selfConfidence,
      probability,
    })),
    knownErrors: {
      lookedAt: LOOKED_AT,
      found: known.filter(({ rank }) => rank <= LOOKED_AT).length,
      of: known.length,
      images: known,
    },
    flips: {
      share: 2 * FLIPPED_SHARE,
      ...found.all,
      pairs: found.pairs.map(({ from, to, ...rest }) => ({ from: nameOf(from), to: nameOf(to), ...rest })),
    },
    anchors: isStudied(subject.data) ? anchors : [],
  };
  return { result, text: describe(result) };
}

async function predictVariant(
  set: Dataset,
  variant: string,
  settings: typeof fitDefaults,
  { context }: Subject,
  { workFolder }: MeasureOptions,
): Promise<Float32Array> {
  const probabilities = await predictOutOfFold(set, {
    network: { family: 'dropout' },
    settings,
    folds: FOLDS,
    folder: platform.files.join(workFolder, 'labels', variant),
    signal: context.signal,
    onEpoch: (fold, { epoch, accuracy, imagesPerSecond }) =>
      context.writeError(
        `Labels as ${variant}, fold ${fold} of ${FOLDS}, epoch ${epoch} of ${settings.epochs}: accuracy ${accuracy.toFixed(4)}, ${Math.round(imagesPerSecond)} images/s\n`,
      ),
  });
  if (probabilities) return probabilities;
  throw new SelvedgeError('cli/interrupted', 'Interrupted; the same command goes on from there');
}

const findErrors = ({ labels, classNames }: Dataset, probabilities: Float32Array): LabelErrors =>
  findLabelErrors({ probabilities, labels, classes: classNames.length });

/** Flips labels of each class to the one that it is most often taken for, and to one half the classes further on. */
function flipLabels(set: Dataset, { joint }: LabelErrors) {
  const classes = set.classNames.length;
  const labels = set.labels.slice();
  const draws = createPhilox({ seed: 1, stream: randomStreams.flippedLabels });
  const flips: { readonly sample: number; readonly from: number; readonly to: number }[] = [];
  for (let from = 0; from < classes; from++) {
    const others = joint[from]!.map((share, to) => ({ share, to })).filter(({ to }) => to !== from);
    const nearest = others.reduce((best, other) => (other.share > best.share ? other : best)).to;
    const far = (from + Math.floor(classes / 2)) % classes;
    const ofClass = Array.from(set.labels.keys()).filter((sample) => set.labels[sample] === from);
    const each = Math.round(FLIPPED_SHARE * ofClass.length);
    for (const to of [nearest, far]) {
      for (let i = 0; i < each; i++) {
        // Without replacement: the last of the list takes the place of what was drawn.
        const place = draws.nextBelow(ofClass.length);
        const sample = ofClass[place]!;
        ofClass[place] = ofClass.at(-1)!;
        ofClass.pop();
        labels[sample] = to;
        flips.push({ sample, from, to });
      }
    }
  }
  return { flipped: { ...set, labels }, flips };
}

function suspectedPairs(issues: readonly LabelIssue[], classNames: readonly string[]) {
  const counts = new Map<string, { label: string; suggested: string; count: number }>();
  for (const { label, suggested } of issues) {
    const key = `${label} ${suggested}`;
    const entry = counts.get(key) ?? { label: classNames[label]!, suggested: classNames[suggested]!, count: 0 };
    entry.count++;
    counts.set(key, entry);
  }
  return [...counts.values()].sort(
    (a, b) => b.count - a.count || (a.label + a.suggested < b.label + b.suggested ? -1 : 1),
  );
}

interface Described {
  readonly count: number;
  readonly issues: number;
  readonly noiseRate: number;
  readonly mostSuspectedPairs: ReturnType<typeof suspectedPairs>;
  readonly knownErrors: { readonly found: number; readonly of: number };
  readonly flips: {
    readonly flipped: number;
    readonly precision: number;
    readonly recall: number;
    readonly pairs: readonly {
      readonly from: string;
      readonly to: string;
      readonly flipped: number;
      readonly precision: number;
      readonly recall: number;
    }[];
  };
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;

function describe({ count, issues, noiseRate, mostSuspectedPairs, knownErrors, flips }: Described): string {
  return [
    `${issues} of ${count} labels are likely wrong; by the joint distribution ${percent(noiseRate)}`,
    ...mostSuspectedPairs.slice(0, 5).map((pair) => `  ${pair.label} that seems ${pair.suggested}: ${pair.count}`),
    `Of ${knownErrors.of} labels known to be wrong ${knownErrors.found} are among the first ${LOOKED_AT}`,
    `Of ${flips.flipped} flipped labels ${percent(flips.recall)} are found; ${percent(flips.precision)} of the suspected were flipped`,
    ...flips.pairs.map(
      ({ from, to, flipped, recall, precision }) =>
        `  ${from} labelled ${to}: ${flipped}, found ${percent(recall)}, precision ${percent(precision)}`,
    ),
  ].join('\n');
}
