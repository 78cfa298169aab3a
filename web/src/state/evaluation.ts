// The evaluation that is shown, and the wrong predictions of it that are looked at.

import { signal } from '@preact/signals';
import { proxy } from 'comlink';
import type { MistakeFilter } from '../engine/evaluation.ts';
import type { EvaluationSummary, Mistake, ModelChoice } from '../engine/protocol.ts';
import { announce, asJob, engine, messageOf } from './engine.ts';

export const evaluatedModel = signal<ModelChoice>('small');
export const evaluation = signal<EvaluationSummary | undefined>(undefined);
export const evaluationError = signal('');
/** Share that is done, from 0 to 1. */
export const evaluationProgress = signal(0);

export const MISTAKES_PAGE = 24;

export interface MistakePage {
  readonly filter: MistakeFilter;
  readonly start: number;
  readonly total: number;
  readonly mistakes: readonly Mistake[];
}

export const mistakes = signal<MistakePage | undefined>(undefined);

export async function showMistakes(filter: MistakeFilter, start: number): Promise<void> {
  const model = evaluatedModel.value;
  const found = await engine.mistakesOf(model, filter, start, MISTAKES_PAGE);
  if (model === evaluatedModel.value) mistakes.value = { filter, start, ...found };
}

export async function showEvaluation(model: ModelChoice): Promise<void> {
  evaluatedModel.value = model;
  evaluationError.value = '';
  evaluation.value = undefined;
  mistakes.value = undefined;
  const found = await engine.findEvaluation(model);
  if (model !== evaluatedModel.value) return;
  evaluation.value = found;
  if (found) await showMistakes({}, 0);
}

export async function evaluate(model: ModelChoice): Promise<void> {
  await asJob('evaluation', async () => {
    evaluationError.value = '';
    evaluationProgress.value = 0;
    try {
      const onProgress = (share: number): void => {
        evaluationProgress.value = share;
      };
      const { code, message } = await engine.evaluate(model, proxy(onProgress));
      if (code !== 0) evaluationError.value = message;
      else {
        await showEvaluation(model);
        announce(`Evaluated: test accuracy ${(100 * (evaluation.value?.accuracy ?? 0)).toFixed(1)}%`);
      }
    } catch (error) {
      evaluationError.value = messageOf(error);
    }
  });
}
