// selvedge runs: what it lists of finished, unfinished and broken runs, what MLflow gets of them, and that nothing goes without --yes.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { logToMlflow, type MlflowRun, mlflowFiles } from '../../src/experiments/index.ts';
import { type Ended, makeFolder, run } from './program.ts';

const { folder, remove } = makeFolder();
const test = suite('selvedge runs');
const selvedge = (...args: string[]): Promise<Ended> => run(folder, ['runs', ...args]);
const inFolder = (...parts: string[]): string => path.join(folder, ...parts);

function write(place: string, text: string): void {
  mkdirSync(path.dirname(inFolder(place)), { recursive: true });
  writeFileSync(inFolder(place), text);
}

const record = (epoch: number): string =>
  `${JSON.stringify({ epoch, loss: 1 / epoch, accuracy: 0.5 + epoch / 10, validationAccuracy: 0.4 + epoch / 10, imagesPerSecond: 9, durationMs: 60_000 })}\n`;
test.before(() => {
  for (const [name, seed] of [
    ['a', 1],
    ['b', 2],
  ] as const) {
    // biome-ignore format: a table
    const config = { settings: { model: 'dropout', optimizer: { name: 'adam' }, seed }, summary: { totalParameters: 7 }, finishedAt: '2026-01-02T03:04:05.000Z' };
    write(`runs/${name}/dropout/config.json`, JSON.stringify(config));
    write(`runs/${name}/dropout/history.jsonl`, record(1) + record(2));
  }
  write('runs/a/dropout/model/model.json', '{}');
  write('runs/a/dropout/checkpoint-0.bin', 'x'.repeat(100));
  write('runs/a/dropout/evaluation.json', JSON.stringify({ accuracy: 0.91, loss: 0.3 }));
  write('runs/b/dropout/checkpoint-1.bin', 'x');
  write('runs/c/dropout/config.json', '{');
});
test.after(remove);

test('lists finished, unfinished and unreadable runs, and draws a page', async () => {
  const { code, out, err } = await selvedge('--html', 'runs.html');
  assert.is(code, 0, err);
  assert.match(out, /a\/dropout +training +2 +0\.9100 +0\.6000 +7 +2\.0 +2026-01-02 03:04 +▁█\n/);
  assert.match(out, /b\/dropout +training, unfinished/);
  assert.match(out, /c\/dropout +unreadable/);
  assert.match(readFileSync(inFolder('runs.html'), 'utf8'), /a\/dropout.*<svg/s);
});

test('compares two runs by figures and by the settings that differ', async () => {
  const { code, out, err } = await selvedge('compare', 'a', 'b/dropout');
  assert.is(code, 0, err);
  assert.match(out, /\nTest +0\.9100 +-\n/);
  assert.match(out, /\nseed +1 +2$/m);
  assert.not.match(out, /optimizer/);
});

test('writes the files of a store of MLflow, the same again', async () => {
  const { code, out, err } = await selvedge('export', '--mlflow', 'mlruns', '--json');
  assert.is(code, 0, err);
  assert.equal(JSON.parse(out).runs, ['a/dropout']);
  const run: MlflowRun = {
    experiment: 'a',
    name: 'dropout',
    params: {},
    metrics: [],
    tags: {},
    startTime: 0,
    endTime: 0,
  };
  const meta = [...(await mlflowFiles([run])).keys()].find((name) => name.split('/').length === 3)!;
  const at = (name: string): string => readFileSync(inFolder('mlruns', path.dirname(meta), name), 'utf8');
  assert.match(at('meta.yaml'), /\nrun_name: "dropout"\n.*\nstatus: 3\n/s);
  assert.is(at('params/optimizer.name'), 'adam');
  assert.match(at('metrics/validationAccuracy'), /^\d{13} 0\.5 1\n\d{13} 0\.6\d* 2\n$/);
  assert.is(at('tags/mlflow.runName'), 'dropout');
});

test('logToMlflow() makes experiment and run, logs in batches and ends the run; what a server says is in the error', async () => {
  const calls: [string, Record<string, unknown>][] = [];
  const answers: Record<string, object> = {
    'experiments/create': { experiment_id: '5' },
    'runs/create': { run: { info: { run_id: 'r' } } },
  };
  const metrics = Array.from({ length: 1001 }, (_, step) => ({ key: 'loss', value: 1, timestamp: 1, step }));
  const run: MlflowRun = {
    experiment: 'e',
    name: 'n',
    params: { seed: '1' },
    metrics,
    tags: {},
    startTime: 1,
    endTime: 2,
  };
  const ids = await logToMlflow('http://server/', [run], async (url, init) => {
    const called = url.replace('http://server/api/2.0/mlflow/', '');
    calls.push([called, init?.body ? JSON.parse(String(init.body)) : {}]);
    return called.startsWith('experiments/get')
      ? Response.json({}, { status: 404 })
      : Response.json(answers[called] ?? {});
  });
  assert.equal(ids, ['r']);
  assert.equal(
    calls.map(([called]) => called),
    [
      'experiments/get-by-name?experiment_name=e',
      'experiments/create',
      'runs/create',
      'runs/log-batch',
      'runs/log-batch',
      'runs/log-batch',
      'runs/update',
    ],
  );
  assert.equal((calls[3]![1].metrics as unknown[]).length, 1000);
  try {
    await logToMlflow('http://server', [run], async () => new Response('no', { status: 403 }));
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /expected a tracking server of MLflow, got 403 no/);
  }
});

test('prune tells what it would delete, and deletes by --yes: checkpoints of finished trainings, or runs that are named', async () => {
  const told = await selvedge('prune');
  assert.match(told.out, /checkpoint-0\.bin\nWould delete 1 path, 0\.0 MB; do so by --yes\n$/);
  assert.ok(existsSync(inFolder('runs/a/dropout/checkpoint-0.bin')));
  await selvedge('prune', '--yes');
  assert.not.ok(existsSync(inFolder('runs/a/dropout/checkpoint-0.bin')));
  assert.ok(existsSync(inFolder('runs/b/dropout/checkpoint-1.bin')));
  const named = await selvedge('prune', 'c', '--yes');
  assert.is(named.code, 0, named.err);
  assert.not.ok(existsSync(inFolder('runs/c/dropout')));
});

test('what is wrong is said in one line', async () => {
  for (const [args, expected, message] of [
    [['show'], 2, /got "show": expected list, compare, export, prune/],
    [['compare', 'a'], 2, /two names or more/],
    [['list', 'x'], 1, /Cannot find run "x".*\[runs\/not-found\]/],
    [['export'], 2, /needs "--mlflow"/],
    [['list', '--yes'], 2, /needs "runs prune"/],
    [['export', '--mlflow', 'http://127.0.0.1:1'], 1, /\[mlflow\/server\]/],
  ] as const) {
    const { code, err } = await selvedge(...args);
    assert.is(code, expected, err);
    assert.match(err, message);
  }
});

test.run();
