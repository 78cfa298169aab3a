// What a training starts from: a network with seeded weights, or the weights of an earlier model; how its images are preprocessed, and
// which layers stay as they are. Not here: data and training. Invariant: what decides the weights is in the settings that are returned.
import type * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import type { Dataset } from '../data/dataset.ts';
import {
  checkPreprocessing,
  inputStatistics,
  keepsPictures,
  type PreprocessingName,
  preprocessDataset,
  preprocessedShape,
  preprocessingNames,
} from '../data/preprocessing.ts';
import {
  ALL_BUT_LAST,
  freezeLayers,
  isShippedName,
  type LoadedModel,
  type NetworkSettings,
  shippedNames,
  standardizeInput,
  transferModel,
  weightsDigest,
} from '../models/index.ts';
import { networkSettingsOf, type ToldNetwork } from '../plan/index.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import type { CommandContext } from './command.ts';
import { loadModelAt, loadShipped, modelFiles, readMetadataAt, readShippedMetadata } from './model-files.ts';
import { buildFor } from './network-for-data.ts';
import { runPaths } from './run-files.ts';
import { type StartedFrom, type TrainedWith, trainedWithOf } from './seen-images.ts';

export const startingOptions = {
  from: {
    type: 'string',
    valueHint: 'model',
    description: `Start from the weights of <run>/<model>, of one that ships (${shippedNames.join(', ')}), or of a path: ${modelFiles}`,
  },
  freeze: {
    type: 'string',
    valueHint: 'layers',
    description: `With --from: layers that stay, such as ${ALL_BUT_LAST} or conv2d_1,conv2d_2`,
  },
  preprocess: {
    type: 'enum',
    options: [...preprocessingNames] as PreprocessingName[],
    description: 'Change each image in the same way, in training and ever after (default: not at all)',
  },
} as const;

/** A trained model to start from. */
export interface Source {
  /** As the user wrote it. */
  readonly name: string;
  /** Of its files; one that ships has none. */
  readonly path?: string;
  load(): Promise<LoadedModel>;
  /** What its metadata says; models of stock tfjs have none, and an ensemble's is left to what `selvedge ensemble` makes. */
  readonly model?: string;
  /** Of its settings, those of its network, where it says them. */
  readonly network: ToldNetwork;
  /** Which images it has seen. */
  readonly trainedWith: TrainedWith;
  readonly classNames?: readonly string[];
  readonly preprocessing?: PreprocessingName;
}

/** Of settings: what of the start decides the weights besides network and seed. */
export interface StartSettings extends ToldNetwork {
  readonly preprocessing?: PreprocessingName;
  /** The model whose weights training starts from, and their digest. */
  readonly from?: StartedFrom;
  /** Names of the layers that stay. */
  readonly frozen?: readonly string[];
}

/**
 * Finds the model that `--from` names. Needs no engine.
 *
 * @throws SelvedgeError `train/from`, `models/format`
 */
export async function findSource(name: string, context: CommandContext): Promise<Source> {
  const { files } = platform;
  const isOfRun = /^\w[\w.-]*\/\w[\w.-]*$/.test(name);
  const ofRun = files.resolve(context.cwd, 'runs', ...name.split('/'));
  const paths = [...(isOfRun ? [runPaths.model(ofRun)] : []), files.resolve(context.cwd, name)];
  for (const path of paths) {
    const metadata = await readMetadataAt(path);
    if (metadata) return { name, path, load: () => loadModelAt(path), ...describedBy(metadata) };
  }
  if (isShippedName(name))
    return { name, load: () => loadShipped(name), ...describedBy(await readShippedMetadata(name)) };
  const isUnfinished = isOfRun && (await files.status(ofRun)) !== undefined;
  throw new SelvedgeError(
    'train/from',
    isUnfinished
      ? `Cannot start from "${name}": its training is not finished; finish it first`
      : `Cannot start from "${name}": expected <run>/<model> of a finished training, ${shippedNames.join(', ')}, ${modelFiles}, got nothing`,
  );
}

/**
 * Makes sure that a training does not replace what it starts from.
 *
 * @param folder Of the training
 * @throws SelvedgeError `train/from`
 */
export function requireOtherFolder({ name, path }: Source, folder: string): void {
  const { files } = platform;
  for (let at = path; at !== undefined; ) {
    if (at === folder) {
      throw new SelvedgeError(
        'train/from',
        `Cannot start from "${name}": it is in "${folder}", which this training would replace; use another --run`,
      );
    }
    const above = files.resolve(at, '..');
    at = above === at ? undefined : above;
  }
}

function describedBy(metadata: Readonly<Record<string, unknown>>): Omit<Source, 'name' | 'path' | 'load'> {
  const settings = (metadata.settings ?? {}) as Readonly<Record<string, unknown>>;
  // An average of models is called by what it is, and not by a network.
  const { model, members } = settings;
  const names = metadata.classNames;
  const preprocessing = preprocessingOf(metadata);
  return {
    ...(members === undefined && typeof model === 'string' && /^\w[\w.-]*$/.test(model) ? { model } : {}),
    network: networkSettingsOf(settings),
    trainedWith: trainedWithOf(settings),
    ...(Array.isArray(names) && names.every((one) => typeof one === 'string') ? { classNames: names } : {}),
    ...(preprocessing === undefined ? {} : { preprocessing }),
  };
}

/**
 * How the images of a saved model are preprocessed.
 *
 * @param metadata That was saved with it
 * @throws SelvedgeError `preprocessing/unknown`
 */
