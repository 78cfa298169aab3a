// The model that a command is told to use: of a run, of a folder, or one that ships. Not here: what is done with it.
// Invariant: it takes images of the study's size, and each of its classes has a name.
import type * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import {
  type LoadedModel,
  loadModel,
  loadShippedModel,
  openShippedClassifier,
  type ShippedName,
  shippedModelFolder,
  shippedNames,
} from '../models/index.ts';
import { createPredictor } from '../plan/index.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import type { CommandContext } from './command.ts';
import { checkThreads, modelFolder, orBuild, useEngine } from './options.ts';
import { runPaths } from './run-files.ts';

export const chosenModelOptions = {
  run: { type: 'string', valueHint: 'name', description: 'Use a model of this run (default: one that ships)' },
  model: {
    type: 'string',
    valueHint: 'name',
    description: 'Model of the run: a network, a recipe or ensemble (default: dropout)',
  },
  'model-folder': { type: 'string', valueHint: 'folder', description: 'Use the model.json in this folder' },
} as const;

interface Choice {
  readonly run?: string | undefined;
  readonly model?: string | undefined;
  readonly 'model-folder'?: string | undefined;
}

/**
 * The folder of the model that the options choose.
 *
 * @throws SelvedgeError `cli/usage` where options contradict each other
 */
export async function chosenFolder(
  { run, model, 'model-folder': folder }: Choice,
  context: CommandContext,
): Promise<string> {
  if (run !== undefined && folder !== undefined)
    throw usageError('Options "--run" and "--model-folder" exclude each other');
  if (model !== undefined && run === undefined)
    throw usageError('Option "--model" needs "--run": it names a model of that run');
  if (folder !== undefined) return platform.files.resolve(context.cwd, folder);
  if (run !== undefined) return runPaths.model(await modelFolder(context, run, model ?? 'dropout'));
  return shippedModelFolder();
}

const withoutRun = (model: string): string =>
  `Option "--model" got "${model}" without "--run": expected one that ships (${shippedNames.join(', ')}), or --run too`;

/** What names probabilities, wherever it comes from. */
export interface ChosenClassifier {
  readonly name: string;
  /** None for one that ships. */
  readonly folder?: string;
  readonly classNames: readonly string[];
  /** What is known of its training. */
  readonly origin: { readonly settings?: unknown; readonly accuracy?: unknown; readonly fingerprint?: unknown };
  /** Why it runs op by op, if it does. */
  readonly unplanned?: string;
  /** Probabilities `[count, classes]` of images `[count, 28, 28, 1]`, levels from 0 to 255. */
  classify(images: Uint8Array): Float32Array;
  dispose(): void;
}

interface ClassifierChoice extends Choice {
  readonly threads?: string | undefined;
}

/** Opens the model that the options choose, which the caller disposes; without options `best` of those that ship. */
export async function openChosenClassifier(
  choice: ClassifierChoice,
  context: CommandContext,
): Promise<ChosenClassifier> {
  const { run, model, 'model-folder': chosen, threads } = choice;
  checkThreads(threads);
  const isShipped = run === undefined && chosen === undefined;
  const shipped = isShipped ? shippedNames.find((name) => name === (model ?? 'best')) : undefined;
  if (shipped) return openShipped(shipped);
  if (isShipped) throw usageError(withoutRun(model!));
  const folder = await chosenFolder(choice, context);
  await useEngine(threads);
  const { model: loaded, metadata, classNames } = await loadChosenModel(folder, 'predict');
  const predictor = createPredictor(loaded);
  const { settings, accuracy, fingerprint } = metadata;
  return {
    name: loaded.name,
    folder,
    classNames,
    origin: { settings, accuracy, fingerprint },
    ...(predictor.unplanned === undefined ? {} : { unplanned: predictor.unplanned }),
    classify: (images) => predictor.predict(Float32Array.from(images, (level) => level / 255)),
    dispose() {
      predictor.dispose();
      loaded.dispose();
    },
  };
}

/** Needs no engine: it runs on kernels of its own. */
export async function openShipped(name: ShippedName): Promise<ChosenClassifier> {
  const { model, classify } = await orBuild(() => openShippedClassifier(name));
  const { settings, accuracy, fingerprint } = model;
  return { name, classNames: model.labels, origin: { settings, accuracy, fingerprint }, classify, dispose() {} };
}

/** A model with the names of its classes. */
export interface ChosenModel extends LoadedModel {
  readonly classNames: readonly string[];
}

/**
 * Loads a model for a command. The engine runs already; the caller disposes the model.
 *
 * @param action What the command does, for codes and messages of errors
 * @throws SelvedgeError `models/…`, `<action>/model-shape`, `<action>/class-names`
 */
export async function loadChosenModel(folder: string, action: 'predict' | 'export'): Promise<ChosenModel> {
  const loaded = await (folder === shippedModelFolder() ? loadShippedModel() : loadModel(folder));
  return { ...loaded, classNames: classNamesOf(loaded, folder, action) };
}

/** Names saved beside the model; a model of stock tfjs has none, and its classes are numbered. */
function classNamesOf({ model, metadata }: LoadedModel, folder: string, action: string): readonly string[] {
  const shape = (tensor: unknown): string => `[${(tensor as tf.SymbolicTensor).shape.slice(1).join(', ')}]`;
  const { inputs, outputs } = model;
  const cannot = action === 'predict' ? 'Cannot predict with' : 'Cannot export';
  const classes = outputs[0]!.shape.at(-1)!;
  if (
    inputs.length !== 1 ||
    outputs.length !== 1 ||
    shape(inputs[0]) !== '[28, 28, 1]' ||
    outputs[0]!.shape.length !== 2
  ) {
    throw new SelvedgeError(
      `${action}/model-shape`,
      `${cannot} the model in "${folder}": expected images [28, 28, 1] to class probabilities, ` +
        `got ${inputs.map(shape).join(' and ')} to ${outputs.map(shape).join(' and ')}`,
    );
  }
  const names = metadata.classNames;
  if (names === undefined) return Array.from({ length: classes }, (_, label) => `class ${label}`);
  if (Array.isArray(names) && names.length === classes && names.every((name) => typeof name === 'string')) return names;
  throw new SelvedgeError(
    `${action}/class-names`,
    `${cannot} the model in "${folder}": expected ${classes} class names, got ${JSON.stringify(names)}`,
  );
}
