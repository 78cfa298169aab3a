import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { valuesOf } from '../../bench/alternation.ts';
import { isWanted, wantedOf } from '../../bench/benchmark.ts';
import { type Peer, peers } from '../../bench/peers/catalog.ts';
import { differenceOf, holdContest, judgeLosses } from '../../bench/peers/contest.ts';
import { startContestant } from '../../bench/peers/contestant.ts';
import { settingsText } from '../../bench/peers.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { platform } from '../../src/platform/index.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-contest-'));
test.after(() => rmSync(folder, { recursive: true }));

const assignment = { task: 'inference', batchSize: 1, workload: folder, settings: {} } as const;

/** A contestant that answers each request by the code given, in which `request` is what was asked. */
function contestantOf(name: string, answer: string) {
  const file = path.join(folder, `${name}.mjs`);
  writeFileSync(
    file,
    `import { createInterface } from 'node:readline';
    const say = (value) => console.log('@' + JSON.stringify(value));
    for await (const line of createInterface({ input: process.stdin })) { const request = JSON.parse(line); ${answer} }`,
  );
  return platform.scriptCommand(pathToFileURL(file));
}

async function failureOf(run: () => Promise<unknown>): Promise<SelvedgeError> {
  try {
    await run();
  } catch (error) {
    assert.instance(error, SelvedgeError);
    return error as SelvedgeError;
  }
  return assert.unreachable('nothing failed') as never;
}

test('startContestant() asks in turn and passes over what a library prints', async () => {
  const program = contestantOf(
    'talker',
    `console.log('a warning'); say(request.do === 'hello' ? { version: '1.2' } : { images: 3, asked: request.milliseconds });`,
  );
  const contestant = await startContestant('talker', program, assignment);
  assert.is(contestant.version, '1.2');
  assert.equal(await contestant.round(7), { images: 3, asked: 7 } as never);
  await contestant.stop();
});

test('startContestant() gives the contestant its assignment', async () => {
  const program = contestantOf('assigned', 'say({ version: JSON.parse(process.argv[2]).workload });');
  const contestant = await startContestant('assigned', program, assignment);
  assert.is(contestant.version, folder);
  await contestant.stop();
});

test('startContestant() tells the error of a contestant in its own words', async () => {
  const program = contestantOf('failing', `say({ error: 'no such layer' });`);
  const error = await failureOf(() => startContestant('failing', program, assignment));
  assert.equal([error.code, error.message], ['bench/contestant-failed', 'Cannot measure failing: no such layer']);
});

test('startContestant() tells how a contestant ended that says nothing', async () => {
  const program = contestantOf('dying', `console.error('out of memory'); process.exit(3);`);
  const error = await failureOf(() => startContestant('dying', program, assignment));
  assert.is(error.message, 'Cannot measure dying: it ended with code 3: out of memory');
  const absent = await failureOf(() =>
    startContestant('absent', { command: path.join(folder, 'no'), args: [] }, assignment),
  );
  assert.match(absent.message, 'ended with code 127');
});

test('startContestant() ends a contestant that does not answer in time', async () => {
  const program = contestantOf('hanging', `console.log('thinking');`);
  const error = await failureOf(() => startContestant('hanging', program, assignment, 300));
  assert.is(error.message, 'Cannot measure hanging: it has not answered within 0.3 s');
});

test('holdContest() names who fails on the way, and measures the others', async () => {
  const answer = `say(request.do === 'hello' ? { version: '1' } : ++rounds > limit ? { error: 'worn out' }
    : { images: 10, calls: 1, elapsedMs: 1, processorMs: 1, firstLoss: 2, loss: 1 });`;
  const peerOf = (name: string, limits: readonly number[]): Peer => ({
    name,
    isOurs: false,
    tasks: ['training'],
    needsGraph: false,
    grid: () => limits.map((limit) => ({ limit })),
    find: async () =>
      contestantOf(name, `globalThis.rounds ??= 0; const { limit } = JSON.parse(process.argv[2]).settings; ${answer}`),
  });
  const written = { folder, workload: {}, expected: new Float32Array(), remove: async () => undefined } as never;
  const invited = [peerOf('steady', [99]), peerOf('tiring', [2]), peerOf('weak', [1, 1]), peerOf('mixed', [1, 99])];
  const options = { task: 'training', batchSize: 1, threads: 1, rounds: 3, onProgress: () => undefined } as const;
  const { entries, skipped } = await holdContest(invited, written, options);
  assert.equal(
    entries.map(({ peer, settings, measured }) => [peer.name, settings.limit, valuesOf(measured).length]),
    [
      ['steady', 99, 3],
      ['mixed', 99, 3],
    ],
  );
  assert.equal(skipped.map(({ name }) => name).toSorted(), ['tiring', 'weak']);
  for (const { reason } of skipped) assert.match(reason, /worn out/);
});

test('differenceOf() is infinite for other counts and for what is no number', () => {
  assert.is(differenceOf([1, 2], [1, 2.5]), 0.5);
  assert.is(differenceOf([1], [1, 2]), Number.POSITIVE_INFINITY);
  assert.is(differenceOf([1, Number.NaN], [1, 2]), Number.POSITIVE_INFINITY);
});

test('judgeLosses() wants a loss to fall, once there were enough updates to tell', () => {
  const isRight = (firstLoss: number, lastLoss: number, updates: number): boolean =>
    judgeLosses({ firstLoss, lastLoss, updates }).isRight;
  assert.equal([isRight(2.3, 1, 100), isRight(2.3, 2.4, 100)], [true, false]);
  assert.equal([isRight(2.3, 2.4, 2), isRight(2.3, Number.NaN, 2)], [true, false]);
});

test('peers have names of their own and settings for each of their tasks', () => {
  assert.is(new Set(peers.map(({ name }) => name)).size, peers.length);
  for (const { grid, tasks } of peers) {
    for (const task of tasks) {
      for (const threads of [1, 2]) {
        const settings = grid(task, threads).map((each) => JSON.stringify(each));
        assert.ok(settings.length >= 1);
        assert.is(new Set(settings).size, settings.length);
      }
    }
  }
  const wasm = peers.find(({ name }) => name === 'tfjs wasm')!;
  assert.equal(wasm.tasks, ['inference']);
});

test('settingsText() names flags that are set and values', () => {
  assert.is(settingsText({ threads: 2, channelsLast: true, frozen: false, package: 'x' }), 'threads 2, channelsLast');
});

test('isWanted() looks for parts of names in any case', () => {
  assert.is(isWanted('PyTorch', undefined), true);
  assert.is(isWanted('PyTorch', ['onnx', 'torch']), true);
  assert.is(isWanted('PyTorch', ['jax']), false);
});

test('wantedOf() refuses a part that is in no name, and takes names of what is absent', async () => {
  const all = [{ name: 'selvedge' }, { name: 'jax-js' }];
  assert.equal(wantedOf(all, undefined), all);
  assert.equal(wantedOf(all, ['JAX']), [all[1]]);
  assert.equal(wantedOf(all, ['torch'], ['PyTorch']), []);
  const error = await failureOf(async () => wantedOf(all, ['selvedge', 'nobody']));
  assert.equal(
    [error.code, error.message],
    ['bench/only', 'Cannot measure "nobody": expected a part of one of: selvedge; jax-js'],
  );
});

test.run();
