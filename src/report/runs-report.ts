// Runs beside each other as one HTML page: a table, and the curves of each. Not here: which runs there are.
// Invariant: the same input gives the same bytes.
import { epochChart } from './charts.ts';
import { markup, renderPage, table } from './page.ts';
import { frame } from './svg.ts';

/** A run as it is shown; what is not known is left out. */
export interface ShownRun {
  readonly name: string;
  /** Texts of the table, one a column. */
  readonly cells: readonly string[];
  /** Accuracy by epoch. */
  readonly training: readonly number[];
  readonly validation: readonly number[];
}

/**
 * The page.
 *
 * @param runs In the order of the table
 * @param columns Titles, one a cell
 * @example
 * ```ts
 * import { renderRunsReport } from 'selvedge';
 * const page = await renderRunsReport([{ name: 'a/dropout', cells: ['0.93'], training: [0.8, 0.9], validation: [] }], ['Accuracy']);
 * console.assert(page.includes('a/dropout'));
 * ```
 */
export async function renderRunsReport(runs: readonly ShownRun[], columns: readonly string[]): Promise<string> {
  const titles = [{ title: 'Run' }, ...columns.map((title) => ({ title, numeric: true }))];
  const rows = runs.map(({ name, cells }) => [name, ...cells]);
  const curves = [];
  for (const [i, { name, training, validation }] of runs.entries()) {
    if (training.length === 0) continue;
    const series = [
      { name: 'Training' as const, values: training },
      ...(validation.length > 0 ? [{ name: 'Validation' as const, values: validation }] : []),
    ];
    const drawing = await epochChart(name, series);
    const description = `Accuracy of ${name} after each of ${training.length} epochs`;
    const figure = frame(drawing, { name: `run-${i + 1}`, title: `Accuracy of ${name}`, description });
    curves.push(markup`<figure>${{ html: figure.svg }}<figcaption>${description}</figcaption></figure>`);
  }
  return renderPage({
    title: 'Runs',
    subtitle: `${runs.length} ${runs.length === 1 ? 'run' : 'runs'}`,
    opening: [],
    sections: [
      { id: 'runs', title: 'Runs', body: [table('All that were found', titles, rows)] },
      ...(curves.length > 0 ? [{ id: 'curves', title: 'Accuracy by epoch', body: curves }] : []),
    ],
  });
}
