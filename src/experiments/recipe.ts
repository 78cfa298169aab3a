// Recipes: a network, a training regime and an augmentation as one data file, so that a result can be repeated by name.
// Not here: the seed and the data, which whoever trains chooses. Invariant: a field that the schema does not know is an error.
import * as v from 'valibot';
import { SelvedgeError } from '../core/errors.ts';
import { type AugmentationSettings, augmentationSchema } from '../data/augmentation.ts';
import type { MixingSettings } from '../data/mixing.ts';
import { type PreprocessingName, preprocessingNames } from '../data/preprocessing.ts';
import { type ResamplingName, resamplingNames } from '../data/resample.ts';
import { type NetworkSettings, networkSchema } from '../models/index.ts';
import { platform } from '../platform/index.ts';
import type { Averaging, OptimizerConfig, Schedule, TaughtBy } from '../training/index.ts';

export interface Recipe {
  readonly network: NetworkSettings;
  readonly epochs: number;
  readonly batchSize: number;
  readonly optimizer: OptimizerConfig;
  readonly schedule: Schedule;
  readonly labelSmoothing: number;
  /** Default: none. */
  readonly classWeights?: 'balanced' | readonly number[];
  readonly focalGamma?: number;
  readonly logitAdjustment?: number;
  readonly clipNorm?: number;
  /** Whom from, whoever trains says. */
  readonly distillation?: TaughtBy;
  /** Of the training examples, by the seed; default: none. */
  readonly resampling?: ResamplingName;
  readonly averaging?: Averaging;
  /** Default: none. */
  readonly mixing?: MixingSettings;
  /** Default: none. */
  readonly augmentation?: AugmentationSettings;
  /** Default: none. */
  readonly preprocessing?: PreprocessingName;
  /** False trains on the validation images, too: for a recipe that was chosen, and whose network is measured on the test set. */
  readonly validation: boolean;
}

const number = v.number();
const count = v.pipe(number, v.integer(), v.minValue(1));
const positive = v.pipe(number, v.gtValue(0));
const fromZero = v.pipe(number, v.minValue(0));
/** From 0 to 1, and from 0 up to, not including, 1. */
const share = v.pipe(number, v.minValue(0), v.maxValue(1));
const part = v.pipe(number, v.minValue(0), v.ltValue(1));
const alpha = v.pipe(number, v.minValue(0), v.maxValue(1000));
const roles = ['kernel', 'bias', 'gamma', 'beta', 'alpha'] as const;
const learningRateFactors = v.exactOptional(v.record(v.picklist(roles), fromZero));
const warmUp = { warmUp: share, start: share };
const adam = { learningRate: positive, learningRateFactors, beta1: part, beta2: part, epsilon: positive };

const optimizer = v.variant('name', [
  v.strictObject({ name: v.literal('adam'), ...adam }),
  v.strictObject({ name: v.literal('adamw'), ...adam, weightDecay: fromZero }),
  v.strictObject({
    name: v.literal('sgd'),
    learningRate: positive,
    learningRateFactors,
    momentum: part,
    nesterov: v.boolean(),
    weightDecay: v.exactOptional(fromZero),
  }),
]);

const schedule = v.variant('name', [
  v.strictObject({ name: v.literal('constant'), ...warmUp }),
  v.strictObject({ name: v.literal('linear'), ...warmUp, final: share }),
  v.strictObject({ name: v.literal('cosine'), ...warmUp, final: share, cycles: v.exactOptional(count) }),
  v.strictObject({ name: v.literal('steps'), ...warmUp, at: v.array(share), factor: positive }),
]);

