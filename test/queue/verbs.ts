// selvedge train, ensemble, measure and study with --queue come to the bytes that they come to without: in PGlite, in this process, artefacts in a
// bucket where an S3 server can be had. Run on Node 22.12 or later by verbs.test.ts.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sampleFolderUrl } from '../../src/data/sample.ts';
import { type Ended, runInProcess } from '../cli/program.ts';
import { startS3Server } from './s3-server.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-verbs-'));
const at = (...names: string[]): string => path.join(folder, ...names);
process.env.SELVEDGE_DATA = fileURLToPath(sampleFolderUrl());
const server = await startS3Server();
if (server) {
  process.env.AWS_ENDPOINT_URL = server.account.endpoint;
  process.env.AWS_ACCESS_KEY_ID = server.account.accessKeyId;
  process.env.AWS_SECRET_ACCESS_KEY = server.account.secretAccessKey;
}
const queue = ['--queue', 'pglite:queue', ...(server ? ['--artefacts', 's3://shop/night'] : [])];
let written = '';

async function selvedge(...args: string[]): Promise<Ended> {
  const ended = await runInProcess(folder, [...args, '--threads', '1']);
  written += ended.out + ended.err;
  return ended;
}

async function jsonOf(...args: string[]) {
  const { code, out, err } = await selvedge(...args, '--json');
  assert.is(code, 0, err);
  return JSON.parse(out);
}

const weightsOf = (run: string, model: string): Buffer => readFileSync(at('runs', run, model, 'model', 'weights.bin'));

const recipe = JSON.parse(readFileSync(new URL('../../assets/recipes/record-30.json', import.meta.url), 'utf8'));
writeFileSync(
  at('small.json'),
  JSON.stringify({
    ...recipe,
    network: { family: 'plain', stem: 4, widths: [4], depth: 1 },
    epochs: 2,
    validation: true,
  }),
);

const test = suite('verbs over a queue');
test.after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true });
});

const members = ['ensemble', '--recipe', 'small.json', '--seeds', '1,2', '--examples', '100', '--stack'];

test('ensemble trains members and stacks them to the bits of one process', async () => {
  const here = await jsonOf(...members, '--run', 'here');
  const there = await jsonOf(...members, '--run', 'there', ...queue);
  assert.equal({ ...there, folder: '', members: [] }, { ...here, folder: '', members: [] });
  assert.equal(there.members, ['there-1/small', 'there-2/small']);
  for (const [run, model] of [
    ['-1', 'small'],
    ['-2', 'small'],
    ['', 'ensemble'],
  ] as const)
    assert.equal(weightsOf(`there${run}`, model), weightsOf(`here${run}`, model));
  assert.equal(readdirSync(at('.selvedge', 'queue')), []);
  // Only results are left: checkpoints went with their trainings.
  if (server) {
    const kept = readdirSync(path.join(server.folder, 'shop', 'night')).filter((name) => name.endsWith('_object'));
    assert.is(kept.length, 3);
  }
});

test('a training of a queue is one that train goes on with', async () => {
  const train = ['train', '--recipe', 'small.json', '--seed', '1', '--examples', '100', '--run', 'there-1'];
  assert.is((await jsonOf(...train)).updatesNow, 0);
  const other = await selvedge(...train, '--epochs', '1', ...queue);
  assert.is(other.code, 1);
  assert.match(other.err, /it holds a run that is beyond epoch 1; .*\[run\/other-settings\]/);
  const changed = await selvedge('train', '--recipe', 'small.json', '--seed', '2', '--run', 'there-1', ...queue);
  assert.match(changed.err, /other settings \(seed 1, not 2; examples 100, not 1600\)/);
  const refused = await selvedge('train', '--from', 'there-1/small', '--run', 'next', ...queue);
  assert.equal([refused.code, refused.out], [2, '']);
  assert.match(refused.err, /"--queue" and "--from" exclude each other/);
});

test('measures of a queue are those of one process, to the byte', async () => {
  const measure = ['measure', 'calibration', '--run', 'here-1', '--model', 'small', '--json'];
  const here = await selvedge(...measure);
  const there = await selvedge(...measure, '--into', 'results', ...queue);
  assert.is(there.code, 0, there.err);
  assert.is(there.out, here.out);
  assert.is(readFileSync(at('results', 'calibration.json'), 'utf8'), here.out);
  const failed = await selvedge('measure', 'labels', '--epochs', '0', ...queue);
  assert.match(failed.err, /"--epochs" got "0".*\[cli\/usage\]/);
});

test('a study of a queue has the weights and evaluations of one process', async () => {
  for (const [name, more] of [
    ['alone', []],
    ['queued', queue],
  ] as const)
    assert.is((await jsonOf('study', '--run', name, '--epochs', '1', ...more)).status, 'complete');
  for (const model of ['baseline', 'dropout']) {
    assert.equal(weightsOf('queued', model), weightsOf('alone', model));
    const [alone, queued] = ['alone', 'queued'].map((run) => readFileSync(at('runs', run, model, 'evaluation.json')));
    assert.equal(queued, alone);
  }
});

test('task has the trainings of a graph done by a queue', async () => {
  const train = 'selvedge train --run graph --recipe small.json --examples 100 --threads 1';
  writeFileSync(at('deno.json'), JSON.stringify({ tasks: { train, all: { dependencies: ['train'] } } }));
  const { code, err } = await runInProcess(folder, ['task', ...queue, 'all']);
  assert.is(code, 0, err);
  assert.match(err, /small of seed 1, epoch 2: accuracy/);
  assert.equal(weightsOf('graph', 'small'), weightsOf('here-1', 'small'));
});

test('nothing that was written, and no row, holds a key of the account', () => {
  if (server) assert.not.match(written, server.account.secretAccessKey);
});
test.run();
