// A worker: takes work from a queue, one at a time, keeps its lease while it is at it, and gives back what it could not do. Not here: how work is
// done (handlers) and leases themselves (database-queue.ts). Invariant: it looks only into lines whose needs it meets to the digest, so work for
// other kernels, another version or other data is never taken.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import type { ArtefactStore } from './artefacts.ts';
import { wait } from './database.ts';
import type { TakenWork, WaitingLine, WorkerIdentity, WorkQueue, WorkResult } from './queue.ts';
import type { Work, WorkKind } from './work.ts';

/** How often a worker says that it is there, and keeps its lease: three times in a lease. */
const TOUCH_MS = 3_000;
const FIRST_IDLE_MS = 50;
const LONGEST_IDLE_MS = 1_000;
/** After work that failed, so that a broken disk is not asked as fast as it can answer. */
const AFTER_FAILURE_MS = 1_000;
/** Different works that a worker ends after, where it did none of them: its disk is full, say, and others would do them. */
const MOST_FAILURES = 10;

/** What a handler has beside the work. */
export interface HandlerContext {
  readonly queue: Pick<WorkQueue, 'states' | 'forget'>;
  readonly artefacts: ArtefactStore;
  /** Aborted when the worker is to end, or has lost its lease. */
  readonly signal: AbortSignal;
}

/**
 * Does work. Answers its result, or undefined if the signal came first; throws what may go better elsewhere or later, such as a full disk.
 */
export type Handler = (taken: TakenWork, context: HandlerContext) => Promise<WorkResult | undefined>;

export type Handlers = Readonly<Partial<Record<WorkKind, Handler>>>;

/** What a worker tells while it works. */
export type WorkerEvent =
  | {
      readonly kind: 'taken';
      readonly key: string;
      readonly work: Work;
      readonly attempt: number;
      readonly isAgain: boolean;
    }
  | { readonly kind: 'finished'; readonly key: string; readonly result: WorkResult; readonly durationMs: number }
  | { readonly kind: 'given back'; readonly key: string; readonly reason: string }
  | { readonly kind: 'others'; readonly message: string };

export interface WorkerOptions {
  readonly queue: WorkQueue;
  readonly identity: WorkerIdentity;
  /** In the order in which they are looked into. */
  readonly lines: readonly string[];
  readonly handlers: Handlers;
  readonly artefacts: ArtefactStore;
  readonly signal: AbortSignal;
  /** Ends after so many milliseconds without work; default: waits for ever. */
  readonly endsIdleMs?: number;
  /** Works even where all that waits is for others: what it is to do is not filed yet. */
  readonly isFirst?: boolean;
  readonly onEvent?: (event: WorkerEvent) => void;
}

export interface WorkerSummary {
  readonly finished: number;
  readonly givenBack: number;
}

/**
 * Works until it is told to end.
 *
 * @returns How much it did
 * @throws SelvedgeError `queue/refused` where all that waits is for other kernels or another version; `queue/barred` where a verification found
 *   its results wrong; `queue/unfit` where it gives back all that it takes; `queue/gone`
 */
