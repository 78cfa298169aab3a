// The model that a command is told to use: of a run, of a folder, or one that ships. Not here: what is done with it.
// Invariant: it takes images of one size, and each of its classes has a name.
import type * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { checkPreparation, type Preparation, preparationOf, usualPreparation } from '../data/preparation.ts';
import type { PreprocessingName } from '../data/preprocessing.ts';
import {
  type LoadedModel,
  loadShippedModel,
  readShippedFile,
  type ShippedName,
  shippedModelFolder,
} from '../models/index.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import type { CommandContext } from './command.ts';
import { loadExported, loadModelAt, modelFiles } from './model-files.ts';
import { modelFolder } from './options.ts';
import { runPaths } from './run-files.ts';
import { preprocessingOf } from './starting-point.ts';

export const chosenModelOptions = {
  run: { type: 'string', valueHint: 'name', description: 'Use a model of this run (default: one that ships)' },
  model: {
    type: 'string',
    valueHint: 'name',
    description:
      'Model of the run: a network, a recipe or ensemble (default: dropout); without a run one that ships (default: best)',
  },
  'model-folder': {
    type: 'string',
    valueHint: 'path',
    description: `Use the model of this path: ${modelFiles}`,
  },
} as const;

export interface Choice {
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

/** What a command does with a model. */
type Action = keyof typeof refusals;

const refusals = {
  predict: 'Cannot predict with',
  export: 'Cannot export',
  explain: 'Cannot explain',
  index: 'Cannot index by',
  similar: 'Cannot compare by',
  measure: 'Cannot measure',
  train: 'Cannot learn from',
  categorise: 'Cannot categorise with',
} as const;

/** A model with the names of its classes. */
export interface ChosenModel extends LoadedModel {
  /** None for one that ships. */
  readonly folder?: string;
  readonly classNames: readonly string[];
  /** How it wants its images; undefined: as they are. */
  readonly preprocessing: PreprocessingName | undefined;
}

/**
 * Loads a model for a command. The engine runs already; the caller disposes the model.
 *
 * @param action What the command does, for codes and messages of errors
 * @throws SelvedgeError `models/…`, `<action>/model-shape`, `<action>/class-names`, `<action>/preprocessing`
 */
export async function loadChosenModel(folder: string, action: Action): Promise<ChosenModel> {
  const loaded = await (folder === shippedModelFolder() ? loadShippedModel() : loadModelAt(folder));
  const preprocessing = preprocessingOf(loaded.metadata);
  // Standardisation is a layer of the model, and does not come here to be done.
  if (action !== 'predict' && preprocessing !== undefined && preprocessing !== 'standardize') {
    loaded.model.dispose();
    throw new SelvedgeError(
      `${action}/preprocessing`,
      `${refusals[action]} the model in "${folder}": it wants images preprocessed by "${preprocessing}", which only ` +
        'predict and evaluate do',
    );
  }
  return { ...loaded, folder, preprocessing, classNames: classNamesOf(loaded, folder, action) };
}

/** A model that ships, as its classifier computes. The engine runs already; the caller disposes the model. */
export async function restoreShippedModel(name: ShippedName): Promise<ChosenModel> {
  const { model, metadata } = await loadExported(await readShippedFile(name));
  return { model, metadata, classNames: metadata.classNames as readonly string[], preprocessing: undefined };
}

/**
 * How pictures become images for a model.
 *
 * @throws SelvedgeError `<action>/model-shape`, `preparation/bad`
 */
export function preparationFor(chosen: ChosenModel, action: Action): Preparation {
  const { model, metadata, folder, preprocessing } = chosen;
  const settings = (metadata.settings ?? {}) as { readonly preparation?: unknown };
  // Preprocessing may change the shape; what comes before it is the data's.
  if (preprocessing !== undefined)
    return settings.preparation ? checkPreparation(settings.preparation) : usualPreparation;
  const shape = model.inputs[0]!.shape.slice(1).map((extent) => extent ?? 0);
  const preparation = preparationOf(shape, settings);
  if (preparation) return preparation;
  throw new SelvedgeError(
    `${action}/model-shape`,
    `${refusals[action]} the model ${folder === undefined ? model.name : `in "${folder}"`}: expected square images, grey or in colour, got [${shape.join(', ')}]`,
  );
}

/** Names saved beside the model; a model of stock tfjs has none, and its classes are numbered. */
function classNamesOf({ model, metadata }: LoadedModel, folder: string, action: Action): readonly string[] {
  const shape = (tensor: unknown): string => `[${(tensor as tf.SymbolicTensor).shape.slice(1).join(', ')}]`;
  const { inputs, outputs } = model;
  const cannot = refusals[action];
  const classes = outputs[0]!.shape.at(-1)!;
  if (inputs.length !== 1 || outputs.length !== 1 || inputs[0]!.shape.length !== 4 || outputs[0]!.shape.length !== 2) {
    throw new SelvedgeError(
      `${action}/model-shape`,
      `${cannot} the model in "${folder}": expected images [height, width, channels] to class probabilities, ` +
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

/** What the model says of its training. */
export function trainedAs({ settings, accuracy, fingerprint }: LoadedModel['metadata']): object {
  return Object.fromEntries(
    Object.entries({ settings, accuracy, fingerprint }).filter(([, value]) => value !== undefined),
  );
}
