// selvedge tune --queue and selvedge worker as users meet them, on PostgreSQL: the table of one process, a killed worker, a worker that flips a
// bit, no password anywhere. Run on Node 22.12 or later by tuning.test.ts.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createCluster } from '../../scripts/scale/cluster.ts';
import { createPrograms } from '../../scripts/scale/programs.ts';
import { sweep, tableOf, writeSpace } from '../../scripts/scale/study.ts';
import { sampleFolderUrl } from '../../src/data/sample.ts';

const TRIALS = 10;
const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-tuning-'));
const cluster = await createCluster();
await cluster.start();
const programs = createPrograms(process.execPath, folder);
const test = suite('selvedge tune --queue');
test.after(async () => {
  await programs.stopAll();
  cluster.remove();
  rmSync(folder, { recursive: true });
});
writeSpace(path.join(folder, 'space.json'));
const worker = (name: string, address: string) =>
  programs.selvedge(name, ['worker', '--queue', address, '--name', name, '--threads', '1', '--idle', '30']);

test('two workers, one of them killed in the middle, make the table of one process', async () => {
  const alone = programs.selvedge('alone', [...sweep(TRIALS), '--run', 'alone']);
  assert.is(await alone.ended, 0, alone.output());
  const address = cluster.createDatabase('two');
  const study = programs.selvedge('study', [...sweep(TRIALS), '--run', 'two', '--queue', address]);
  const first = worker('first', address);
  worker('second', address);
  while (!/trial 1 /.test(study.output()) && study.isRunning()) await new Promise((resolve) => setTimeout(resolve, 50));
  first.signal('SIGKILL');
  assert.is(await study.ended, 0, `${study.output()}\n${programs.written()}`);
  assert.is(await tableOf(folder, 'two'), await tableOf(folder, 'alone'));
});

test('a worker that flips a bit is found and named', async () => {
  const address = cluster.createDatabase('flip');
  const study = programs.selvedge('verified', [...sweep(3), '--run', 'flip', '--queue', address, '--verify', '1']);
  const flipping = programs.script('flipping', 'scripts/scale/flipping-worker.ts', [address, 'flipping']);
  while (!/trial 0 /.test(study.output()) && study.isRunning()) await new Promise((resolve) => setTimeout(resolve, 50));
  worker('sound', address);
  assert.is(await study.ended, 1, study.output());
  assert.match(study.output(), /Cannot trust the results .*worker "flipping" is wrong.*\[queue\/differs\]/);
  await flipping.ended;
  assert.match(flipping.output(), /Cannot work as "flipping"/);
});

test('shards that two workers did twice come to the same bits, and to the table of one process', async () => {
  const images = fileURLToPath(new URL('t10k-images-idx3-ubyte.gz', sampleFolderUrl()));
  const ask = ['categorise', images, '--model', 'dropout', '--shard-size', '250', '--threads', '1'];
  const alone = programs.selvedge('alone', [...ask, '--out', 'alone.csv']);
  assert.is(await alone.ended, 0, alone.output());
  const address = cluster.createDatabase('shards');
  for (const name of ['one', 'other']) worker(name, address);
  const following = programs.selvedge('shards', [...ask, '--out', 'twice.csv', '--queue', address, '--verify', '1']);
  assert.is(await following.ended, 0, `${following.output()}\n${programs.written()}`);
  assert.match(following.output(), /Verified: 4 shards came to the same bits on another worker\n/);
  const [one, twice] = ['alone.csv', 'twice.csv'].map((file) => readFileSync(path.join(folder, file)));
  assert.ok(one!.equals(twice!));
});

test('no program wrote a password', () => {
  assert.ok(programs.written().length > 1000);
  assert.not.match(programs.written(), cluster.password);
});
test.run();
