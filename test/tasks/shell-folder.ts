// What tests of the shell share: a folder with the same few files for each line, and a line run in it by our shell or by the real deno.
import { execFile } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { taskShell } from '../../src/tasks/index.ts';

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
const ENVIRONMENT = { V: 'outer', HOME: '/cloth-home' };
const DENO_MS = 10_000;

export interface Scratch {
  /** A folder of the files, new at each call. */
  fresh(name: string): string;
  remove(): void;
}

export function makeScratch(): Scratch {
  const root = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'selvedge-shell-')));
  return {
    fresh(name) {
      const folder = path.join(root, name);
      mkdirSync(path.join(folder, 'sub', 'deep'), { recursive: true });
      for (const [file, text] of Object.entries(FILES)) writeFileSync(path.join(folder, file), text);
      return folder;
    },
    remove: () => rmSync(root, { recursive: true }),
  };
}

/** Two lines of input. A line that begins with `!` or `#` cannot stand in a group. */
const withInput = (script: string): string => (/^[!#]/.test(script) ? script : `printf 'in1\\nin2\\n' | (${script}\n)`);

/** Exit code and output, in which the folder has no name of its own. */
export type Answer = readonly [code: number, stdout: string];

export async function runInOurs(script: string, folder: string): Promise<Answer> {
  let stdout = '';
  const code = await taskShell(withInput(script), {
    name: 'line',
    cwd: folder,
    env: ENVIRONMENT,
    commands: {},
    output: { write: (text) => (stdout += text), writeError: () => {} },
    signal: new AbortController().signal,
  });
  return [code, stdout.replaceAll(folder, '<folder>')];
}

/** The answer of `deno task`, undefined where it does not end. */
export function runInDeno(deno: string, script: string, folder: string): Promise<Answer | undefined> {
  const config = `${folder}.json`;
  writeFileSync(config, JSON.stringify({ tasks: { line: withInput(script) } }));
  const args = ['task', '--quiet', '--config', config, '--cwd', folder, 'line'];
  const env = { PATH: process.env.PATH, DENO_DIR: `${folder}.cache`, DENO_NO_UPDATE_CHECK: '1', ...ENVIRONMENT };
  return new Promise((resolve) => {
    const child = execFile(deno, args, { cwd: folder, env, timeout: DENO_MS }, (error, stdout) => {
      const code = error === null ? 0 : error.code;
      resolve(typeof code === 'number' ? [code, stdout.replaceAll(folder, '<folder>')] : undefined);
    });
    child.stdin!.end();
  });
}

/** Every folder and file below a folder, with what is in it. */
export function contentOf(folder: string, inside = ''): Record<string, string> {
  const entries = readdirSync(path.join(folder, inside)).sort();
  return Object.assign(
    {},
    ...entries.map((name) => {
      const place = path.join(inside, name);
      if (!statSync(path.join(folder, place)).isDirectory()) {
        return { [place]: readFileSync(path.join(folder, place), 'utf8').replaceAll(folder, '<folder>') };
      }
      return { [`${place}/`]: '', ...contentOf(folder, place) };
    }),
  ) as Record<string, string>;
}
