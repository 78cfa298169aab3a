// Our shell against the real one: command lines with the exit code and the output that `deno task` 2.9.5 gave for them.
// Each runs in a fresh copy of the same folder, with the same input and environment. Messages on standard error are not compared.
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { taskShell } from '../../src/tasks/index.ts';

type Line = readonly [script: string, code: number, stdout: string];
const lines = JSON.parse(readFileSync(new URL('shell-lines.json', import.meta.url), 'utf8')) as Line[];

const scratch = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'selvedge-shell-')));
test.after(() => rmSync(scratch, { recursive: true }));

const FILES = {
  'ab.txt': 'b\n',
  'ac.txt': 'c\n',
  '.hid': 'h\n',
  'sub/x.ts': 'x\n',
  'sub/deep/y.ts': 'y\n',
  'b[1].md': 'm\n',
  'Up.TXT': 'u\n',
  'deno.json': '{}',
};

function freshFolder(name: string): string {
  const folder = path.join(scratch, name);
  mkdirSync(path.join(folder, 'sub', 'deep'), { recursive: true });
  for (const [file, text] of Object.entries(FILES)) writeFileSync(path.join(folder, file), text);
  return folder;
}

async function run(script: string, folder: string): Promise<readonly [number, string]> {
  let stdout = '';
  const code = await taskShell(/^[!#]/.test(script) ? script : `printf 'in1\\nin2\\n' | (${script}\n)`, {
    name: 'line',
    cwd: folder,
    env: { V: 'outer', HOME: '/cloth-home' },
    commands: {},
    output: { write: (text) => (stdout += text), writeError: () => {} },
    signal: new AbortController().signal,
  });
  return [code, stdout.replaceAll(folder, '<folder>')];
}

test(`taskShell() gives the code and the output of deno task for ${lines.length} command lines`, async () => {
  const wrong: unknown[] = [];
  for (const [at, [script, code, stdout]] of lines.entries()) {
    const got = await run(script, freshFolder(`${at}`));
    if (got[0] !== code || got[1] !== stdout) wrong.push([script, [code, stdout], got]);
  }
  assert.equal(wrong, []);
});

test.run();
