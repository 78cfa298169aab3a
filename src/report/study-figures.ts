// The figures of the study in their order: eleven with two models, then those of augmentation and of explanations, where there are any.
// Invariant: numbers run from 1 without a gap; with the models baseline and dropout they are those of the study.
import { confusionHeatMap, epochChart, labelCountChart } from './charts.ts';
import { explanationClassGrid } from './explanation-figure.ts';
import { augmentationGrid, predictionGrid, sampleGrid } from './image-grid.ts';
import { type LimitationTopic, limitationPlans } from './limitation-plans.ts';
import { drawModelGraph, shapeText } from './model-graph.ts';
import type { ExploredSet, ReportModel, ReportPrediction, StudyReportInput } from './study-report-input.ts';
import { type Drawing, type Figure, frame } from './svg.ts';
import { type UseTopic, usePlans } from './uses.ts';

/** What a figure shows: where it belongs in the report. */
export type FigureTopic =
  | 'labels'
  | 'samples'
  | 'graph'
  | 'curves'
  | 'confusion'
  | 'predictions'
  | 'augmentation'
  | 'explanations'
  | LimitationTopic
  | UseTopic;

/** A numbered figure with its caption. */
export interface StudyFigure {
  /** From 1. */
  readonly number: number;
  readonly topic: FigureTopic;
  /** Name of the model, for the topics that have one. */
  readonly model?: string;
  /** One sentence without a full stop; plain text. */
  readonly caption: string;
  /** One drawing or several side by side. */
  readonly panels: readonly Figure[];
}

/** The part of a study that is drawn; without models, what can be seen of the data. */
export type FigureInput = Pick<
  StudyReportInput,
  'classNames' | 'training' | 'test' | 'models' | 'augmentation' | 'explanations' | 'limitations' | 'uses' | 'otherData'
>;

export interface Panel {
  readonly suffix: string;
  readonly title: string;
  readonly description: string;
  readonly drawing: Drawing;
}

interface Plan {
  readonly topic: FigureTopic;
  readonly model?: string;
  readonly caption: string;
  readonly panels: readonly Panel[];
}

const count = new Intl.NumberFormat('en-US');
const percent = (share: number): string => `${(share * 100).toFixed(2)}%`;

/**
 * Draws all figures.
 *
 * @param input Plain values of the run
 * @returns Figures in order; `standaloneSvg` makes files of their panels
 */
export async function drawStudyFigures(input: FigureInput): Promise<StudyFigure[]> {
  const shown = input.models.at(-1);
  const plans: Plan[] = [
    await labelsPlan('training', input.training, input.classNames),
    await labelsPlan('test', input.test, input.classNames),
    samplesPlan('training', input),
    samplesPlan('test', input),
  ];
  for (const model of input.models) plans.push(graphPlan(model), await curvesPlan(model));
  if (shown) {
    plans.push(await confusionPlan(input.models, input.classNames));
    plans.push(
      predictionsPlan(shown, 'correct', input.classNames),
      predictionsPlan(shown, 'incorrect', input.classNames),
    );
  }
  if (input.augmentation) plans.push(augmentationPlan(input.augmentation));
  if (input.explanations) plans.push(explanationsPlan(input.explanations));
  if (input.limitations) plans.push(...limitationPlans(input.limitations));
  if (input.uses) plans.push(...usePlans(input.uses));
  return plans.map(({ panels, ...plan }, index) => ({
    ...plan,
    number: index + 1,
    panels: framePanels(panels, index + 1),
  }));
}

function framePanels(panels: readonly Panel[], number: number): Figure[] {
  const taken = new Set<string>();
  return panels.map(({ suffix, title, description, drawing }) => {
    const slug = suffix.toLowerCase().replace(/[^a-z0-9]+/g, '-');
    let name = `figure-${String(number).padStart(2, '0')}-${slug}`;
    // Two model names may differ only in what a file name cannot hold.
    while (taken.has(name)) name += '-2';
    taken.add(name);
    return frame(drawing, { name, title, description });
  });
}

async function labelsPlan(
  set: string,
  { count: samples, labelCounts }: ExploredSet,
  names: readonly string[],
): Promise<Plan> {
  const caption = `Samples of each class in the ${set} set, ${count.format(samples)} in all`;
  const description = names.map((name, label) => `${name}: ${count.format(labelCounts[label] ?? 0)}`).join(', ');
  const drawing = await labelCountChart(names, labelCounts);
  return { topic: 'labels', caption, panels: [{ suffix: `labels-${set}`, title: caption, description, drawing }] };
}

function samplesPlan(set: 'training' | 'test', { classNames: names, otherData, ...input }: FigureInput): Plan {
  const { samples } = input[set];
  const each = Math.max(0, ...samples.map(({ length }) => length));
  const caption = `The first ${each} samples of each class in the ${set} set`;
  const drawing = sampleGrid(names.map((name, label) => ({ name, images: samples[label] ?? [] })));
  const description = `${otherData ? 'Small pictures' : 'Small grey pictures of clothes'} by class: ${names.join(', ')}`;
  return { topic: 'samples', caption, panels: [{ suffix: `samples-${set}`, title: caption, description, drawing }] };
}

