// The picture in which items are looked for, and what was found. Only the newest question counts.
import { computed, signal } from '@preact/signals';
import type { FindAnswer, SceneWish } from '../engine/protocol.ts';
import { plural } from '../parts/format.ts';
import { announce, engine, messageOf } from './engine.ts';

export const findAnswer = signal<FindAnswer | undefined>(undefined);
export const findError = signal('');
export const isFinding = signal(false);
export const scene = signal<SceneWish>({ kind: 'plain', seed: 1 });
/** Items of a lower score are not shown. */
export const leastScore = signal(0.5);
/** Place in the list of what is pointed at; undefined: none. */
export const pointed = signal<number | undefined>(undefined);

export const shownItems = computed(
  () => findAnswer.value?.items.filter(({ score }) => score >= leastScore.value) ?? [],
);

let asked = 0;

async function ask(find: () => Promise<FindAnswer>): Promise<void> {
  const turn = ++asked;
  isFinding.value = true;
  findError.value = '';
  pointed.value = undefined;
  try {
    const found = await find();
    if (turn !== asked) return;
    findAnswer.value = found;
    announce(`${plural(shownItems.value.length, 'item')} found in ${found.name}`);
  } catch (error) {
    if (turn !== asked) return;
    findAnswer.value = undefined;
    findError.value = messageOf(error);
  } finally {
    if (turn === asked) isFinding.value = false;
  }
}

export const findInFile = (file: File): Promise<void> => ask(() => engine.findInFile(file.name, file));

export function findInScene(wish: SceneWish): Promise<void> {
  scene.value = wish;
  return ask(() => engine.findInScene(wish));
}
