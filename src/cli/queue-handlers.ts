// How a worker trains, makes ensembles and measures: as the commands of these names do, in a folder of its own that goes when the work is done, and
// whose files are the result. Not here: leases and artefacts (src/queue/). Invariant: the files are those that the command writes, but for times
// and machines.
import type { LoadedData } from '../data/sources.ts';
import { platform } from '../platform/index.ts';
import {
  artefactsBefore,
  createArtefactHandler,
  createTrainingHandler,
  type EnsembleSettings,
  type Handlers,
  type MeasureSettings,
  packFiles,
  packFolder,
  unpackFiles,
  writeFiles,
} from '../queue/index.ts';
import type { CommandContext } from './command.ts';
import { MODEL_PATH } from './packed-model.ts';
import { readProvenance, runPaths } from './run-files.ts';

export interface HandlerPlace {
  readonly loaded: LoadedData;
  readonly threads: string | undefined;
  readonly context: CommandContext;
  /** Of the worker: two may share a working folder. */
  readonly name: string;
  /** Frees what other work holds on the engine, and starts the one that is wanted. */
  readonly start: (exactConvolution: boolean) => Promise<void>;
}

/** One of the two that take turns. */
const CHECKPOINT_FILE = 'checkpoint-0.bin';
/** What an ensemble says of itself, beside its files. */
export const OUTPUT_FILE = 'output.json';
/** The last to be written of a run. */
export const LAST_FILE = 'model/model.json';

/** Handlers of what needs the data set. */
export function createRunHandlers(place: HandlerPlace): Handlers {
  const { loaded, threads, context, name, start } = place;
  const { files } = platform;
  /** Works in a folder that is empty before and gone afterwards. */
  const inFolder = async <T>(key: string, work: (folder: string) => Promise<T>): Promise<T> => {
    const folder = files.resolve(context.cwd, '.selvedge', 'queue', `${name}-${key.slice(0, 16)}`);
    await files.remove(folder);
    try {
      return await work(folder);
    } finally {
      await files.remove(folder);
    }
  };
  return {
    training: createTrainingHandler((order, { key, files: checkpointFiles, start: bytes, signal, onEpoch }) =>
      inFolder(key, async (folder) => {
        const { trainPlanned } = await import('./training.ts');
        const { weightsDigest } = await import('../models/index.ts');
        await start(order.exactConvolution);
        const checkpoint = files.join(folder, CHECKPOINT_FILE);
        if (bytes) await checkpointFiles.write(checkpoint, bytes);
        const { status, weights } = await trainPlanned(
          {
            ...{ order, folder, threads, isUsual: false, load: async () => loaded },
            checkpointFiles,
            onEpoch: async ({ epoch, accuracy, validationAccuracy, durationMs }, model) =>
              onEpoch({
                step: epoch,
                value: validationAccuracy ?? accuracy,
                digest: await weightsDigest(model),
                durationMs,
              }),
          },
          { ...context, signal },
        );
        if (status === 'interrupted') return undefined;
        await files.write(checkpoint, checkpointFiles.newest()!);
        return { bytes: await packFolder(folder, LAST_FILE), digest: weights, steps: order.recipe.epochs };
      }),
    ),
    ensemble: createArtefactHandler(
      (taken, handling) =>
        inFolder(taken.key, async (folder) => {
          const { makeEnsemble } = await import('./ensemble.ts');
          const packed = await artefactsBefore(taken, handling);
          if (!packed) return undefined;
          const { members: named, isStacked, shares } = taken.work.settings as EnsembleSettings;
          const members = [];
          for (const [i, bytes] of packed.entries()) {
            const of = files.join(folder, 'members', String(i));
            await writeFiles(unpackFiles(bytes), of);
            members.push({
              name: named[i]!.name,
              folder: of,
              files: runPaths.model(of),
              config: await readProvenance(of),
            });
          }
          await start(false);
          const made = files.join(folder, 'made');
          const output = await makeEnsemble(members, {
            ...{ folder: made, isStacked, shares, threads, load: async () => loaded },
          });
          await files.write(files.join(made, OUTPUT_FILE), JSON.stringify(output));
          return { bytes: await packFolder(made, LAST_FILE), digest: output.weights };
        }),
      /^(?:ensemble|models)\//,
    ),
    measure: createArtefactHandler(
      (taken, { artefacts, signal }) =>
        inFolder(taken.key, async (folder) => {
          const { measureNamed } = await import('./measure.ts');
          const { name: asked, model, epochs } = taken.work.settings as MeasureSettings;
          const at = typeof model === 'string' ? model : { path: files.join(folder, MODEL_PATH) };
          if (typeof model !== 'string') await writeFiles(unpackFiles(await artefacts.get(model.artefact)), folder);
          await start(false);
          const options = { workFolder: files.join(folder, 'work'), epochs };
          const measured = await measureNamed(asked, at, options, loaded, { ...context, signal });
          return { bytes: packFiles(new Map([[OUTPUT_FILE, new TextEncoder().encode(JSON.stringify(measured))]])) };
        }),
      /^(?:measure|models|onnx|edge|restore|data|train|training)\//,
    ),
  };
}
