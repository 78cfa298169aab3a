// Results of many short runs in one JSON file, which an interrupted comparison goes on from. Not here: the runs.
// Invariant: a run that the file holds is not run again, unless the file was removed.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface Journal {
  /** The accuracy of a run, made now or earlier; undefined once the time is up. */
  accuracyOf(name: string, make: () => Promise<number>): Promise<number | undefined>;
  /** The same of any plain value. */
  resultOf<T>(name: string, make: () => Promise<T>, describe: (result: T) => string): Promise<T | undefined>;
}

/**
 * Opens the file of a comparison's runs, beside its result.
 *
 * @param minutes No run begins after so many
 * @param log Told of each run
 */
export function openJournal(file: string, minutes: number, log: (line: string) => void): Journal {
  const runs: Record<string, unknown> = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const end = performance.now() + 60_000 * minutes;
  const resultOf: Journal['resultOf'] = async (name, make, describe) => {
    const known = runs[name];
    if (known !== undefined) return known as Awaited<ReturnType<typeof make>>;
    if (performance.now() > end) return undefined;
    const result = await make();
    runs[name] = result;
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(runs, null, 2)}\n`);
    log(`${name}: ${describe(result)}`);
    return result;
  };
  return { resultOf, accuracyOf: (name, make) => resultOf(name, make, (accuracy) => accuracy.toFixed(4)) };
}

/** Minutes that the command line allows: all that it takes, unless it says `--minutes N`. */
export function minutesOf(args: readonly string[]): number {
  const at = args.indexOf('--minutes');
  if (at < 0) return Number.POSITIVE_INFINITY;
  const minutes = Number(args[at + 1]);
  if (minutes > 0) return minutes;
  throw new TypeError(`Option "--minutes" got "${args[at + 1]}": expected a number above 0`);
}
