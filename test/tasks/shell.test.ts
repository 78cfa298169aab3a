// Our shell against the real one: command lines with the exit code and the output that `deno task` 2.9.5 gave for them.
// Each runs in a fresh copy of the same folder, with the same input and environment. Messages on standard error are not compared.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeScratch, runInOurs } from './shell-folder.ts';

type Line = readonly [script: string, code: number, stdout: string];
const lines = JSON.parse(readFileSync(new URL('shell-lines.json', import.meta.url), 'utf8')) as Line[];

const scratch = makeScratch();
test.after(() => scratch.remove());

test(`taskShell() gives the code and the output of deno task for ${lines.length} command lines`, async () => {
  const wrong: unknown[] = [];
  for (const [at, [script, code, stdout]] of lines.entries()) {
    const got = await runInOurs(script, scratch.fresh(`${at}`));
    if (got[0] !== code || got[1] !== stdout) wrong.push([script, [code, stdout], got]);
  }
  assert.equal(wrong, []);
});

test.run();
