// What a process needs to do work of a queue: who it is, which lines it may take from, and the handlers, on one engine and one placed data set.
// Not here: the loop (queue/worker.ts). Invariant: the engine starts when the first work needs it, and data is placed once for an engine.
import { kernelsDigest } from '../backend/index.ts';
import { version } from '../core/version.ts';
import { placeDataset, type ResidentDataset } from '../data/batches.ts';
import type { LoadedData } from '../data/sources.ts';
import { splitTrainValidation } from '../data/split.ts';
import {
  createTrialHandler,
  dataDigest,
  type Handlers,
  lineOf,
  type Needs,
  sumWork,
  type TrialData,
  type WorkerEvent,
  type WorkerIdentity,
} from '../queue/index.ts';
import { useEngine } from './options.ts';
import { studySplit } from './train.ts';

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

/**
 * Prepares this process to work.
 *
 * @param name Under which its results are kept
 * @param loaded Data for trials; undefined where there is none
 * @param threads As `--threads` has it
 */
export async function openWorkplace(
  name: string,
  loaded: LoadedData | undefined,
  threads: string | undefined,
): Promise<Workplace> {
  const split = loaded && (loaded.split ?? splitTrainValidation(loaded.train.count, studySplit));
  let placed: { readonly isExact: boolean; readonly resident: ResidentDataset } | undefined;
  const dispose = (): void => {
    placed?.resident.dispose();
    placed = undefined;
  };
  const place = async (isExact: boolean): Promise<TrialData> => {
    const { train } = loaded!;
    if (placed?.isExact !== isExact) {
      dispose();
      await useEngine(threads, isExact);
      placed = { isExact, resident: placeDataset(train) };
    }
    const config = {
      inputShape: [train.height, train.width, train.channels],
      classes: train.classNames.length,
    } as const;
    return { config, resident: placed.resident, split: split! };
  };
  const own: Needs = { version, kernels: await kernelsDigest() };
  const lines = [await lineOf('sum', own)];
  if (loaded) lines.unshift(await lineOf('trial', await needsOf(loaded, split!)));
  return {
    identity: { name, version, kernels: own.kernels, threads: Number(threads ?? 0) },
    lines,
    handlers: { trial: createTrialHandler({ place }), sum: sumWork },
    dispose,
  };
}

/** A line for people; undefined for what is not worth one. */
export function describeEvent(event: WorkerEvent): string | undefined {
  if (event.kind === 'others') return `Waiting: ${event.message}`;
  const name = event.key.slice(0, 8);
  if (event.kind === 'given back') return `${name} given back: ${event.reason}`;
  if (event.kind === 'taken') {
    const { kind, settings } = event.work;
    const what = 'study' in settings ? `${kind} ${settings.number} of ${settings.study}` : kind;
    return `${name} ${event.isAgain ? 'verify ' : ''}${what}${event.attempt > 0 ? `, attempt ${event.attempt + 1}` : ''}`;
  }
  const { result, durationMs } = event;
  const end =
    result.status === 'done' ? `weights ${result.digest.slice(0, 12)}` : `${result.status}: ${result.message}`;
  return `${name} ${end}, ${(durationMs / 1000).toFixed(1)} s`;
}
