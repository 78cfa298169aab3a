// What `selvedge bench NAME` can run. One file a topic; each adds itself to the list in index.ts.
// Not here: how options come from words (src/cli/bench.ts). Invariant: a benchmark prints nothing, it answers.
import type { BackendInfo } from '../src/backend/index.ts';
import type { Figure } from '../src/report/index.ts';

export interface BenchmarkOptions {
  readonly engine: BackendInfo;
  readonly model?: string;
  readonly batchSize?: number;
  readonly data?: string;
  /** How often what is compared takes turns; each benchmark has its own default. */
  readonly rounds?: number;
  /** Names of the entrants or cases to measure, or parts of them; default: all. */
  readonly only?: readonly string[];
  /** What peers do; default: both. */
  readonly task?: 'training' | 'inference';
  /** Where a long benchmark tells how far it is. */
  readonly onProgress?: (line: string) => void;
}

/** What a benchmark found out: for programs, for people, and as pictures. */
export interface BenchmarkResult {
  readonly json: object;
  readonly text: string;
  readonly figures?: readonly Figure[];
}

export interface Benchmark {
  readonly name: string;
  /** One phrase, for lists. */
  readonly description: string;
  /** Whether `--model` changes it: saved results then carry the model's name. */
  readonly usesModel: boolean;
  run(options: BenchmarkOptions): Promise<BenchmarkResult>;
}

/** Whether `--only` lets a name pass: it holds one of the parts, whatever the case. */
export function isWanted(name: string, only: readonly string[] | undefined): boolean {
  return only === undefined || only.some((part) => name.toLowerCase().includes(part.toLowerCase()));
}
