// The section of the study's report on how well the models do: comparison, scores, confusions, predictions.
// Invariant: everything said in words is computed from the input.
import { formatCount, formatDifference, formatPercent, formatProbability } from './format.ts';
import { type Column, type Markup, markup, type Section, table } from './page.ts';
import type { FigureTopic } from './study-figures.ts';
import type { ReportComparison, ReportModel, StudyReportInput } from './study-report-input.ts';

/** Finds figures by what they show, as markup. */
export type FigureFinder = (topic: FigureTopic, model?: string) => Markup[];

/** The section on evaluation. */
export function evaluationSection({ models, comparison }: StudyReportInput, find: FigureFinder): Section {
  const shown = models.at(-1);
  return {
    id: 'evaluation',
    title: 'Evaluation',
    body: [
      resultsTable(models),
      ...(comparison ? comparisonMarkup(comparison) : []),
      ...find('confusion'),
      ...models.flatMap((model) => scoresMarkup(model, model === shown)),
      ...(shown ? [markup`<h3>Predictions of “${shown.name}”</h3>`] : []),
      ...find('predictions'),
    ],
  };
}

const numeric = (...titles: string[]): Column[] => titles.map((title) => ({ title, numeric: true }));

function resultsTable(models: readonly ReportModel[]): Markup {
  const rows = models.map(({ name, evaluation }) => [
    name,
    evaluation.loss.toFixed(4),
    formatPercent(evaluation.accuracy),
    `${formatPercent(evaluation.accuracyInterval95.low)} to ${formatPercent(evaluation.accuracyInterval95.high)}`,
    formatCount(evaluation.correct),
    formatCount(evaluation.incorrect),
  ]);
  const columns = numeric('Loss', 'Accuracy', '95% interval', 'Correct', 'Incorrect');
  return table('Results on the test set', [{ title: 'Model' }, ...columns], rows);
}

/** Loss and F1 to four digits, counts whole. */
const formatValue = (value: number): string => (Number.isInteger(value) ? formatCount(value) : value.toFixed(4));

function comparisonMarkup({ first, second, totals, f1, bothRight, bothWrong, mcNemar }: ReportComparison): Markup[] {
  const columns: Column[] = [{ title: '' }, ...numeric(first, second, 'Difference')];
  const total = totals.map((row) => [
    row.name,
    formatValue(row.first),
    formatValue(row.second),
    formatDifference(row.difference),
  ]);
  const byClass = f1.map((row) => [
    row.name,
    row.first.toFixed(4),
    row.second.toFixed(4),
    formatDifference(row.difference, 4),
  ]);
  const isClear = mcNemar.pValue < 0.05;
  return [
    markup`<h3>Both models compared</h3>`,
    table(`“${first}” and “${second}”`, columns, total),
    table('F1 by class', columns, byClass),
    markup`<p>Both are right on ${formatCount(bothRight)} samples and wrong on ${formatCount(bothWrong)}; only “${first}” is right on ${formatCount(mcNemar.onlyFirst)}, only “${second}” on ${formatCount(mcNemar.onlySecond)}. McNemar’s exact test gives p ${formatProbability(mcNemar.pValue)} (χ² = ${mcNemar.chiSquared.toFixed(2)}): the difference is ${isClear ? 'more than chance explains at the 5% level' : 'within what chance explains at the 5% level'}.</p>`,
  ];
}

function scoresMarkup({ name, evaluation }: ReportModel, isOpen: boolean): Markup[] {
  const { classes, macro, weighted, accuracy } = evaluation.scores;
  const cells = (row: { precision: number; recall: number; 'f1-score': number; support: number }): string[] => [
    row.precision.toFixed(4),
    row.recall.toFixed(4),
    row['f1-score'].toFixed(4),
    formatCount(row.support),
  ];
  const rows = [
    ...classes.map((row) => [row.name, ...cells(row)]),
    ['accuracy', '', '', accuracy.toFixed(4), formatCount(macro.support)],
    ['macro avg', ...cells(macro)],
    ['weighted avg', ...cells(weighted)],
  ];
  return [
    markup`<h3>Classification report of “${name}”</h3>`,
    table('Scores by class', [{ title: 'Class' }, ...numeric('Precision', 'Recall', 'F1', 'Support')], rows),
    markup`<details${{ html: isOpen ? ' open' : '' }}><summary>The same in scikit-learn’s layout</summary><pre>${evaluation.reportText}</pre></details>`,
    ...weaknessMarkup(evaluation),
  ];
}

function weaknessMarkup({ weakestClasses, mostConfusedPairs }: ReportModel['evaluation']): Markup[] {
  const weakest = weakestClasses.map((row) => `${row.name} (F1 ${row['f1-score'].toFixed(2)})`).join(', ');
  const rows = mostConfusedPairs.map((pair) => [
    `${pair.name} – ${pair.otherName}`,
    formatCount(pair.asOther),
    formatCount(pair.fromOther),
    formatCount(pair.total),
    formatPercent(pair.shareOfMistakes, 1),
  ]);
  const columns = numeric('First as second', 'Second as first', 'Together', 'Of all mistakes');
  return [
    ...(weakest === '' ? [] : [markup`<p>Weakest classes: ${weakest}.</p>`]),
    ...(rows.length === 0 ? [] : [table('Pairs confused most', [{ title: 'Pair' }, ...columns], rows)]),
  ];
}
