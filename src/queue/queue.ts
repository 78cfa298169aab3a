// A queue of work: what whoever files work and whoever does it ask of it. Not here: a database (database-queue.ts) and this process's memory
// (local-queue.ts), which both answer so. Invariant: the first result of a work stays; a second one is compared with it, never put in its place.
import type { KeyedWork, Work } from './work.ts';

/** What a work found out on the way, once a step. */
export interface Report {
  /** From 1. */
  readonly step: number;
  readonly value: number;
  /** Of what decides all that follows, such as the weights after an epoch. */
  readonly digest: string;
  readonly durationMs: number;
}

/** How a work ended. */
export type WorkResult =
  /** `digest` is of the weights or the output; `value` is the result as plain data. */
  | { readonly status: 'done'; readonly digest: string; readonly value: Readonly<Record<string, unknown>> }
  /** It cannot be done, here or elsewhere: a training that diverges does so everywhere. */
  | { readonly status: 'failed'; readonly code: string; readonly message: string }
  /** Nobody managed to do it, however often it was tried. */
  | { readonly status: 'dead'; readonly message: string };

/**
 * Whether two results of a work must have the same digest: both are done, say one, and stand after as many steps, if they have any. Who was
 * told to stop early, because another had got further, has weights of an earlier step.
 */
export function areComparable(one: WorkResult, other: WorkResult): boolean {
  if (one.status !== 'done' || other.status !== 'done' || one.digest === '' || other.digest === '') return false;
  return one.value.steps === other.value.steps;
}

export interface WorkState {
  readonly reports: readonly Report[];
  readonly result?: WorkResult;
  /** Who has its result, or was first to report. */
  readonly worker?: string;
}

/** Two workers that came to other bits by the same work. */
export interface Difference {
  readonly key: string;
  readonly worker: string;
  readonly digest: string;
  readonly otherWorker: string;
  readonly otherDigest: string;
}

/** Who works. */
export interface WorkerIdentity {
  readonly name: string;
  readonly version: string;
  readonly kernels: string;
  readonly threads: number;
}

/** Where a work stood when its last worker left it. */
export interface WorkCheckpoint {
  readonly step: number;
  /** Digest of an artefact. */
  readonly artefact: string;
  /** What the reports up to that step said, by step; those that said nothing are left out. */
  readonly digests: Readonly<Record<number, string>>;
}

/** Work that a worker has taken, under a lease that it keeps by `touch`. */
export interface TakenWork {
  readonly key: string;
  readonly work: Work;
  /** How often it was taken before. */
  readonly attempt: number;
  /** Set where it is done a second time, to compare: it reports nothing, and ends after so many steps. */
  readonly verifies?: { readonly steps: number };
  /** False once the lease is lost: somebody else may have the work. */
  touch(): Promise<boolean>;
  /** Keeps a report, and where it stood then; tells whether more is wanted. */
  report(report: Report, checkpoint?: string): Promise<'go on' | 'stop'>;
  checkpoint(): Promise<WorkCheckpoint | undefined>;
  /** Keeps the result and ends the lease. */
  finish(result: WorkResult): Promise<void>;
  /** Ends the lease without a result; somebody takes the work again, unless it was tried too often. */
  giveBack(reason: string): Promise<void>;
  /** Ends the lease as if the work had not been taken: for whoever is told to end, which is no fault of the work. */
  putBack(): Promise<void>;
}

export interface WorkQueue {
  /** Without a password. */
  readonly shown: string;
  /** Files work; what is there already, or done, is left alone. Lower `order` is taken first. */
  file(works: readonly KeyedWork[], order?: readonly number[]): Promise<void>;
  /** Where some works stand; those that nobody filed are left out. */
  states(keys: readonly string[]): Promise<Map<string, WorkState>>;
  /** Asks whoever does a work to end it after a step. */
  endAfter(key: string, step: number): Promise<void>;
  /** Forgets results, so that the work is done again. */
  forget(keys: readonly string[]): Promise<void>;
  /** Has a work that is done, done again by another worker than has its result. */
  verify(key: string): Promise<void>;
  /** Keys of works that were verified, equal or not. */
  verified(keys: readonly string[]): Promise<Set<string>>;
  /** Keys of works whose verification nobody managed, however often it was tried. */
  unverifiable(keys: readonly string[]): Promise<Set<string>>;
  /** Whether a worker of the last seconds takes verifications of any of these. */
  canVerify(keys: readonly string[]): Promise<boolean>;
  differences(keys: readonly string[]): Promise<Difference[]>;
  /** Lets a worker take no more. */
  bar(worker: string, reason: string): Promise<void>;
  /** Says that a worker is there, and the lines that it looks into. Answers why it may not work, if it may not. */
  present(worker: WorkerIdentity, lines?: readonly string[]): Promise<string | undefined>;
  /** Workers of the last seconds. */
  workers(): Promise<WorkerIdentity[]>;
  /** What waits, by line: how much, and what of its needs. */
  waiting(): Promise<WaitingLine[]>;
  /** Takes the next work of some lines, or a verification of what another worker did in them. */
  take(lines: readonly string[], worker: string): Promise<TakenWork | undefined>;
  close(): Promise<void>;
}

export interface WaitingLine {
  readonly line: string;
  readonly count: number;
  readonly work: Work;
}
