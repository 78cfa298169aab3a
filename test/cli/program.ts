// Runs the program as a user does: bin/selvedge.js in a process and a folder of its own, on the shipped sample; or one command of it in this
// process. Not a test.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { type CommandContext, runProgram } from '../../src/cli/command.ts';
import { sampleFolderUrl } from '../../src/data/sample.ts';

const program = fileURLToPath(new URL('../../bin/selvedge.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Started {
  readonly ended: Promise<Ended>;
  /** Resolves when standard error holds the text, or when the program has ended. */
  hears(text: string): Promise<void>;
  /** The first line of standard output, or all of it when the program has ended. */
  firstLine(): Promise<string>;
  interrupt(): void;
}

/** A new folder, removed by `remove`. */
export function makeFolder(): { readonly folder: string; readonly remove: () => void } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-cli-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Starts `selvedge` with arguments in a folder. */
export function start(folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
  const { FORCE_COLOR: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    env: { ...inherited, SELVEDGE_DATA: fileURLToPath(sampleFolderUrl()), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  const waiting: { text: string; resolve: () => void }[] = [];
  let hasLine = (): void => {};
  const line = new Promise<void>((resolve) => {
    hasLine = resolve;
  });
  child.stdout.on('data', (chunk) => {
    out += chunk;
    if (out.includes('\n')) hasLine();
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
    for (const { text, resolve } of waiting) if (err.includes(text)) resolve();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
  });
  return {
    ended,
    hears: (text) =>
      Promise.race([
        new Promise<void>((resolve) => {
          waiting.push({ text, resolve });
        }),
        ended.then(() => {}),
      ]),
    firstLine: async () => {
      await Promise.race([line, ended]);
      return out.split('\n')[0]!;
    },
    interrupt: () => {
      child.kill('SIGINT');
    },
  };
}

/** Runs `selvedge` with arguments in a folder to its end. */
export const run = (folder: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ended> =>
  start(folder, args, env).ended;

/**
 * Interrupts a training after its first update, and has the same command end it.
 *
 * @param args Of `train`, with a name of its own for the run
 */
export async function interruptAndResume(folder: string, args: readonly string[]): Promise<void> {
  const stopped = start(folder, ['train', ...args, '--checkpoint-every', '1', '--verbose']);
  await stopped.hears('made its first update');
  stopped.interrupt();
  const { code, err } = await stopped.ended;
  assert.is(code, 130, err);
  const resumed = await run(folder, ['train', ...args]);
  assert.is(resumed.code, 0, resumed.err);
  assert.match(resumed.err, /Going on in epoch/);
}

/** Runs a command in this process to its end: for what needs no engine, or one that goes on. */
export async function runInProcess(folder: string, args: readonly string[]): Promise<Ended> {
  // Most who use this file have no need of all commands.
  const { commands } = await import('../../src/cli/commands.ts');
  let [out, err] = ['', ''];
  const context: CommandContext = {
    cwd: folder,
    signal: new AbortController().signal,
    write: (text) => {
      out += text;
    },
    writeError: (text) => {
      err += text;
    },
  };
  const code = await runProgram([...args], commands, context);
  return { code, out, err };
}
