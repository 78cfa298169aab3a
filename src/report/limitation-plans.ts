// The figures of the section "Limitations, measured" in their order, with captions. Not here: drawing (limitation-figures.ts), and what is said
// about them (limitations.ts). Invariant: what was measured on the model that ships says so in its caption.
import type { FigurePlan } from './figure-plan.ts';
import { formatPercent } from './format.ts';
import {
  labelErrorGrid,
  nearestPairGrid,
  reliabilityDiagram,
  riskCoverageChart,
  robustnessHeatMap,
} from './limitation-figures.ts';
import type { LimitationName, ReportCalibration, ReportLimitations } from './limitations-input.ts';
import type { Drawing } from './svg.ts';

export type LimitationTopic = 'risk' | 'reliability' | 'robustness' | 'label-errors' | 'nearest-pairs';

/** Whether a measure is of the model that ships, or of its data, and not of the run. */
export const isShipped = ({ shipped }: ReportLimitations, measure: LimitationName): boolean =>
  shipped?.[measure] !== undefined;

/** The model that a measure is of, in quotes. */
function modelOf(input: ReportLimitations, measure: LimitationName): string {
  const shipped = input.shipped?.[measure];
  return shipped ? `“${shipped.model}” that ships` : `“${input.model}”`;
}

/** The figures of the section, in its order. */
export function limitationPlans(input: ReportLimitations): FigurePlan<LimitationTopic>[] {
  const { classification, calibration, robustness, labels, duplicates } = input;
  const plan = (
    topic: LimitationTopic,
    caption: string,
    description: string,
    drawing: Drawing,
    suffix: string = topic,
  ): FigurePlan<LimitationTopic> => ({ topic, caption, panels: [{ suffix, title: caption, description, drawing }] });
  const plans: FigurePlan<LimitationTopic>[] = [];
  if (classification) {
    const { points } = classification.riskCoverage;
    const description = points
      .map(({ coverage, accuracy }) => `${formatPercent(coverage, 0)}: ${formatPercent(1 - accuracy)}`)
      .join(', ');
    const caption = `Risk of ${modelOf(input, 'classification')} over coverage, where it answers the surest samples only`;
    plans.push(plan('risk', caption, description, riskCoverageChart(points), 'risk-coverage'));
  }
  if (calibration) plans.push(reliabilityPlan(modelOf(input, 'calibration'), calibration));
  if (robustness) {
    const caption = `Accuracy of ${modelOf(input, 'robustness')} under corruption: darker where more is lost`;
    const description = robustness.kinds
      .map(({ kind, meanAccuracy }) => `${kind} ${formatPercent(meanAccuracy, 1)}`)
      .join(', ');
    plans.push(plan('robustness', caption, description, robustnessHeatMap(robustness)));
  }
  if (labels && labels.likeliest.length > 0) {
    const { likeliest } = labels;
    const caption = `The ${likeliest.length} training images whose labels are likeliest wrong: their label, and what they seem to be`;
    const description = likeliest.map(({ label, suggested }) => `${label} as ${suggested}`).join(', ');
    plans.push(plan('label-errors', caption, description, labelErrorGrid(likeliest)));
  }
  for (const { kind, nearest } of duplicates?.pairs ?? []) {
    if (nearest.length === 0) continue;
    const description = nearest.map(({ firstLabel, secondLabel }) => `${firstLabel} and ${secondLabel}`).join(', ');
    const drawing = nearestPairGrid(nearest);
    plans.push(plan('nearest-pairs', `The nearest pairs: ${kind}`, description, drawing, `nearest-pairs-${kind}`));
  }
  return plans;
}

function reliabilityPlan(
  model: string,
  { uncalibrated, calibrated, temperature }: NonNullable<ReportLimitations['calibration']>,
): FigurePlan<LimitationTopic> {
  const panel = (suffix: string, title: string, { bins, ece }: ReportCalibration) => ({
    suffix,
    title,
    description: `Expected calibration error ${formatPercent(ece)}`,
    drawing: reliabilityDiagram(bins),
  });
  const second =
    calibrated && typeof temperature === 'number'
      ? [panel('reliability-scaled', `${model} by temperature ${temperature.toFixed(2)}`, calibrated)]
      : [];
  return {
    topic: 'reliability',
    caption: `Accuracy of ${model} over confidence${second.length > 0 ? ', as it is and by its temperature' : ''}; the dashed line is perfect calibration`,
    panels: [panel('reliability', `${model} as it is`, uncalibrated), ...second],
  };
}
