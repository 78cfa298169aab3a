// An index file for a command, and the model that made it. Not here: making one (index-pictures.ts), what is done with it.
// Invariant: vectors of one model are never compared with those of another.
import { type Catalogue, decodeIndex, type Embedder, openEmbedder, requireSameModel } from '../apps/recommend/index.ts';
import { SelvedgeError } from '../core/errors.ts';
import { isShippedName } from '../models/index.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import { requireShipped } from './chosen-classifier.ts';
import { type Choice, type ChosenModel, chosenFolder, loadChosenModel, restoreShippedModel } from './chosen-model.ts';
import type { CommandContext } from './command.ts';
import { useEngine } from './options.ts';

export const catalogueOption = {
  catalogue: {
    type: 'string',
    valueHint: 'file',
    required: true,
    description: 'Index of the catalogue, made by selvedge index',
  },
} as const;

/** @throws SelvedgeError `index/no-file`, `index/…` */
export async function readIndex(file: string, context: CommandContext): Promise<Catalogue> {
  const bytes = await readBytes(file, 'index/no-file', 'an index made by "selvedge index"', context);
  return decodeIndex(bytes, { name: file });
}

/** @throws SelvedgeError `events/no-file` */
export async function readHistory(file: string, context: CommandContext): Promise<string> {
  const bytes = await readBytes(file, 'events/no-file', 'a file of events, a JSON object a line', context);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new SelvedgeError('events/not-text', `Cannot read "${file}": expected UTF-8 text, got other bytes`, {
      cause: error,
    });
  }
}

async function readBytes(
  file: string,
  code: 'index/no-file' | 'events/no-file',
  expected: string,
  context: CommandContext,
): Promise<Uint8Array> {
  const path = platform.files.resolve(context.cwd, file);
  const status = await platform.files.status(path);
  if (status && !status.isFolder) return platform.files.readBytes(path);
  throw new SelvedgeError(code, `Cannot read "${file}": expected ${expected}, got ${status ? 'a folder' : 'nothing'}`);
}

/** A model that is chosen by options, ready to embed. The caller disposes both, the embedder first. */
export interface ChosenEmbedder {
  readonly chosen: ChosenModel;
  readonly embedder: Embedder;
}

/** @throws SelvedgeError `cli/usage`, `models/…`, `index/…`, `embedding/…` */
export async function openChosenEmbedder(
  choice: Choice & { readonly threads?: string | undefined },
  action: 'index' | 'similar',
  context: CommandContext,
): Promise<ChosenEmbedder> {
  const chosen = await openChosen(choice, action, context);
  try {
    return { chosen, embedder: await openEmbedder(chosen.model) };
  } catch (error) {
    chosen.model.dispose();
    throw error;
  }
}

async function openChosen(
  choice: Choice & { readonly threads?: string | undefined },
  action: 'index' | 'similar',
  context: CommandContext,
): Promise<ChosenModel> {
  const { run, model: name = 'best', 'model-folder': folder, threads } = choice;
  if (run === undefined && folder === undefined) {
    const shipped = requireShipped(name);
    await useEngine(threads);
    return restoreShippedModel(shipped);
  }
  const path = await chosenFolder(choice, context);
  await useEngine(threads);
  return loadChosenModel(path, action);
}

/**
 * The model that made an index: the one that ships under its name, or the one that the options choose.
 *
 * @throws SelvedgeError `index/other-model`, and as `openChosenEmbedder`
 */
export async function openEmbedderOf(
  catalogue: Catalogue,
  choice: Choice & { readonly threads?: string | undefined },
  context: CommandContext,
): Promise<ChosenEmbedder> {
  const { name } = catalogue.model;
  const isChosen = [choice.run, choice.model, choice['model-folder']].some((option) => option !== undefined);
  if (!isChosen && !isShippedName(name)) {
    throw usageError(`The index was made by model "${name}", which does not ship: name it by --run or --model-folder`);
  }
  const opened = await openChosenEmbedder(isChosen ? choice : { ...choice, model: name }, 'similar', context);
  try {
    requireSameModel(catalogue, { name: opened.embedder.modelName, digest: opened.embedder.modelDigest });
    return opened;
  } catch (error) {
    opened.embedder.dispose();
    opened.chosen.model.dispose();
    throw error;
  }
}
