// The section of the ten recommendations: the word follows from the interval, every recommendation has its row, and what is not there is named.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createPhilox } from '../../src/core/philox.ts';
import { viewsOf } from '../../src/evaluation/views.ts';
import { type ReportRecommendations, renderStudyReport } from '../../src/report/index.ts';
import { htmlOf } from '../../src/report/page.ts';
import { recommendationSections, recommendationSources } from '../../src/report/recommendations.ts';
import { viewsTexts } from '../../src/report/recommendations-input.ts';
import { verdictLine, verdictOf, verdicts } from '../../src/report/verdict.ts';
import { studyFixture } from './study-fixture.ts';

const draws = createPhilox({ seed: 7, stream: 0 });
const between = (low: number, high: number): number => low + (high - low) * (draws.nextBelow(1001) / 1000);

test('verdictOf() is decided by the interval alone, and turns round with its sign', () => {
  const opposite = { helps: 'costs', costs: 'helps', 'no gain shown': 'no gain shown' } as const;
  for (let i = 0; i < 500; i++) {
    const [low, high] = [between(-0.1, 0.1), between(-0.1, 0.1)].sort((a, b) => a - b) as [number, number];
    const verdict = verdictOf({ low, high });
    assert.is(verdict === 'no gain shown', low <= 0 && high >= 0);
    assert.is(verdictOf({ low: -high, high: -low }), opposite[verdict]);
    if (verdict === 'helps') assert.ok((low + high) / 2 > 0);
  }
  assert.is(verdictOf({ low: 0, high: 0 }), 'no gain shown');
});

test('verdictLine() counts every interval once', () => {
  for (let i = 0; i < 100; i++) {
    const intervals = Array.from({ length: 1 + draws.nextBelow(12) }, () => {
      const low = between(-0.1, 0.1);
      return { low, high: low + between(0, 0.1) };
    });
    const line = verdictLine(intervals)!;
    const numbers = [...line.matchAll(/ in (?:all )?(\d+)/g)].map(([, count]) => Number(count));
    if (intervals.length === 1) assert.ok(verdicts.some((verdict) => verdict === line));
    else
      assert.is(
        numbers.reduce((sum, count) => sum + count, 0),
        intervals.length,
        line,
      );
    for (const verdict of verdicts)
      assert.is(
        line.includes(verdict),
        intervals.some((each) => verdictOf(each) === verdict),
      );
  }
  assert.is(verdictLine([]), undefined);
});

const above = { mean: 0.02, low: 0.01, high: 0.03 };
const around = { mean: 0.001, low: -0.01, high: 0.012 };
const below = { mean: -0.05, low: -0.06, high: -0.04 };
const accuracy = { mean: 0.97, low: 0.96, high: 0.98 };
const evaluated = (share: number) => ({
  accuracy: share,
  accuracyInterval95: { low: share - 0.004, high: share + 0.004 },
});
const recorded = (share: number, views: keyof typeof viewsTexts = 'shifted') => ({ views, ...evaluated(share) });
const whole: ReportRecommendations = {
  absent: {},
  recordGain: above,
  distilledGain: above,
  results: {
    augmentation: {
      network: 'dropout',
      regimes: [{ trainingExamples: 100, epochs: 3 }],
      results: [
        { trainingExamples: 100, change: 'none' },
        { trainingExamples: 100, change: '<flip>', gain: below },
        { trainingExamples: 100, change: 'noise', gain: around },
      ],
    },
    record: {
      seeds: [1, 2, 3].map((seed) => ({ seed, parameters: 4_321, ...recorded(0.95) })),
      meanAccuracy: 0.951,
      ensemble: { members: 3, ...recorded(0.9522) },
      long: { seed: 9, parameters: 1234, ...recorded(0.9611, 'mirrored') },
    },
    classification: { model: { name: 'dropout' }, ...evaluated(0.92) },
    distilled: { model: { name: 'distilled' }, ...evaluated(0.93) },
    muon: { gain: around },
    tuning: {
      trials: 19,
      complete: 3,
      examples: 6000,
      validationExamples: 12_000,
      best: { mean: 0.889, low: 0.88, high: 0.895 },
    },
    transfer: {
      network: 'dropout',
      results: [
        { target: 'digits', examples: 8000, testExamples: 2000, arms: { scratch: { accuracy } } },
        {
          target: 'coats',
          examples: 10,
          testExamples: 20,
          arms: { scratch: { accuracy }, frozen: { accuracy, gain: above } },
        },
      ],
    },
    mobilenet: { results: [{ target: 'coats', examples: 10, head: { gain: below } }] },
    imbalance: { results: [{ ratio: 100, remedy: 'oversampling', gain: above }] },
    ensembles: { results: [{ arm: 'one network' }, { arm: 'stacked', gain: above }] },
    explain: {
      model: { name: 'dropout' },
      images: 500,
      orders: [
        { order: 'saliency', deletionArea: { mean: 0.3, low: 0.2, high: 0.4 } },
        { order: 'occlusion', deletionArea: { mean: 0.117, low: 0.098, high: 0.136 } },
        { order: 'random', deletionArea: { mean: 0.457, low: 0.433, high: 0.48 } },
        { order: 'brightness', deletionArea: { mean: 0.01, low: 0, high: 0.02 } },
      ],
    },
    preprocessing: { results: [{ network: 'linear', preprocessing: 'hog', gain: above }] },
    published: {
      results: [
        { name: 'a', accuracy: 0.93 },
        { name: 'b', accuracy: 0.97 },
      ],
    },
  },
};

