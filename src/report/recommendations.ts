// The section of the study's ten recommendations: what came out of each, by which command, and whether it helps. Not here: reading results
// (src/cli/recommendations.ts), the word for an interval (verdict.ts).
// Invariant: every figure is of a result file; what is no change of accuracy has no verdict; a result that is not there is named.
import { formatCount, formatGain, formatPercent, formatShare } from './format.ts';
import { type Markup, markup, type Section, table } from './page.ts';
import {
  type RecommendationResultName,
  type RecommendationResults,
  type ReportRecommendations,
  viewsTexts,
} from './recommendations-input.ts';
import type { ReportEstimate } from './result-schemas.ts';
import { verdictLine, verdictOf } from './verdict.ts';

interface Source {
  /** In docs/results. */
  readonly file: string;
  /** That makes it; what others have published no command makes. */
  readonly command?: string;
}

const shortRun = (name: string): Source => ({
  file: `${name}.json`,
  command: `node --import tsx scripts/short-runs/${name}.ts`,
});

/** Where each result is and what makes it. */
export const recommendationSources: Readonly<Record<RecommendationResultName, Source>> = {
  augmentation: shortRun('augmentation'),
  record: { file: 'record.json', command: 'npx selvedge task state-of-the-art' },
  classification: { file: 'classification.json', command: 'npm run results' },
  muon: shortRun('muon'),
  tuning: {
    file: 'tuning/distilled.jsonl',
    command: 'npx selvedge tune assets/spaces/distilled.json --least-epochs 3',
  },
  distilled: {
    file: 'distilled/classification.json',
    command: 'npx selvedge measure classification --model distilled --into docs/results/distilled',
  },
  transfer: shortRun('transfer'),
  mobilenet: shortRun('mobilenet'),
  imbalance: shortRun('imbalance'),
  ensembles: shortRun('ensembles'),
  explain: { file: 'explain.json', command: 'npx selvedge measure explain --into docs/results' },
  preprocessing: shortRun('preprocessing'),
  published: { file: 'published.json' },
};

/** A difference to what is usual, in accuracy. */
interface Difference {
  readonly what: string;
  readonly gain: ReportEstimate;
}

interface Recommendation {
  readonly title: string;
  /** In docs. */
  readonly document: string;
  readonly results: readonly RecommendationResultName[];
  /** Of which the differences are, and to what. */
  readonly measure?: string | undefined;
  differences?(input: ReportRecommendations): Difference[];
  findings?(results: RecommendationResults): string[];
}

/** Of arms, those that are compared. */
const compared = <T extends { readonly gain?: ReportEstimate | undefined }>(
  arms: readonly T[] | undefined,
  nameOf: (arm: T) => string,
): Difference[] => (arms ?? []).flatMap((arm) => (arm.gain ? [{ what: nameOf(arm), gain: arm.gain }] : []));

const examples = (count: number): string => `${formatCount(count)} examples`;

type Recorded = NonNullable<RecommendationResults['record']>;

const viewsText = ({ views }: Pick<Recorded['seeds'][number], 'views'>): string => `by ${viewsTexts[views]}`;

const meanText = ({ meanAccuracy, meanInterval95 }: Recorded): string =>
  meanInterval95 ? formatShare(meanAccuracy, meanInterval95) : formatPercent(meanAccuracy);

