// selvedge measure explain: how far each method's maps can be trusted, over the first images of the test set. Not here: how (src/explain).
import { evaluateExplanations } from '../../explain/index.ts';
import { describeEvaluation, progressOf, RANDOMISED_IMAGES, SEED, valuesOfTest } from '../explain-evaluation.ts';
import type { Measured, Subject } from './subject.ts';

const IMAGES = 500;

export async function measureExplanations({ model: load, data, context }: Subject): Promise<Measured> {
  const { model } = await load();
  const count = Math.min(IMAGES, data.test.count);
  const evaluation = await evaluateExplanations(model, valuesOfTest(data.test, count), {
    randomisedImages: Math.min(RANDOMISED_IMAGES, count),
    seed: SEED,
    onProgress: progressOf(context),
  });
  const { model: _, ...result } = evaluation;
  return { result: { seed: SEED, ...result, anchors: [] }, text: describeEvaluation(evaluation) };
}
