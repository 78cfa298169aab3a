import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { daxShell, plainShell, scriptOf, type TaskCommands } from '../../src/tasks/index.ts';
import { parseTaskFile } from '../../src/tasks/task-file.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-plain-shell-'));
test.after(() => rmSync(folder, { recursive: true }));

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly calls: readonly (readonly string[])[];
}

async function run(script: string, shell = plainShell, signal = new AbortController().signal): Promise<Ran> {
  const calls: (readonly string[])[] = [];
  let [out, err] = ['', ''];
  const commands: TaskCommands = {
    say: (args, { write }) => {
      calls.push(args);
      write(`${args.join(' ')}\n`);
      return 0;
    },
    fail: (args) => {
      calls.push(['fail', ...args]);
      return 3;
    },
  };
  const output = { write: (text: string) => (out += text), writeError: (text: string) => (err += text) };
  const code = await shell(script, { name: 'it', cwd: folder, env: {}, commands, output, signal });
  return { code, out, err, calls };
}

test('plainShell() runs commands in turn and stops at the first that fails', async () => {
  assert.equal((await run('say a && say b')).calls, [['a'], ['b']]);
  const { code, calls } = await run('say a && fail x && say b');
  assert.is(code, 3);
  assert.equal(calls, [['a'], ['fail', 'x']]);
});

test('plainShell() makes folders and writes what a command says into a file', async () => {
  const { code, out } = await run(`mkdir -p one/two && say 'to a file' > one/two/said.txt`);
  assert.is(code, 0);
  assert.is(out, '');
  assert.ok(statSync(path.join(folder, 'one', 'two')).isDirectory());
  assert.is(readFileSync(path.join(folder, 'one', 'two', 'said.txt'), 'utf8'), 'to a file\n');
});

test('plainShell() reads words as dax does, those that scriptOf() quotes too', async () => {
  const task = parseTaskFile('{ "tasks": { "it": "say first" } }', '/deno.json').tasks[0]!;
  const word = fc.string({ maxLength: 12 }).filter((text) => !/[\0\r\n]/.test(text));
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 4 }), async (words) => {
      const script = scriptOf(task, words);
      assert.equal((await run(script)).calls, [['first', ...words]]);
    }),
    { seed: 4, numRuns: 200 },
  );
  for (const script of [`say "a b"c 'd''e'`, `say a  b`, `say 'it'"'"'s'`, `say ""`]) {
    assert.equal((await run(script)).calls, (await run(script, daxShell)).calls, script);
  }
});

test('plainShell() refuses the rest of the syntax before anything runs', async () => {
  for (const script of [
    'say a | say b',
    'say a; say b',
    'say $HOME',
    'say `b`',
    'say "$b"',
    'say *',
    'say a || say b',
    'say a & say b',
    'say a < b',
    'say a && ',
    'say a >',
    'say a > b > c',
    "say 'a",
    'say a && (say b)',
    '',
  ]) {
    const { code, err, calls } = await run(script);
    assert.equal([code, calls], [1, []], script);
    assert.match(err, /Cannot run the script of task 'it': Cannot run ".*" on node/s, script);
  }
});

test('plainShell() answers 127 for a command that it does not have', async () => {
  const { code, err } = await run('weave cloth');
  assert.is(code, 127);
  assert.is(err, 'weave: command not found\n');
});

test('plainShell() starts nothing once the signal came', async () => {
  const stop = new AbortController();
  stop.abort();
  assert.equal([(await run('say a', plainShell, stop.signal)).code], [130]);
});

test.run();
