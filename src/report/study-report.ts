// The report of the study: one HTML document from plain values. What each section says is here and in study-evaluation.ts.
// Not here: drawing (study-figures.ts), the page's frame and style (page.ts). Invariant: the same input gives the same bytes.

import { formatBytes, formatCount, formatDuration, formatInstant, formatPercent, formatPoints } from './format.ts';
import { limitationSections } from './limitations.ts';
import { facts, type Markup, markup, renderPage, type Section, table } from './page.ts';
import { recommendationSections } from './recommendations.ts';
import { referenceStudy, textAndNotebook } from './reference-study.ts';
import { evaluationSection, type FigureFinder } from './study-evaluation.ts';
import { drawStudyFigures, type StudyFigure } from './study-figures.ts';
import type { ReportModel, StudyReportInput } from './study-report-input.ts';
import { useSections } from './uses.ts';

/**
 * The report of a run as one self-contained HTML document.
 *
 * @param input Plain values of the run
 * @param figures From `drawStudyFigures`, where they have been drawn already
 * @returns The document; it fetches nothing and holds no script
 * @example
 * ```ts
 * import { renderStudyReport, type StudyReportInput } from 'selvedge';
 * const pageOf = async (input: StudyReportInput): Promise<Blob> => new Blob([await renderStudyReport(input)], { type: 'text/html' });
 * ```
 */
export async function renderStudyReport(input: StudyReportInput, figures?: readonly StudyFigure[]): Promise<string> {
  const all = figures ?? (await drawStudyFigures(input));
  const find: FigureFinder = (topic, model) =>
    all.filter((figure) => figure.topic === topic && (model === undefined || figure.model === model)).map(figureMarkup);
  return renderPage({
    title: `${input.otherData ? `A study of “${input.otherData.name}”` : 'The Fashion-MNIST study'}: ${input.runName}`,
    subtitle: `${input.models.map(({ name }) => name).join(' and ')}, finished ${formatInstant(input.finishedAt)}`,
    opening: [...sampleNotice(input), ...headline(input)],
    sections: [
      dataSection(input, find),
      preprocessingSection(input),
      ...input.models.map((model) => modelSection(model, find)),
      evaluationSection(input, find),
      ...augmentationSections(input, find),
      ...explanationSections(input, find),
      ...limitationSections(input.limitations, find),
      ...recommendationSections(input.recommendations),
      ...useSections(input.uses, find),
      // The original knows no other data.
      ...(input.otherData ? [] : [referenceSection(input), differencesSection()]),
      machineSection(input),
    ],
  });
}

function figureMarkup({ number, topic, caption, panels }: StudyFigure): Markup {
  // A matrix of names and counts is not scaled down to a phone but scrolls; two of them take the margins of a wide screen.
  const classes = topic === 'confusion' ? (panels.length > 1 ? 'dense wide' : 'dense') : topic;
  // Only what scrolls can be focused, so that keys can scroll it.
  const box: Markup = { html: topic === 'confusion' ? ' tabindex="0"' : '' };
  const drawings = panels.map(({ svg }) => markup`<div${box}>${{ html: svg }}</div>`);
  return markup`<figure id="figure-${number}" class="${classes}"><div class="panels">${drawings}</div><figcaption><b>Figure ${number}.</b> ${caption}.</figcaption></figure>\n`;
}

function sampleNotice({ source, training, test }: StudyReportInput): Markup[] {
  if (!source.isSample) return [];
  return [
    markup`<p class="notice" role="note"><strong>Not the whole data set.</strong> This run used the small sample of Fashion-MNIST that ships with the project: ${formatCount(training.count)} training and ${formatCount(test.count)} test images. Its figures say nothing about the study’s.</p>`,
  ];
}

function headline({ models }: StudyReportInput): Markup[] {
  const entries = models.flatMap(({ name, evaluation, imagesPerSecond, trainingMs }): [string, string][] => [
    [`Test accuracy, ${name}`, formatPercent(evaluation.accuracy)],
    [`Test loss, ${name}`, evaluation.loss.toFixed(4)],
    [`Training, ${name}`, `${formatCount(Math.round(imagesPerSecond))} images/s`],
    [`Duration, ${name}`, formatDuration(trainingMs)],
  ]);
  return [facts(entries)];
}

