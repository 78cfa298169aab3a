// The section "Limitations, measured" of a report: what `selvedge measure` found, in words, tables and figures, beside what was published.
// Not here: the figures (limitation-plans.ts), what was found of explanations and of labels (limitation-explain.ts, limitation-labels.ts).
// Invariant: what was not measured is not spoken of, what cannot be read is named; what is of the model that ships, and not of the run, says so.
import { publishedFigures, publishedOf } from './anchors.ts';
import { formatCount, formatPercent, formatShare } from './format.ts';
import { explainPart } from './limitation-explain.ts';
import { labelsPart } from './limitation-labels.ts';
import { isShipped } from './limitation-plans.ts';
import {
  dataMeasures,
  type LimitationName,
  type ReportCalibration,
  type ReportLimitations,
} from './limitations-input.ts';
import { type Content, type Markup, markup, type Section, table } from './page.ts';
import type { ReportInterval } from './result-schemas.ts';
import type { FigureFinder } from './study-evaluation.ts';

/** A measure in the section. */
interface Part {
  readonly measure: LimitationName;
  readonly title: string;
  /** Nothing where it was not measured. */
  body(input: ReportLimitations, find: FigureFinder): Markup[];
}

const parts: readonly Part[] = [
  { measure: 'classification', title: 'Abstention', body: classificationPart },
  { measure: 'calibration', title: 'Calibration', body: calibrationPart },
  { measure: 'robustness', title: 'Robustness', body: robustnessPart },
  { measure: 'explain', title: 'Explanations', body: ({ explain }) => explainPart(explain) },
  { measure: 'outliers', title: 'Outliers', body: outliersPart },
  { measure: 'labels', title: 'Label errors', body: ({ labels }, find) => labelsPart(labels, find) },
  { measure: 'duplicates', title: 'Duplicates', body: duplicatesPart },
];

/** The section, or none where nothing was measured. */
export function limitationSections(input: ReportLimitations | undefined, find: FigureFinder): Section[] {
  if (!input) return [];
  const body = parts.flatMap(({ measure, title, body: bodyOf }) => {
    const content = bodyOf(input, find);
    if (content.length === 0) return [];
    const whose = isShipped(input, measure)
      ? dataMeasures.includes(measure)
        ? ', of the whole data set'
        : ', of the model that ships'
      : '';
    return [markup`<h3>${title}${whose}</h3>`, ...content, publishedFigures(input[measure]?.anchors ?? [])];
  });
  const whole = [...shippedNotice(input), ...absentNotices(input), ...body];
  return whole.length === 0 ? [] : [{ id: 'limitations', title: 'Limitations, measured', body: whole }];
}

function shippedNotice({ model, shipped = {} }: ReportLimitations): Markup[] {
  const measured = Object.keys(shipped) as LimitationName[];
  if (measured.length === 0) return [];
  const models = new Set(measured.flatMap((measure) => shipped[measure]?.model ?? []));
  const whose = [
    ...[...models].map((name) => `“${name}” that ships`),
    ...(measured.some((measure) => dataMeasures.includes(measure)) ? ['the whole of Fashion-MNIST'] : []),
  ].join(', or of ');
  return [
    markup`<p>This run has no measures of its own of ${measured.join(', ')}: what is told of them here is of ${whose}, as <code>docs/results</code> has it. <code>selvedge measure NAME --run RUN --model ${model}</code> measures the run’s.</p>`,
  ];
}

const absentNotices = ({ model, absent = {} }: ReportLimitations): Markup[] =>
  Object.entries(absent).map(
    ([measure, reason]) =>
      markup`<p>Left out: <code>docs/results/${measure}.json</code> ${reason}; <code>selvedge measure ${measure} --run RUN --model ${model}</code> measures the run’s.</p>`,
  );

const withInterval = (text: string, interval: ReportInterval | undefined, format: (value: number) => string): string =>
  interval ? `${text} (${format(interval.low)} to ${format(interval.high)})` : text;

