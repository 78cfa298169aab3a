// Programs that run beside us, on Node: talked to line by line, over pipes and without a shell.
// Not here: commands that run to their end (node.ts). Invariant: `stop` always ends the program, and `nextLine` always answers.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CommandResult, ProgramOptions, RunningProgram } from './platform.ts';

/** How long a program may take to end once its input is closed. */
const PROGRAM_END_MS = 1_000;
const CANNOT_START = 127;

/**
 * Starts a program as `Platform.startProgram` says.
 *
 * @param command Name or path
 * @param args Its arguments
 * @param options Working folder and changes of the environment
 */
export function startProgram(command: string, args: readonly string[], options: ProgramOptions = {}): RunningProgram {
  // spawn leaves out variables that are undefined.
  const env = { ...process.env, ...options.environment };
  const child = spawn(command, args, { cwd: options.cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  const reader = createInterface({ input: child.stdout });
  const lines = reader[Symbol.asyncIterator]();
  let stdout = '';
  let stderr = '';
  child.stderr.on('data', (chunk) => (stderr += chunk));
  // A program that has ended reads nothing more.
  child.stdin.on('error', () => {});
  const ended = new Promise<CommandResult>((resolve) => {
    child.on('error', (error) => resolve({ code: CANNOT_START, stdout, stderr: error.message }));
    child.on('close', (code) => resolve({ code: code ?? 1, stdout, stderr }));
  }).finally(() => reader.close());
  return {
    send: (line) => {
      child.stdin.write(`${line}\n`);
    },
    nextLine: async () => {
      const { value, done } = await lines.next();
      if (done) return undefined;
      stdout += `${value}\n`;
      return value;
    },
    stop: async () => {
      child.stdin.end();
      child.stdout.resume();
      const timer = setTimeout(() => child.kill('SIGKILL'), PROGRAM_END_MS);
      const result = await ended;
      clearTimeout(timer);
      return result;
    },
  };
}

/** The command that runs a module of ours on Node: its source through tsx, as bin/selvedge.js does, and what is compiled by itself. */
export function scriptCommand(script: URL): { command: string; args: string[] } {
  const reader = /\.m?ts$/.test(script.pathname) ? ['--import', import.meta.resolve('tsx')] : [];
  return { command: process.execPath, args: [...reader, fileURLToPath(script)] };
}