function dataSection({ source, training, test, classNames, otherData }: StudyReportInput, find: FigureFinder): Section {
  const rows = classNames.map((name, label) => [
    String(label),
    name,
    formatCount(training.labelCounts[label] ?? 0),
    formatCount(test.labelCounts[label] ?? 0),
  ]);
  const columns = [
    { title: 'Label' },
    { title: 'Class' },
    { title: 'Training set', numeric: true },
    { title: 'Test set', numeric: true },
  ];
  const files = source.files.map(({ name, sha256 }) => [name, markup`<code>${sha256}</code>`]);
  return {
    id: 'data',
    title: 'Data',
    body: [
      markup`<p>${describeImages(otherData)} in ${classNames.length} classes. Source: ${source.name}.</p>`,
      ...(files.length === 0 ? [] : [table('Files', [{ title: 'File' }, { title: 'SHA-256' }], files)]),
      table('Samples of each class', columns, rows),
      ...find('labels'),
      ...find('samples'),
    ],
  };
}

function describeImages(otherData: StudyReportInput['otherData']): string {
  if (!otherData) return 'Grey pictures of 28 × 28 pixels of clothes';
  const [height, width, channels] = otherData.imageShape;
  return `${channels === 1 ? 'Grey pictures' : 'Pictures in colour'} of ${height} × ${width} pixels`;
}

function preprocessingSection({ split, otherData }: StudyReportInput): Section {
  const whole = split.training + split.validation;
  const shape = otherData?.imageShape.join(', ') ?? '28, 28, 1';
  const how: Markup = otherData
    ? markup`${otherData.split}`
    : markup`split as scikit-learn’s <code>train_test_split</code> with <code>random_state=${split.seed}</code>`;
  return {
    id: 'preprocessing',
    title: 'Preprocessing',
    body: [
      markup`<p>Pixels are divided by 255 and shaped [${shape}]; labels are one-hot. ${
        split.validation === 0
          ? `All ${formatCount(whole)} training samples train, and none validate.`
          : markup`Of the ${formatCount(whole)} training samples ${formatCount(split.training)} train and ${formatCount(split.validation)} validate, ${how}.`
      }</p>`,
    ],
  };
}

function augmentationSections({ augmentation }: StudyReportInput, find: FigureFinder): Section[] {
  if (!augmentation) return [];
  const body = [markup`<p>${augmentation.description}</p>`, ...find('augmentation')];
  return [{ id: 'augmentation', title: 'Augmentation', body }];
}

function explanationSections({ explanations }: StudyReportInput, find: FigureFinder): Section[] {
  if (!explanations) return [];
  const title = `What “${explanations.model}” looks at`;
  const body = [
    markup`<p>Maps of how much each place of a picture counts for the predicted class. Grad-CAM weighs the features of the last convolution, and has their few cells; integrated gradients say what each pixel adds to the score, compared with a black picture; occlusion says how far the score falls when a black square covers a place. None of them says that the model is right, or why it is wrong.</p>`,
    ...find('explanations'),
  ];
  return [{ id: 'explanations', title, body }];
}

function modelSection(model: ReportModel, find: FigureFinder): Section {
  const settings = model.settings.map(({ name, value }) => [name, value]);
  const optional = (value: number | undefined): string => value?.toFixed(4) ?? '–';
  const epochs = model.history.map((epoch) => [
    String(epoch.epoch),
    epoch.loss.toFixed(4),
    epoch.accuracy.toFixed(4),
    optional(epoch.validationLoss),
    optional(epoch.validationAccuracy),
    epoch.durationMs === undefined ? '–' : formatDuration(epoch.durationMs),
  ]);
  const titles = ['Epoch', 'Loss', 'Accuracy', 'Validation loss', 'Validation accuracy', 'Duration'];
  const columns = titles.map((title) => ({ title, numeric: true }));
  return {
    id: `model-${model.name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`,
    title: `Model “${model.name}”`,
    body: [
      ...find('graph', model.name),
      table('Settings', [{ title: 'Setting' }, { title: 'Value' }], settings),
      markup`<p>Trained ${formatCount(model.history.length)} ${model.history.length === 1 ? 'epoch' : 'epochs'} in ${formatDuration(model.trainingMs)} at ${formatCount(Math.round(model.imagesPerSecond))} images a second.</p>`,
      ...find('curves', model.name),
      markup`<details><summary>Every epoch in figures</summary>${table('After each epoch', columns, epochs)}</details>`,
    ],
  };
}

