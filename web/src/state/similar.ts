// What was asked about in the shop, what is like it, what was liked, and what may suit. Only the newest question counts.
import { signal } from '@preact/signals';
import { proxy } from 'comlink';
import type { FoundItem, Picture, SimilarAnswer } from '../engine/protocol.ts';
import { plural } from '../parts/format.ts';
import { announce, engine, messageOf } from './engine.ts';

export const similarAnswer = signal<SimilarAnswer | undefined>(undefined);
export const similarError = signal('');
/** Share of the catalogue that is made; undefined while nothing is asked. */
export const searching = signal<number | undefined>(undefined);
/** In the order that they were liked. */
export const liked = signal<readonly FoundItem[]>([]);
export const suggestions = signal<readonly FoundItem[]>([]);

let asked = 0;
let suggested = 0;

export async function findSimilar(picture: Picture): Promise<void> {
  const turn = ++asked;
  searching.value = 0;
  similarError.value = '';
  const onProgress = (share: number): void => {
    if (turn === asked) searching.value = share;
  };
  try {
    const found = await engine.similarTo(picture, proxy(onProgress));
    if (turn !== asked) return;
    similarAnswer.value = found;
    announce(
      `${plural(found.items.length, 'item')} like ${picture.name}, the first: ${found.items[0]?.class ?? 'none'}`,
    );
  } catch (error) {
    if (turn !== asked) return;
    similarAnswer.value = undefined;
    similarError.value = messageOf(error);
  } finally {
    if (turn === asked) searching.value = undefined;
  }
}

export const isLiked = (index: number): boolean => liked.value.some((item) => item.index === index);

/** Likes an item, or no more. */
export async function toggleLiked(item: FoundItem): Promise<void> {
  liked.value = isLiked(item.index) ? liked.value.filter(({ index }) => index !== item.index) : [...liked.value, item];
  const turn = ++suggested;
  if (liked.value.length === 0) {
    suggestions.value = [];
    announce('Nothing is liked any more');
    return;
  }
  try {
    const found = await engine.recommendFor(liked.value.map(({ index }) => index));
    if (turn !== suggested) return;
    suggestions.value = found;
    announce(`${plural(liked.value.length, 'item')} liked, ${plural(found.length, 'suggestion')}`);
  } catch (error) {
    if (turn === suggested) similarError.value = messageOf(error);
  }
}
