// The study for real: the whole pipeline on the whole data set, then again with nothing to do. Takes minutes, so only `npm test -- e2e`
// and CI run it. On a machine without the data set it runs on the shipped sample, and the accuracies asked for are those of the sample.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = path.join(root, 'runs', 'pipeline');
const readJson = (...parts: string[]) => JSON.parse(readFileSync(path.join(root, ...parts), 'utf8'));

/** A program of package.json, its two streams in one text. */
function npmRun(script: string): { readonly status: number | null; readonly text: string } {
  const { status, stdout, stderr } = spawnSync('npm', ['run', script], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  return { status, text: `${stdout}${stderr}` };
}

test('npm run pipeline does the study', () => {
  const { status, text } = npmRun('pipeline');
  assert.is(status, 0, text);
});

for (const name of ['baseline', 'dropout']) {
  test(`${name} classifies the test set as well as it should`, () => {
    const { source } = readJson('runs', 'data.json');
    const { accuracy, count } = readJson('runs', 'pipeline', name, 'evaluation.json');
    const [expectedCount, expectedAccuracy] = source.isSample ? [1_000, 0.6] : [10_000, 0.88];
    assert.is(count, expectedCount);
    assert.ok(accuracy >= expectedAccuracy, `${accuracy} is below ${expectedAccuracy}`);
    console.log(`${name}: test accuracy ${accuracy} on ${count} images${source.isSample ? ' of the sample' : ''}`);
  });
}

test('the report holds all figures and asks for nothing from outside', () => {
  const html = readFileSync(path.join(run, 'report.html'), 'utf8');
  for (let figure = 1; figure <= 11; figure++) assert.match(html, new RegExp(`Figure ${figure}\\b`));
  assert.not.match(html, /<(?:script|link|img|iframe)[^>]+(?:src|href)=["']?(?:https?:)?\/\//);
  const figures = readdirSync(path.join(run, 'figures'));
  for (let figure = 1; figure <= 11; figure++) {
    const number = String(figure).padStart(2, '0');
    assert.ok(
      figures.some((file) => file.startsWith(`figure-${number}-`)),
      `figure ${number} is missing`,
    );
  }
});

test('a second npm run pipeline does no work and says so', () => {
  const before = readFileSync(path.join(run, 'report.html'));
  const { status, text } = npmRun('pipeline');
  assert.is(status, 0, text);
  assert.match(text, /Nothing to do: \d+ tasks up to date/);
  assert.not.match(text, /epoch \d+\/\d+/);
  assert.ok(readFileSync(path.join(run, 'report.html')).equals(before));
});

test.run();
