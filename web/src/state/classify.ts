// What is classified: the picture, the model that was chosen for it, and the answer. Only the newest picture counts.
import { signal } from '@preact/signals';
import type { Classification, ImageList, ModelChoice, Picture } from '../engine/protocol.ts';
import { announce, engine, messageOf } from './engine.ts';

export const chosenModel = signal<ModelChoice>('best');
export const answer = signal<Classification | undefined>(undefined);
export const classifyError = signal('');
export const isClassifying = signal(false);
/** One test image of each class, to try. */
export const examples = signal<ImageList | undefined>(undefined);

let asked = 0;
let last: Picture | undefined;

export async function classify(picture: Picture, classNames: readonly string[]): Promise<void> {
  const turn = ++asked;
  last = picture;
  isClassifying.value = true;
  classifyError.value = '';
  try {
    const found = await engine.classify(picture, chosenModel.value);
    if (turn !== asked) return;
    answer.value = found;
    const best = found.probabilities.indexOf(Math.max(...found.probabilities));
    announce(`${classNames[best]}, ${(100 * found.probabilities[best]!).toFixed(0)}%`);
  } catch (error) {
    if (turn !== asked) return;
    answer.value = undefined;
    classifyError.value = messageOf(error);
  } finally {
    if (turn === asked) isClassifying.value = false;
  }
}

/** The same picture, by another model. */
export async function chooseModel(model: ModelChoice, classNames: readonly string[]): Promise<void> {
  chosenModel.value = model;
  if (last) await classify(last, classNames);
}

export function clearAnswer(): void {
  asked++;
  last = undefined;
  answer.value = undefined;
  classifyError.value = '';
  isClassifying.value = false;
}