const titles = [
  'Augmentation',
  'Other networks',
  'Tuning',
  'Transfer',
  'Imbalance',
  'Ensembles',
  'Explanations',
  'Preprocessing',
  'Other data',
  'State of the art',
];
/** The row of each recommendation in the first table of the section, by its number. */
function rowsOf(recommendations: ReportRecommendations): string[] {
  const section = recommendationSections(recommendations)[0]!.body.map(htmlOf).join('');
  const rows = section
    .match(/<tbody>(.*?)<\/tbody>/s)![1]!
    .split('<tr>')
    .slice(1);
  assert.equal(
    rows.map((row) => row.match(/^<th scope="row">(.*?)<\/th>/)![1]),
    titles.map((title, i) => `${i + 1} ${title}`),
  );
  return [section, ...rows];
}
const verdictIn = (row: string | undefined): string =>
  row!.match(/<code>docs\/[\w-]+\.md<\/code><\/div><\/td><td>([^<]*)<\/td><\/tr>$/)![1]!;

test('each of the ten has a row with its figure, its verdict, its command and its document', () => {
  const [section, ...rows] = rowsOf(whole);
  assert.equal(rows.map(verdictIn), [
    'no gain shown in 1 of 2, costs in 1',
    'helps',
    'helps in 1 of 2, no gain shown in 1',
    'helps in 1 of 2, costs in 1',
    'helps',
    'helps',
    '–',
    'helps',
    '–',
    '–',
  ]);
  const expected: readonly (readonly string[])[] = [
    [
      '&lt;flip&gt;, 100 examples, 3 epochs: −5.00 points (−6.00 to −4.00)',
      'short-runs/augmentation.ts',
      'docs/augmentation.md',
    ],
    [
      '4,321 parameters by record-30 on the test set, by six views: seed 1 95.00% (94.60% to 95.40%)',
      'mean 95.10%<',
      '1,234 parameters on the test set, by two views: record-120, seed 9 96.11%',
      'network, recipe and views together',
      'record-30, seed 1, by six views, against one of “dropout” that ships',
    ],
    [
      '19 trials, 3 of them complete',
      '88.90% (88.00% to 89.50%)',
      'selvedge tune',
      '“distilled”, by the regime of the best trial',
      'Muon',
    ],
    ['frozen, to coats, 10 examples: +2.00 points', 'short-runs/mobilenet.ts'],
    ['oversampling, at 100 to 1: +2.00 points', 'balanced accuracy'],
    [
      'stacked',
      '3 networks by record-30, averaged, each by six views: 95.22%',
      'by six views, 95.10%, lies within the interval of the average',
    ],
    ['occlusion, 0.117 (0.098 to 0.136); places at random 0.457', 'selvedge measure explain'],
    ['hog, “linear”'],
    ['8,000 digits: 97.00% (96.00% to 98.00%) on 2,000 others', 'docs/data.md'],
    [
      'ours: record-120, seed 9, by two views, 96.11%',
      'record-30, mean of 3 seeds, by six views, 95.10%',
      '3 networks by record-30 averaged, by six views, 95.22%',
      '2 results from 93.00% to 97.00%; above the best of ours: 1',
      'task state-of-the-art',
    ],
  ];
  expected.forEach((texts, i) => {
    for (const text of texts) assert.ok(rows[i]!.includes(text), `${i + 1}: ${text}\n${rows[i]}`);
  });
  assert.not.match(section!, '<flip>');
  assert.match(section!, 'each on the images that its row or its document names');
  assert.not.match(section!, 'Left out');
  assert.match(
    section!,
    'Something helps in: 2 Other networks, 3 Tuning, 4 Transfer, 5 Imbalance, 6 Ensembles, 8 Preprocessing.',
  );
  assert.match(section!, 'Nothing was shown to help in: 1 Augmentation.');
  assert.match(section!, '1 Augmentation: all 2 differences');
});