function referenceSection({ models, source }: StudyReportInput): Section {
  const model = models.at(-1);
  const title = 'Distance to the original';
  if (!model) return { id: 'reference', title, body: [] };
  const { evaluation, history, name, summary } = model;
  const { low, high } = evaluation.accuracyInterval95;
  const isWithin = low <= referenceStudy.accuracy && referenceStudy.accuracy <= high;
  const difference = evaluation.accuracy - referenceStudy.accuracy;
  const caveats = [
    ...(source.isSample ? ['this run used the small sample, so the two cannot be compared'] : []),
    ...(history.length === referenceStudy.epochs
      ? []
      : [`this run trained ${history.length} epochs, the original ${referenceStudy.epochs}`]),
    ...(summary.layers.some(({ type }) => type === 'Dropout')
      ? []
      : [`the original’s model has dropout, “${name}” has none`]),
  ];
  const rows = referenceStudy.classes.flatMap((reference, label) => {
    const ours = evaluation.scores.classes[label];
    if (!ours || ours.name !== reference.name) return [];
    const { precision, recall, f1 } = reference;
    const cells = [precision, ours.precision, recall, ours.recall, f1, ours['f1-score']];
    return [[reference.name, ...cells.map((value) => value.toFixed(2))]];
  });
  const titles = ['precision', 'recall', 'F1'].flatMap((score) => [`${score}, original`, `${score}, here`]);
  return {
    id: 'reference',
    title,
    body: [
      markup`<p>The original reports a test accuracy of ${formatPercent(referenceStudy.accuracy)} (loss ${referenceStudy.loss.toFixed(5)}, ${formatCount(referenceStudy.correct)} right, ${formatCount(referenceStudy.incorrect)} wrong) for its model with dropout after ${referenceStudy.epochs} epochs. Here “${name}” has ${formatPercent(evaluation.accuracy)}, a difference of ${formatPoints(difference)}. With ${formatCount(evaluation.count)} test samples the 95% interval (Wilson) runs from ${formatPercent(low)} to ${formatPercent(high)}; the original’s accuracy lies ${isWithin ? 'within' : 'outside'} it.</p>`,
      ...caveats.map((caveat) => markup`<p>Mind that ${caveat}.</p>`),
      markup`<p>Two independent repetitions of the recipe in PyTorch (same split, Glorot uniform after the first layer, Adam with epsilon 1e-7) ended at ${referenceStudy.repetitions.map(({ accuracy, loss }) => `${formatPercent(accuracy)} (loss ${loss})`).join(' and ')}: from run to run the recipe itself varies by more than half a point.</p>`,
      table(
        'Scores by class, original against here',
        [{ title: 'Class' }, ...titles.map((text) => ({ title: text, numeric: true }))],
        rows,
      ),
    ],
  };
}

function differencesSection(): Section {
  const columns = [{ title: 'Point' }, { title: 'Text' }, { title: 'Notebook, and here' }];
  const rows = textAndNotebook.map(({ point, text, notebook }) => [point, text, notebook]);
  return {
    id: 'text-and-notebook',
    title: 'Where the study’s text and its notebook differ',
    body: [
      markup`<p>The original describes its models in prose and defines them in a notebook. Where the two differ, this project follows the notebook, since that is what produced the published numbers.</p>`,
      table('Differences', columns, rows),
    ],
  };
}

function machineSection({ machine, runtime, backend, versions, commands }: StudyReportInput): Section {
  const yesNo = (value: boolean): string => (value ? 'yes' : 'no');
  const rows: [string, string][] = [
    ['Processor', machine.cpu],
    ['Architecture', machine.architecture],
    ['Usable cores', String(machine.cores)],
    ['Memory', machine.memoryBytes === 0 ? 'unknown' : formatBytes(machine.memoryBytes)],
    ['Operating system', machine.operatingSystem],
    ['Runtime', `${runtime.name} ${runtime.version}`],
    ['Backend', `${backend.backend}, build ${backend.build}`],
    ['Threads', String(backend.threads)],
    ['SIMD', yesNo(backend.simd)],
    ['Shared memory', yesNo(backend.sharedMemory)],
    ...(backend.fallbackReason === undefined ? [] : ([['Fallback', backend.fallbackReason]] as [string, string][])),
    ...Object.entries(versions),
  ];
  return {
    id: 'machine',
    title: 'Machine, runtime and versions',
    body: [
      table('What this run ran on', [{ title: 'What' }, { title: 'Value' }], rows),
      ...(commands.length === 0 ? [] : [markup`<h3>To make this report again</h3><pre>${commands.join('\n')}</pre>`]),
    ],
  };
}
