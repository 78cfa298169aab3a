// Models as files that stock tfjs loads too: model.json and weights.bin. Invariant: model.json is written last, so a folder
// with one is whole.
import * as tf from '../backend/tfjs.ts';
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { sha256 } from '../core/sha256.ts';
import { platform } from '../platform/index.ts';

const TOPOLOGY_FILE = 'model.json';
const WEIGHTS_FILE = 'weights.bin';

/**
 * Writes a model to a folder.
 *
 * @param metadata Kept in model.json under `userDefinedMetadata`: class names, settings, accuracy
 */
export async function saveModel(model: tf.LayersModel, folder: string, metadata: object = {}): Promise<void> {
  const { files } = platform;
  const handler = tf.io.withSaveHandler(async (artifacts) => {
    const weights = new Uint8Array(tf.io.CompositeArrayBuffer.join(artifacts.weightData!));
    await files.remove(files.join(folder, TOPOLOGY_FILE));
    await files.write(files.join(folder, WEIGHTS_FILE), weights);
    const { weightData: _, weightSpecs, ...topology } = artifacts;
    const manifest = [{ paths: [WEIGHTS_FILE], weights: weightSpecs }];
    const digest = { weightsSha256: await sha256(weights) };
    const json = { ...topology, weightsManifest: manifest, ...digest, userDefinedMetadata: metadata };
    await files.write(files.join(folder, TOPOLOGY_FILE), `${JSON.stringify(json, null, 1)}\n`);
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
  });
  await model.save(handler);
}

/** model.json: that of tfjs, with the digest of weights.bin, which stock tfjs ignores and does not write. */
type SavedModel = tf.io.ModelJSON & { readonly weightsSha256?: string };

/** A model from files, with what was saved beside it. */
export interface LoadedModel {
  readonly model: tf.LayersModel;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** How it was read, where that is more than its file says. */
  readonly notices?: readonly string[];
}

/**
 * Reads a model from a folder that `saveModel`, or stock tfjs, wrote, or from its model.json; or from an ONNX file.
 *
 * @throws SelvedgeError `models/not-found` or `models/format`, naming the file; `onnx/…` as `readOnnxModel`
 */
export async function loadModel(path: string): Promise<LoadedModel> {
  const { files } = platform;
  if (await isModelFile(path)) {
    const { readOnnxModel } = await import('./onnx/index.ts');
    return naming(path, async () => readOnnxModel(await files.readBytes(path)));
  }
  const folder = await modelFolderOf(path);
  const topologyPath = files.join(folder, TOPOLOGY_FILE);
  if (!(await files.status(topologyPath))) {
    throw new SelvedgeError(
      'models/not-found',
      `Cannot load a model from "${folder}": it holds no ${TOPOLOGY_FILE}; train one first`,
    );
  }
  return modelOf(`"${folder}"`, {
    topology: () => files.readText(topologyPath),
    weights: (name) => files.readBytes(files.join(folder, name)),
  });
}

/** What a model says beside its network, without an engine; undefined where there is none. Errors as `loadModel`. */
export async function readMetadata(path: string): Promise<LoadedModel['metadata'] | undefined> {
  const { files } = platform;
  if (await isModelFile(path)) {
    const { readOnnx } = await import('./onnx/index.ts');
    return naming(path, async () => (await readOnnx(await files.readBytes(path))).metadata);
  }
  const topology = files.join(await modelFolderOf(path), TOPOLOGY_FILE);
  if (!(await files.status(topology))) return undefined;
  try {
    return (JSON.parse(await files.readText(topology)) as SavedModel | null)?.userDefinedMetadata ?? {};
  } catch (cause) {
    throw new SelvedgeError('models/format', `Cannot load the model in "${topology}": it is no JSON`, { cause });
  }
}

/** Whether a model is one file, such as of ONNX, and not a folder or the model.json in it. */
export async function isModelFile(path: string): Promise<boolean> {
  const status = await platform.files.status(path);
  return status !== undefined && !status.isFolder && !isTopology(path);
}

/** The folder of a model, where its model.json may be named instead. */
export async function modelFolderOf(path: string): Promise<string> {
  const { files } = platform;
  const isFile = isTopology(path) && (await files.status(path))?.isFolder === false;
  return isFile ? files.resolve(path, '..') : path;
}

