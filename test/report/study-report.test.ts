import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { EvaluationComparison } from '../../src/evaluation/compare.ts';
import type { Evaluation } from '../../src/evaluation/evaluate.ts';
import { drawStudyFigures } from '../../src/report/study-figures.ts';
import { renderStudyReport } from '../../src/report/study-report.ts';
import type { ReportComparison, ReportEvaluation } from '../../src/report/study-report-input.ts';
import { standaloneSvg } from '../../src/report/svg.ts';
import { studyClassNames, studyFixture } from './study-fixture.ts';

// Compiles only while the results of evaluation fit the report, which does not import them.
const fits = (evaluation: Evaluation, comparison: EvaluationComparison): [ReportEvaluation, ReportComparison] => [
  evaluation,
  comparison,
];

const hostile = `</svg><script>alert("1")</script>&'`;

/** Elements that are opened and not closed, or closed in another order: empty for well-formed XML. */
function unbalanced(markup: string): string[] {
  const open: string[] = [];
  for (const [, closing, name, selfClosing] of markup.matchAll(/<(\/?)([a-zA-Z][\w-]*)(?:"[^"]*"|[^">])*?(\/?)>/g)) {
    if (closing) {
      if (open.pop() !== name) return [`unexpected </${name}>`];
    } else if (!selfClosing) open.push(name!);
  }
  return open;
}

test('renderStudyReport() holds all eleven figures of the study in order, and augmentation after them', async () => {
  const html = await renderStudyReport(studyFixture());
  const captions = [...html.matchAll(/<b>Figure (\d+)\.<\/b> ([^<]*)\./g)].map(([, number, text]) => [number, text]);
  assert.equal(
    captions.map(([number]) => Number(number)),
    Array.from({ length: 12 }, (_, index) => index + 1),
  );
  const words = ['training set', 'test set', 'training set', 'test set', 'baseline', 'baseline', 'dropout', 'dropout'];
  for (const [index, word] of [...words, 'Confusion', 'right', 'wrong', 'augmentation'].entries()) {
    assert.ok(captions[index]![1]!.includes(word), `figure ${index + 1}: ${captions[index]![1]}`);
  }
  assert.is((html.match(/<svg /g) ?? []).length, 15, 'curves and confusions have two panels');
});

test('renderStudyReport() asks nothing of the network, runs nothing, and gives each id once', async () => {
  const html = await renderStudyReport(studyFixture());
  const withoutNamespaces = html.replaceAll('xmlns="http://www.w3.org/2000/svg"', '');
  assert.not.match(withoutNamespaces, /https?:|\/\/[a-z]|<script|<link|@import|\son[a-z]+=/i);
  const addresses = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address!);
  assert.ok(addresses.every((address) => address.startsWith('#') || address.startsWith('data:image/png;base64,')));
  assert.not.match(html, /url\(/);
  const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id!);
  assert.is(new Set(ids).size, ids.length);
  for (const address of addresses.filter((text) => text.startsWith('#'))) assert.ok(ids.includes(address.slice(1)));
  for (const [, id] of html.matchAll(/aria-(?:labelledby|describedby)="([^"]*)"/g)) assert.ok(ids.includes(id!), id);
});

test('renderStudyReport() gives the same bytes for the same input', async () => {
  assert.is(await renderStudyReport(studyFixture()), await renderStudyReport(studyFixture()));
});

test('renderStudyReport() shows tables, results and settings of both models', async () => {
  const html = await renderStudyReport(studyFixture());
  for (const text of [
    'Samples of each class',
    'Adam, learning rate 0.001',
    'F1 by class',
    'Pairs confused most',
    'Weakest classes: Shirt',
    '   macro avg',
    'A processor @ 2.50GHz',
    'node 20.10.0',
    'after the second convolution',
    'he_normal initialiser',
    '92.58%',
    'McNemar',
  ]) {
    assert.ok(html.includes(text), text);
  }
  assert.not.match(html, /undefined|NaN|\[object/);
});

test('renderStudyReport() says where the model held against the original is another, and numbers its figures without a gap', async () => {
  const input = studyFixture();
  const other = /the original’s model has dropout, “baseline” has none/;
  assert.not.match(await renderStudyReport(input), other);
  const { comparison: _, ...rest } = input;
  const html = await renderStudyReport({ ...rest, models: [input.models[0]!] });
  assert.match(html, other);
  const numbers = [...html.matchAll(/<figure id="figure-(\d+)"/g)].map(([, number]) => Number(number));
  assert.equal(
    numbers.sort((a, b) => a - b),
    numbers.map((_, i) => i + 1),
  );
  assert.is(numbers.length, 10, 'nine of one model, and augmentation');
});

test('renderStudyReport() says loudly where the data are only the sample', async () => {
  const input = studyFixture();
  assert.not.match(await renderStudyReport(input), /Not the whole data set/);
  const html = await renderStudyReport({ ...input, source: { ...input.source, isSample: true } });
  assert.match(html, /class="notice"[^>]*><strong>Not the whole data set/);
  assert.match(html, /cannot be compared/);
});

test('renderStudyReport() escapes class names, run names and settings', async () => {
  const classNames = studyClassNames.map((name, label) => (label === 3 ? hostile : name));
  const input = studyFixture({ classNames, runName: hostile });
  const html = await renderStudyReport(input);
  assert.not.match(html, /<script/);
  assert.ok(html.includes('&lt;/svg&gt;&lt;script&gt;'));
});

test('renderStudyReport() takes one model, no comparison and no augmentation', async () => {
  const { comparison: _, augmentation: __, ...input } = studyFixture();
  const html = await renderStudyReport({ ...input, models: [input.models[1]!] });
  assert.is((html.match(/<b>Figure \d+/g) ?? []).length, 9);
  assert.not.match(html, /McNemar|undefined/);
});

test('drawStudyFigures() gives balanced, titled SVG whatever the names', async () => {
  const classNames = studyClassNames.map((name, label) =>
    label === 3 ? hostile : label === 4 ? 'two\u2028lines\u0000' : name,
  );
  for (const { number, panels } of await drawStudyFigures(studyFixture({ classNames }))) {
    for (const panel of panels) {
      const file = standaloneSvg(panel);
      assert.equal(unbalanced(file.replace(/^<\?xml[^>]*>/, '')), [], panel.name);
      assert.match(file, /<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" class="figure" role="img" aria-labelledby="/);
      assert.match(
        file,
        /<title id="[^"]+">[^<]+<\/title><desc id="[^"]+">[^<]+<\/desc><style>@media screen and \(prefers-color-scheme:dark\)/,
      );
      assert.not.match(file, /<script|undefined|NaN/, panel.name);
      assert.not.ok(file.includes('\0'), panel.name);
      assert.ok(panel.name.startsWith(`figure-${String(number).padStart(2, '0')}-`));
      assert.match(panel.name, /^[a-z0-9-]+$/);
    }
  }
});

test('drawStudyFigures() draws curves of one epoch and without validation', async () => {
  const input = studyFixture();
  const model = { ...input.models[0]!, history: [{ epoch: 1, loss: 0.5, accuracy: 0.8 }] };
  const figures = await drawStudyFigures({ ...input, models: [model] });
  const curves = figures.find(({ topic }) => topic === 'curves')!;
  assert.not.match(curves.panels[0]!.svg, /Validation<\/text>|NaN/);
});

test('Evaluation and EvaluationComparison fit the report', () => {
  assert.type(fits, 'function');
});

test.run();
