// The section of limitations: each part where it was measured, nothing where it was not, and no text that is taken for markup.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ReportLimitations } from '../../src/report/index.ts';
import { drawStudyFigures, renderStudyReport } from '../../src/report/index.ts';
import { studyFixture } from './study-fixture.ts';

const image = { width: 2, height: 2, pixels: Uint8Array.of(0, 80, 160, 255) };
const calibration = {
  ece: 0.0117,
  nll: { mean: 0.23 },
  brier: { mean: 0.117 },
  bins: [
    { low: 0, high: 0.5, count: 0, accuracy: 0, accuracyInterval95: { low: 0, high: 1 } },
    { low: 0.5, high: 1, count: 9, accuracy: 0.9, accuracyInterval95: { low: 0.8, high: 0.95 } },
  ],
};
const whole: ReportLimitations = {
  model: 'dropout',
  classification: {
    riskCoverage: {
      area: 0.0105,
      points: [
        { coverage: 0.5, accuracy: 0.999 },
        { coverage: 0.9, accuracy: 0.96 },
        { coverage: 1, accuracy: 0.92 },
      ],
    },
  },
  calibration: { uncalibrated: calibration, temperature: 1.2, calibrated: calibration },
  robustness: {
    clean: { accuracy: 0.92 },
    meanAccuracy: 0.6,
    kinds: [{ kind: 'turn', meanAccuracy: 0.6, strengths: [{ accuracy: 0.8 }, { accuracy: 0.4 }] }],
  },
  outliers: { sets: [{ name: 'digits', what: 'digits', scores: { energy: { auroc: 0.9 } } }] },
  labels: {
    count: 100,
    issues: 7,
    likeliest: [{ picture: image, label: '<Shirt>', suggested: 'Coat', probability: 0.99 }],
    flips: { flipped: 10, precision: 0.5, recall: 0.8 },
  },
  duplicates: {
    equal: 0,
    nearLevels: 8,
    pairs: [
      {
        kind: 'across',
        near: 3,
        nearest: [{ pictures: [image, image], firstLabel: 'Bag', secondLabel: 'Coat', levels: 4.25 }],
      },
    ],
  },
};

test('every part that was measured has its words and its figure', async () => {
  const html = await renderStudyReport({ ...studyFixture(), limitations: whole });
  assert.match(html, '<section id="limitations">');
  for (const text of [
    'Abstention',
    'Temperature 1.200',
    '60.00%',
    'digits',
    '4.3 levels apart',
    'Groups of equal images: 0',
  ]) {
    assert.match(html, text);
  }
  assert.match(html, '&lt;Shirt&gt;');
  assert.not.match(html, '<Shirt>');
  const figures = await drawStudyFigures({ ...studyFixture(), limitations: whole });
  const topics = figures.map(({ topic }) => topic);
  assert.equal(topics.slice(-5), ['risk', 'reliability', 'robustness', 'label-errors', 'nearest-pairs']);
});

test('what was not measured is not spoken of', async () => {
  const one = await renderStudyReport({
    ...studyFixture(),
    limitations: {
      model: 'dropout',
      calibration: { uncalibrated: calibration, temperature: { reason: 'none is kept' } },
    },
  });
  assert.match(one, 'No temperature: none is kept.');
  assert.not.match(one, 'Abstention');
  assert.not.match(await renderStudyReport(studyFixture()), 'id="limitations"');
});

test.run();
