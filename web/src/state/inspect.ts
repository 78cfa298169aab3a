// What an inspector has learnt in this tab, and what it says of the picture that was asked about. Only the newest question counts.
import { signal } from '@preact/signals';
import type { DefectWish, GoodPictures, InspectAnswer, Learnt } from '../engine/protocol.ts';
import { percent, plural } from '../parts/format.ts';
import { announce, engine, messageOf } from './engine.ts';

export const learnt = signal<Learnt | undefined>(undefined);
export const learnError = signal('');
export const isLearning = signal(false);
/** Class whose test images are learnt from: ankle boots. */
export const goodLabel = signal(9);
export const falseAlarms = signal(0.05);
export const defectWish = signal<DefectWish>({ kind: 'hole', size: 'large', seed: 1 });
export const inspectAnswer = signal<InspectAnswer | undefined>(undefined);
export const inspectError = signal('');
export const isInspecting = signal(false);

let asked = 0;

export async function learn(good: GoodPictures): Promise<void> {
  const turn = ++asked;
  isLearning.value = true;
  isInspecting.value = false;
  learnError.value = '';
  inspectError.value = '';
  learnt.value = undefined;
  inspectAnswer.value = undefined;
  try {
    const found = await engine.learnGood(good, falseAlarms.value);
    if (turn !== asked) return;
    learnt.value = found;
    announce(`Learnt from ${plural(found.learntFrom, 'good picture')} of ${found.name}`);
  } catch (error) {
    if (turn === asked) learnError.value = messageOf(error);
  } finally {
    if (turn === asked) isLearning.value = false;
  }
}

async function ask(inspect: () => Promise<InspectAnswer>): Promise<void> {
  const turn = ++asked;
  isInspecting.value = true;
  inspectError.value = '';
  try {
    const found = await inspect();
    if (turn !== asked) return;
    inspectAnswer.value = found;
    announce(`${found.name}: ${verdictOf(found)}, p ${percent(found.probability, 1)}`);
  } catch (error) {
    if (turn !== asked) return;
    inspectAnswer.value = undefined;
    inspectError.value = messageOf(error);
  } finally {
    if (turn === asked) isInspecting.value = false;
  }
}

export const verdictOf = ({ isAlarm }: InspectAnswer): string => (isAlarm ? 'Deviates' : 'Good');

export const inspectFile = (file: File): Promise<void> => ask(() => engine.inspectFile(file.name, file));

export function inspectMade(wish: DefectWish): Promise<void> {
  defectWish.value = wish;
  return ask(() => engine.inspectMade(wish));
}