/** Schema of a recipe. Which numbers make sense together, and for a model, `fit` says. */
export const recipeSchema = v.strictObject({
  network: networkSchema,
  epochs: count,
  batchSize: count,
  optimizer,
  schedule,
  labelSmoothing: part,
  classWeights: v.exactOptional(v.union([v.literal('balanced'), v.array(fromZero)])),
  focalGamma: v.exactOptional(v.pipe(fromZero, v.maxValue(100))),
  logitAdjustment: v.exactOptional(v.pipe(fromZero, v.maxValue(100))),
  averaging: v.exactOptional(v.strictObject({ decay: part })),
  clipNorm: v.exactOptional(positive),
  distillation: v.exactOptional(
    v.strictObject({ temperature: v.pipe(positive, v.maxValue(1000)), share, once: v.exactOptional(v.boolean()) }),
  ),
  resampling: v.exactOptional(v.picklist(resamplingNames)),
  mixing: v.exactOptional(v.strictObject({ mixupAlpha: alpha, cutMixAlpha: alpha, probability: share })),
  augmentation: v.exactOptional(augmentationSchema),
  preprocessing: v.exactOptional(v.picklist(preprocessingNames)),
  validation: v.boolean(),
});

/** Recipes that ship. */
export const recipeNames = ['record-30', 'record-120', 'distilled', 'hog-linear'] as const;
export type RecipeName = (typeof recipeNames)[number];

/** So that bundlers and the page find the files. */
const shipped: Readonly<Record<RecipeName, () => URL>> = {
  'record-30': () => new URL('../../assets/recipes/record-30.json', import.meta.url),
  'record-120': () => new URL('../../assets/recipes/record-120.json', import.meta.url),
  distilled: () => new URL('../../assets/recipes/distilled.json', import.meta.url),
  'hog-linear': () => new URL('../../assets/recipes/hog-linear.json', import.meta.url),
};

/**
 * Refuses what is no recipe.
 *
 * @param value What a file held
 * @param name Of the file, for messages
 * @throws SelvedgeError `recipe/bad`, naming the field, what was expected and what was found
 * @example
 * ```ts
 * import { checkRecipe } from 'selvedge';
 * let message = '';
 * try {
 *   checkRecipe({ network: { family: 'plain' } }, 'mine.json');
 * } catch (error) {
 *   message = String(error);
 * }
 * console.assert(message.includes('network.stem'));
 * ```
 */
export function checkRecipe(value: unknown, name: string): Recipe {
  const result = v.safeParse(recipeSchema, value);
  if (result.success) return result.output as Recipe;
  const issue = result.issues[0];
  const where = v.getDotPath(issue) ?? 'the whole';
  throw new SelvedgeError(
    'recipe/bad',
    `Cannot train by recipe "${name}": ${where}: expected ${issue.expected ?? issue.message}, got ${issue.received}`,
  );
}

/**
 * Reads a recipe.
 *
 * @param recipe A name of `recipeNames`, or the path of a JSON file
 * @param folder That a path is relative to
 * @returns The recipe and a name for its results
 * @throws SelvedgeError `recipe/unknown`, `recipe/bad`
 */
export async function readRecipe(
  recipe: string,
  folder: string,
): Promise<{ readonly name: string; readonly recipe: Recipe }> {
  const isShipped = (recipeNames as readonly string[]).includes(recipe);
  const bytes = isShipped
    ? await platform.readUrl(shipped[recipe as RecipeName]())
    : await readRecipeFile(recipe, platform.files.resolve(folder, recipe));
  const name = isShipped ? recipe : recipe.replace(/^.*[\\/]/, '').replace(/\.json$/, '');
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new SelvedgeError('recipe/bad', `Cannot train by recipe "${recipe}": it is no JSON (${String(error)})`, {
      cause: error,
    });
  }
  return { name, recipe: checkRecipe(value, recipe) };
}

async function readRecipeFile(recipe: string, path: string): Promise<Uint8Array> {
  const status = await platform.files.status(path);
  if (status && !status.isFolder) return platform.files.readBytes(path);
  throw new SelvedgeError(
    'recipe/unknown',
    `Cannot train by recipe "${recipe}": expected ${recipeNames.join(', ')}, or a JSON file, got ${status ? 'a folder' : 'nothing'}`,
  );
}