const accuracyText = (accuracy: number, interval: ReportInterval | undefined): string =>
  interval ? formatShare(accuracy, interval) : formatPercent(accuracy);

function classificationPart({ classification }: ReportLimitations, find: FigureFinder): Markup[] {
  if (!classification) return [];
  const { accuracy, accuracyInterval95 } = classification;
  const { area, points } = classification.riskCoverage;
  const ninety = points.find(({ coverage }) => coverage >= 0.9);
  return [
    markup`<p>${accuracy === undefined ? '' : `Accuracy on the test set: ${accuracyText(accuracy, accuracyInterval95)}. `}Area under risk over coverage: ${area.toFixed(4)}.${ninety ? ` Answering the surest ${formatPercent(ninety.coverage, 0)} of the images, it is right in ${accuracyText(ninety.accuracy, ninety.accuracyInterval95)} of them.` : ''}</p>`,
    ...find('risk'),
  ];
}

function calibrationPart({ calibration }: ReportLimitations, find: FigureFinder): Markup[] {
  if (!calibration) return [];
  const { uncalibrated, calibrated, temperature, crossFitted } = calibration;
  const four = (value: number): string => value.toFixed(4);
  const row = (name: string, { ece, nll, brier }: ReportCalibration): string[] => [
    name,
    formatPercent(ece),
    withInterval(four(nll.mean), nll.interval95, four),
    withInterval(four(brier.mean), brier.interval95, four),
  ];
  const rows = [row('As it is', uncalibrated)];
  if (calibrated && typeof temperature === 'number')
    rows.push(row(`Temperature ${temperature.toFixed(3)}`, calibrated));
  if (crossFitted) {
    const temperatures = crossFitted.temperatures.map((each) => each.toFixed(3)).join(' and ');
    rows.push(row(`Temperatures ${temperatures}, of each half for the other`, crossFitted.calibrated));
  }
  const columns = ['Probabilities', 'Calibration error', 'Log loss', 'Brier score'];
  return [
    table(
      'Whether probabilities mean what they say',
      columns.map((title, i) => ({ title, numeric: i > 0 })),
      rows,
    ),
    ...(typeof temperature === 'number'
      ? []
      : [markup`<p>No temperature of validation images: ${temperature.reason}.</p>`]),
    ...find('reliability'),
  ];
}

function robustnessPart({ robustness }: ReportLimitations, find: FigureFinder): Markup[] {
  if (!robustness) return [];
  const { clean, meanAccuracy, kinds } = robustness;
  return [
    markup`<p>Of an accuracy of ${accuracyText(clean.accuracy, clean.accuracyInterval95)} on images as they are, ${formatPercent(meanAccuracy)} is left in the mean of ${kinds.length} corruptions.</p>`,
    ...find('robustness'),
  ];
}

function outliersPart({ outliers }: ReportLimitations): Markup[] {
  if (!outliers) return [];
  const { sets, anchors } = outliers;
  const scores = Object.keys(sets[0]?.scores ?? {});
  const three = (value: number): string => value.toFixed(3);
  const rows = sets.map(({ name, scores: of }): Content[] => [
    name,
    ...scores.map((score) => {
      const found = of[score];
      return found ? withInterval(three(found.auroc), found.aurocInterval95, three) : '–';
    }),
    publishedOf(anchors.filter(({ figure }) => figure.startsWith(`AUROC of ${name}:`))) ?? '–',
  ]);
  const columns = [{ title: 'Set' }, ...[...scores, 'Published'].map((title) => ({ title, numeric: true }))];
  return [table('Area under the ROC curve, outliers against the test set', columns, rows)];
}

function duplicatesPart({ duplicates }: ReportLimitations, find: FigureFinder): Markup[] {
  if (!duplicates) return [];
  const near = duplicates.pairs.map(({ kind, near: count }) => `${kind} ${formatCount(count)}`).join(', ');
  return [
    markup`<p>Groups of equal images: ${duplicates.equal}. Pairs within ${duplicates.nearLevels} grey levels (root mean square): ${near}.</p>`,
    ...find('nearest-pairs'),
  ];
}
