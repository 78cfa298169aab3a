// The sections of uses: each where it was measured, the published figure beside, nothing where nothing is known, and no text taken for markup.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { drawStudyFigures, type ReportUses, renderStudyReport } from '../../src/report/index.ts';
import { studyFixture } from './study-fixture.ts';

const picture = { width: 2, height: 2, pixels: Uint8Array.of(0, 80, 160, 255) };
const interval95 = { low: 0.5, high: 0.6 };
const ranking = {
  queries: 1,
  gallery: 2,
  precisionAt1: 0.91,
  precisionAt10: 0.9,
  meanAveragePrecision: 0.906,
  interval95,
};
const whole: ReportUses = {
  own: ['anomaly'],
  results: {
    categorise: { promises: [{ errorRate: 0.05, test: { taken: 0.9352, errors: 0.0528, errors95: interval95 } }] },
    retrieval: {
      amongTraining: ranking,
      amongTest: ranking,
      anchors: [{ figure: 'mAP', value: 0.93, source: '<somebody>' }],
    },
    anomaly: {
      meanAuroc: { combined: 0.9512 },
      anchors: [
        { figure: 'GeoTrans', value: 0.935, source: 'a' },
        { figure: 'GOAD', value: 0.941, source: 'b' },
      ],
    },
    defects: {
      wantedFalseAlarms: 0.05,
      falseAlarms: 0.0275,
      meanAuroc: 0.66,
      meanPixelAuroc: 0.8,
      drifts: { measured: [{ streams: 100, noticed: 99 }] },
      examples: [{ name: 'hole: <Bag>', images: [picture, { ...picture, channels: 3, pixels: new Uint8Array(12) }] }],
    },
    detection: {
      kinds: [{ kind: 'plain', scenes: 500, at50: 0.9347, mean: 0.7958 }],
      anchors: [],
      example: { picture, items: [{ class: '<Bag>', label: 8, score: 0.97, box: [0, 0, 1, 1] }] },
    },
    generation: {
      count: 10_000,
      fid: { features: 'dropout', designs: 17.49, floor: 1.05 },
      agreement: { share: 0.941, interval95 },
      ways: { pairs: 500, fid: { halves: 11.83, ends: 7.33, means: 53.53 } },
      learning: { fromDesigns: 0.8, fromImages: 0.86 },
      nearest: { designs: { median: 34 }, test: { median: 32 } },
      anchors: [
        { figure: 'FID of generated', value: '3.3', source: 'c' },
        { figure: 'classifier agreement', value: '.88, .96', source: 'd' },
      ],
      examples: [{ name: 'Bag', images: [picture] }],
    },
  },
};

test('every use that was measured has a section with its figure and what was published', async () => {
  const html = await renderStudyReport({ ...studyFixture(), uses: whole });
  for (const id of ['categorise', 'recommend', 'inspect', 'detect', 'generate'])
    assert.match(html, `<section id="use-${id}">`);
  assert.not.match(html, 'id="use-trends"');
  for (const text of [
    '93.5%, of which 5.28% wrong',
    '0.906 (0.500 to 0.600)</td><td class="n">0.93</td>',
    '0.951</td><td class="n">0.935 to 0.941</td>',
    '99 of 100',
    'made scenes: plain</th><td class="n">0.935, 0.796</td><td class="n">–</td>',
    'No published figure of this is known',
    '17.49, 1.05</td><td class="n">3.3</td>',
    '<td class="n">.88, .96</td>',
    'Of this run: anomaly; of the models that ship, on the whole data set: defects',
    '&lt;somebody&gt;',
    '&lt;Bag&gt; 97%',
    'hole: &lt;Bag&gt;',
    '11.8, 7.3, 53.5',
  ])
    assert.match(html, text);
  assert.not.match(html, '<somebody>');
});

test('figures of uses come last, a number each, and nothing is drawn of what has no picture', async () => {
  const figures = await drawStudyFigures({ ...studyFixture(), uses: whole });
  assert.equal(
    figures.slice(-2).map(({ topic }) => topic),
    ['found-items', 'designs'],
  );
  assert.equal(
    figures.map(({ number }) => number),
    figures.map((_, i) => i + 1),
  );
  const { example: _, ...detection } = whole.results.detection!;
  const bare = await drawStudyFigures({ ...studyFixture(), uses: { own: [], results: { detection } } });
  assert.not(bare.some(({ topic }) => topic === 'found-items'));
  assert.not.match(await renderStudyReport(studyFixture()), 'id="use-');
});

test.run();
