// The commands of `selvedge` in this worker: the engine, trainings, evaluations, reports and the study's tasks, one at a time.
// Not here: what they do. This module brings tfjs and all of the engine, so it is loaded when it is first needed.
import { type Observer, runCommand } from 'selvedge/browser';
import { dataAddress } from './data.ts';
import type { CommandEnd, EngineInfo, TaskSummary } from './protocol.ts';

let stopping = new AbortController();

/** Asks the command that runs to stop; a training writes its checkpoint first. */
export function stopCommand(): void {
  stopping.abort();
}

interface Outcome extends CommandEnd {
  readonly output: string;
}

let last: Promise<unknown> = Promise.resolve();

/**
 * Runs a command, after those that were asked for before: they share the engine.
 *
 * @param onLine Hears what it says on standard error, line by line
 */
export function runWords(
  words: readonly string[],
  onLine: (line: string) => void = () => undefined,
  observer: Observer = {},
): Promise<Outcome> {
  const turn = last.then(() => runNow(words, onLine, observer));
  last = turn.catch(() => undefined);
  return turn;
}

async function runNow(words: readonly string[], onLine: (line: string) => void, observer: Observer): Promise<Outcome> {
  stopping = new AbortController();
  let output = '';
  let rest = '';
  let lastLine = '';
  const code = await runCommand(words, {
    write: (text) => {
      output += text;
    },
    writeError: (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        lastLine = line;
        onLine(line);
      }
    },
    signal: stopping.signal,
    observer,
    environment: dataAddress === undefined ? {} : { SELVEDGE_DATA_ADDRESS: dataAddress },
  });
  // "selvedge: Cannot …: … [area/what]" without the program's name.
  return { code, output, message: code === 0 ? '' : lastLine.replace(/^selvedge: /, '') };
}

/** The words of a command that must end well. */
async function jsonOf<T>(...words: string[]): Promise<T> {
  const { code, output, message } = await runWords([...words, '--json']);
  if (code !== 0) throw new Error(message);
  return JSON.parse(output) as T;
}

let started: Promise<EngineInfo> | undefined;

/** Starts the engine, once. */
export function startEngine(): Promise<EngineInfo> {
  started ??= jsonOf<EngineInfo>('info').catch((error: unknown) => {
    started = undefined;
    throw error;
  });
  return started;
}

/** All tasks of deno.json. */
export const listTasks = (): Promise<TaskSummary[]> => jsonOf<TaskSummary[]>('task');