function graphPlan({ name, summary }: ReportModel): Plan {
  const caption = `Layers of the model “${name}” with output shapes and parameters`;
  const description = summary.layers.map((layer) => `${layer.type} (${shapeText(layer)})`).join(', ');
  const panel = { suffix: `graph-${name}`, title: caption, description, drawing: drawModelGraph(summary) };
  return { topic: 'graph', model: name, caption, panels: [panel] };
}

async function curvesPlan({ name, history }: ReportModel): Promise<Plan> {
  const last = history.at(-1);
  const series = (training: readonly number[], validation: readonly (number | undefined)[]) => [
    { name: 'Training' as const, values: training },
    ...(validation.some((value) => value !== undefined)
      ? [{ name: 'Validation' as const, values: validation.map((value) => value ?? Number.NaN) }]
      : []),
  ];
  const loss = await epochChart(
    'Loss',
    series(
      history.map((epoch) => epoch.loss),
      history.map((epoch) => epoch.validationLoss),
    ),
  );
  const accuracy = await epochChart(
    'Accuracy',
    series(
      history.map((epoch) => epoch.accuracy),
      history.map((epoch) => epoch.validationAccuracy),
    ),
  );
  const ending = (training?: number, validation?: number): string =>
    `after epoch ${last?.epoch ?? 0}: training ${training?.toFixed(4) ?? 'none'}, validation ${validation?.toFixed(4) ?? 'none'}`;
  return {
    topic: 'curves',
    model: name,
    caption: `Loss and accuracy of “${name}” after each epoch, on the training and the validation set`,
    panels: [
      {
        suffix: `loss-${name}`,
        title: `Loss of “${name}” by epoch`,
        description: `Loss ${ending(last?.loss, last?.validationLoss)}`,
        drawing: loss,
      },
      {
        suffix: `accuracy-${name}`,
        title: `Accuracy of “${name}” by epoch`,
        description: `Accuracy ${ending(last?.accuracy, last?.validationAccuracy)}`,
        drawing: accuracy,
      },
    ],
  };
}

async function confusionPlan(models: readonly ReportModel[], names: readonly string[]): Promise<Plan> {
  const panels: Panel[] = [];
  for (const { name, evaluation } of models) {
    const recalls = evaluation.scores.classes.map((row) => `${row.name} ${percent(row.recall)}`).join(', ');
    panels.push({
      suffix: `confusion-${name}`,
      title: `Confusion matrix of “${name}”`,
      description: `Share of each class predicted right: ${recalls}`,
      drawing: await confusionHeatMap(`Model “${name}”`, evaluation.confusion, names),
    });
  }
  const of = models.map(({ name }) => `“${name}”`).join(' and ');
  return {
    topic: 'confusion',
    caption: `Confusion matrix of ${of} on the test set: counts, coloured by their share of the true class`,
    panels,
  };
}

function predictionsPlan(model: ReportModel, kind: 'correct' | 'incorrect', names: readonly string[]): Plan {
  const nameOf = (label: number): string => names[label] ?? `class ${label}`;
  const predictions = model[kind].map(({ image, trueLabel, predictedLabel, probability }: ReportPrediction) => ({
    image,
    trueName: nameOf(trueLabel),
    predictedName: nameOf(predictedLabel),
    isRight: predictedLabel === trueLabel,
    probability,
  }));
  const verdict = kind === 'correct' ? 'right' : 'wrong';
  const caption = `The first ${predictions.length} test samples that “${model.name}” gets ${verdict}: true class, and below it the predicted one with its probability`;
  const description = predictions.map(({ trueName, predictedName }) => `${trueName} as ${predictedName}`).join(', ');
  const panel = { suffix: `${kind}-${model.name}`, title: caption, description, drawing: predictionGrid(predictions) };
  return { topic: 'predictions', model: model.name, caption, panels: [panel] };
}

function augmentationPlan({ description, rows }: NonNullable<StudyReportInput['augmentation']>): Plan {
  const caption = 'Training samples and what augmentation makes of them';
  const panel = { suffix: 'augmentation', title: caption, description, drawing: augmentationGrid(rows) };
  return { topic: 'augmentation', caption, panels: [panel] };
}

function explanationsPlan({ model, methods, classes }: NonNullable<StudyReportInput['explanations']>): Plan {
  const caption = `What “${model}” looks at in the first test samples of each class: ${methods.join(', ')}; orange to yellow speaks for the class that it predicts, blue to cyan against it`;
  const said = classes.map(
    ({ name, images }) => `${name}, predicted as ${images.map(({ predictedName }) => predictedName).join(' and ')}`,
  );
  const panel = {
    suffix: `explanations-${model}`,
    title: caption,
    description: said.join('; '),
    drawing: explanationClassGrid(classes, methods),
  };
  return { topic: 'explanations', model, caption, panels: [panel] };
}
