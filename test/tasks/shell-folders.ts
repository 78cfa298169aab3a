// Runs a command line by our shell or by the real `deno task`, each in a fresh copy of one folder, and tells what came of it.
// Not here: which lines (shell-lines.json, shell-generator.ts). Invariant: nothing of a line outlives the answer but its folder.
import { spawn } from 'node:child_process';
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
import { isDeepStrictEqual } from 'node:util';
import { taskShell } from '../../src/tasks/index.ts';

/** What a line came to; `errors`: whether anything was written to standard error. */
export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly errors: boolean;
  /** What has changed in the folder: contents of files, null for a folder, undefined for what is gone. */
  readonly changes: Readonly<Record<string, string | null>>;
}

const FILES: Readonly<Record<string, string>> = {
  'ab.txt': 'b\n',
  'ac.txt': 'c\n',
  '.hid': 'h\n',
  'sub/x.ts': 'x\n',
  'sub/deep/y.ts': 'y\n',
  'b[1].md': 'm\n',
  'Up.TXT': 'u\n',
};
const CONFIG = 'deno.json';
// What else a developer's shell sets would reach ours, which runs in this process.
for (const name of Object.keys(process.env)) if (name !== 'PATH' && name !== 'TMPDIR') delete process.env[name];

const TIMEOUT_MS = 2000;

const homeOf = (folder: string): string => path.join(folder, '../home');
const environmentOf = (folder: string) => ({ V: 'outer', HOME: homeOf(folder) });
const anonymous = (text: string, folder: string): string =>
  text.replaceAll(folder, '<folder>').replaceAll(homeOf(folder), '<home>');

/** Folders for lines, removed by `remove`. Deep, so that no `cd ..` of a line leaves them. */
export class LineFolders {
  readonly #root = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'selvedge-shell-')));
  #count = 0;

  fresh(script: string): string {
    const folder = path.join(this.#root, `${this.#count++}`, 'w/w/w/w/w/w/w/w');
    mkdirSync(path.join(folder, 'sub', 'deep'), { recursive: true });
    mkdirSync(homeOf(folder));
    for (const [file, text] of Object.entries(FILES)) writeFileSync(path.join(folder, file), text);
    // Not by `--eval`, which takes `(!` and `*` of a script for the pattern of a name.
    writeFileSync(path.join(folder, CONFIG), JSON.stringify({ tasks: { line: script } }));
    return folder;
  }
  release(folder: string): void {
    rmSync(path.join(this.#root, path.relative(this.#root, folder).split(path.sep)[0]!), { recursive: true });
  }
  remove(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

function contentsOf(folder: string, prefix = ''): Map<string, string | null> {
  const found = new Map<string, string | null>();
  for (const name of readdirSync(path.join(folder, prefix)).sort()) {
    const inner = `${prefix}${name}`;
    if (statSync(path.join(folder, inner)).isDirectory()) {
      found.set(inner, null);
      for (const entry of contentsOf(folder, `${inner}/`)) found.set(...entry);
    } else found.set(inner, readFileSync(path.join(folder, inner), 'utf8'));
  }
  return found;
}

function changesOf(folder: string): Record<string, string | null> {
  const before = new Map<string, string | null>([...Object.entries(FILES), ['sub', null], ['sub/deep', null]]);
  const changes: Record<string, string | null> = {};
  const now = contentsOf(folder);
  for (const [name, text] of now) {
    if (name !== CONFIG && before.get(name) !== text) changes[name] = text === null ? null : anonymous(text, folder);
  }
  for (const name of before.keys()) if (!now.has(name)) changes[`${name} is gone`] = null;
  return changes;
}

/** By our shell, in this process. */
export async function answerOfOurs(script: string, folders: LineFolders): Promise<Answer> {
  const folder = folders.fresh(script);
  let [stdout, stderr] = ['', ''];
  const code = await taskShell(script, {
    name: 'line',
    cwd: folder,
    env: environmentOf(folder),
    commands: {},
    output: { write: (text) => (stdout += text), writeError: (text) => (stderr += text) },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const changes = changesOf(folder);
  folders.release(folder);
  return { code, stdout: anonymous(stdout, folder), errors: stderr !== '', changes };
}

/** By the real one; undefined where it does not end, or breaks. Its line about the task, on standard error, is not the script's. */
export async function answerOfDeno(deno: string, script: string, folders: LineFolders): Promise<Answer | undefined> {
  const folder = folders.fresh(script);
  const { PATH = '' } = process.env;
  const child = spawn(deno, ['task', '--quiet', 'line'], {
    cwd: folder,
    env: {
      PATH,
      ...environmentOf(folder),
      NO_COLOR: '1',
      DENO_NO_UPDATE_CHECK: '1',
      DENO_DIR: path.join(folder, '../deno'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (bytes) => out.push(bytes));
  child.stderr.on('data', (bytes) => err.push(bytes));
  const code = await new Promise<number | undefined>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve(status ?? undefined));
  });
  const changes = changesOf(folder);
  folders.release(folder);
  // It panics where a pipeline writes to one that has ended, or lets what follows write to no one (141: by SIGPIPE).
  if (code === undefined || code === 141 || Buffer.concat(err).includes('panicked')) return undefined;
  const stdout = anonymous(Buffer.concat(out).toString(), folder);
  return { code, stdout, errors: err.some((bytes) => bytes.length > 0), changes };
}

/** The answer, undefined where the real one does not always give the same. */
export async function steadyAnswer(
  deno: string,
  script: string,
  folders: LineFolders,
  times: number,
): Promise<Answer | undefined> {
  const first = await answerOfDeno(deno, script, folders);
  for (let at = 1; at < times && first !== undefined; at++) {
    if (!isDeepStrictEqual(await answerOfDeno(deno, script, folders), first)) return undefined;
  }
  return first;
}
