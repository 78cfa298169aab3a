// What a benchmark is, and what they share. One file a topic; each adds itself to the list in index.ts.
// Not here: how options come from words (src/cli/bench.ts).
import { SelvedgeError } from '../src/core/errors.ts';

export type { Benchmark, BenchmarkOptions, BenchmarkResult } from '../src/cli/benchmark.ts';

/** Whether `--only` lets a name pass: it holds one of the parts, whatever the case. */
export function isWanted(name: string, only: readonly string[] | undefined): boolean {
  return only === undefined || only.some((part) => name.toLowerCase().includes(part.toLowerCase()));
}

/**
 * What `--only` lets pass.
 *
 * @param others Names that are right as well, although they are not there
 * @throws SelvedgeError `bench/only` if a part is in no name
 */
export function wantedOf<Named extends { readonly name: string }>(
  all: readonly Named[],
  only: readonly string[] | undefined,
  others: readonly string[] = [],
): Named[] {
  const names = [...all.map(({ name }) => name), ...others];
  const unknown = only?.find((part) => !names.some((name) => isWanted(name, [part])));
  if (unknown === undefined) return all.filter(({ name }) => isWanted(name, only));
  throw new SelvedgeError('bench/only', `Cannot measure "${unknown}": expected a part of one of: ${names.join('; ')}`);
}
