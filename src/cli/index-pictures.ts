// selvedge index: makes a catalogue that can be searched out of a folder of pictures, an IDX file or the test set. Not here: searching.
// Invariant: the index is written whole or not at all, and so is the model beside it.
import { encodeIndex, exportEmbedder, makeCatalogue } from '../apps/recommend/index.ts';
import { SelvedgeError } from '../core/errors.ts';
import { gunzip } from '../data/gzip.ts';
import { decodeIdxHeader } from '../data/idx.ts';
import { isPictureName } from '../data/picture-folder.ts';
import type { ListedPicture } from '../data/picture-list.ts';
import type { Preparation } from '../data/preparation.ts';
import { readPictures, type UnreadPicture } from '../data/read-pictures.ts';
import { edgeKernelsDigest } from '../edge/index.ts';
import { compileEngineFile, platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import { openChosenEmbedder } from './catalogue-files.ts';
import { type ChosenModel, chosenModelOptions, preparationFor } from './chosen-model.ts';
import { type CommandContext, command } from './command.ts';
import { loadModelData } from './model-data.ts';
import { checkThreads, dataOption, threadsOption } from './options.ts';

/** What is to be indexed. */
interface Items {
  readonly ids: readonly string[];
  readonly images: Uint8Array;
  readonly unread: readonly UnreadPicture[];
}

export const indexCommand = command({
  name: 'index',
  description: 'Make a catalogue that can be searched: of a folder of pictures, an IDX file, or the test set',
  args: {
    source: {
      type: 'positional',
      required: false,
      description: 'Folder of pictures, or an IDX file of images, gzip-compressed or not (default: the test images)',
    },
    out: { type: 'string', valueHint: 'file', required: true, description: 'Where the index goes' },
    edge: {
      type: 'string',
      valueHint: 'file',
      description: 'Also write the model as a file by which selvedge/apps/recommend searches the index: .selvedge',
    },
    'no-pictures': { type: 'boolean', description: 'Keep no pictures in it: 784 bytes less each, and none to show' },
    'skip-unreadable': { type: 'boolean', description: 'Pass over files that are no pictures' },
    ...chosenModelOptions,
    ...dataOption,
    ...threadsOption,
  },
  async run(args, context) {
    checkThreads(args.threads);
    const { files } = platform;
    const out = await outputOf(args.out, context);
    const edge = args.edge === undefined ? undefined : await outputOf(args.edge, context);
    if (edge === out) throw usageError('Options "--out" and "--edge" name the same file');
    const { chosen, embedder } = await openChosenEmbedder(args, 'index', context);
    try {
      // Before minutes of embedding: not every model can be exported.
      const network = edge === undefined ? undefined : await exportChosen(chosen);
      const { source } = args;
      const { ids, images, unread } = await (source === undefined
        ? readTestSet(chosen, args, context)
        : readSource(source, preparationFor(chosen, 'index'), args['skip-unreadable'] === true, context));
      const catalogue = await makeCatalogue(
        embedder,
        { ids, images, classNames: chosen.classNames, keepsPictures: args['no-pictures'] !== true },
        { onProgress: progressOf(context) },
      );
      const bytes = await encodeIndex(catalogue);
      await files.write(out, bytes);
      if (edge !== undefined && network) await files.write(edge, network);
      const { model, count, dimension, classNames, labels } = catalogue;
      const classes = Object.fromEntries(
        classNames.map((name, label) => [name, labels.filter((own) => own === label).length]),
      );
      return {
        json: {
          index: out,
          bytes: bytes.length,
          model,
          items: count,
          dimension,
          classes,
          unreadable: unread,
          ...(network && { edge, edgeBytes: network.length }),
        },
        text: [
          `${count} items, ${dimension} numbers each, by model ${model.name}: ${args.out}, ${(bytes.length / 1e6).toFixed(1)} MB`,
          ...Object.entries(classes).map(([name, number]) => `  ${name}: ${number}`),
          ...(network
            ? [`${args.edge}: model ${model.name} for selvedge/apps/recommend, ${(network.length / 1e3).toFixed(0)} KB`]
            : []),
          ...unread.map(({ name, reason }) => `Passed over "${name}": ${reason}`),
        ].join('\n'),
      };
    } finally {
      embedder.dispose();
      chosen.model.dispose();
    }
  },
});

/** @throws SelvedgeError `index/bad-output` */
async function outputOf(name: string, { cwd }: CommandContext): Promise<string> {
  const out = platform.files.resolve(cwd, name);
  if (!(await platform.files.status(out))?.isFolder) return out;
  throw new SelvedgeError('index/bad-output', `Cannot write "${name}": expected a file, got a folder`);
}

async function exportChosen({ model, metadata, classNames }: ChosenModel): Promise<Uint8Array> {
  const settings = (metadata.settings ?? {}) as Readonly<Record<string, unknown>>;
  return exportEmbedder(model, {
    classNames,
    settings,
    kernels: edgeKernelsDigest(await compileEngineFile('edge.wasm')),
  });
}

/** Says each tenth. */
function progressOf(context: CommandContext): (done: number, total: number) => Promise<void> {
  let shown = 0;
  return async (done, total) => {
    const tenth = Math.floor((10 * done) / total);
    if (tenth > shown && total > 2000) context.writeError(`Embedded ${done} of ${total}\n`);
    shown = tenth;
    await platform.giveWay();
  };
}

async function readTestSet(
  chosen: Parameters<typeof loadModelData>[0],
  args: Parameters<typeof loadModelData>[1],
  context: CommandContext,
): Promise<Items> {
  const { test } = await loadModelData(chosen, args, context);
  return { ids: numbered('test', test.count), images: test.images, unread: [] };
}

const numbered = (name: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${name}-${i}`);

async function readSource(
  source: string,
  preparation: Preparation,
  skips: boolean,
  context: CommandContext,
): Promise<Items> {
  const path = platform.files.resolve(context.cwd, source);
  const status = await platform.files.status(path);
  if (!status) {
    throw new SelvedgeError(
      'index/no-source',
      `Cannot index "${source}": expected a folder of pictures or an IDX file, got nothing`,
    );
  }
  return status.isFolder ? readFolder(source, path, preparation, skips, context) : readIdx(source, path, preparation);
}

async function readIdx(source: string, path: string, { side, channels }: Preparation): Promise<Items> {
  const packed = await platform.files.readBytes(path);
  const isPacked = packed[0] === 0x1f && packed[1] === 0x8b;
  const bytes = isPacked ? await gunzip(packed, { name: source }) : packed;
  const { type, shape, dataOffset } = decodeIdxHeader(bytes, { name: source });
  const [count, height, width, depth = 1] = shape as [number, number, number, number?];
  if (
    type !== 'uint8' ||
    shape.length < 3 ||
    shape.length > 4 ||
    [height, width].some((extent) => extent !== side) ||
    depth !== channels
  ) {
    throw new SelvedgeError(
      'index/shape',
      `Cannot index "${source}": expected uint8 images of ${side}x${side}x${channels} as the model takes them, got ${type} of [${shape.join(', ')}]`,
    );
  }
  return { ids: numbered('image', count), images: bytes.subarray(dataOffset), unread: [] };
}

async function readFolder(
  source: string,
  path: string,
  preparation: Preparation,
  skips: boolean,
  context: CommandContext,
): Promise<Items> {
  const pictures = await listPictures(path);
  if (pictures.length === 0) {
    throw new SelvedgeError(
      'index/no-pictures',
      `Cannot index "${source}": expected PNG, JPEG or WebP files in the folder or below, got none; of IDX files name the one of images`,
    );
  }
  let shown = 0;
  const onProgress = (done: number, total: number): void => {
    const tenth = Math.floor((10 * done) / total);
    if (tenth > shown && total > 2000) context.writeError(`Read ${done} of ${total} pictures\n`);
    shown = tenth;
  };
  const { images, positions, unread } = await readPictures(pictures, { preparation, onProgress });
  const [first] = unread;
  if (first && (!skips || positions.length === 0)) {
    throw new SelvedgeError(
      'index/unreadable',
      `Cannot index "${source}": of ${pictures.length} pictures ${unread.length} cannot be read, "${first.name}" first: ${first.reason}; ` +
        'remove them, or pass over them by --skip-unreadable',
    );
  }
  return { ids: Array.from(positions, (at) => pictures[at]!.name), images, unread };
}

/** All pictures below a folder by their paths from it, in the order of names. Links to folders are not followed. */
async function listPictures(root: string): Promise<ListedPicture[]> {
  const found: ListedPicture[] = [];
  const walk = async (folder: string, prefix: string): Promise<void> => {
    for (const { name, isFile, isFolder } of await platform.files.entries(folder)) {
      if (name.startsWith('.')) continue;
      const path = platform.files.join(folder, name);
      if (isFolder) await walk(path, `${prefix}${name}/`);
      else if (isFile && isPictureName(name)) found.push({ name: `${prefix}${name}`, path, label: 0 });
    }
  };
  await walk(root, '');
  return found;
}