export function preprocessingOf(metadata: Readonly<Record<string, unknown>>): PreprocessingName | undefined {
  const { preprocessing } = (metadata.settings ?? {}) as { readonly preprocessing?: unknown };
  return preprocessing === undefined ? undefined : checkPreprocessing(preprocessing);
}

/**
 * The preprocessing of a training, from options, recipe and source.
 *
 * @throws SelvedgeError `cli/usage`, `train/preprocessing`
 */
export function choosePreprocessing(
  chosen: PreprocessingName | undefined,
  source: Source | undefined,
  { isAugmented, isTaught }: { readonly isAugmented: boolean; readonly isTaught: boolean },
): PreprocessingName | undefined {
  const preprocessing = source ? source.preprocessing : chosen;
  if (source && chosen !== undefined && chosen !== preprocessing) {
    throw new SelvedgeError(
      'train/preprocessing',
      `Cannot start from "${source.name}" with preprocessing "${chosen}": expected ` +
        `${preprocessing === undefined ? 'none' : `"${preprocessing}"`}, which it was trained with`,
    );
  }
  if (isAugmented && preprocessing !== undefined && !keepsPictures(preprocessing)) {
    throw new SelvedgeError(
      'train/preprocessing',
      `Cannot augment images preprocessed by "${preprocessing}": they are no pictures that can be moved or turned`,
    );
  }
  if (isTaught && preprocessing !== undefined && preprocessing !== 'standardize') {
    throw new SelvedgeError(
      'train/preprocessing',
      `Cannot learn from a teacher with preprocessing "${preprocessing}": it takes images as they are`,
    );
  }
  return preprocessing;
}

/** What `--freeze` says. */
export function readFreeze(
  text: string | undefined,
  source: Source | undefined,
): string | readonly string[] | undefined {
  if (text === undefined) return undefined;
  if (!source) throw usageError('Option "--freeze" needs "--from": layers of random weights would stay as they are');
  return text === ALL_BUT_LAST ? text : text.split(',').map((name) => name.trim());
}

export interface StartRequest {
  readonly network: NetworkSettings;
  /** Whether a source must fit `network`; else the network is the source's. */
  readonly keepsNetwork: boolean;
  readonly source: Source | undefined;
  readonly freeze: string | readonly string[] | undefined;
  readonly preprocessing: PreprocessingName | undefined;
  /** Height, width, channels, before preprocessing. */
  readonly imageShape: readonly [number, number, number];
  readonly classNames: readonly string[];
  readonly seed: number;
}

export interface StartingPoint {
  readonly model: tf.LayersModel;
  readonly settings: StartSettings;
  /** What the user should be told. */
  readonly notices: readonly string[];
}

/**
 * Builds the model that training starts with, on the running engine; the caller disposes it.
 *
 * @throws SelvedgeError `models/…`
 */
export async function buildStart(request: StartRequest): Promise<StartingPoint> {
  const { network, source, preprocessing, imageShape, classNames, seed } = request;
  const inputShape = preprocessing ? preprocessedShape(preprocessing, imageShape) : imageShape;
  const config = { inputShape, classes: classNames.length };
  const common = preprocessing ? { preprocessing } : {};
  if (!source) {
    return { model: buildFor(network, seed, config), settings: common, notices: [] };
  }
  const { model: loaded, notices: readings = [] } = await source.load();
  const target = request.keepsNetwork ? buildFor(network, seed, config) : undefined;
  let model = target;
  try {
    const otherClasses = source.classNames !== undefined && source.classNames.join() !== classNames.join();
    const transferred = await transferModel(loaded, { ...config, seed, otherClasses, target });
    model = transferred.model;
    const { newHead } = transferred;
    const made = newHead ? [`Layer "${newHead.layer}" of "${source.name}" is made anew: ${newHead.reason}`] : [];
    const notices = [...readings, ...made];
    const from = { model: loaded.name, weights: await weightsDigest(loaded), trainedWith: source.trainedWith };
    const told = { ...common, ...(target ? {} : source.network), from };
    const { freeze } = request;
    if (freeze === undefined) return { model, settings: told, notices };
    const frozen = freezeLayers(model, freeze as readonly string[]);
    return { model, settings: { ...told, frozen }, notices: [...notices, describeFrozen(model, frozen)] };
  } catch (error) {
    model?.dispose();
    throw error;
  } finally {
    loaded.dispose();
  }
}

function describeFrozen(model: tf.LayersModel, frozen: readonly string[]): string {
  const normalises = frozen.some((name) => model.getLayer(name).getClassName() === 'BatchNormalization');
  return `Frozen: ${frozen.join(', ')}${normalises ? '; their batch norms keep their averages, and normalise by them' : ''}`;
}

/** Images as a training takes them, and its model, which standardises them where that is asked for. */
export async function preprocessFor(
  { model, settings }: StartingPoint,
  set: Dataset,
  indices: Int32Array,
): Promise<{ readonly model: tf.LayersModel; readonly set: Dataset }> {
  const { preprocessing, from } = settings;
  if (preprocessing === undefined) return { model, set };
  const preprocessed = preprocessDataset(set, preprocessing);
  // A source has its own.
  const statistics = from ? undefined : inputStatistics(preprocessing, preprocessed, indices);
  if (!statistics) return { model, set: preprocessed };
  const standardising = await standardizeInput(model, statistics);
  model.dispose();
  return { model: standardising, set: preprocessed };
}
