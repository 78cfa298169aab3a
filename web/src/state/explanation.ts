// What the model looks at in the picture that it has answered for: whether that is wanted, by which method, and the painted map.
// Only the newest answer counts. Not here: the answer (classify.ts).
import { effect, signal } from '@preact/signals';
import type { MethodName } from 'selvedge/explain';
import { answer, chosenModel } from './classify.ts';
import { announce, engine, messageOf } from './engine.ts';

export const isExplanationWanted = signal(false);
export const explanationMethod = signal<MethodName>('grad-cam');
/** Red, green, blue and opacity of each pixel of the answer's picture. */
export const explanation = signal<Uint8ClampedArray | undefined>(undefined);
export const explanationError = signal('');
export const isExplaining = signal(false);

let asked = 0;

effect(() => {
  const [found, method, isWanted] = [answer.value, explanationMethod.value, isExplanationWanted.value];
  const turn = ++asked;
  explanation.value = undefined;
  explanationError.value = '';
  isExplaining.value = false;
  if (found && isWanted) void explain(turn, found.pixels, found.probabilities, method);
});

async function explain(
  turn: number,
  pixels: Uint8Array,
  probabilities: readonly number[],
  method: MethodName,
): Promise<void> {
  isExplaining.value = true;
  try {
    const label = probabilities.indexOf(Math.max(...probabilities));
    const painted = await engine.explainImage(chosenModel.peek(), pixels, label, method);
    if (turn !== asked) return;
    explanation.value = painted;
    announce('The picture shows what the model looks at');
  } catch (error) {
    if (turn === asked) explanationError.value = messageOf(error);
  } finally {
    if (turn === asked) isExplaining.value = false;
  }
}
