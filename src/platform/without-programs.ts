// What runtimes have in common that start no programs and have no terminal: browsers and the edge. Not a platform by itself.
// Invariant: what cannot be done is an error that says so; nothing pretends.
import { SelvedgeError } from '../core/errors.ts';
import type { Platform } from './platform.ts';

/** An error for what a runtime does not have. */
export function absent(runtime: string, what: string): SelvedgeError {
  return new SelvedgeError('platform/absent', `Cannot ${what}: ${runtime} has no such thing`);
}

const variables = new Map<string, string>();

/** Sets variables of the environment where there is none to inherit: `SELVEDGE_DATA_ADDRESS`, say. */
export function provideEnvironment(values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) variables.set(name, value);
}

const lineOf = (content: Uint8Array | string): string =>
  (typeof content === 'string' ? content : new TextDecoder().decode(content)).replace(/\n$/, '');

/** The part of the interface that is the same wherever there is but a script. */
export function withoutPrograms(
  runtime: Platform['runtime'],
): Omit<Platform, 'files' | 'readUrl' | 'startWorker' | 'hostGlue' | 'machine' | 'mayBlock'> {
  const { name } = runtime;
  return {
    runtime,
    terminal: {
      isTerminal: false,
      isOutputTerminal: false,
      columns: 80,
      write: (content) => console.log(lineOf(content)),
      writeError: (content) => console.error(lineOf(content)),
    },
    args: [],
    startsPrograms: false,
    reachesAnyHost: false,
    environment: (name) => variables.get(name),
    environmentVariables: () => Object.fromEntries(variables),
    homeFolder: () => '/',
    workingFolder: () => '/',
    cacheFolder: () => '/cache',
    now: () => performance.now(),
    giveWay: () => new Promise((resolve) => setTimeout(resolve)),
    runCommand: (command) => Promise.reject(absent(name, `run "${command}"`)),
    startProgram: (command) => {
      throw absent(name, `start "${command}"`);
    },
    findProgram: async () => undefined,
    runProgram: (file) => {
      throw absent(name, `start "${file}"`);
    },
    scriptCommand: ({ href }) => {
      throw absent(name, `run "${href}" as a program`);
    },
    inputBytes: () => {
      throw absent(name, 'read standard input');
    },
    inputLines: () => {
      throw absent(name, 'read standard input');
    },
    processorTime: () => ({ ownMs: performance.now() }),
    peakMemoryBytes: () => 0,
    serve: () => Promise.reject(absent(name, 'listen on a port')),
    onInterrupt: () => () => {},
    setExitCode: () => {},
    exit: (code) => {
      throw absent(name, `exit with code ${code}`);
    },
  };
}
