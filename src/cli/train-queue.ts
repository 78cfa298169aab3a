// Trainings on the workers of a queue, and the ensemble of them: filed together, followed, and their files put where train and ensemble put theirs.
// Not here: training (queue-handlers.ts). Invariant: what is there afterwards is what these commands would have left, but for times and machines; a
// folder holds what was there before, or the whole of what came.
import { SelvedgeError } from '../core/errors.ts';
import { withoutUndefined } from '../core/without-undefined.ts';
import type { DataSource, LoadedData } from '../data/sources.ts';
import { platform } from '../platform/index.ts';
import { keyWork, type PackedFiles, unpackFiles, writeFiles } from '../queue/index.ts';
import type { EpochRecord } from '../training/index.ts';
import type { CommandContext } from './command.ts';
import { differences, otherRun } from './earlier-run.ts';
import type { EnsembleMade, EnsemblePlan } from './ensemble.ts';
import { LAST_FILE, OUTPUT_FILE } from './queue-handlers.ts';
import type { QueueArguments } from './queue-options.ts';
import { type QueueFindings, runByQueue } from './queue-run.ts';
import { type RunSettings, readProvenance, readRun, runPaths } from './run-files.ts';
import { type PlannedTraining, settingsOf } from './training.ts';

export interface QueuedTrainings {
  /** The last epoch of each. */
  readonly last: readonly EpochRecord[];
  readonly ensemble?: EnsembleMade;
  readonly found: QueueFindings;
}

/**
 * Has workers train, all at once, and make an ensemble of what they trained where that is asked for.
 *
 * @param planned On the same data
 * @throws SelvedgeError `run/other-settings` before anything is filed; as `runByQueue`
 */
export async function trainByQueue(
  planned: readonly PlannedTraining[],
  args: QueueArguments,
  context: CommandContext,
  stacked?: EnsemblePlan,
): Promise<QueuedTrainings> {
  const loaded = await planned[0]!.load();
  if (args.again !== true) for (const one of planned) await requireRoom(one, loaded);
  const last: EpochRecord[] = [];
  let ensemble: EnsembleMade | undefined;
  const found = await runByQueue(
    {
      args,
      loaded,
      nameOf: (number) => (number < planned.length ? nameOf(planned[number]!) : 'the ensemble'),
      async works(_, needs) {
        const trainings = await Promise.all(
          planned.map(({ order }) => keyWork({ kind: 'training', needs, settings: order })),
        );
        if (!stacked) return trainings;
        const { names, isStacked, shares } = stacked;
        const members = trainings.map(({ key }, i) => ({ name: names[i]!, work: key }));
        const settings = { members, isStacked, shares: [...shares] };
        return [...trainings, await keyWork({ kind: 'ensemble', needs, settings })];
      },
      async take(bytes, number) {
        const files = new Map(unpackFiles(bytes));
        const folder = planned[number]?.folder ?? stacked!.folder;
        const output = files.get(OUTPUT_FILE);
        files.delete(OUTPUT_FILE);
        await putRun(files, folder, loaded.source);
        if (output) ensemble = { ...JSON.parse(new TextDecoder().decode(output)), folder };
        else last.push((await readRun(folder)).history.at(-1)!);
      },
    },
    context,
  );
  return { last, found, ...(ensemble ? { ensemble } : {}) };
}

const nameOf = ({ order: { name, seed } }: PlannedTraining): string => `${name} of seed ${seed}`;

/** What was trained otherwise is not replaced unasked. */
async function requireRoom({ order, folder }: PlannedTraining, loaded: LoadedData): Promise<void> {
  if (!(await platform.files.status(runPaths.config(folder)))) return;
  const { settings: before } = await readProvenance(folder);
  const { preprocessing } = order.recipe;
  const wanted = await settingsOf(order, loaded, withoutUndefined({ preprocessing }));
  const { epochs } = before as Partial<RunSettings>;
  const reason = differences(JSON.stringify({ ...before, epochs: undefined }), wanted);
  if (reason !== '') throw otherRun(folder, `a run with other settings (${reason})`);
  if (epochs !== undefined && epochs > wanted.epochs)
    throw otherRun(folder, `a run that is beyond epoch ${wanted.epochs}`);
}

/** Puts the files of a run in their place; those of the same weights stay, with what was made of them. */
async function putRun(packed: PackedFiles, folder: string, source: DataSource): Promise<void> {
  const { files } = platform;
  const textOf = (name: string): string => new TextDecoder().decode(packed.get(name));
  if (!packed.has('config.json') || !packed.has(LAST_FILE))
    throw new SelvedgeError('artefact/format', `Cannot put a run into "${folder}": its model or config is missing`);
  const there = files.join(folder, ...LAST_FILE.split('/'));
  if ((await files.status(there)) && (await files.readText(there)) === textOf(LAST_FILE)) return;
  // Where the data are on the worker's machine is nothing to this one.
  const config = { ...JSON.parse(textOf('config.json')), source };
  await files.remove(folder);
  await writeFiles(
    new Map([...packed, ['config.json', new TextEncoder().encode(`${JSON.stringify(config, null, 2)}\n`)]]),
    folder,
  );
}