const isTopology = (path: string): boolean => path.split(/[\\/]/).at(-1) === TOPOLOGY_FILE;

/** Reads a file; errors of what its bytes are have its name. */
export async function naming<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof SelvedgeError) || !/^(?:onnx|edge|restore)\//.test(error.code)) throw error;
    throw new SelvedgeError(error.code, `"${path}": ${error.message}`, { cause: error.cause });
  }
}

const shippedFiles = {
  [TOPOLOGY_FILE]: () => new URL('../../assets/models/dropout/model.json', import.meta.url),
  [WEIGHTS_FILE]: () => new URL('../../assets/models/dropout/weights.bin', import.meta.url),
} as const;

/** Where the shipped model is: a path that `loadModel` takes, but for bundles, which move its files apart. */
export const shippedModelFolder = (): string =>
  platform.files.fromUrl(new URL('../../assets/models/dropout/', import.meta.url));

/**
 * Loads the model that ships with the project: `dropout` after the reference run.
 *
 * @returns The model, which the caller disposes, and its settings, class names and accuracy
 * @throws SelvedgeError `models/format` if the installation is damaged
 * @example
 * ```ts
 * import { loadShippedModel, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const { model, metadata } = await loadShippedModel();
 * console.assert(model.countParams() === 241546 && (metadata.classNames as string[])[9] === 'Ankle boot');
 * model.dispose();
 * await engine.stop();
 * ```
 */
export function loadShippedModel(): Promise<LoadedModel> {
  const read = (name: string) => platform.readUrl(shippedFiles[name as keyof typeof shippedFiles]());
  return modelOf('the installation', {
    topology: async () => new TextDecoder().decode(await read(TOPOLOGY_FILE)),
    weights: read,
  });
}

/** How the files of a model are read. */
interface ModelReader {
  topology(): Promise<string>;
  weights(name: string): Promise<Uint8Array>;
}

async function modelOf(place: string, reader: ModelReader): Promise<LoadedModel> {
  try {
    const json = JSON.parse(await reader.topology()) as SavedModel | null;
    if (!Array.isArray(json?.weightsManifest) || typeof json.modelTopology !== 'object') {
      throw new Error(`expected ${TOPOLOGY_FILE} to hold modelTopology and weightsManifest, as tfjs writes them`);
    }
    const paths = json.weightsManifest.flatMap((group) => group.paths);
    const parts = await Promise.all(paths.map((path) => reader.weights(path)));
    const weightSpecs = json.weightsManifest.flatMap((group) => group.weights);
    const weightData = tf.io.CompositeArrayBuffer.join(parts.map((part) => part.slice().buffer));
    const expected = weightSpecs.reduce((sum, spec) => sum + bytesOf(spec), 0);
    if (weightData.byteLength !== expected) {
      throw new Error(`expected ${expected} bytes of weights in ${paths.join(', ')}, got ${weightData.byteLength}`);
    }
    const digest = await sha256(new Uint8Array(weightData));
    if (json.weightsSha256 !== undefined && json.weightsSha256 !== digest) {
      throw new Error(`expected weights of sha256 ${json.weightsSha256} in ${paths.join(', ')}, got ${digest}`);
    }
    const model = await tf.loadLayersModel(
      tf.io.fromMemory({ modelTopology: json.modelTopology, weightSpecs, weightData } as tf.io.ModelArtifacts),
    );
    return { model, metadata: (json.userDefinedMetadata ?? {}) as Record<string, unknown> };
  } catch (error) {
    throw new SelvedgeError('models/format', `Cannot load the model in ${place}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Bytes of an element of each type of weights; those that tfjs's converter has quantised are smaller, and become float32 as they are read. */
const elementBytes: Readonly<Record<string, number>> = {
  float32: 4,
  int32: 4,
  uint16: 2,
  float16: 2,
  uint8: 1,
  bool: 1,
};

function bytesOf({ name, shape, dtype, quantization }: tf.io.WeightsManifestEntry): number {
  const type = quantization?.dtype ?? dtype;
  const bytes = elementBytes[type];
  if (bytes !== undefined) return shape.reduce((product, extent) => product * extent, bytes);
  const expected = Object.keys(elementBytes).join(', ');
  throw new Error(`expected weights "${name}" of one of ${expected}, got ${type}`);
}
