// Programs between the pipes of a shell, on Node: found on a path, fed and read as bytes, ended by signals.
// Not here: programs that are talked to in lines (node-programs.ts). Invariant: the code of what a signal ended is 128 + its number.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { ShellProgram, ShellProgramOptions } from './platform.ts';

// What a process wrote before it was killed is in its pipes by then; what its orphans write later is nobody's.
const ORPHAN_OUTPUT_MS = 100;

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

/** Whether a name leads through a folder: as Rust counts the parts of a path, `a/` and `a/.` have one. */
function hasFolder(name: string): boolean {
  return name.split('/').filter((part, at) => at === 0 || (part !== '' && part !== '.')).length > 1;
}

/** As `Platform.findProgram` says. */
export async function findProgram(name: string, cwd: string, searchPath: string): Promise<string | undefined> {
  const isWindows = process.platform === 'win32';
  if (hasFolder(name) || (isWindows && name.includes('\\'))) return path.resolve(cwd, name);
  const endings = isWindows ? ['', ...(process.env.PATHEXT ?? '.EXE;.CMD;.BAT;.COM').split(';')] : [''];
  for (const folder of searchPath.split(path.delimiter)) {
    if (folder === '') continue;
    for (const ending of endings) {
      const file = path.resolve(cwd, folder, name + ending);
      if (await isProgram(file)) return file;
    }
  }
  return undefined;
}

async function feed(
  child: ChildProcess,
  read: () => Promise<Uint8Array | undefined>,
  ended: Promise<unknown>,
): Promise<void> {
  const { stdin } = child;
  if (!stdin) return;
  // A program that has ended reads nothing more.
  stdin.on('error', () => {});
  const end = ended.then(() => undefined);
  try {
    for (;;) {
      const bytes = await Promise.race([read(), end]);
      if (bytes === undefined || stdin.destroyed) break;
      await new Promise((resolve) => stdin.write(bytes, resolve));
    }
  } finally {
    stdin.end();
  }
}

async function drain(
  stream: NodeJS.ReadableStream | null,
  write: (bytes: Uint8Array) => Promise<boolean>,
): Promise<void> {
  try {
    // Leaving the loop closes the stream: the program is told by SIGPIPE.
    for await (const bytes of stream ?? []) if (!(await write(bytes as Uint8Array))) break;
  } catch {
    // Closed after a signal, with an orphan at its other end.
  }
}

/** As `Platform.runProgram` says. */
export function runProgram(file: string, args: readonly string[], options: ShellProgramOptions): ShellProgram {
  const { cwd, environment, input, output, errors } = options;
  const target = (to: typeof output) => (typeof to === 'number' ? to : 'pipe');
  const opened = typeof input === 'object' ? openSync(input.path, 'r') : undefined;
  const child = spawn(file, args, {
    cwd,
    env: { ...environment },
    stdio: [opened ?? (input === 'inherit' ? 'inherit' : 'pipe'), target(output), target(errors)],
  });
  if (opened !== undefined) closeSync(opened);
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (signal === null) return resolve(code ?? 1);
      setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, ORPHAN_OUTPUT_MS).unref();
      resolve(128 + os.constants.signals[signal]);
    });
  });
  if (typeof input === 'function')
    feed(
      child,
      input,
      ended.catch(() => {}),
    ).catch(() => {});
  const drained = [
    typeof output === 'number' ? undefined : drain(child.stdout, output),
    typeof errors === 'number' ? undefined : drain(child.stderr, errors),
  ];
  return {
    code: ended.then(async (code) => {
      await Promise.all(drained);
      return code;
    }),
    kill: (signal) => child.kill(signal),
  };
}
