// The teacher that train is told to learn from: options, and which model they mean. Not here: what it teaches (training/teacher.ts).
import type * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import type { Dataset } from '../data/dataset.ts';
import { fashionMnistClassNames } from '../data/fashion-mnist.ts';
import type { Recipe } from '../experiments/index.ts';
import { isShippedName, modelFolderOf, shippedNames } from '../models/index.ts';
import { platform } from '../platform/index.ts';
import { distillationDefaults } from '../training/index.ts';
import { usageError } from './arguments.ts';
import { loadChosenModel, restoreShippedModel } from './chosen-model.ts';
import type { CommandContext } from './command.ts';
import { modelFiles, readMetadataAt } from './model-files.ts';
import { configOf, usualConfig } from './network-for-data.ts';
import { runPaths } from './run-files.ts';

const { files } = platform;

export const teacherOption = {
  teacher: {
    type: 'string',
    valueHint: 'run, path or name',
    description: `Learn from this model, too: a run, RUN/MODEL, one that ships (${shippedNames.join(', ')}), or a path: ${modelFiles} (default: none)`,
  },
} as const;

/** What recipes decide. */
export const distillationOptions = {
  temperature: {
    type: 'string',
    valueHint: 'number',
    description: `Softens the teacher's probabilities (default: ${distillationDefaults.temperature})`,
  },
  'teacher-share': {
    type: 'string',
    valueHint: 'share',
    description: `Of the teacher in the loss; labels have the rest (default: ${distillationDefaults.share})`,
  },
} as const;

/**
 * The folder or file of the model that `--teacher` means, or the name of one that ships, where no run has that name.
 *
 * @throws SelvedgeError `cli/usage`, and as `readMetadataAt`
 */
export async function teacherFolder(text: string, context: CommandContext): Promise<string> {
  const path = files.resolve(context.cwd, text);
  for (const at of [path, runPaths.model(path)]) if (await readMetadataAt(at)) return modelFolderOf(at);
  const refuse = (why: string): Error =>
    usageError(
      `Option "--teacher" got "${text}": expected a run, RUN/MODEL, ${shippedNames.join(', ')}, ${modelFiles}; ${why}`,
    );
  const [run, model] = text.split('/');
  if (!/^\w[\w.-]*(\/\w[\w.-]*)?$/.test(text)) throw refuse('this is none of them');
  const runFolder = files.resolve(context.cwd, 'runs', run!);
  if (model !== undefined) {
    const folder = runPaths.model(files.join(runFolder, model));
    if (await readMetadataAt(folder)) return folder;
    throw refuse('the run holds no such model, or its training is not finished');
  }
  const found: string[] = [];
  for (const name of await files.list(runFolder)) {
    if (await readMetadataAt(runPaths.model(files.join(runFolder, name)))) found.push(name);
  }
  if (found.length === 0 && isShippedName(text)) return text;
  if (found.length === 1) return runPaths.model(files.join(runFolder, found[0]!));
  throw refuse(
    found.length === 0 ? 'there is no such run with a finished model' : `the run holds ${found.toSorted().join(', ')}`,
  );
}

/** The path or name of the teacher, which a training has if its regime says so. */
export async function chooseTeacher(
  text: string | undefined,
  name: string,
  { distillation }: Recipe,
  context: CommandContext,
): Promise<string | undefined> {
  if (text === undefined && distillation)
    throw usageError(`Recipe "${name}" learns from a teacher: expected --teacher, too`);
  if (text === undefined) return undefined;
  if (!distillation)
    throw usageError(`Option "--teacher" needs a recipe with a "distillation", which "${name}" has not`);
  return teacherFolder(text, context);
}

/**
 * Loads a teacher that tells the classes of the data apart, by their order. The engine runs already; the caller disposes it.
 *
 * @param other Other data than Fashion-MNIST
 * @throws SelvedgeError `train/teacher-classes`, and as `loadChosenModel`
 */
export async function loadTeacher(folder: string, other: Dataset | undefined): Promise<tf.LayersModel> {
  const { model, classNames, metadata } = await (isShippedName(folder)
    ? restoreShippedModel(folder)
    : loadChosenModel(folder, 'train'));
  const expected = other?.classNames ?? fashionMnistClassNames;
  const shape = (other ? configOf(other) : usualConfig).inputShape.join('x');
  const seen = model.inputs[0]!.shape.slice(1).join('x');
  const isSame = classNames.length === expected.length;
  const isNamed = isSame && (!metadata.classNames || classNames.join() === expected.join());
  if (isNamed && seen === shape) return model;
  const [wanted, got] = isNamed
    ? [`images of ${shape}`, seen]
    : [`${expected.length} classes (${expected.join(', ')})`, `${classNames.length} (${classNames.join(', ')})`];
  throw new SelvedgeError(
    'train/teacher-classes',
    `Cannot learn from the model in "${folder}": expected ${wanted}, got ${got}`,
  );
}
