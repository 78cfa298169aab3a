// Our shell against the real one: command lines with the exit code and the output that `deno task` 2.9.5 gave for them.
// Each runs in a fresh copy of the same folder, with the same input and environment. Messages on standard error are not compared.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { answerOfOurs, LineFolders } from './shell-folders.ts';

type Line = readonly [script: string, code: number, stdout: string];
const lines = JSON.parse(readFileSync(new URL('shell-lines.json', import.meta.url), 'utf8')) as Line[];

const folders = new LineFolders();
test.after(() => folders.remove());

/** Two lines of input. A line that begins with `!` or `#` cannot stand in a group. */
const withInput = (script: string): string => (/^[!#]/.test(script) ? script : `printf 'in1\\nin2\\n' | (${script}\n)`);

test(`taskShell() gives the code and the output of deno task for ${lines.length} command lines`, async () => {
  const wrong: unknown[] = [];
  for (const [script, code, stdout] of lines) {
    const got = await answerOfOurs(withInput(script), folders);
    if (got.code !== code || got.stdout !== stdout) wrong.push([script, [code, stdout], got]);
  }
  assert.equal(wrong, []);
});

test.run();
