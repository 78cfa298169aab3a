// Evaluations for the page: of the models that ship, and what `selvedge evaluate` wrote of those trained here; wrong predictions in parts.
// Not here: how scores come about. Invariant: a page of mistakes is cut here, so that ten thousand predictions stay in the worker.
import { type Evaluation, evaluateModel } from 'selvedge/evaluation';
import { runWords, startEngine } from './commands.ts';
import { currentData, imagesAt } from './data.ts';
import { shippedClassifier } from './pictures.ts';
import {
  type CommandEnd,
  type EvaluationSummary,
  isShipped,
  type Mistake,
  type ModelChoice,
  type ShippedModel,
} from './protocol.ts';
import { PAGE_RUN, readEvaluation } from './runs.ts';

const BATCH = 100;

const shipped = new Map<ShippedModel, Evaluation>();

/** Measures a model that ships on the test set that is here. */
async function evaluateShipped(model: ShippedModel, onProgress: (share: number) => void): Promise<void> {
  // It counts with the engine.
  await startEngine();
  const [{ test }, classifier] = await Promise.all([currentData(), shippedClassifier(model)]);
  const size = test.height * test.width;
  const predict = async (start: number, end: number): Promise<Float32Array> => {
    onProgress(start / test.count);
    await new Promise((resolve) => setTimeout(resolve));
    return classifier.classify(test.images.subarray(start * size, end * size));
  };
  const { classNames, labels } = test;
  const set = { name: 'test', classNames, labels };
  shipped.set(model, await evaluateModel(predict, set, { model, batchSize: BATCH }));
}

export async function evaluate(model: ModelChoice, onProgress: (share: number) => void): Promise<CommandEnd> {
  if (!isShipped(model)) return runWords(['evaluate', '--run', PAGE_RUN, '--model', model]);
  await evaluateShipped(model, onProgress);
  return { code: 0, message: '' };
}

const find = async (model: ModelChoice): Promise<Evaluation | undefined> =>
  isShipped(model) ? shipped.get(model) : readEvaluation(model);

/** The evaluation without its predictions; undefined if there is none. */
export async function findEvaluation(model: ModelChoice): Promise<EvaluationSummary | undefined> {
  const found = await find(model);
  if (found === undefined) return undefined;
  const { predictions: _, ...summary } = found;
  return summary;
}

export interface MistakeFilter {
  readonly truth?: number | undefined;
  readonly label?: number | undefined;
}

/** Wrong predictions, or one cell of the confusion matrix, from the `start`th on. */
export async function mistakesOf(
  model: ModelChoice,
  { truth, label }: MistakeFilter,
  start: number,
  count: number,
): Promise<{ readonly total: number; readonly mistakes: Mistake[] }> {
  const [found, { test }] = await Promise.all([find(model), currentData()]);
  if (found === undefined || found.count !== test.count) return { total: 0, mistakes: [] };
  const { predictions } = found;
  const indices = predictions.truth.flatMap((actual, index) => {
    const predicted = predictions.label[index]!;
    const isWanted =
      truth === undefined && label === undefined
        ? actual !== predicted
        : (truth === undefined || actual === truth) && (label === undefined || predicted === label);
    return isWanted ? [index] : [];
  });
  const mistakes = indices.slice(start, start + count).map((index) => ({
    index,
    truth: predictions.truth[index]!,
    label: predictions.label[index]!,
    probability: predictions.probability[index]!,
    pixels: imagesAt(test, [index]).pixels,
  }));
  return { total: indices.length, mistakes };
}