/** In the order of the study; numbers are places. */
const recommendations: readonly Recommendation[] = [
  {
    title: 'Augmentation',
    document: 'augmentation.md',
    results: ['augmentation'],
    measure: 'accuracy on validation images, over images as they are',
    differences: ({ results: { augmentation } }) =>
      compared(augmentation?.results, ({ change, trainingExamples }) => {
        const regime = augmentation?.regimes.find((each) => each.trainingExamples === trainingExamples);
        return `${change}, ${examples(trainingExamples)}${regime ? `, ${regime.epochs} epochs` : ''}`;
      }),
  },
  {
    title: 'Other networks',
    document: 'networks.md',
    results: ['record', 'classification'],
    measure:
      'test accuracy of network, recipe and views together; reckoned as if of separate images, so that the interval is wide',
    differences: ({ results: { record, classification }, recordGain }) =>
      record && classification && recordGain
        ? [
            {
              what: `record-30, seed ${record.seeds[0]!.seed}, ${viewsText(record.seeds[0]!)}, against one of “${classification.model.name}” that ships`,
              gain: recordGain,
            },
          ]
        : [],
    findings: ({ record }) => {
      if (!record) return [];
      const { seeds, long } = record;
      const seedText = ({ seed, accuracy, accuracyInterval95 }: Recorded['seeds'][number]): string =>
        `seed ${seed} ${formatShare(accuracy, accuracyInterval95)}`;
      const [first] = seeds as [Recorded['seeds'][number]];
      return [
        `A network of ${formatCount(first.parameters)} parameters by record-30 on the test set, ${viewsText(first)}: ${seeds.map(seedText).join(', ')}; mean ${meanText(record)}`,
        ...(long
          ? [
              `One of ${formatCount(long.parameters)} parameters on the test set, ${viewsText(long)}: record-120, ${seedText(long)}`,
            ]
          : []),
      ];
    },
  },
  {
    title: 'Tuning',
    document: 'tuning.md',
    results: ['tuning', 'distilled', 'classification', 'muon'],
    measure:
      'accuracy: of the model that ships on the test set, its regime and its teacher together, reckoned as if of separate images; of Muon on validation images, each rule at the best of its rates',
    differences: ({ results: { distilled, classification, muon }, distilledGain }) => [
      ...(distilled && classification && distilledGain
        ? [
            {
              what: `“${distilled.model.name}”, by the regime of the best trial and with a teacher, over “${classification.model.name}”`,
              gain: distilledGain,
            },
          ]
        : []),
      ...(muon ? [{ what: 'Muon over SGD with momentum, in a short training', gain: muon.gain }] : []),
    ],
    findings: ({ tuning }) =>
      tuning
        ? [
            `The best of ${tuning.trials} trials, ${tuning.complete} of them complete, with ${examples(tuning.examples)}: ${formatShare(tuning.best.mean, tuning.best)} on the ${formatCount(tuning.validationExamples)} validation images that chose it`,
          ]
        : [],
  },
  {
    title: 'Transfer',
    document: 'transfer.md',
    results: ['transfer', 'mobilenet'],
    measure: 'accuracy, over the same labels from scratch',
    differences: ({ results: { transfer, mobilenet } }) => [
      ...(transfer?.results ?? []).flatMap(({ target, examples: count, arms }) =>
        compared(
          Object.entries(arms).map(([arm, { gain }]) => ({ arm, gain })),
          ({ arm }) => `${arm}, to ${target}, ${examples(count)}`,
        ),
      ),
      ...compared(
        (mobilenet?.results ?? []).map(({ target, examples: count, head: { gain } }) => ({ target, count, gain })),
        ({ target, count }) => `head on features of photographs, to ${target}, ${examples(count)}`,
      ),
    ],
  },
  {
    title: 'Imbalance',
    document: 'imbalance.md',
    results: ['imbalance'],
    measure: 'balanced accuracy on validation images, over doing nothing',
    differences: ({ results: { imbalance } }) =>
      compared(imbalance?.results, ({ remedy, ratio }) => `${remedy}, at ${ratio} to 1`),
  },
  {
    title: 'Ensembles',
    document: 'ensembles.md',
    results: ['ensembles', 'record'],
    measure: 'accuracy on validation images, over one network',
    differences: ({ results: { ensembles } }) => compared(ensembles?.results, ({ arm }) => arm),
    findings: ({ record }) => {
      if (!record?.ensemble) return [];
      const { members, accuracy, accuracyInterval95: interval } = record.ensemble;
      const of = `${members} networks by record-30, averaged, each ${viewsText(record.ensemble)}: ${formatShare(accuracy, interval)} on the test set`;
      if (members !== record.seeds.length) return [of];
      const isWithin = interval.low <= record.meanAccuracy && record.meanAccuracy <= interval.high;
      return [
        `${of}; their mean alone, ${viewsText(record.seeds[0]!)}, ${meanText(record)}, lies ${isWithin ? 'within' : 'outside'} the interval of the average`,
      ];
    },
  },
  {
    title: 'Explanations',
    document: 'explain.md',
    results: ['explain'],
    findings: ({ explain }) => {
      const best = explain?.orders
        .filter(({ order }) => !['random', 'brightness'].includes(order))
        .reduce<{ order: string; deletionArea: ReportEstimate } | undefined>(
          (least, each) => (least && least.deletionArea.mean <= each.deletionArea.mean ? least : each),
          undefined,
        );
      if (!explain || !best) return [];
      const random = explain.orders.find(({ order }) => order === 'random');
      return [
        `The least area under deletion, over ${formatCount(explain.images)} images: ${best.order}, ${areaText(best.deletionArea)}${random ? `; places at random ${areaText(random.deletionArea)}` : ''}`,
      ];
    },
  },
  {
    title: 'Preprocessing',
    document: 'preprocessing.md',
    results: ['preprocessing'],
    measure: 'accuracy on validation images, over none',
    differences: ({ results: { preprocessing } }) =>
      compared(preprocessing?.results, ({ preprocessing: name, network }) => `${name}, “${network}”`),
  },
  {
    title: 'Other data',
    document: 'data.md',
    results: ['transfer'],
    findings: ({ transfer }) => {
      const digits = (transfer?.results ?? [])
        .filter(({ target, arms }) => target === 'digits' && arms.scratch)
        .sort((a, b) => b.examples - a.examples)[0];
      if (!transfer || !digits) return [];
      const { mean, ...interval } = digits.arms.scratch!.accuracy;
      return [
        `“${transfer.network}” from scratch on ${formatCount(digits.examples)} digits: ${formatShare(mean, interval)} on ${formatCount(digits.testExamples)} others`,
      ];
    },
  },
  {
    title: 'State of the art',
    document: 'state-of-the-art.md',
    results: ['record', 'published'],
    findings: ({ record, published }) => {
      if (!record) return [];
      const { ensemble, long, seeds, meanAccuracy } = record;
      const ours = [
        {
          what: `record-30, mean of ${seeds.length} ${seeds.length === 1 ? 'seed' : 'seeds'}, ${viewsText(seeds[0]!)},`,
          accuracy: meanAccuracy,
          text: meanText(record),
        },
        ...[
          ...(long ? [{ what: `record-120, seed ${long.seed}, ${viewsText(long)},`, ...long }] : []),
          ...(ensemble
            ? [{ what: `${ensemble.members} networks by record-30 averaged, ${viewsText(ensemble)},`, ...ensemble }]
            : []),
        ].map(({ what, accuracy, accuracyInterval95 }) => ({
          what,
          accuracy,
          text: formatShare(accuracy, accuracyInterval95),
        })),
      ].sort((a, b) => b.accuracy - a.accuracy);
      const line = `On the test set, ours: ${ours.map(({ what, text }) => `${what} ${text}`).join('; ')}`;
      if (!published) return [line];
      const theirs = published.results.map(({ accuracy }) => accuracy);
      const above = theirs.filter((accuracy) => accuracy > ours[0]!.accuracy).length;
      return [
        line,
        `Published: ${theirs.length} results from ${formatPercent(Math.min(...theirs))} to ${formatPercent(Math.max(...theirs))}; above the best of ours: ${above}`,
      ];
    },
  },
];

