// What `selvedge bench NAME` can run: the shape that the repository's benchmarks have. The package holds none of them.
// Invariant: a benchmark prints nothing, it answers.
import type { BackendInfo } from '../backend/index.ts';
import type { Figure } from '../report/index.ts';

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
  /** Length of the trainings whose accuracy is measured, for `networks`; default: none is trained. */
  readonly epochs?: number;
  readonly minutes?: number;
  /** Interpreter of the peers that need Python; default: the first that has what they need. */
  readonly python?: string;
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
