// What names classes for a command: a model that ships, on kernels of its own, or one of a run or a folder, on the engine.
// Not here: which options there are, reading models (chosen-model.ts). Invariant: pictures become its images in one way.
import { type Preparation, usualPreparation } from '../data/preparation.ts';
import { preprocessImages } from '../data/preprocessing.ts';
import type { ViewsName } from '../evaluation/views.ts';
import { isShippedName, openShippedClassifier, type ShippedName, shippedNames } from '../models/index.ts';
import { createPredictor } from '../plan/index.ts';
import { usageError } from './arguments.ts';
import { type Choice, chosenFolder, loadChosenModel, preparationFor, trainedAs } from './chosen-model.ts';
import type { CommandContext } from './command.ts';
import { checkThreads, orBuild, useEngine } from './options.ts';

/** What names probabilities, wherever it comes from. */
export interface ChosenClassifier {
  readonly name: string;
  /** None for one that ships. */
  readonly folder?: string;
  readonly classNames: readonly string[];
  /** What is known of its training. */
  readonly origin: object;
  /** Why it runs op by op, if it does. */
  readonly unplanned?: string;
  /** How a picture becomes one of its images. */
  readonly preparation: Preparation;
  /** By which it predicts, unless told otherwise. */
  readonly views: ViewsName;
  /** Probabilities `[count, classes]` of images `[count, height, width, channels]`, levels from 0 to 255. */
  classify(images: Uint8Array): Float32Array;
  dispose(): void;
}

interface ClassifierChoice extends Choice {
  readonly threads?: string | undefined;
}

/**
 * Opens the model that the options choose, which the caller disposes; without options `best` of those that ship.
 *
 * @throws SelvedgeError `cli/usage` where options contradict each other, `models/…`, `predict/…`
 */
export async function openChosenClassifier(
  choice: ClassifierChoice,
  context: CommandContext,
): Promise<ChosenClassifier> {
  const { run, model: name = 'best', 'model-folder': chosen, threads } = choice;
  checkThreads(threads);
  if (run === undefined && chosen === undefined) {
    return openShipped(requireShipped(name));
  }
  const folder = await chosenFolder(choice, context);
  await useEngine(threads);
  const loaded = await loadChosenModel(folder, 'predict');
  const { model, metadata, classNames, preprocessing } = loaded;
  const preparation = preparationFor(loaded, 'predict');
  const { side, channels } = preparation;
  const preprocess = (images: Uint8Array): Uint8Array => {
    const count = images.length / (side * side * channels);
    if (preprocessing === undefined || count === 0) return images;
    return preprocessImages({ images, count, height: side, width: side, channels }, preprocessing).images;
  };
  const predictor = createPredictor(model);
  return {
    name: model.name,
    folder,
    classNames,
    preparation,
    views: 'single',
    origin: trainedAs(metadata),
    ...(predictor.unplanned === undefined ? {} : { unplanned: predictor.unplanned }),
    classify: (images) => predictor.predict(Float32Array.from(preprocess(images), (level) => level / 255)),
    dispose() {
      predictor.dispose();
      model.dispose();
    },
  };
}

/** Views by which those that ship predict here: `best` is there for accuracy. */
export const shippedViews: Readonly<Record<ShippedName, ViewsName>> = {
  best: 'shifted',
  distilled: 'single',
  dropout: 'single',
};

/** @throws SelvedgeError `cli/usage` for a name that does not ship */
export function requireShipped(name: string): ShippedName {
  if (isShippedName(name)) return name;
  const expected = `one that ships (${shippedNames.join(', ')}), or "--run" too`;
  throw usageError(`Option "--model" got "${name}" without "--run": expected ${expected}`);
}

/** Opens a model that ships; it needs no engine. */
async function openShipped(name: ShippedName): Promise<ChosenClassifier> {
  const { model, classify } = await orBuild(() => openShippedClassifier(name));
  const origin = trainedAs({ ...model });
  const views = shippedViews[name];
  return { name, classNames: model.labels, preparation: usualPreparation, views, origin, classify, dispose() {} };
}
