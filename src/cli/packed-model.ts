// A model as one artefact, for workers that do not have it: its topology and its weights, or the one file that it is. Not here: loading it.
// Invariant: nothing else that lies in its folder is sent.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { isModelFile, modelFolderOf } from '../models/index.ts';
import { platform } from '../platform/index.ts';
import { packFiles } from '../queue/index.ts';

/** Where a packed model is, once its files are in a folder. */
export const MODEL_PATH = 'model';

/**
 * Packs a model.
 *
 * @param path As `loadModelAt` takes it
 * @throws SelvedgeError `models/not-found`, `models/format`
 */
export async function packModel(path: string): Promise<Uint8Array> {
  const { files } = platform;
  if (await isModelFile(path)) return packFiles(new Map([[MODEL_PATH, await files.readBytes(path)]]));
  const folder = await modelFolderOf(path);
  const topology = files.join(folder, 'model.json');
  if (!(await files.status(topology)))
    throw new SelvedgeError(
      'models/not-found',
      `Cannot load a model from "${path}": it holds no model.json; train one first`,
    );
  const names = [...weightFiles(await files.readText(topology), topology), 'model.json'];
  const packed = new Map<string, Uint8Array>();
  for (const name of names) packed.set(`${MODEL_PATH}/${name}`, await files.readBytes(files.join(folder, name)));
  return packFiles(packed);
}

function weightFiles(json: string, path: string): readonly string[] {
  try {
    const { weightsManifest } = JSON.parse(json) as { weightsManifest: { paths: string[] }[] };
    return weightsManifest.flatMap(({ paths }) => paths.filter((name) => /^\w[\w.-]*$/.test(name)));
  } catch (cause) {
    throw new SelvedgeError('models/format', `Cannot load the model in "${path}": ${messageOf(cause)}`, { cause });
  }
}
