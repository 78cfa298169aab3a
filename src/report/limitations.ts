// The section "Limitations, measured" of a report: what `selvedge measure` found, in words, tables and figures.
// Not here: drawing (limitation-figures.ts). Invariant: what was not measured is not spoken of.
import { formatCount, formatPercent } from './format.ts';
import {
  labelErrorGrid,
  nearestPairGrid,
  reliabilityDiagram,
  riskCoverageChart,
  robustnessHeatMap,
} from './limitation-figures.ts';
import { type Markup, markup, type Section, table } from './page.ts';
import type { FigureFinder } from './study-evaluation.ts';
import type { ReportCalibration, ReportLimitations } from './study-report-input.ts';
import type { Drawing } from './svg.ts';

export type LimitationTopic = 'risk' | 'reliability' | 'robustness' | 'label-errors' | 'nearest-pairs';

/** A figure before it has its number. */
export interface LimitationPlan {
  readonly topic: LimitationTopic;
  readonly caption: string;
  readonly panels: readonly {
    readonly suffix: string;
    readonly title: string;
    readonly description: string;
    readonly drawing: Drawing;
  }[];
}

/** The figures of the section, in its order. */
export function limitationPlans(input: ReportLimitations): LimitationPlan[] {
  const { model, classification, calibration, robustness, labels, duplicates } = input;
  const plans: LimitationPlan[] = [];
  if (classification) {
    const { points } = classification.riskCoverage;
    const description = points
      .map(({ coverage, accuracy }) => `${formatPercent(coverage, 0)}: ${formatPercent(1 - accuracy)}`)
      .join(', ');
    const caption = `Risk of “${model}” over coverage, where it answers the surest samples only`;
    const drawing = riskCoverageChart(points);
    plans.push({ topic: 'risk', caption, panels: [{ suffix: 'risk-coverage', title: caption, description, drawing }] });
  }
  if (calibration) plans.push(reliabilityPlan(model, calibration));
  if (robustness) {
    const caption = `Accuracy of “${model}” under corruption: darker where more is lost`;
    const description = robustness.kinds
      .map(({ kind, meanAccuracy }) => `${kind} ${formatPercent(meanAccuracy, 1)}`)
      .join(', ');
    const drawing = robustnessHeatMap(robustness);
    plans.push({
      topic: 'robustness',
      caption,
      panels: [{ suffix: 'robustness', title: caption, description, drawing }],
    });
  }
  if (labels) {
    const caption = `The ${labels.likeliest.length} training images whose labels are likeliest wrong: their label, and what they seem to be`;
    const description = labels.likeliest.map(({ label, suggested }) => `${label} as ${suggested}`).join(', ');
    const drawing = labelErrorGrid(labels.likeliest);
    plans.push({
      topic: 'label-errors',
      caption,
      panels: [{ suffix: 'label-errors', title: caption, description, drawing }],
    });
  }
  for (const { kind, nearest } of duplicates?.pairs ?? []) {
    const caption = `The nearest pairs: ${kind}`;
    const description = nearest.map(({ firstLabel, secondLabel }) => `${firstLabel} and ${secondLabel}`).join(', ');
    const panel = { suffix: `nearest-pairs-${kind}`, title: caption, description, drawing: nearestPairGrid(nearest) };
    plans.push({ topic: 'nearest-pairs', caption, panels: [panel] });
  }
  return plans;
}

function reliabilityPlan(
  model: string,
  { uncalibrated, calibrated, temperature }: NonNullable<ReportLimitations['calibration']>,
): LimitationPlan {
  const panel = (suffix: string, title: string, { bins, ece }: ReportCalibration) => ({
    suffix,
    title,
    description: `Expected calibration error ${formatPercent(ece)}`,
    drawing: reliabilityDiagram(bins),
  });
  const second =
    calibrated && typeof temperature === 'number'
      ? [panel('reliability-scaled', `“${model}” by temperature ${temperature.toFixed(2)}`, calibrated)]
      : [];
  return {
    topic: 'reliability',
    caption: `Accuracy of “${model}” over confidence${second.length > 0 ? ', as it is and by its temperature' : ''}; the dashed line is perfect calibration`,
    panels: [panel('reliability', `“${model}” as it is`, uncalibrated), ...second],
  };
}

