// The commands where there is no command line: in a browser's worker they are functions, on files in the origin-private file system.
// Not here: what they do. Left out is what needs programs or a server of its own: `bench`, `serve`, and building from sources.
// Invariant: `task` runs the tasks of the same deno.json by the same planner as everywhere.
import { SelvedgeError } from '../core/errors.ts';
import { engineFiles, platform, provideEnvironment, readEngineFile } from '../platform/index.ts';
import { type Command, command, type Observer, runProgram } from './command.ts';
import { fingerprint } from './fingerprint.ts';
import { studyCommands } from './study-commands.ts';
import { taskCommand } from './task.ts';

export type { Observer } from './command.ts';
export type { RunConfig, RunSettings } from './run-files.ts';

/** Where a command runs. */
export interface RunCommandOptions {
  /** Standard output, in parts. */
  write(text: string): void;
  /** Standard error: progress and errors, in parts. */
  writeError(text: string): void;
  /** Aborted to stop: a training then writes its checkpoint, and the same command goes on there. */
  readonly signal?: AbortSignal;
  /** Hears of tasks, updates and epochs as values, to draw them. */
  readonly observer?: Observer;
  /** Variables, such as SELVEDGE_DATA_ADDRESS, the folder on the page's own server that holds the data set. They stay set. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** In a browser all is built; what the tasks read of it is put among their files. */
const build = command({
  name: 'build',
  description: 'Fetch the files of the engine',
  args: {},
  async run() {
    const names = engineFiles.filter((name) => name !== TASKS_FILE);
    for (const name of names) {
      await platform.files.write(inRoot('build', name), await readEngineFile(name));
    }
    return { json: { files: names }, text: names.join('\n') };
  },
});

const commands: readonly Command<never>[] = [
  ...studyCommands,
  taskCommand(() => commands),
  fingerprint,
  build,
] as unknown as readonly Command<never>[];

const TASKS_FILE = 'tasks.json';

/** What scripts/build-package.ts makes of deno.json: its text, and for each pattern of sources a file that stands for them. */
interface PackagedTasks {
  readonly denoJson: string;
  /** Path to digest of all that the pattern means in the checkout. */
  readonly sources: Readonly<Record<string, string>>;
}

const inRoot = (...parts: string[]): string => platform.files.resolve(platform.workingFolder(), ...parts);

/** Writes what differs, so that tasks whose sources did not change are skipped, and no others. */
async function placeTasks(): Promise<void> {
  const text = new TextDecoder().decode(await readEngineFile(TASKS_FILE));
  const { denoJson, sources } = JSON.parse(text) as PackagedTasks;
  const wanted = { ...sources, 'deno.json': denoJson };
  const { files } = platform;
  for (const [name, content] of Object.entries(wanted)) {
    const path = inRoot(name);
    const isThere = (await files.status(path))?.isFolder === false && (await files.readText(path)) === content;
    if (!isThere) await files.write(path, content);
  }
}

let running = false;

/**
 * Runs a command of `selvedge` as a function: `['task', 'pipeline']` is the whole study.
 *
 * @param words What would follow `selvedge`
 * @param options Where output goes, how to stop, variables
 * @returns The exit code: 0 if all went well, 130 if it was stopped
 * @throws SelvedgeError `cli/busy` while another command runs: they share one engine
 * @example
 * ```ts no-run
 * import { runCommand } from 'selvedge/browser';
 * const code = await runCommand(['task', 'pipeline'], { write: console.log, writeError: console.warn });
 * ```
 */
export async function runCommand(words: readonly string[], options: RunCommandOptions): Promise<number> {
  if (running) throw new SelvedgeError('cli/busy', `Cannot run "${words.join(' ')}": another command is running`);
  running = true;
  try {
    provideEnvironment(options.environment ?? {});
    if (words[0] === 'task') await placeTasks();
    return await runProgram(words, commands, {
      cwd: platform.workingFolder(),
      signal: options.signal ?? new AbortController().signal,
      write: (text) => options.write(text),
      writeError: (text) => options.writeError(text),
      ...(options.observer ? { observer: options.observer } : {}),
    });
  } finally {
    running = false;
  }
}
