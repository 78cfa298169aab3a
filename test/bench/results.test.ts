import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { barChart, rooflineChart } from '../../bench/charts.ts';
import { saveResult } from '../../bench/results.ts';
import { spreadOf } from '../../bench/statistics.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-results-'));
test.after(() => rmSync(folder, { recursive: true }));

const bars = [
  { label: 'ours', spread: spreadOf([90, 100, 110]), isOurs: true },
  { label: 'a peer with <brackets>', spread: spreadOf([45, 50, 60]), isOurs: false, note: 'ours 2.00x' },
];

test('saveResult() writes JSON, text and figures, under the name of the model where it matters', async () => {
  const figure = await barChart({ name: 'training-128', title: 'Training', unit: 'images/s', bars });
  const result = { json: { value: 1 }, text: 'one', figures: [figure] };
  const paths = await saveResult({ name: 'peers', usesModel: true }, result, { model: 'dropout', folder });
  const names = ['peers-dropout.json', 'peers-dropout.txt', 'peers-dropout-training-128.svg'];
  assert.equal(
    paths,
    names.map((name) => path.join(folder, name)),
  );
  assert.is(readFileSync(paths[0]!, 'utf8'), '{\n  "value": 1\n}\n');
  assert.is(readFileSync(paths[1]!, 'utf8'), 'one\n');
  assert.match(readFileSync(paths[2]!, 'utf8'), /^<\?xml .*<svg /s);
});

test('saveResult() leaves out the model where it does not matter, and the name of a figure that is the benchmark', async () => {
  const figure = await barChart({ name: 'data', title: 'Data', unit: 'ms', bars });
  await saveResult(
    { name: 'data', usesModel: false },
    { json: {}, text: '', figures: [figure] },
    { model: 'x', folder },
  );
  const names = readdirSync(folder).filter((name) => name.startsWith('data'));
  assert.equal(names, ['data.json', 'data.svg', 'data.txt']);
});

test('barChart() has a bar, a line of quartiles and a value each, and says them in words', async () => {
  const { svg } = await barChart({ name: 'bars', title: 'Bars', unit: 'images/s', bars });
  assert.match(svg, 'Bars, images/s');
  assert.match(svg, '50 (ours 2.00x)');
  assert.match(svg, 'a peer with &lt;brackets');
  assert.match(svg, /<desc [^>]*>ours: 100; a peer with &lt;brackets&gt;: 50, ours 2.00x/);
  const again = await barChart({ name: 'bars', title: 'Bars', unit: 'images/s', bars });
  assert.is(again.svg, svg);
});

test('rooflineChart() draws roofs and points', async () => {
  const points = [
    { name: 'product', group: 'direct', isFilled: true, flopsPerByte: 30, gflops: 60 },
    { name: 'pooling', group: 'elementwise', isFilled: false, flopsPerByte: 0.2, gflops: 2 },
  ];
  const { svg } = await rooflineChart({
    title: 'Kernels',
    peakGflops: 65,
    gigabytesPerSecond: 20,
    points,
    filledMeans: 'seed shape',
    openMeans: 'odd shape',
  });
  for (const text of ['GFLOP/s', 'Operations a byte', 'direct', 'elementwise', 'odd shape']) assert.match(svg, text);
  assert.match(svg, 'Fastest of 2 kernels: product, 60 GFLOP/s');
});

test.run();