/** The section, or none where nothing was measured. */
export function limitationSections(input: ReportLimitations | undefined, find: FigureFinder): Section[] {
  if (!input) return [];
  const body = [
    ...classificationPart(input, find),
    ...calibrationPart(input, find),
    ...robustnessPart(input, find),
    ...outliersPart(input),
    ...labelsPart(input, find),
    ...duplicatesPart(input, find),
  ];
  return body.length === 0 ? [] : [{ id: 'limitations', title: 'Limitations, measured', body }];
}

function classificationPart({ classification }: ReportLimitations, find: FigureFinder): Markup[] {
  if (!classification) return [];
  const { area, points } = classification.riskCoverage;
  const ninety = points.find(({ coverage }) => coverage >= 0.9);
  return [
    markup`<h3>Abstention</h3><p>Area under risk over coverage: ${area.toFixed(4)}.${ninety ? ` Answering the surest ${formatPercent(ninety.coverage, 0)} of the images, it is right in ${formatPercent(ninety.accuracy)} of them.` : ''}</p>`,
    ...find('risk'),
  ];
}

function calibrationPart({ calibration }: ReportLimitations, find: FigureFinder): Markup[] {
  if (!calibration) return [];
  const { uncalibrated, calibrated, temperature, crossFitted } = calibration;
  const row = (name: string, { ece, nll, brier }: ReportCalibration): string[] => [
    name,
    formatPercent(ece),
    nll.mean.toFixed(4),
    brier.mean.toFixed(4),
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
    markup`<h3>Calibration</h3>`,
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
    markup`<h3>Robustness</h3><p>Of an accuracy of ${formatPercent(clean.accuracy)} on images as they are, ${formatPercent(meanAccuracy)} is left in the mean of ${kinds.length} corruptions.</p>`,
    ...find('robustness'),
  ];
}

function outliersPart({ outliers }: ReportLimitations): Markup[] {
  if (!outliers) return [];
  const scores = Object.keys(outliers.sets[0]?.scores ?? {});
  const rows = outliers.sets.map(({ name, scores: of }) => [
    name,
    ...scores.map((score) => of[score]!.auroc.toFixed(3)),
  ]);
  const columns = [{ title: 'Set' }, ...scores.map((title) => ({ title, numeric: true }))];
  return [markup`<h3>Outliers</h3>`, table('Area under the ROC curve, outliers against the test set', columns, rows)];
}

function labelsPart({ labels }: ReportLimitations, find: FigureFinder): Markup[] {
  if (!labels) return [];
  const { count, issues, flips } = labels;
  return [
    markup`<h3>Label errors</h3><p>By confident learning ${formatCount(issues)} of ${formatCount(count)} training labels are suspect. Of ${formatCount(flips.flipped)} labels that were flipped on purpose it finds ${formatPercent(flips.recall, 1)}; ${formatPercent(flips.precision, 1)} of what it suspects then was flipped.</p>`,
    ...find('label-errors'),
  ];
}

function duplicatesPart({ duplicates }: ReportLimitations, find: FigureFinder): Markup[] {
  if (!duplicates) return [];
  const near = duplicates.pairs.map(({ kind, near: count }) => `${kind} ${formatCount(count)}`).join(', ');
  return [
    markup`<h3>Duplicates</h3><p>Groups of equal images: ${duplicates.equal}. Pairs within ${duplicates.nearLevels} grey levels (root mean square): ${near}.</p>`,
    ...find('nearest-pairs'),
  ];
}
