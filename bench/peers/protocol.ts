// What a benchmark and a contestant say to each other: one JSON value a line, through pipes.
// Not here: who runs (catalog.ts). Invariant: the contestant speaks only when asked, and each answer begins with `@`, so that
// what a library prints in between is not taken for one. contestant.py speaks the same.

export type Task = 'training' | 'inference';

export type Settings = Readonly<Record<string, string | number | boolean>>;

/** What a contestant is told at its start, as JSON in its one argument. */
export interface Assignment {
  readonly task: Task;
  /** Images a call, or an update. */
  readonly batchSize: number;
  /** Of `writeWorkload`. */
  readonly workload: string;
  readonly settings: Settings;
}

export type Request =
  /** Answered by `Hello` once everything is loaded. */
  | { readonly do: 'hello' }
  /** Class probabilities of the first images of the workload: answered by `Predictions`. */
  | { readonly do: 'predict'; readonly images: number }
  /** Work for at least so long: answered by `Round`. */
  | { readonly do: 'round'; readonly milliseconds: number }
  /** Answered by `Memory`. */
  | { readonly do: 'memory' };

export interface Hello {
  readonly version: string;
}

export interface Predictions {
  /** `[images, classes]`, row-major. */
  readonly probabilities: readonly number[];
}

export interface Round {
  readonly images: number;
  readonly calls: number;
  readonly elapsedMs: number;
  /** Processor time of the whole answer, which may be more than what was timed. */
  readonly processorMs: number;
  /** Training: of the first update, and the mean of the round. */
  readonly firstLoss?: number;
  readonly loss?: number;
}

export interface Memory {
  readonly peakBytes: number;
}

/** Instead of an answer, before the contestant ends. */
export interface Failure {
  readonly error: string;
}

export const ANSWER_MARK = '@';
