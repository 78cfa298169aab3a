// The report of a study of tuning: one HTML document from plain values.
// Not here: drawing (tuning-charts.ts), the page's frame and style (page.ts). Invariant: the same input gives the same bytes.
import { formatDuration } from './format.ts';
import { type Content, facts, type Markup, markup, renderPage, type Section, table } from './page.ts';
import { type Drawing, frame } from './svg.ts';
import { curvesChart, historyChart, importanceChart, parallelChart } from './tuning-charts.ts';
import type { TuningReportInput, TuningTrial } from './tuning-report-input.ts';

/**
 * The report of a study as one self-contained HTML document.
 *
 * @param input Plain values of the study
 * @returns The document; it fetches nothing and holds no script
 * @example
 * ```ts
 * import { renderTuningReport } from 'selvedge';
 * const page = await renderTuningReport({
 *   name: 'mine', measure: 'Validation accuracy', isMaximised: true, parameters: [], trials: [], settings: [], command: 'npx selvedge tune mine.json',
 * });
 * console.assert(page.includes('No trial has a value yet'));
 * ```
 */
export async function renderTuningReport(input: TuningReportInput): Promise<string> {
  const hasValues = input.trials.some(({ value }) => value !== undefined && Number.isFinite(value));
  return renderPage({
    title: `Tuning: ${input.name}`,
    subtitle: `${counted(input.trials.length, 'trial')} of ${counted(input.parameters.length, 'parameter')}`,
    opening: [headline(input)],
    sections: hasValues ? await sectionsOf(input) : [emptySection(), settingsSection(input)],
  });
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
const ofState = (trials: readonly TuningTrial[], state: TuningTrial['state']): number =>
  trials.filter((trial) => trial.state === state).length;

/** Minutes that are known. */
const minutesOf = (trials: readonly TuningTrial[]): number => trials.reduce((sum, { minutes = 0 }) => sum + minutes, 0);

function headline({ trials, best, measure }: TuningReportInput): Markup {
  const found = trials.find(({ number }) => number === best);
  const minutes = minutesOf(trials);
  return facts([
    [`Best ${measure.toLowerCase()}`, found?.value === undefined ? 'none yet' : found.value.toFixed(4)],
    ['Best trial', best === undefined ? 'none yet' : String(best)],
    ['Complete', String(ofState(trials, 'complete'))],
    ['Ended early', String(ofState(trials, 'pruned'))],
    ['Failed', String(ofState(trials, 'failed'))],
    ['Time in training', minutes === 0 ? 'not known' : formatDuration(minutes * 60_000)],
  ]);
}

const emptySection = (): Section => ({
  id: 'trials',
  title: 'Trials',
  body: [markup`<p>No trial has a value yet.</p>`],
});

async function sectionsOf(input: TuningReportInput): Promise<Section[]> {
  return [
    bestSection(input),
    {
      id: 'history',
      title: 'History',
      body: [
        figure(
          await historyChart(input),
          'history',
          'Value of each trial: its last, also of those that were ended early',
        ),
        ...(input.trials.some(({ curve }) => curve.length > 0)
          ? [figure(await curvesChart(input), 'curves', 'Values by epoch; the best trial in the second colour')]
          : []),
      ],
    },
    await importanceSection(input),
    {
      id: 'parallel',
      title: 'Parallel coordinates',
      body: [
        figure(
          parallelChart(input),
          'parallel',
          'A line a trial: the stronger, the better; the best in the second colour; broken where a trial has no such parameter',
          'dense wide',
        ),
      ],
    },
    costSection(input),
    trialsSection(input),
    settingsSection(input),
  ];
}

function figure(drawing: Drawing, name: string, caption: string, classes = 'chart'): Markup {
  const { svg } = frame(drawing, { name, title: caption, description: caption });
  const box: Markup = { html: classes.includes('dense') ? ' tabindex="0"' : '' };
  return markup`<figure class="${classes}"><div class="panels"><div${box}>${{ html: svg }}</div></div><figcaption>${caption}.</figcaption></figure>\n`;
}

function bestSection({ trials, best, recipe, measure }: TuningReportInput): Section {
  const found = trials.find(({ number }) => number === best);
  if (!found) return { id: 'best', title: 'Best', body: [markup`<p>No trial is complete.</p>`] };
  const rows = Object.entries(found.parameters).map(([name, { text }]) => [name, text]);
  return {
    id: 'best',
    title: 'Best',
    body: [
      markup`<p>Trial ${found.number}, ${measure.toLowerCase()} ${found.value!.toFixed(4)} at its end. It is the best of ${counted(ofState(trials, 'complete'), 'complete trial')} on the images that chose it: on others it will do somewhat worse.</p>`,
      table('Its parameters', [{ title: 'Parameter' }, { title: 'Value' }], rows),
      ...(recipe === undefined ? [] : [markup`<details><summary>Its recipe</summary><pre>${recipe}</pre></details>`]),
    ],
  };
}

async function importanceSection({ importance }: TuningReportInput): Promise<Section> {
  if (!importance) {
    const text = 'Too few trials have a value, or all have the same: nothing can be said.';
    return { id: 'importance', title: 'Importance', body: [markup`<p>${text}</p>`] };
  }
  const { shares, step, trials } = importance;
  const rest = Math.max(0, 1 - shares.reduce((sum, { share }) => sum + share, 0));
  return {
    id: 'importance',
    title: 'Importance',
    body: [
      figure(await importanceChart(shares), 'importance', 'Share of the variance that a parameter explains by itself'),
      markup`<p>Functional analysis of variance over a random forest of 64 trees (Hutter, Hoos and Leyton-Brown, 2014), of the values after epoch ${step}, which ${trials} trials came to. What the shares leave over, ${(100 * rest).toFixed(1)}%, is of parameters together. Few trials make rough shares, and what matters early need not matter at the end.</p>`,
    ],
  };
}

function costSection({ trials }: TuningReportInput): Section {
  const epochs = trials.reduce((sum, { curve }) => sum + curve.length, 0);
  const longest = Math.max(0, ...trials.map(({ curve }) => curve.length));
  const saved = longest === 0 ? 0 : 1 - epochs / (longest * trials.length);
  const minutes = minutesOf(trials);
  const time =
    minutes === 0
      ? ''
      : ` They took ${formatDuration(minutes * 60_000)}, ${formatDuration((minutes * 60_000) / Math.max(1, epochs))} an epoch with its validation.`;
  return {
    id: 'cost',
    title: 'Cost',
    body: [
      markup`<p>${counted(epochs, 'epoch')} in all, ${(100 * saved).toFixed(0)}% fewer than if every trial had run to the end of the longest.${time} Minutes are of this machine and what else it did; they differ from call to call, and nothing else here does.</p>`,
    ],
  };
}

function trialsSection({ trials, parameters, best }: TuningReportInput): Section {
  const names = parameters.map(({ name }) => name);
  const columns = [
    { title: 'Trial', numeric: true },
    { title: 'State' },
    { title: 'Value', numeric: true },
    { title: 'Epochs', numeric: true },
    { title: 'Minutes', numeric: true },
    ...names.map((title) => ({ title })),
  ];
  const rows = trials.map((trial): Content[] => [
    trial.number === best ? markup`<b>${trial.number}</b>` : String(trial.number),
    trial.error === undefined ? trial.state : `${trial.state}: ${trial.error}`,
    trial.value === undefined ? '' : trial.value.toFixed(4),
    String(trial.curve.length),
    trial.minutes === undefined ? '' : trial.minutes.toFixed(1),
    ...names.map((name) => trial.parameters[name]?.text ?? ''),
  ]);
  return {
    id: 'trials',
    title: 'Trials',
    body: [markup`<details><summary>Every trial in figures</summary>${table('Trials', columns, rows)}</details>`],
  };
}

function settingsSection({ parameters, settings, command }: TuningReportInput): Section {
  return {
    id: 'settings',
    title: 'Space and settings',
    body: [
      table(
        'Parameters',
        [{ title: 'Parameter' }, { title: 'Values' }],
        parameters.map(({ name, range }) => [name, range]),
      ),
      ...(settings.length === 0 ? [] : [table('Settings', [{ title: 'Setting' }, { title: 'Value' }], settings)]),
      markup`<pre>${command}</pre>`,
    ],
  };
}
