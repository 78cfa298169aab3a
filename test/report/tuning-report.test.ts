// The report of a study of tuning: every section, whatever the trials; texts are escaped; the same input gives the same bytes.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { renderTuningReport } from '../../src/report/tuning-report.ts';
import type { TuningReportInput, TuningTrial } from '../../src/report/tuning-report-input.ts';

const trialOf = (number: number, change: Partial<TuningTrial> = {}): TuningTrial => ({
  number,
  state: 'complete',
  value: 0.8 + number / 100,
  curve: [
    [1, 0.5],
    [2, 0.8 + number / 100],
  ],
  parameters: { rate: { text: '0.01', place: 0.5 }, 'kind.<b>': { text: '<i>', place: 0.25 } },
  minutes: 1.5,
  ...change,
});

const input: TuningReportInput = {
  name: 'mine & yours',
  measure: 'Validation accuracy',
  isMaximised: true,
  parameters: [
    {
      name: 'rate',
      range: '0.001 to 0.1, over logarithms',
      labels: [
        [0, '0.001'],
        [1, '0.1'],
      ],
    },
    {
      name: 'kind.<b>',
      range: '<i>, b',
      labels: [
        [0.25, '<i>'],
        [0.75, 'b'],
      ],
    },
    {
      name: 'lonely',
      range: '0 to 1',
      labels: [
        [0, '0'],
        [1, '1'],
      ],
    },
  ],
  trials: [
    trialOf(0),
    trialOf(1, { state: 'pruned', value: 0.5, curve: [[1, 0.5]], parameters: { rate: { text: '0.1', place: 1 } } }),
    trialOf(2, { state: 'failed', value: undefined, curve: [], error: 'Cannot train </td>' }),
    trialOf(3, { parameters: { lonely: { text: '0.5', place: 0.5 } }, minutes: undefined }),
    trialOf(4, { state: 'running', value: undefined }),
  ],
  best: 3,
  importance: {
    shares: [
      { name: 'rate', share: 0.7 },
      { name: 'kind.<b>', share: 0.1 },
    ],
    step: 1,
    trials: 4,
  },
  settings: [['sampler.name', 'tpe']],
  command: 'npx selvedge tune "a & b.json"',
  recipe: '{ "epochs": 9 }',
};

test('renderTuningReport() tells the best, history, importance, parallel coordinates and cost, and fetches nothing', async () => {
  const page = await renderTuningReport(input);
  for (const text of [
    'Tuning: mine &amp; yours',
    '<dd>0.8300</dd>',
    'Best so far',
    '70.0%',
    '20.0%, is of parameters together',
    'A line a trial',
    '7 epochs in all, 30% fewer',
    'failed: Cannot train &lt;/td&gt;',
    'npx selvedge tune &quot;a &amp; b.json&quot;',
    '{ &quot;epochs&quot;: 9 }',
  ])
    assert.ok(page.includes(text), text);
  assert.not.match(page, /<script|<i>|kind\.<b>|NaN|undefined|Infinity|src="http/);
  assert.is(await renderTuningReport(input), page);
});

test('renderTuningReport() draws studies of one trial, of none, of equal values and without a complete one', async () => {
  const only = { ...input, importance: undefined, recipe: undefined };
  const cases: Partial<TuningReportInput>[] = [
    { trials: [trialOf(0)], best: 0 },
    { trials: [], best: undefined, parameters: [] },
    { trials: [trialOf(0, { value: 0.5 }), trialOf(1, { value: 0.5 })], best: 0, isMaximised: false },
    { trials: [trialOf(0, { state: 'pruned' })], best: undefined },
    { trials: [trialOf(0, { curve: [], minutes: undefined, value: -3 })], best: 0 },
  ];
  for (const change of cases) {
    const page = await renderTuningReport({ ...only, ...change });
    assert.not.match(page, /NaN|undefined|Infinity/);
    assert.match(page, '</html>');
  }
});

test.run();