test('views are told by their number, and the mean of seeds with its interval where it has one', () => {
  const numbers: Record<number, string> = { 1: 'one view', 2: 'two views', 6: 'six views' };
  assert.equal(
    viewsTexts,
    Object.fromEntries(Object.entries(viewsOf).map(([name, { length }]) => [name, numbers[length]])),
  );
  const record = { ...whole.results.record!, meanInterval95: { low: 0.949, high: 0.953 } };
  const rows = rowsOf({ ...whole, results: { ...whole.results, record } });
  for (const place of [2, 6, 10]) assert.match(rows[place]!, '95.10% (94.90% to 95.30%)');
});

test('the best is the one whose interval is surest, not the one whose mean is highest', () => {
  const chance = { mean: 0.2, low: -0.2, high: 0.6 };
  const results = {
    imbalance: {
      results: [
        { ratio: 2, remedy: 'lucky', gain: chance },
        { ratio: 2, remedy: 'sure', gain: above },
        { ratio: 2, remedy: 'poor', gain: below },
      ],
    },
  };
  const row = rowsOf({ results, absent: {} })[5]!;
  assert.match(row, 'Best, sure, at 2 to 1: +2.00 points (+1.00 to +3.00). Worst, poor, at 2 to 1: −5.00 points');
  assert.is(verdictIn(row), 'helps in 1 of 3, no gain shown in 1, costs in 1');
});

test('a difference that is best by one end of its interval and worst by the other is told once', () => {
  const wide = { mean: 0.02, low: -0.01, high: 0.05 };
  for (const gains of [
    [above, wide],
    [wide, above],
  ]) {
    const results = {
      imbalance: { results: gains.map((gain) => ({ ratio: 2, remedy: gain === wide ? 'wide' : 'sure', gain })) },
    };
    const row = rowsOf({ results, absent: {} })[5]!;
    assert.match(
      row,
      'Best, sure, at 2 to 1: +2.00 points (+1.00 to +3.00). Worst, wide, at 2 to 1: +2.00 points (−1.00 to +5.00)',
    );
  }
});

test('a result that is not there is named with the command that makes it, and takes its verdict with it', () => {
  const byRow: Readonly<Record<string, readonly number[]>> = { record: [2, 6, 10], transfer: [4, 9] };
  for (const name of Object.keys(whole.results) as (keyof typeof whole.results)[]) {
    const { [name]: _, ...results } = whole.results;
    const [, ...rows] = rowsOf({
      results,
      absent: { [name]: 'cannot be read: <b>' },
      recordGain: 'record classification'.includes(name) ? undefined : above,
    });
    const { file, command } = recommendationSources[name];
    const named = rows.flatMap((row, i) =>
      row.includes(`docs/results/${file} cannot be read: &lt;b&gt;${command ? `; ${command} makes it` : ''}`)
        ? [i + 1]
        : [],
    );
    assert.ok(named.length > 0, name);
    if (byRow[name]) assert.equal(named, byRow[name]);
    assert.is(rows.filter((row) => row.includes('Left out')).length, named.length);
  }
  const [section, ...rows] = rowsOf({ results: {}, absent: {} });
  assert.equal(rows.map(verdictIn), new Array(10).fill('–'));
  assert.match(section!, 'docs/results/muon.json is not here; node --import tsx scripts/short-runs/muon.ts makes it');
  assert.not.match(section!, '<details>');
  assert.not.match(section!, /helps in:/);
});

test('the section is in a report that has recommendations, and in no other', async () => {
  const html = await renderStudyReport({ ...studyFixture(), recommendations: whole });
  assert.match(html, '<section id="recommendations"><h2>The study’s ten recommendations</h2>');
  assert.not.match(await renderStudyReport(studyFixture()), 'id="recommendations"');
});

test.run();
