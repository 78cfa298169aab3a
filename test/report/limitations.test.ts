// The section of limitations: each part where it was measured, nothing where it was not, and no text that is taken for markup.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ReportLimitations } from '../../src/report/index.ts';
import { drawStudyFigures, renderStudyReport } from '../../src/report/index.ts';
import { limitationPlans } from '../../src/report/limitation-plans.ts';
import { limitationSections } from '../../src/report/limitations.ts';
import { htmlOf } from '../../src/report/page.ts';
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
const areas = (mean: number) => {
  const area = { mean, low: mean - 0.02, high: mean + 0.02 };
  return { deletionArea: area, insertionArea: area };
};
const whole: ReportLimitations = {
  model: 'dropout',
  classification: {
    accuracy: 0.92,
    accuracyInterval95: { low: 0.915, high: 0.925 },
    anchors: [{ figure: 'accuracy of <somebody>', value: 0.9258, source: 'the study' }],
    riskCoverage: {
      area: 0.0105,
      points: [
        { coverage: 0.5, accuracy: 0.999 },
        { coverage: 0.9, accuracy: 0.96 },
        { coverage: 1, accuracy: 0.92 },
      ],
    },
  },
  calibration: { uncalibrated: calibration, temperature: 1.2, calibrated: calibration, anchors: [] },
  robustness: {
    anchors: [],
    clean: { accuracy: 0.92 },
    meanAccuracy: 0.6,
    kinds: [{ kind: 'turn', meanAccuracy: 0.6, strengths: [{ accuracy: 0.8 }, { accuracy: 0.4 }] }],
  },
  outliers: {
    sets: [
      {
        name: 'digits',
        what: 'digits',
        scores: { energy: { auroc: 0.9, aurocInterval95: { low: 0.88, high: 0.92 } } },
      },
      { name: 'noise', what: 'noise', scores: { energy: { auroc: 0.8 } } },
    ],
    anchors: [
      { figure: 'AUROC of digits: one', value: 0.955, source: 'a' },
      { figure: 'AUROC of digits: another', value: 0.994, source: 'b' },
    ],
  },
  explain: {
    images: 500,
    orders: [
      { order: 'random', ...areas(0.457), betterThanRandom: { deletion: 0, insertion: 0 } },
      { order: 'occlusion', ...areas(0.117), betterThanRandom: { deletion: 0.976, insertion: 0.926 } },
    ],
    completeness: { meanError: 0.0154, largestError: 0.245, steps: 256 },
    randomisation: {
      images: 100,
      methods: [
        {
          method: 'occlusion',
          stages: [
            { layer: 'dense', layers: 1, correlation: 0.69, correlationOnObject: 0.37 },
            { layer: 'all', layers: 2, correlation: 0.64, correlationOnObject: null },
          ],
        },
      ],
    },
    anchors: [],
  },
  labels: {
    count: 100,
    issues: 7,
    likeliest: [{ picture: image, label: '<Shirt>', suggested: 'Coat', probability: 0.99 }],
    knownErrors: {
      lookedAt: 2000,
      found: 1,
      of: 2,
      images: [
        { image: 45592, rank: 2001, label: 'Shirt' },
        { image: 16691, rank: 1, label: 'Coat' },
      ],
    },
    flips: {
      flipped: 10,
      precision: 0.5,
      recall: 0.8,
      recall95: { low: 0.49, high: 0.94 },
      pairs: [{ from: 'Bag', to: 'Coat', flipped: 10, precision: 0.5, recall: 0.8 }],
    },
    anchors: [],
  },
  duplicates: {
    equal: 0,
    anchors: [],
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
    'Accuracy on the test set: 92.00% (91.50% to 92.50%)',
    'accuracy of &lt;somebody&gt;: 0.9258 (the study)',
    '<th scope="row">digits</th><td class="n">0.900 (0.880 to 0.920)</td><td class="n">0.955 to 0.994</td>',
    '<th scope="row">noise</th><td class="n">0.800</td><td class="n">–</td>',
    '<th scope="row">occlusion</th><td class="n">0.117 (0.097 to 0.137)</td><td class="n">98%</td>',
    'within 1.5% in the mean, 24.5% at most',
    '<th scope="row">occlusion</th><td class="n">0.69 (0.37)</td><td class="n">0.64 (–)</td>',
    '1 of 2 are among the first 2,000 suspects',
    '<td>Coat</td><td class="n">1</td></tr><tr><th scope="row">45592</th><td>Shirt</td><td class="n">2,001</td>',
    'it finds 80.0% (49.0% to 94.0%); 50.0% of what it suspects',
    '<th scope="row">Bag</th><td>Coat</td><td class="n">10</td><td class="n">50.0%</td><td class="n">80.0%</td>',
    'No published figure of this is known',
  ]) {
    assert.match(html, text);
  }
  assert.match(html, '&lt;Shirt&gt;');
  assert.not.match(html, '<Shirt>');
  assert.not.match(html, 'that ships');
  const figures = await drawStudyFigures({ ...studyFixture(), limitations: whole });
  const topics = figures.map(({ topic }) => topic);
  assert.equal(topics.slice(-5), ['risk', 'reliability', 'robustness', 'label-errors', 'nearest-pairs']);
});

