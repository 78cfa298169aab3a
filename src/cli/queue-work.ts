// What a process needs to do work of a queue: who it is, which lines it may take from, and the handlers, on one engine and one placed data set.
// Not here: the loop (queue/worker.ts). Invariant: the engine starts when the first work needs it, and data is placed once for an engine.
import type { OpenCategoriser } from '../apps/categorise/index.ts';
import { kernelsDigest } from '../backend/index.ts';
import { SelvedgeError } from '../core/errors.ts';
import { version } from '../core/version.ts';
import { placeDataset, type ResidentDataset } from '../data/batches.ts';
import { decodeImage } from '../data/image-codecs.ts';
import { createPictureReader } from '../data/picture-reader.ts';
import type { LoadedData } from '../data/sources.ts';
import type { ShippedName } from '../models/index.ts';
import {
  createArtefactHandler,
  createTrialHandler,
  dataDigest,
  type Handlers,
  lineOf,
  type Needs,
  runWorker,
  type ShardSettings,
  sumWork,
  type TrialData,
  type WorkerEvent,
  type WorkerIdentity,
} from '../queue/index.ts';
import type { CommandContext } from './command.ts';
import { useEngine } from './options.ts';
import { createRunHandlers } from './queue-handlers.ts';
import type { OpenQueue } from './queue-options.ts';
import { splitOf, studySplit } from './training.ts';

/** What a process can do for a queue. */
export interface Workplace {
  readonly identity: WorkerIdentity;
  readonly lines: readonly string[];
  readonly handlers: Handlers;
  dispose(): void;
}

/** What trials of some data need of a worker. */
export async function needsOf(loaded: LoadedData, split: TrialData['split']): Promise<Needs> {
  return {
    version,
    kernels: await kernelsDigest(),
    data: await dataDigest({
      files: loaded.source.files.map(({ sha256 }) => sha256),
      splitSeed: loaded.split?.seed ?? studySplit.randomState,
      examples: split.train.length,
      validationExamples: split.validation.length,
    }),
  };
}

export interface WorkplaceOptions {
  /** Data for what trains or measures; undefined where there is none. */
  readonly loaded?: LoadedData | undefined;
  /** As `--threads` has it. */
  readonly threads: string | undefined;
  readonly context: CommandContext;
}

/**
 * Prepares this process to work.
 *
 * @param name Under which its results are kept
 */
export async function openWorkplace(name: string, { loaded, threads, context }: WorkplaceOptions): Promise<Workplace> {
  const split = loaded && splitOf(loaded);
  let isExact: boolean | undefined;
  let resident: ResidentDataset | undefined;
  const categorisers = new Map<ShippedName, OpenCategoriser>();
  const dispose = (): void => {
    resident?.dispose();
    resident = undefined;
    for (const categoriser of categorisers.values()) categoriser.dispose();
    categorisers.clear();
  };
  /** What lives in an engine's memory goes with it. */
  const start = async (wanted: boolean): Promise<void> => {
    if (isExact !== undefined && isExact !== wanted) dispose();
    await useEngine(threads, wanted);
    isExact = wanted;
  };
  const place = async (wanted: boolean): Promise<TrialData> => {
    await start(wanted);
    const { train } = loaded!;
    resident ??= placeDataset(train);
    const config = {
      inputShape: [train.height, train.width, train.channels],
      classes: train.classNames.length,
    } as const;
    return { config, resident, split: split! };
  };
  const tell = async (
    { model, categoriser: digest, shard }: ShardSettings,
    signal: AbortSignal,
  ): Promise<Uint8Array> => {
    const { categoriseShard, openShippedCategoriser } = await import('../apps/categorise/index.ts');
    await start(false);
    const categoriser = categorisers.get(model) ?? (await openShippedCategoriser(model));
    categorisers.set(model, categoriser);
    if (categoriser.digest !== digest)
      throw new SelvedgeError(
        'categorise/categoriser',
        `Cannot categorise by "${model}" of digest ${digest}: this worker has ${categoriser.digest}`,
      );
    const readPicture = createPictureReader(decodeImage);
    return new TextEncoder().encode(JSON.stringify(await categoriseShard(shard, { categoriser, readPicture, signal })));
  };
  const own: Needs = { version, kernels: await kernelsDigest() };
  const lines = [await lineOf('shard', own), await lineOf('sum', own)];
  if (loaded) {
    const needs = await needsOf(loaded, split!);
    const kinds = ['trial', 'training', 'ensemble', 'measure'] as const;
    lines.unshift(...(await Promise.all(kinds.map((kind) => lineOf(kind, needs)))));
  }
  const alone = async (wanted: boolean): Promise<void> => {
    dispose();
    await start(wanted);
  };
  return {
    identity: { name, version, kernels: own.kernels, threads: Number(threads ?? 0) },
    lines,
    handlers: {
      trial: createTrialHandler({ place }),
      ...(loaded && createRunHandlers({ loaded, threads, context, name, start: alone })),
      shard: createArtefactHandler(
        async ({ work }, { signal }) => ({ bytes: await tell(work.settings as ShardSettings, signal) }),
        /^categorise\/(?:shape|no-images)$/,
      ),
      sum: sumWork,
    },
    dispose,
  };
}

/** The worker of a queue that no other process can work for. */
export interface OwnWorker {
  /** What is asked, or what the worker ended with. */
  beside<T>(asked: Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

/** Starts it where it is needed: where others can do the work, this process does none. */
export function startOwnWorker(
  { queue, artefacts, isEmbedded }: OpenQueue,
  workplace: Workplace,
  signal: AbortSignal,
): OwnWorker {
  if (!isEmbedded) return { beside: (asked) => asked, stop: async () => {} };
  const ending = new AbortController();
  const forward = (): void => ending.abort();
  signal.addEventListener('abort', forward);
  if (signal.aborted) forward();
  const working = runWorker({ ...workplace, queue, artefacts, signal: ending.signal, isFirst: true });
  const failed = working.then(() => new Promise<never>(() => {}));
  failed.catch(() => {});
  return {
    beside: (asked) => Promise.race([asked, failed]),
    async stop() {
      forward();
      signal.removeEventListener('abort', forward);
      await working.catch(() => {});
    },
  };
}

/** A line for people; undefined for what is not worth one. */
export function describeEvent(event: WorkerEvent): string | undefined {
  if (event.kind === 'others') return `Waiting: ${event.message}`;
  const name = event.key.slice(0, 8);
  if (event.kind === 'given back') return `${name} given back: ${event.reason}`;
  if (event.kind === 'taken') {
    const { kind, settings } = event.work;
    const what =
      'study' in settings
        ? `${kind} ${settings.number} of ${settings.study}`
        : `${kind}${'shard' in settings ? ` ${settings.shard.index}` : ''}`;
    return `${name} ${event.isAgain ? 'verify ' : ''}${what}${event.attempt > 0 ? `, attempt ${event.attempt + 1}` : ''}`;
  }
  const { result, durationMs } = event;
  const end = result.status === 'done' ? `digest ${result.digest.slice(0, 12)}` : `${result.status}: ${result.message}`;
  return `${name} ${end}, ${(durationMs / 1000).toFixed(1)} s`;
}
