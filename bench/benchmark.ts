// What a benchmark is, and what they share. One file a topic; each adds itself to the list in index.ts.
// Not here: how options come from words (src/cli/bench.ts).
export type { Benchmark, BenchmarkOptions, BenchmarkResult } from '../src/cli/benchmark.ts';

/** Whether `--only` lets a name pass: it holds one of the parts, whatever the case. */
export function isWanted(name: string, only: readonly string[] | undefined): boolean {
  return only === undefined || only.some((part) => name.toLowerCase().includes(part.toLowerCase()));
}
