// A model by its path, whoever wrote it: a folder with a model.json, or that file; an ONNX file; a file of selvedge export. Not here: which
// path is meant (chosen-model.ts, starting-point.ts, teacher.ts). Invariant: what a file says of its classes comes under one name.
import { decodeModelFile, type ModelDescription } from '../edge/index.ts';
import { isModelFileStart } from '../edge/model-file.ts';
import {
  isModelFile,
  type LoadedModel,
  loadModel,
  loadShippedModel,
  naming,
  readMetadata,
  readShippedFile,
  type ShippedName,
} from '../models/index.ts';
import { restoreModel } from '../plan/index.ts';
import { platform } from '../platform/index.ts';

/** What `loadModelAt` takes, for messages. */
export const modelFiles = 'a folder with a model.json, that file, an ONNX file or one of selvedge export';

/**
 * Loads a model, on the running engine; the caller disposes it.
 *
 * @throws SelvedgeError `models/…`, `onnx/…`, `edge/…`, `restore/network`
 */
export async function loadModelAt(path: string): Promise<LoadedModel> {
  const file = await exportedFile(path);
  return file ? naming(path, () => loadExported(file)) : loadModel(path);
}

/** Loads one that ships, `dropout` with its float32 weights; as `loadModelAt`. */
export async function loadShipped(name: ShippedName): Promise<LoadedModel> {
  return name === 'dropout' ? loadShippedModel() : loadExported(await readShippedFile(name));
}

/** What a model says beside its network, without an engine; undefined where there is none. Errors as `loadModelAt`. */
export async function readMetadataAt(path: string): Promise<LoadedModel['metadata'] | undefined> {
  const file = await exportedFile(path);
  return file ? naming(path, () => metadataIn(file)) : readMetadata(path);
}

/** What one that ships says; it needs no engine. */
export const readShippedMetadata = async (name: ShippedName): Promise<LoadedModel['metadata']> =>
  metadataIn(await readShippedFile(name));

async function exportedFile(path: string): Promise<Uint8Array | undefined> {
  if (!(await isModelFile(path))) return undefined;
  const bytes = await platform.files.readBytes(path);
  return isModelFileStart(bytes) ? bytes : undefined;
}

/** A file of selvedge export as a model; as `loadModelAt`. */
export async function loadExported(file: Uint8Array): Promise<LoadedModel> {
  const { model, description } = await restoreModel(file);
  return { model, metadata: metadataOf(description) };
}

const metadataIn = async (file: Uint8Array): Promise<LoadedModel['metadata']> =>
  metadataOf((await decodeModelFile(file)).description);

const metadataOf = (description: ModelDescription): LoadedModel['metadata'] => ({
  ...description,
  classNames: description.labels,
});
