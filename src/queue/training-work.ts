// Trainings as work: each epoch is reported with the digest of its weights, and leaves a checkpoint, so that another worker can go on. Not here:
// the training itself and the files of its run. Invariant: a training that moved from worker to worker ends with the weights of one that did not.
import { createArtefactHandler, type Made } from './artefact-work.ts';
import { createMemoryFiles, type MemoryFiles } from './memory-files.ts';
import type { Report } from './queue.ts';
import { keepCheckpoint, loadCheckpoint } from './trial-work.ts';
import type { TrainingSettings } from './work.ts';
import type { Handler } from './worker.ts';

/** What a training as work is given. */
export interface TrainingPlace {
  readonly key: string;
  /** Where its checkpoints are to go: into memory. */
  readonly files: MemoryFiles;
  /** The checkpoint to go on from. */
  readonly start?: Uint8Array;
  readonly signal: AbortSignal;
  /** To be told after each epoch, once its checkpoint is written. */
  readonly onEpoch: (report: Report) => Promise<void>;
}

/** Makes the handler of trainings; `train` answers undefined where the signal came first. */
export function createTrainingHandler(
  train: (settings: TrainingSettings, place: TrainingPlace) => Promise<Made | undefined>,
): Handler {
  return createArtefactHandler(async (taken, { artefacts, signal }) => {
    const files = createMemoryFiles();
    const start = await loadCheckpoint(taken, artefacts);
    let held = start?.artefact;
    const onEpoch = async (report: Report): Promise<void> => {
      const artefact = taken.verifies ? undefined : await keepCheckpoint(artefacts, files.newest());
      await taken.report(report, artefact);
      if (artefact === undefined) return;
      if (held !== undefined && held !== artefact) await artefacts.remove(held);
      held = artefact;
    };
    const made = await train(taken.work.settings as TrainingSettings, {
      key: taken.key,
      files,
      ...(start ? { start: start.bytes } : {}),
      signal,
      onEpoch,
    });
    if (made && held !== undefined) await artefacts.remove(held);
    return made;
  }, /^training\//);
}
