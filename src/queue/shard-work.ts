// Shards as work: a result is an artefact, kept under its digest, and results come back in the order of the shards. Not here: what is told of a
// shard. Invariant: a shard that is done is never done again while its artefact is whole; one whose artefact is lost or broken is made again, and
// what is merged has the bits of an undisturbed run.
import { SelvedgeError } from '../core/errors.ts';
import { type ArtefactStore, isLost } from './artefacts.ts';
import { wait } from './database.ts';
import type { WorkQueue, WorkState } from './queue.ts';
import type { KeyedWork, ShardSettings } from './work.ts';
import type { Handler } from './worker.ts';

/** Shards that are filed and not merged yet, at most. */
const MOST_AHEAD = 256;
const LOOK_MS = 200;

/**
 * Makes the handler of shards.
 *
 * @param tell Answers what it found, as bytes that are the same on every worker; undefined where the signal came first
 */
export function createShardHandler(
  tell: (settings: ShardSettings, signal: AbortSignal) => Promise<Uint8Array | undefined>,
): Handler {
  return async (taken, { artefacts, signal }) => {
    try {
      const bytes = await tell(taken.work.settings as ShardSettings, signal);
      if (!bytes) return undefined;
      const artefact = await artefacts.put(bytes);
      return { status: 'done', digest: artefact, value: { artefact, steps: 1 } };
    } catch (error) {
      // A source that has changed or is no picture is so for everybody.
      if (!(error instanceof SelvedgeError) || !error.code.startsWith('categorise/')) throw error;
      if (error.code === 'categorise/interrupted') return undefined;
      return { status: 'failed', code: error.code, message: error.message };
    }
  };
}

export interface OverShardsOptions {
  readonly queue: WorkQueue;
  readonly artefacts: ArtefactStore;
  readonly signal?: AbortSignal;
  /** Told how many are merged. */
  readonly onProgress?: (done: number) => void;
}

/**
 * Has shards done by the workers of a queue.
 *
 * @param works Of kind `shard`, in their order
 * @returns The bytes of each, in that order
 * @throws SelvedgeError what a shard failed with; `queue/dead`, `queue/interrupted`, `queue/gone`
 */
export async function* overShards(
  works: AsyncIterable<KeyedWork> | Iterable<KeyedWork>,
  { queue, artefacts, signal, onProgress }: OverShardsOptions,
): AsyncGenerator<Uint8Array> {
  const ahead: KeyedWork[] = [];
  const states = new Map<string, WorkState>();
  const source = (async function* () {
    yield* works;
  })();
  let isAll = false;
  let [filed, done] = [0, 0];
  for (;;) {
    const news: KeyedWork[] = [];
    while (!isAll && ahead.length + news.length < MOST_AHEAD) {
      const next = await source.next();
      if (next.done) isAll = true;
      else news.push(next.value);
    }
    if (news.length > 0)
      await queue.file(
        news,
        news.map(() => filed++),
      );
    ahead.push(...news);
    const first = ahead[0];
    if (!first) return;
    const bytes = await bytesOf(first, states.get(first.key), queue, artefacts);
    if (bytes) {
      ahead.shift();
      states.delete(first.key);
      onProgress?.(++done);
      yield bytes;
      continue;
    }
    if (signal?.aborted)
      throw new SelvedgeError('queue/interrupted', 'Interrupted; the same command goes on where it was');
    states.delete(first.key);
    await wait(LOOK_MS, signal);
    const open = ahead.filter(({ key }) => !states.get(key)?.result);
    for (const [key, state] of await queue.states(open.map(({ key: of }) => of))) states.set(key, state);
  }
}

/** The artefact of a shard that is done and whole. */
async function bytesOf(
  { key }: KeyedWork,
  state: WorkState | undefined,
  queue: WorkQueue,
  artefacts: ArtefactStore,
): Promise<Uint8Array | undefined> {
  const result = state?.result;
  if (!result) return undefined;
  if (result.status === 'failed') throw new SelvedgeError(result.code as SelvedgeError['code'], result.message);
  if (result.status === 'dead')
    throw new SelvedgeError('queue/dead', `Cannot go on: no worker could do a shard, the last said: ${result.message}`);
  try {
    return await artefacts.get(String(result.value.artefact));
  } catch (error) {
    if (!isLost(error)) throw error;
    await queue.forget([key]);
    return undefined;
  }
}