test('what was not measured is not spoken of', async () => {
  const one = await renderStudyReport({
    ...studyFixture(),
    limitations: {
      model: 'dropout',
      calibration: { uncalibrated: calibration, temperature: { reason: 'none is kept' }, anchors: [] },
    },
  });
  assert.match(one, 'No temperature of validation images: none is kept.');
  assert.not.match(one, 'Abstention');
  assert.not.match(await renderStudyReport(studyFixture()), 'id="limitations"');
});

test('what is of the model that ships says so, in its heading, in its caption and at the top', () => {
  const sectionOf = (input: ReportLimitations): string =>
    limitationSections(input, () => [])
      .flatMap(({ body }) => body)
      .map(htmlOf)
      .join('');
  for (const measure of ['calibration', 'robustness', 'labels'] as const) {
    const shipped = { [measure]: measure === 'labels' ? {} : { model: 'dropout' } };
    const input: ReportLimitations = { ...whole, model: 'mine', shipped };
    const html = sectionOf(input);
    const whose = measure === 'labels' ? 'the whole of Fashion-MNIST' : '“dropout” that ships';
    assert.match(html, `no measures of its own of ${measure}: what is told of them here is of ${whose}, as `);
    assert.match(html, 'selvedge measure NAME --run RUN --model mine');
    assert.is(html.match(/<h3>[^<]*, of the (?:model that ships|whole data set)<\/h3>/g)!.length, 1);
    const captions = limitationPlans(input).map(({ caption }) => caption);
    assert.is(
      captions.filter((caption) => caption.includes('“dropout” that ships')).length,
      measure === 'labels' ? 0 : 1,
    );
    assert.ok(captions.some((caption) => caption.includes('“mine”')));
  }
  assert.not.match(sectionOf(whole), 'of its own');
  const both = sectionOf({ ...whole, shipped: { labels: {}, outliers: { model: 'a' }, robustness: { model: 'b' } } });
  assert.match(both, 'is of “a” that ships, or of “b” that ships, or of the whole of Fashion-MNIST, as ');
});

test('what is left out is named with the reason, even where there is nothing else', () => {
  const [section] = limitationSections({ model: 'mine', absent: { outliers: 'cannot be read: <b>' } }, () => []);
  assert.equal(section!.body.map(htmlOf), [
    '<p>Left out: <code>docs/results/outliers.json</code> cannot be read: &lt;b&gt;; <code>selvedge measure outliers --run RUN --model mine</code> measures the run’s.</p>',
  ]);
});

test('labels and pairs whose pictures are not at hand have words and no figure', () => {
  const { labels, duplicates } = whole;
  const bare: ReportLimitations = {
    model: 'dropout',
    labels: { ...labels!, likeliest: [], knownErrors: { ...labels!.knownErrors!, of: 0, images: [] } },
    duplicates: { ...duplicates!, pairs: duplicates!.pairs.map((pair) => ({ ...pair, nearest: [] })) },
  };
  assert.equal(limitationPlans(bare), []);
  const [section] = limitationSections(bare, () => []);
  const html = section!.body.map(htmlOf).join('');
  assert.match(html, 'By confident learning 7 of 100');
  assert.not.match(html, 'published as mislabelled');
});

test.run();