export async function runWorker(options: WorkerOptions): Promise<WorkerSummary> {
  const { queue, identity, lines, signal, endsIdleMs, onEvent } = options;
  await requirePermission(options);
  const foreign = options.isFirst ? undefined : foreignWork(await queue.waiting(), lines, identity);
  if (foreign?.isAll)
    throw new SelvedgeError('queue/refused', `Cannot work for queue "${queue.shown}": ${foreign.message}`);
  let [finished, givenBack, idleMs] = [0, 0, FIRST_IDLE_MS];
  let idleSince = platform.now();
  let presentAt = platform.now();
  let isTold = false;
  const failed = new Set<string>();
  while (!signal.aborted) {
    if (platform.now() - presentAt > TOUCH_MS) {
      await requirePermission(options);
      presentAt = platform.now();
    }
    const taken = await queue.take(lines, identity.name);
    if (!taken) {
      if (endsIdleMs !== undefined && platform.now() - idleSince >= endsIdleMs) break;
      if (!isTold && platform.now() - idleSince > LONGEST_IDLE_MS) {
        const others = foreignWork(await queue.waiting(), lines, identity);
        if (others) onEvent?.({ kind: 'others', message: others.message });
        isTold = others !== undefined;
      }
      await wait(idleMs, signal);
      idleMs = Math.min(2 * idleMs, LONGEST_IDLE_MS);
      continue;
    }
    const { isDone, failure } = await doWork(taken, options);
    if (isDone) {
      finished++;
      failed.clear();
    } else givenBack++;
    if (failure !== undefined) {
      // One work again and again says nothing of this worker.
      failed.add(taken.key);
      if (failed.size === MOST_FAILURES && !signal.aborted)
        throw new SelvedgeError(
          'queue/unfit',
          `Cannot work as "${identity.name}" any longer: ${failed.size} works in a row were given back, the last because ${failure}`,
        );
      await wait(AFTER_FAILURE_MS, signal);
    }
    idleSince = platform.now();
    idleMs = FIRST_IDLE_MS;
  }
  return { finished, givenBack };
}

async function requirePermission({ queue, identity, lines }: WorkerOptions): Promise<void> {
  const reason = await queue.present(identity, lines);
  if (reason !== undefined)
    throw new SelvedgeError('queue/barred', `Cannot work as "${identity.name}" for queue "${queue.shown}": ${reason}`);
}

/** What became of a work; `failure` is why it could not be done here. */
interface Outcome {
  readonly isDone: boolean;
  readonly failure?: string;
}

/** Does one work under its lease, or gives it back. */
async function doWork(taken: TakenWork, options: WorkerOptions): Promise<Outcome> {
  const { handlers, artefacts, signal, onEvent, queue, identity, lines } = options;
  const { key, work, attempt } = taken;
  onEvent?.({ kind: 'taken', key, work, attempt, isAgain: taken.verifies !== undefined });
  const ending = new AbortController();
  const forward = (): void => ending.abort();
  signal.addEventListener('abort', forward);
  if (signal.aborted) forward();
  let isLost = false;
  const keep = async (): Promise<void> => {
    isLost ||= !(await taken.touch());
    if (isLost) forward();
    else await queue.present(identity, lines);
  };
  const timer = setInterval(() => void keep().catch(() => {}), TOUCH_MS);
  const start = platform.now();
  let failure: string | undefined;
  try {
    const result = await handlers[work.kind]!(taken, { queue, artefacts, signal: ending.signal });
    if (result) {
      await taken.finish(result);
      onEvent?.({ kind: 'finished', key, result, durationMs: platform.now() - start });
      return { isDone: true };
    }
  } catch (error) {
    if (error instanceof SelvedgeError && error.code === 'queue/gone') throw error;
    failure = messageOf(error);
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', forward);
  }
  if (!isLost) await (failure === undefined ? taken.putBack() : taken.giveBack(failure));
  const other = signal.aborted ? 'the worker was told to end' : 'what it is made of is made again';
  const reason = failure ?? (isLost ? 'the lease was lost' : other);
  onEvent?.({ kind: 'given back', key, reason });
  return { isDone: false, ...(failure === undefined ? {} : { failure }) };
}

/** What waits for kernels or a version that this worker does not have. */
function foreignWork(
  waiting: readonly WaitingLine[],
  lines: readonly string[],
  identity: WorkerIdentity,
): { readonly isAll: boolean; readonly message: string } | undefined {
  const others = waiting.filter(
    ({ line, work: { needs } }) =>
      !lines.includes(line) && (needs.kernels !== identity.kernels || needs.version !== identity.version),
  );
  const [first] = others;
  if (!first) return undefined;
  const { kernels, version } = first.work.needs;
  return {
    isAll: others.length === waiting.length,
    message: `its work is for version ${version} with kernels ${kernels.slice(0, 12)}, this is version ${identity.version} with kernels ${identity.kernels.slice(0, 12)}`,
  };
}
