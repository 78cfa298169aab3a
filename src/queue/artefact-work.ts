// Work whose result is an artefact: shards, trainings, ensembles, measures. Makes the handlers of such work, and takes results in the order in which
// the work was filed. Not here: what is made. Invariant: work that is done is never done again while its artefact is whole; what is lost or broken
// is made again, and has the bits of an undisturbed run.
import { SelvedgeError } from '../core/errors.ts';
import { type ArtefactStore, isLost } from './artefacts.ts';
import { wait } from './database.ts';
import type { Report, TakenWork, WorkQueue, WorkState } from './queue.ts';
import { type KeyedWork, worksBefore } from './work.ts';
import type { Handler, HandlerContext } from './worker.ts';

/** What a work came to. */
export interface Made {
  readonly bytes: Uint8Array;
  /** What must be the same on every worker, such as that of weights; default: that of the bytes. */
  readonly digest?: string;
  /** How many steps it took; default: one. */
  readonly steps?: number;
}

/**
 * Makes the handler of work whose result is an artefact.
 *
 * @param make Undefined where the signal came first
 * @param failures Codes of errors that say that the work cannot be done anywhere; others may go better elsewhere or later
 */
export function createArtefactHandler(
  make: (taken: TakenWork, context: HandlerContext) => Promise<Made | undefined>,
  failures: RegExp,
): Handler {
  return async (taken, context) => {
    try {
      const made = await make(taken, context);
      if (!made) return undefined;
      const artefact = await context.artefacts.put(made.bytes);
      return { status: 'done', digest: made.digest ?? artefact, value: { artefact, steps: made.steps ?? 1 } };
    } catch (error) {
      if (!(error instanceof SelvedgeError)) throw error;
      if (error.code.endsWith('/interrupted')) return undefined;
      if (!failures.test(error.code)) throw error;
      return { status: 'failed', code: error.code, message: error.message };
    }
  };
}

/**
 * Artefacts of the works that a work comes after, in their order.
 *
 * @returns Undefined where one is lost: it is made again first, and then this work has its turn anew
 */
export async function artefactsBefore(
  { key, work }: TakenWork,
  { queue, artefacts }: HandlerContext,
): Promise<Uint8Array[] | undefined> {
  const keys = worksBefore(work);
  const states = await queue.states(keys);
  const found: Uint8Array[] = [];
  for (const before of keys) {
    const state = states.get(before);
    const result = state?.result;
    if (result?.status !== 'done') throw new SelvedgeError('queue/before', `Work ${before} is not done yet`);
    try {
      found.push(await artefacts.get(String(result.value.artefact)));
    } catch (error) {
      if (!isLost(error)) throw error;
      await makeAgain(queue, artefacts, [before, key], state?.worker);
      return undefined;
    }
  }
  return found;
}

/** Works that are filed and not taken yet, at most. */
const MOST_AHEAD = 256;
const LOOK_MS = 200;
/** Looks after which somebody should have shown up. */
const LONELY_LOOKS = 20;

export interface OverWorksOptions {
  readonly queue: WorkQueue;
  readonly artefacts: ArtefactStore;
  readonly signal?: AbortSignal;
  /** Has what is done already done again. */
  readonly again?: boolean;
  /** Told how many are taken. */
  readonly onProgress?: (done: number) => void;
  /** Told of each report once, with the number of the work. */
  readonly onReport?: (number: number, report: Report) => void;
  /** Told once where no worker has shown up. */
  readonly onLonely?: () => void;
}

interface Ahead {
  readonly number: number;
  readonly keyed: KeyedWork;
  state?: WorkState;
  told: number;
}

/**
 * Has works done by the workers of a queue.
 *
 * @param works Those whose result is an artefact, in their order; each after those that it depends on
 * @returns The bytes of each, in that order
 * @throws SelvedgeError what a work failed with; `queue/dead`, `queue/interrupted`, `queue/gone`
 */
