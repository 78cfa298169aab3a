// Runs the golden cases of test/specs/tasks with our runner and with the real `deno`, in fresh copies of each case's folder.
// A case is a deno.json, the files it needs, and spec.json: steps with arguments, changes made before, and what must come of them.
// Recorded from Deno by `SELVEDGE_UPDATE_SPECS=1`; compared after `normalize`, which is all that is forgiven.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../src/core/errors.ts';
import { parseTaskArguments, runTaskCommand } from '../../src/tasks/index.ts';

/** What a run left: exit code and text. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One call of `task`. */
export interface Step extends Partial<Outcome> {
  readonly args: readonly string[];
  /** Folder to call from, under the case's folder. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Files to write before, by path; null removes. */
  readonly change?: Readonly<Record<string, string | null>>;
  /** A code that Deno itself gives now and then instead: of a task that it stopped, not of the one that failed first. */
  readonly denoAlso?: number;
}

/** A golden case. */
export interface Spec {
  readonly about: string;
  /** Lines are compared as a set, for tasks that overlap. */
  readonly anyOrder?: boolean;
  /** Messages of shells differ; their codes and standard output do not. */
  readonly ignoreStderr?: boolean;
  readonly steps: readonly Step[];
}

const ROOT = fileURLToPath(new URL('../specs/tasks/', import.meta.url));
const require = createRequire(import.meta.url);

/** Names of the cases. */
export const specNames = (): string[] => readdirSync(ROOT).sort();

export const readSpec = (name: string): Spec => JSON.parse(readFileSync(path.join(ROOT, name, 'spec.json'), 'utf8'));

export const writeSpec = (name: string, spec: Spec): void =>
  writeFileSync(path.join(ROOT, name, 'spec.json'), `${JSON.stringify(spec, null, 2)}\n`);

/** Path of the real deno, from the platform package that npm installed, or undefined. */
export function findDeno(): string | undefined {
  const system = { linux: 'linux', darwin: 'darwin', win32: 'windows' }[process.platform as string] ?? process.platform;
  const suffix = { linux: '-glibc', win32: '' }[process.platform as string] ?? '';
  const folder = path.dirname(require.resolve('deno/package.json'));
  const name = `@deno/${process.platform === 'win32' ? 'win32' : system}-${process.arch}${suffix}`;
  const binary = process.platform === 'win32' ? 'deno.exe' : 'deno';
  return [path.join(folder, '..', name, binary), path.join(folder, 'node_modules', name, binary)].find(existsSync);
}

/** Makes a copy of a case, runs its steps in it, and removes it. */
export async function runSpec(
  name: string,
  spec: Spec,
  runStep: (step: Step, folder: string, scratch: string) => Promise<Outcome>,
): Promise<Outcome[]> {
  const scratch = realpathSync(mkdtempSync(path.join(tmpdir(), 'selvedge-task-')));
  const folder = path.join(scratch, 'case');
  try {
    cpSync(path.join(ROOT, name), folder, { recursive: true });
    rmSync(path.join(folder, 'spec.json'));
    const outcomes: Outcome[] = [];
    for (const step of spec.steps) {
      for (const [file, text] of Object.entries(step.change ?? {})) {
        if (text === null) rmSync(path.join(folder, file));
        else {
          mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
          writeFileSync(path.join(folder, file), text);
        }
      }
      outcomes.push(normalize(await runStep(step, folder, scratch), spec, folder));
    }
    return outcomes;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Takes away the case's own path, the order where it is free, and the summary line that Deno does not have. */
function normalize(outcome: Outcome, spec: Spec, folder: string): Outcome {
  const lines = (text: string): string => {
    const kept = text.replaceAll(folder, '<folder>').replace(/^(Nothing to do|Done): .*\n/gm, '');
    return spec.anyOrder ? kept.split('\n').sort().join('\n') : kept;
  };
  return {
    code: outcome.code,
    stdout: lines(outcome.stdout),
    stderr: spec.ignoreStderr ? '' : lines(outcome.stderr),
  };
}

/** Runs a step with the real deno, its cache in the scratch folder. */
export const runWithDeno =
  (deno: string) =>
  async (step: Step, folder: string, scratch: string): Promise<Outcome> => {
    const { PATH = '', HOME = '' } = process.env;
    const { status, stdout, stderr } = spawnSync(deno, ['task', ...step.args], {
      cwd: path.join(folder, step.cwd ?? '.'),
      env: { PATH, HOME, NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1', DENO_DIR: path.join(scratch, 'deno'), ...step.env },
      encoding: 'utf8',
    });
    const code = status !== null && status === step.denoAlso ? step.code : status;
    return { code: code ?? -1, stdout, stderr };
  };

/** Runs a step with our runner, in this process. */
export async function runWithOurs(step: Step, folder: string): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  const output = {
    write: (text: string) => {
      stdout += text;
    },
    writeError: (text: string) => {
      stderr += text;
    },
  };
  let code: number;
  try {
    code = await runTaskCommand({
      args: parseTaskArguments(step.args),
      commands: {},
      folder: path.join(folder, step.cwd ?? '.'),
      output,
      ...(step.env ? { env: step.env } : {}),
    });
  } catch (error) {
    output.writeError(`${messageOf(error)}\n`);
    code = 1;
  }
  return { code, stdout, stderr };
}
