// Options that several commands share, and how their text becomes a value.
import { type BackendInfo, type BackendOptions, type RunningBackend, startBackend } from '../backend/index.ts';
import { SelvedgeError } from '../core/errors.ts';
import { version } from '../core/version.ts';
import { type ViewsName, viewsNames } from '../evaluation/views.ts';
import { recipeNames } from '../experiments/index.ts';
import { modelNames } from '../models/index.ts';
import { platform } from '../platform/index.ts';
import { parseTaskArguments, runTaskCommand } from '../tasks/index.ts';
import { usageError } from './arguments.ts';
import { build } from './build.ts';
import { type Command, type CommandContext, runProgram } from './command.ts';

export const dataOption = {
  data: {
    type: 'string',
    valueHint: 'path',
    description:
      'Folder of four IDX files or of folders of pictures, or a .csv (default: $SELVEDGE_DATA, then known places)',
  },
} as const;

export const threadsOption = {
  threads: { type: 'string', valueHint: 'count', description: 'Threads (default: what the machine allows)' },
} as const;

export const exactConvOption = {
  'exact-conv': {
    type: 'boolean',
    description: "Convolve tap by tap, not by Winograd's algorithm: less rounding, two to three times slower",
  },
} as const;

export const runOption = {
  run: {
    type: 'string',
    valueHint: 'name',
    default: 'default',
    description: 'Name of the run; results go to runs/<name>',
  },
} as const;

export const viewsOption = {
  views: {
    type: 'enum',
    options: [...viewsNames] as ViewsName[],
    description:
      'Average over an image as it is, and mirrored, and shifted by a pixel (default: single; of best, shifted)',
  },
} as const;

/** A whole number from `minimum` to `maximum`. */
export function wholeNumber(
  option: string,
  text: string | undefined,
  minimum = 1,
  maximum = Number.MAX_SAFE_INTEGER,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= minimum && value <= maximum) return value;
  const range = maximum === Number.MAX_SAFE_INTEGER ? `from ${minimum}` : `from ${minimum} to ${maximum}`;
  throw usageError(`Option "--${option}" got "${text}": expected a whole number ${range}`);
}

/** A finite number above 0. */
export function positiveNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0 && text.trim() === text) return value;
  throw usageError(`Option "--${option}" got "${text}": expected a number above 0`);
}

/** A finite number from 0, and below `limit` where one is given. */
export function numberFromZero(option: string, text: string | undefined, limit = Infinity): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (value >= 0 && value < limit && text !== '' && text.trim() === text) return value;
  const range = limit === Infinity ? '0 or more' : `from 0 up to, not including, ${limit}`;
  throw usageError(`Option "--${option}" got "${text}": expected a number ${range}`);
}

/** Where a run keeps the images that it made of pictures. */
export const dataFolder = (context: CommandContext, run: string): string => runFolder(context, run, 'data');

/** The folder of a run, or of something inside it. */
export function runFolder(context: CommandContext, name: string, ...inside: string[]): string {
  if (!/^[\w][\w.-]*$/.test(name)) {
    throw usageError(`Option "--run" got "${name}": expected letters, digits, dots, dashes and underscores`);
  }
  return platform.files.resolve(context.cwd, 'runs', name, ...inside);
}

export const modelOfRunOption = {
  model: {
    type: 'string',
    valueHint: 'name',
    default: 'dropout',
    description: 'Model of the run: a network or a recipe',
  },
} as const;

/** The folder of a model in a run. */
export async function modelFolder(context: CommandContext, run: string, model: string): Promise<string> {
  const folder = runFolder(context, run, model);
  const known: readonly string[] = [...modelNames, ...recipeNames];
  if (/^\w[\w.-]*$/.test(model) && (known.includes(model) || (await platform.files.status(folder)))) return folder;
  throw usageError(
    `Option "--model" got "${model}": expected one of ${known.join(', ')}, or another model that run "${run}" holds`,
  );
}

/** What --threads says; commands that start the engine beside other things ask first. */
export const checkThreads = (text: string | undefined): number | undefined => wholeNumber('threads', text, 1, 64);

let engine: RunningBackend | undefined;
let engineOptions: BackendOptions | undefined;

/** Starts the engine once for all commands of this process; another number of threads, kind of convolution or of memory starts it anew. */
export async function useEngine(
  threads: string | undefined,
  exactConvolution = false,
  sharedMemory = true,
): Promise<BackendInfo> {
  const wanted = checkThreads(threads);
  const isOther =
    engine !== undefined &&
    ((wanted !== undefined && wanted !== engine.info.threads) ||
      exactConvolution !== engine.info.exactConvolution ||
      sharedMemory !== engineOptions?.sharedMemory);
  if (isOther) {
    await engine!.stop();
    engine = undefined;
  }
  engineOptions = { exactConvolution, sharedMemory, ...(wanted === undefined ? {} : { threads: wanted }) };
  const options = engineOptions;
  engine ??= await orBuild(() => startBackend(options));
  return engine.info;
}

/** Starts something that needs the kernels; in a fresh checkout, where nobody has built them yet, builds them first. */
export async function orBuild<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (!(error instanceof SelvedgeError) || error.code !== 'files/engine-file') throw error;
    const folder = platform.files.fromUrl(new URL('../../', import.meta.url));
    if (!(await isCheckout(folder))) throw error;
    const { writeError } = platform.terminal;
    writeError('Building the kernels, once\n');
    const code = await runTaskCommand({
      args: parseTaskArguments(['build:engine']),
      commands: { selvedge: (args, task) => runProgram(args, [build] as unknown as Command<never>[], task) },
      folder,
      versions: { selvedge: version },
      output: { write: writeError, writeError },
    });
    if (code !== 0) throw error;
    return start();
  }
}

/** Whether there is something to build from, and something to build with: not in a package, nor in a browser. */
async function isCheckout(folder: string): Promise<boolean> {
  if (!platform.startsPrograms) return false;
  return (await platform.files.status(platform.files.join(folder, 'scripts', 'build-engine.ts'))) !== undefined;
}
