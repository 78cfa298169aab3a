// Trials as work: trains by a recipe, reports each epoch with the digest of its weights, and leaves a checkpoint so that another worker can go on.
// Not here: which recipes (tune-over-queue.ts) and the training (experiments/train-trial.ts). Invariant: a trial that moved from worker to worker
// ends with the weights of one that did not.
import { SelvedgeError } from '../core/errors.ts';
import { sha256 } from '../core/sha256.ts';
import type { ResidentDataset } from '../data/batches.ts';
import { TRIAL_FAILURES, trainTrial } from '../experiments/index.ts';
import type { ModelConfig } from '../models/index.ts';
import { platform } from '../platform/index.ts';
import { type ArtefactStore, isLost } from './artefacts.ts';
import { createMemoryFiles } from './memory-files.ts';
import type { TakenWork, WorkResult } from './queue.ts';
import { canonicalJson, type TrialSettings } from './work.ts';
import type { Handler } from './worker.ts';

/** The data of trials, on a started backend. */
export interface TrialData {
  readonly config: ModelConfig;
  readonly resident: ResidentDataset;
  readonly split: { readonly train: Int32Array; readonly validation: Int32Array };
}

export interface TrialHandlerOptions {
  /** Starts the backend for a kind of convolution, and places the data in its memory. */
  readonly place: (exactConvolution: boolean) => Promise<TrialData>;
  /** What a test makes of a digest, to be a worker whose memory is broken. */
  readonly disturb?: (digest: string) => string;
}

/** The digest by which a worker and a trial know that they mean the same data and the same split of it. */
export function dataDigest(identity: {
  readonly files: readonly string[];
  readonly splitSeed: number;
  readonly examples: number;
  readonly validationExamples: number;
}): Promise<string> {
  return sha256(canonicalJson(identity));
}

/** Checkpoints lie in a folder of memory. */
const FOLDER = 'trial';

/** Makes the handler of trials. */
export function createTrialHandler({ place, disturb = (digest) => digest }: TrialHandlerOptions): Handler {
  return async (taken, { artefacts, signal }) => {
    const settings = taken.work.settings as TrialSettings;
    const { config, resident, split } = await place(settings.exactConvolution);
    const files = createMemoryFiles();
    const start = await loadCheckpoint(taken, artefacts);
    if (start) await files.write(files.join(FOLDER, 'checkpoint-0.bin'), start.bytes);
    let held = start?.artefact;
    let steps = 0;
    let isDone = false;
    // Always that of `steps`: whoever is told to stop before the checkpoint has the weights of that epoch, not the checkpoint's.
    let digest = '';
    const fresh = new Map<number, string>();
    let since = platform.now();
    const report = async (step: number, value: number): Promise<'go on' | 'stop'> => {
      steps = step;
      const durationMs = platform.now() - since;
      since = platform.now();
      // Of an epoch of another worker there is a report already.
      const of = fresh.get(step);
      digest = of ?? start?.digests[step] ?? '';
      const artefact = of === undefined || taken.verifies ? undefined : await keepCheckpoint(artefacts, files.newest());
      const answer = await taken.report({ step, value, digest: of ?? '', durationMs }, artefact);
      if (artefact !== undefined) {
        if (held !== undefined && held !== artefact) await artefacts.remove(held);
        held = artefact;
      }
      return answer;
    };
    try {
      const { status } = await trainTrial(
        { recipe: settings.recipe, parameters: {}, number: settings.number, report },
        {
          data: config,
          training: (options) => resident.examples({ indices: split.train.subarray(0, settings.examples), ...options }),
          validation: resident.examples({ indices: split.validation }),
          seed: settings.seed,
          folder: FOLDER,
          files,
          identity: { work: taken.key },
          signal,
          onWeights: (of, epoch) => {
            digest = disturb(of);
            if (epoch !== undefined) fresh.set(epoch, digest);
          },
        },
      );
      if (status === 'interrupted') return undefined;
      isDone = true;
      return { status: 'done', digest, value: { steps, status } } satisfies WorkResult;
    } catch (error) {
      // A training that cannot go on here cannot anywhere: the bits are the same.
      if (!(error instanceof SelvedgeError) || !TRIAL_FAILURES.test(error.code)) throw error;
      isDone = true;
      return { status: 'failed', code: error.code, message: error.message };
    } finally {
      if (isDone && held !== undefined) await artefacts.remove(held);
    }
  };
}

/** Where another worker left a training; nothing where what it left is gone or broken: then it is trained anew. */
export async function loadCheckpoint(taken: TakenWork, artefacts: ArtefactStore) {
  const found = await taken.checkpoint();
  if (!found) return undefined;
  try {
    return { ...found, bytes: await artefacts.get(found.artefact) };
  } catch (error) {
    if (isLost(error)) return undefined;
    throw error;
  }
}

/** A checkpoint that cannot be kept, because a disk is full or a store away, costs time if the worker is killed, and nothing else. */
export async function keepCheckpoint(
  artefacts: ArtefactStore,
  bytes: Uint8Array | undefined,
): Promise<string | undefined> {
  try {
    return bytes && (await artefacts.put(bytes));
  } catch (error) {
    if (error instanceof SelvedgeError && ['files/not-written', 'artefact/store'].includes(error.code))
      return undefined;
    throw error;
  }
}
