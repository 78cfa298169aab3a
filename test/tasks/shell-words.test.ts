// Words that users give reach a command as they are, whatever signs they hold; names of commands are names, not properties; tasks keep the
// order of their file.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { matchTaskNames, parseTaskFile, scriptOf, type TaskCommands, taskShell } from '../../src/tasks/index.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-words-'));
test.after(() => rmSync(folder, { recursive: true }));

async function run(script: string): Promise<{ code: number; out: string; err: string; calls: string[][] }> {
  const calls: string[][] = [];
  let [out, err] = ['', ''];
  const commands: TaskCommands = {
    say: (args) => {
      calls.push([...args]);
      return 0;
    },
  };
  const output = {
    write: (text: string) => {
      out += text;
    },
    writeError: (text: string) => {
      err += text;
    },
  };
  const signal = new AbortController().signal;
  const code = await taskShell(script, { name: 'it', cwd: folder, env: {}, commands, output, signal });
  return { code, out, err, calls };
}

test('taskShell() reads the words that scriptOf() quotes as they were', async () => {
  const task = parseTaskFile('{ "tasks": { "it": "say first" } }', '/deno.json').tasks[0]!;
  const word = fc.string({ maxLength: 12 }).filter((text) => !/[\0\r\n]/.test(text));
  const shellSigns = fc.stringMatching(/^[ '"\\$`*?{}[\]()<>|&;!#~=-]{0,8}$/);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(word, shellSigns), { maxLength: 4 }), async (words) => {
      assert.equal((await run(scriptOf(task, words))).calls, [['first', ...words]]);
    }),
    { seed: 4, numRuns: 300 },
  );
});

test('taskShell() finds no command in the properties of objects', async () => {
  for (const name of ['toString', 'constructor', '__proto__', 'valueOf', 'hasOwnProperty']) {
    const { code, out, err } = await run(`${name} && echo went on`);
    assert.equal([code, out], [127, ''], name);
    assert.match(err, `${name}: command not found`);
  }
});

test('parseTaskFile() and wildcards keep the order of the file, of names that are numbers too', () => {
  const file = parseTaskFile('{"tasks": {"zeta": "a", "10": "b", "2": "c", "alpha": "d"}}', '/deno.json');
  const names = ['zeta', '10', '2', 'alpha'];
  assert.equal(
    file.tasks.map(({ name }) => name),
    names,
  );
  assert.equal(matchTaskNames(file, '*'), names);
});

test.run();