export async function* overWorks(
  works: AsyncIterable<KeyedWork> | Iterable<KeyedWork>,
  options: OverWorksOptions,
): AsyncGenerator<Uint8Array> {
  const { queue, artefacts, signal, again = false, onProgress, onReport, onLonely } = options;
  const ahead: Ahead[] = [];
  const source = (async function* () {
    yield* works;
  })();
  let isAll = false;
  let [filed, done, looks] = [0, 0, 0];
  for (;;) {
    const news: Ahead[] = [];
    while (!isAll && ahead.length + news.length < MOST_AHEAD) {
      const next = await source.next();
      if (next.done) isAll = true;
      else news.push({ number: filed++, keyed: next.value, told: 0 });
    }
    if (news.length > 0) {
      await queue.file(
        news.map(({ keyed }) => keyed),
        news.map(({ number }) => number),
      );
      await forgetEarlier(
        queue,
        news.map(({ keyed }) => keyed.key),
        again,
      );
    }
    ahead.push(...news);
    const [first] = ahead;
    if (!first) return;
    const bytes = await bytesOf(first, queue, artefacts);
    if (bytes) {
      ahead.shift();
      onProgress?.(++done);
      yield bytes;
      continue;
    }
    if (signal?.aborted)
      throw new SelvedgeError('queue/interrupted', 'Interrupted; the same command goes on where it was');
    delete first.state;
    await wait(LOOK_MS, signal);
    const open = ahead.filter(({ state }) => !state?.result);
    const states = await queue.states(open.map(({ keyed }) => keyed.key));
    for (const one of open) {
      const state = states.get(one.keyed.key);
      if (!state) continue;
      one.state = state;
      for (const report of state.reports.slice(one.told)) onReport?.(one.number, report);
      one.told = Math.max(one.told, state.reports.length);
    }
    looks++;
    if (looks === LONELY_LOOKS && (await queue.workers()).length === 0) onLonely?.();
  }
}

/** Failures that are the same on every machine and cost a training to see again. */
const lasting = /^training\//;

/**
 * Forgets what earlier commands have left: what nobody could do and what failed, which may go better today, or all results.
 *
 * @param keys Of works that are filed
 */
export async function forgetEarlier(queue: WorkQueue, keys: readonly string[], all: boolean): Promise<void> {
  const states = await queue.states(keys);
  const left = keys.filter((key) => {
    const result = states.get(key)?.result;
    if (result?.status === 'failed') return all || !lasting.test(result.code);
    return result !== undefined && (all || result.status === 'dead');
  });
  if (left.length > 0) await queue.forget(left);
}

/** Times that a result is made again whose artefact is not there: more are no accident. */
const MOST_LOST = 3;
const lost = new WeakMap<object, Map<string, number>>();

/** Has a work made again whose artefact is lost. */
async function makeAgain(
  queue: Pick<WorkQueue, 'forget'>,
  { place }: ArtefactStore,
  [key, ...after]: readonly [string, ...string[]],
  worker: string | undefined,
): Promise<void> {
  const counts = lost.get(queue) ?? new Map<string, number>();
  lost.set(queue, counts);
  const count = (counts.get(key) ?? 0) + 1;
  counts.set(key, count);
  if (count > MOST_LOST)
    throw new SelvedgeError(
      'artefact/missing',
      `Cannot find what worker "${worker ?? 'of no name'}" has made: ${count} times nothing of it was in "${place}"; give all commands and workers of a queue the same --artefacts`,
    );
  await queue.forget([key, ...after]);
}

/** The artefact of a work that is done and whole. */
async function bytesOf(
  { keyed: { key, work }, state }: Ahead,
  queue: WorkQueue,
  artefacts: ArtefactStore,
): Promise<Uint8Array | undefined> {
  const result = state?.result;
  if (!result) return undefined;
  if (result.status === 'failed') throw new SelvedgeError(result.code as SelvedgeError['code'], result.message);
  if (result.status === 'dead')
    throw new SelvedgeError(
      'queue/dead',
      `Cannot go on: no worker could do a work of kind "${work.kind}", the last said: ${result.message}`,
    );
  try {
    return await artefacts.get(String(result.value.artefact));
  } catch (error) {
    if (!isLost(error)) throw error;
    await makeAgain(queue, artefacts, [key], state?.worker);
    return undefined;
  }
}
