// selvedge tune as a user meets it: a study, Ctrl-C in the middle of one, its best recipe trained, and what is refused.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readJournal, readRecipe } from '../../src/experiments/index.ts';
import { type Ended, makeFolder, run, runInProcess, start } from './program.ts';

const { folder, remove } = makeFolder();
const selvedge = (...args: string[]): Promise<Ended> => run(folder, args);
/** For what needs no engine. */
const inProcess = (...args: string[]): Promise<Ended> => runInProcess(folder, ['tune', ...args]);
const test = suite('selvedge tune');
test.after(remove);

const recipe = (await readRecipe('record-30', folder)).recipe;
writeFileSync(
  path.join(folder, 'space.json'),
  JSON.stringify({
    ...recipe,
    network: { family: 'plain', stem: 4, widths: { choice: [[4], [8]] }, depth: 1 },
    epochs: 4,
    optimizer: { ...recipe.optimizer, learningRate: { log: [0.01, 0.5] } },
    averaging: { choice: [null, { decay: 0.9 }] },
    validation: true,
  }),
);
const study = [
  'tune',
  'space.json',
  '--examples',
  '200',
  '--trials',
  '6',
  '--startup',
  '3',
  '--seed',
  '5',
  '--threads',
  '1',
];

/** The trials of a run without their clock. */
async function trialsOf(name: string) {
  const [found] = await readJournal(path.join(folder, 'runs', name, 'journal.jsonl'));
  return found!.trials.map(({ state, value, parameters, intermediateValues }) => ({
    state,
    value,
    parameters,
    steps: [...intermediateValues],
  }));
}

test('selvedge tune runs a study, a line a trial; its best recipe trains to the same accuracy', async () => {
  const { code, out, err } = await selvedge(...study, '--run', 'whole', '--json');
  assert.is(code, 0, err);
  const result = JSON.parse(out);
  assert.equal([result.status, result.complete + result.pruned, result.failed], ['complete', 6, 0]);
  assert.is(err.match(/^trial \d (?:complete|pruned): \.?0\.\d{4} after \d epochs?, /gm)?.length, 6, err);
  const trials = await trialsOf('whole');
  assert.is(result.best.value, trials[result.best.number]!.value);
  assert.match(readFileSync(result.report, 'utf8'), 'Parallel coordinates');
  const trained = await selvedge(
    ...['train', '--recipe', path.join('runs', 'whole', 'best.json'), '--examples', '200', '--seed', '5'],
    ...['--threads', '1', '--run', 'again', '--json'],
  );
  assert.is(trained.code, 0, trained.err);
  assert.is(JSON.parse(trained.out).validationAccuracy, result.best.value);
});

test('selvedge tune goes on after Ctrl-C to the trials of the study that was not stopped', async () => {
  const program = start(folder, [...study, '--run', 'stopped']);
  await program.hears('trial 1 ');
  program.interrupt();
  const { code, err, out } = await program.ended;
  assert.is(code, 130, err);
  assert.match(out, /^Stopped (?:in|after) .*; the same command goes on from there: npx selvedge tune space\.json/);
  assert.is((await selvedge(...study, '--run', 'stopped')).code, 0);
  assert.equal(await trialsOf('stopped'), await trialsOf('whole'));
});

test('selvedge tune refuses another study of the same name, until --again', async () => {
  const other = [
    'tune',
    'space.json',
    '--examples',
    '200',
    '--run',
    'stopped',
    '--sampler',
    'grid',
    '--points',
    '2',
    '--threads',
    '1',
  ];
  const changed = await selvedge(...other);
  assert.is(changed.code, 1);
  assert.match(
    changed.err,
    /selvedge: Cannot go on with study "stopped" .*sampler\.name "tpe", not "grid".*\[tune\/other-study\]/,
  );
  const again = await selvedge(...other, '--trials', '1', '--again', '--json');
  assert.is(again.code, 0, again.err);
  assert.is(JSON.parse(again.out).complete, 1);
});

test('selvedge tune --journal writes the report of a journal', async () => {
  const file = path.join('runs', 'whole', 'journal.jsonl');
  const { code, out, err } = await inProcess('--journal', file, '--json');
  assert.is(code, 0, err);
  const { studies } = JSON.parse(out);
  assert.equal([studies.length, studies[0].name, studies[0].trials], [1, 'whole', 6]);
  assert.match(readFileSync(studies[0].report, 'utf8'), 'Its recipe');
});

test('selvedge tune says in a line what it cannot do', async () => {
  writeFileSync(path.join(folder, 'bad.json'), JSON.stringify({ ...recipe, epochs: { integer: [3, 1] } }));
  writeFileSync(path.join(folder, 'bad.jsonl'), 'no JSON\n{}\n');
  writeFileSync(path.join(folder, 'empty.jsonl'), '');
  const cases: [string[], number, RegExp][] = [
    [[], 2, /Missing SPACE: expected a JSON file, or --journal FILE \[cli\/usage\]/],
    [['none.json'], 1, /Cannot tune over "none\.json": expected a JSON file, got nothing \[space\/unknown\]/],
    [['bad.json'], 1, /Cannot tune over "bad\.json": epochs\.integer: expected low <= high.*\[space\/bad\]/],
    [['space.json', '--trials', '0'], 2, /Option "--trials" got "0": expected a whole number from 1/],
    [['space.json', '--factor', '1'], 2, /Option "--factor" got "1": expected a whole number from 2/],
    [['space.json', '--sampler', 'magic'], 2, /--sampler/],
    [
      ['space.json', '--points', '4'],
      2,
      /Option "--points" does not go with --sampler tpe --pruner halving: it is of grid/,
    ],
    [['space.json', '--journal', 'x'], 2, /Option "--journal" got a SPACE beside it/],
    [['--journal', 'none'], 1, /Cannot read journal .*none": expected a file, got nothing \[journal\/not-found\]/],
    [['--journal', 'bad.jsonl'], 1, /line 1: expected a JSON object with an op_code from 0 to 10 \[journal\/format\]/],
    [['--journal', 'empty.jsonl'], 2, /expected a journal with a study, got none/],
  ];
  for (const [args, code, message] of cases) {
    const ended = await inProcess(...args);
    assert.is(ended.code, code, ended.err);
    assert.match(ended.err, message);
    assert.not.match(ended.err, /^ {4}at /m);
  }
});

test.run();