const areaText = ({ mean, low, high }: ReportEstimate): string =>
  `${mean.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;

/** The section, or none where it is not spoken of. */
export function recommendationSections(input: ReportRecommendations | undefined): Section[] {
  if (!input) return [];
  const told = recommendations.map((recommendation, place) => ({
    ...recommendation,
    name: `${place + 1} ${recommendation.title}`,
    differences: recommendation.differences?.(input) ?? [],
    said: recommendation.findings?.(input.results) ?? [],
  }));
  const columns = ['Recommendation', 'What came out', 'Verdict'].map((title) => ({ title }));
  const rows = told.map(({ name, differences, measure, said, results, document }) => [
    name,
    linesOf([
      ...said,
      ...extremes({ differences, measure }),
      ...results.flatMap((result) => absenceOf(result, input)),
      markup`${[...commandsOf(results), `docs/${document}`].map((text, i) => markup`${i === 0 ? '' : ' · '}<code>${text}</code>`)}`,
    ]),
    verdictLine(differences.map(({ gain }) => gain)) ?? '–',
  ]);
  return [
    {
      id: 'recommendations',
      title: 'The study’s ten recommendations',
      body: [
        markup`<p>What the study recommends for further work, each built and measured. The figures are of the result files in <code>docs/results</code>, not of this run, each on the images that its row or its document names: some trainings take part of Fashion-MNIST, and some rows are of digits. A verdict follows from the 95% interval of a difference in accuracy: above 0 it helps, below it costs, around 0 no gain is shown. What is no change of accuracy has none. Of several differences the table has the best by the lower end of its interval, and of the others the worst by the upper end.</p>`,
        ...summaryOf(told),
        table('What came of each', columns, rows),
        ...told.flatMap(detailsOf),
      ],
    },
  ];
}

interface Told {
  readonly name: string;
  readonly measure?: string | undefined;
  readonly differences: readonly Difference[];
}

/** Which of them help, and what of that is chance. */
function summaryOf(told: readonly Told[]): Markup[] {
  const judged = told.filter(({ differences }) => differences.length > 0);
  if (judged.length === 0) return [];
  const isHelpful = ({ differences }: Told): boolean => differences.some(({ gain }) => verdictOf(gain) === 'helps');
  const names = (of: readonly Told[]): string => of.map(({ name }) => name).join(', ') || 'none';
  const intervals = judged.reduce((sum, { differences }) => sum + differences.length, 0);
  return [
    markup`<p>Something helps in: ${names(judged.filter(isHelpful))}. Nothing was shown to help in: ${names(judged.filter((each) => !isHelpful(each)))}. If nothing made a difference, ${Math.round(intervals / 20)} or so of the ${intervals} intervals would leave out 0 by chance.</p>`,
  ];
}

/** The best and of the others the worst, by the end of the interval that is nearer to costing, or to helping: a mean alone may be chance. */
function extremes({ differences, measure }: Pick<Told, 'measure' | 'differences'>): string[] {
  if (differences.length === 0) return [];
  const best = differences.reduce((most, each) => (each.gain.low > most.gain.low ? each : most));
  const [other, ...others] = differences.filter((each) => each !== best);
  const worst = others.reduce((least, each) => (least && each.gain.high < least.gain.high ? each : least), other);
  const text = ({ what, gain }: Difference): string => `${what}: ${formatGain(gain)}`;
  const both = worst ? `Best, ${text(best)}. Worst, ${text(worst)}` : text(best);
  return [`Difference in ${measure ?? 'accuracy'}. ${both}`];
}

function absenceOf(name: RecommendationResultName, { results, absent }: ReportRecommendations): string[] {
  if (results[name]) return [];
  const { file, command } = recommendationSources[name];
  return [`Left out: docs/results/${file} ${absent[name] ?? 'is not here'}${command ? `; ${command} makes it` : ''}`];
}

const commandsOf = (results: readonly RecommendationResultName[]): string[] => [
  ...new Set(results.flatMap((name) => recommendationSources[name].command ?? [])),
];

const linesOf = (lines: readonly (string | Markup)[]): Markup =>
  markup`${lines.map((line) => markup`<div>${line}</div>`)}`;

/** Every difference of a recommendation that has several. */
function detailsOf({ name, measure, differences }: Told): Markup[] {
  if (differences.length < 2) return [];
  const columns = [{ title: 'What' }, { title: 'Difference (95% interval)', numeric: true }, { title: 'Verdict' }];
  const rows = differences.map(({ what, gain }) => [what, formatGain(gain), verdictOf(gain)]);
  return [
    markup`<details><summary>${name}: all ${differences.length} differences</summary>${table(`Difference in ${measure ?? 'accuracy'}`, columns, rows)}</details>`,
  ];
}
