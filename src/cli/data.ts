// selvedge data: find the data set, check it, and say where it came from. And how every command comes by its data.

import { dataKindOf, type OtherKind } from '../data/data-kind.ts';
import type { DataChoices, DataOrigin } from '../data/other-data.ts';
import { type DataSource, type LoadedData, loadFashionMnist } from '../data/sources.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import { type CommandContext, command } from './command.ts';
import { pictureOptions, readChoices } from './data-options.ts';
import { untilInterrupted } from './interruption.ts';
import { dataOption } from './options.ts';

/** What becomes of a data set that is not Fashion-MNIST. */
export interface OtherDataRequest {
  readonly choices?: DataChoices;
  /** Where its images are kept. */
  readonly storeFolder?: string;
}

/** What the folder given, or the one in the environment, holds. Costs the usual way one look into it. */
export async function kindOfData(
  context: CommandContext,
  folder: string | undefined,
  { choices = {} }: OtherDataRequest = {},
): Promise<'fashion-mnist' | OtherKind> {
  const path = pathOf(context, folder);
  return path === undefined ? 'fashion-mnist' : dataKindOf(path, choices.classNames !== undefined);
}

function pathOf(context: CommandContext, folder: string | undefined): string | undefined {
  if (folder !== undefined && folder !== '') return platform.files.resolve(context.cwd, folder);
  return platform.environment('SELVEDGE_DATA') || undefined;
}

/** Loads Fashion-MNIST, or what the folder holds, and passes on what the user should know. */
export async function loadData(
  context: CommandContext,
  folder: string | undefined,
  request: OtherDataRequest = {},
): Promise<LoadedData> {
  const kind = await kindOfData(context, folder, request);
  if (kind === 'fashion-mnist') refuseChoices(request.choices);
  const load = kind === 'fashion-mnist' ? () => loadUsual(context, folder) : () => loadOther(context, folder, request);
  const loaded = await untilInterrupted(load, context.signal);
  for (const notice of loaded.notices) context.writeError(`${notice}\n`);
  return loaded;
}

/** Fashion-MNIST is taken as it is, with the study's split. */
function refuseChoices(choices: DataChoices = {}): void {
  if (Object.keys(choices).length === 0) return;
  throw usageError(
    'Options for other data (--image-size, --colour, --fit, --classes, --split-seed, --skip-unreadable, --keep-duplicates) need "--data" with ' +
      'other data than Fashion-MNIST, which is taken as it is',
  );
}

function loadUsual(context: CommandContext, folder: string | undefined): Promise<LoadedData> {
  let shown = -1;
  return loadFashionMnist({
    folder: folder && platform.files.resolve(context.cwd, folder),
    onProgress: ({ name, receivedBytes, totalBytes }) => {
      const percent = totalBytes ? Math.floor((10 * receivedBytes) / totalBytes) * 10 : 0;
      if (percent === shown) return;
      shown = percent;
      context.writeError(`Fetching ${name}: ${percent}%\n`);
    },
  });
}

async function loadOther(
  context: CommandContext,
  folder: string | undefined,
  { choices = {}, storeFolder }: OtherDataRequest,
): Promise<LoadedData> {
  // Loaded here: the usual way does without it.
  const { loadOtherData } = await import('../data/other-data.ts');
  let shown = 0;
  return loadOtherData(pathOf(context, folder)!, {
    ...choices,
    storeFolder,
    onProgress: (done, total) => {
      const tenth = Math.floor((10 * done) / total);
      if (tenth === shown) return;
      shown = tenth;
      context.writeError(`Reading pictures: ${done} of ${total}\n`);
    },
  });
}

/**
 * The data of a trained run: what was named, or what it was trained on. Not here: whether they are the same (`requireSameData`).
 *
 * @param source Of the run
 * @param storeFolder Where the run keeps its images
 */
export async function loadRunData(
  context: CommandContext,
  folder: string | undefined,
  { origin, files }: DataSource,
  storeFolder: string,
): Promise<LoadedData> {
  if (!origin) return loadData(context, folder);
  if (folder === undefined) {
    const { readStoredSet } = await import('../data/stored-set.ts');
    const stored = await readStoredSet(storeFolder, undefined);
    if (stored && digestsOf(stored.source.files) === digestsOf(files)) return stored;
  }
  return loadData(context, folder ?? origin.path, { choices: origin.choices, storeFolder });
}

const digestsOf = (files: DataSource['files']): string => files.map(({ sha256 }) => sha256).join();

export const data = command({
  name: 'data',
  description: 'Find, fetch and check the Fashion-MNIST files, or check other data',
  args: { ...dataOption, ...pictureOptions },
  async run(args, context) {
    const loaded = await loadData(context, args.data, { choices: await readChoices(args, context) });
    const { train, test, source, split, preparation, notices } = loaded;
    const shape = [train.height, train.width, train.channels];
    const parts = split && {
      train: split.train.length,
      validation: split.validation.length,
      description: split.description,
    };
    return {
      json: {
        source,
        train: train.count,
        test: test.count,
        shape,
        classNames: train.classNames,
        ...(parts && { split: parts }),
        ...(preparation && { preparation }),
        notices,
      },
      text: [
        `${nameOf(source)} from ${source.description}${source.isSample ? ' (a sample, not the whole)' : ''}`,
        `${train.count} training and ${test.count} test images of ${shape.join('x')}, ${train.classNames.length} classes`,
        ...(parts ? [`${parts.train} of them train and ${parts.validation} validate: ${parts.description}`] : []),
        ...source.files.map(({ name, sha256 }) => `  ${sha256}  ${name}`),
      ].join('\n'),
    };
  },
});

const nameOf = ({ origin }: { readonly origin?: DataOrigin }): string =>
  origin ? platform.files.basename(origin.path) : 'Fashion-MNIST';
