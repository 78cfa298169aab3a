// selvedge evaluate: measure a trained model of a run, or one that ships, on the test set.
import type * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { placeDataset } from '../data/batches.ts';
import type { Dataset } from '../data/dataset.ts';
import { keepsPictures, type PreprocessingName, preprocessDataset } from '../data/preprocessing.ts';
import { type Evaluation, evaluateModel } from '../evaluation/evaluate.ts';
import { predictViews, type ViewsName, viewsOf } from '../evaluation/views.ts';
import { isShippedName, loadModel, type ShippedName } from '../models/index.ts';
import { createPredictor } from '../plan/index.ts';
import { platform } from '../platform/index.ts';
import { isGiven } from './arguments.ts';
import { shippedViews } from './chosen-classifier.ts';
import { restoreShippedModel } from './chosen-model.ts';
import { command } from './command.ts';
import { loadData, loadRunData } from './data.ts';
import {
  checkThreads,
  dataFolder,
  dataOption,
  modelFolder,
  modelOfRunOption,
  runFolder,
  runOption,
  threadsOption,
  useEngine,
  viewsOption,
} from './options.ts';
import { readProvenance, requireSameData, runPaths, writeJson } from './run-files.ts';
import { preprocessingOf } from './starting-point.ts';

const PREDICT_BATCH = 250;

interface EvaluateOptions {
  /** How the model wants its images; default: as they are. */
  readonly preprocessing?: PreprocessingName | undefined;
  readonly views?: ViewsName;
  readonly onUnplanned?: (reason: string) => void;
}

/**
 * Evaluates a model on a data set of the running backend.
 *
 * @param options Views of an image to average over; who hears why the model runs op by op, if it does
 */
export async function evaluateOn(
  model: tf.LayersModel,
  name: string,
  raw: Dataset,
  { views = 'single', preprocessing, onUnplanned }: EvaluateOptions = {},
): Promise<Evaluation> {
  if (views !== 'single' && preprocessing !== undefined && !keepsPictures(preprocessing)) {
    throw new SelvedgeError(
      'evaluate/views',
      `Cannot average over views of images preprocessed by "${preprocessing}": they are no pictures that can be moved`,
    );
  }
  const set = preprocessing === undefined ? raw : preprocessDataset(raw, preprocessing);
  const resident = placeDataset(set);
  const predictor = createPredictor(model, { batchSize: PREDICT_BATCH });
  if (predictor.unplanned !== undefined) onUnplanned?.(predictor.unplanned);
  const examples = resident.examples();
  const predict = async (start: number, end: number): Promise<Float32Array> => {
    // So that Ctrl-C is heard between batches.
    await platform.giveWay();
    if (views === 'single') return predictor.predictExamples(examples, start, end);
    const positions = Int32Array.from({ length: end - start }, (_, i) => start + i);
    const { x, y } = examples.batch(positions);
    const images = x.dataSync<'float32'>();
    x.dispose();
    y.dispose();
    const shape = [set.height, set.width, set.channels] as const;
    return predictViews(images, shape, views, (seen) => predictor.predict(seen));
  };
  try {
    const { labels, classNames } = set;
    return await evaluateModel(
      predict,
      { name: 'test', classNames, labels },
      { model: name, batchSize: PREDICT_BATCH },
    );
  } finally {
    predictor.dispose();
    resident.dispose();
  }
}

export const evaluate = command({
  name: 'evaluate',
  description: 'Measure a trained model, or best or distilled of those that ship, on the test set',
  args: {
    ...runOption,
    ...modelOfRunOption,
    ...viewsOption,
    ...dataOption,
    ...threadsOption,
  },
  async run(args, context, rawArgs) {
    const { run, model: name, data, threads } = args;
    if (
      !isGiven(rawArgs, 'run') &&
      isShippedName(name) &&
      name !== 'dropout' &&
      !(await platform.files.status(runFolder(context, run, name)))
    ) {
      checkThreads(threads);
      const { views = shippedViews[name] } = args;
      const [{ test }] = await Promise.all([loadData(context, data), useEngine(threads)]);
      const { predictions: _, ...json } = await evaluateShipped(name, test, views);
      return { json: { ...json, views }, text: describe(json, `The shipped model ${name}`, views) };
    }
    const { views = 'single' } = args;
    const folder = await modelFolder(context, run, name);
    const provenance = await readProvenance(folder);
    checkThreads(threads);
    const [{ test, source }] = await Promise.all([
      loadRunData(context, data, provenance.source, dataFolder(context, run)),
      useEngine(threads),
    ]);
    requireSameData(folder, provenance, source);
    const { model, metadata } = await loadModel(runPaths.model(folder));
    const isVerbose = (args as { verbose?: boolean }).verbose === true;
    const evaluation = await evaluateOn(model, name, test, {
      views,
      preprocessing: preprocessingOf(metadata),
      onUnplanned: (reason) => {
        if (isVerbose) context.writeError(`${name} predicts op by op: ${reason}\n`);
      },
    });
    model.dispose();
    // A figure of several views says so, wherever it is read again.
    await writeJson(runPaths.evaluation(folder), { ...evaluation, views });
    const { predictions: _, ...json } = evaluation;
    return { json: { ...json, views }, text: describe(evaluation, folder, views) };
  },
});

/** Evaluates a model that ships, as the file that users get computes. */
async function evaluateShipped(name: ShippedName, set: Dataset, views: ViewsName): Promise<Evaluation> {
  const { model, classNames } = await restoreShippedModel(name);
  try {
    requireClasses(name, classNames, set);
    return await evaluateOn(model, name, set, { views });
  } finally {
    model.dispose();
  }
}

/** What ships knows the classes of Fashion-MNIST, and images of its size. */
function requireClasses(name: string, classNames: readonly string[], set: Dataset): void {
  const expected = `28x28x1 of ${classNames.join(', ')}`;
  const got = `${[set.height, set.width, set.channels].join('x')} of ${set.classNames.join(', ')}`;
  if (expected === got) return;
  throw new SelvedgeError(
    'run/other-data',
    `Cannot evaluate the shipped model ${name}: expected images of ${expected}, got ${got}`,
  );
}

function describe(evaluation: Omit<Evaluation, 'predictions'>, folder: string, views: ViewsName): string {
  const { low, high } = evaluation.accuracyInterval95;
  return [
    `${folder} on ${evaluation.count} test images${views === 'single' ? '' : `, averaged over ${viewsOf[views].length} views of each`}`,
    `loss ${evaluation.loss.toFixed(4)}, accuracy ${evaluation.accuracy.toFixed(4)} (95% interval ${low.toFixed(4)} to ${high.toFixed(4)})`,
    `${evaluation.correct} correct, ${evaluation.incorrect} incorrect`,
    '',
    evaluation.reportText.trimEnd(),
    '',
    `Weakest classes: ${evaluation.weakestClasses.map((found) => `${found.name} (f1 ${found['f1-score'].toFixed(2)})`).join(', ')}`,
    `Most confused: ${evaluation.mostConfusedPairs.map((pair) => `${pair.name} and ${pair.otherName} (${pair.total})`).join(', ')}`,
  ].join('\n');
}
