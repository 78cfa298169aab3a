// What is to be designed, of which pictures, and what came of it. Only the newest wish counts.
import { computed, signal } from '@preact/signals';
import { proxy } from 'comlink';
import { designDefaults } from '../../../src/apps/generate/design-defaults.ts';
import type { ClassShares, DesignAnswer, DesignWish, Picture, ShownPicture } from '../engine/protocol.ts';
import { imageAt } from '../parts/image.tsx';
import { saveFile } from '../parts/save-file.ts';
import { announce, engine, messageOf } from './engine.ts';

export type DesignKind = DesignWish['kind'];
export type PictureEnd = 'first' | 'second';

export const MOST_SEED = 0xffff_ffff;
export const MOST_DESIGNS = 64;

export const kind = signal<DesignKind>('new');
/** Of new designs, and of variations; a class that is not in it has no share. */
export const shares = signal<Readonly<Record<'new' | 'vary', ClassShares>>>({ new: { Dress: 1 }, vary: {} });
const { seed, steps, guidance, strength } = designDefaults;
/** Those of `selvedge generate`, but for the count. */
export const settings = signal<Record<'count' | 'seed' | 'steps' | 'guidance' | 'strength', number>>({
  ...{ count: 12, seed, steps, guidance, strength },
});
export const ends = signal<Readonly<Partial<Record<PictureEnd, ShownPicture>>>>({});

/** What was made, for what; `images` grows until `answer` is there. */
export const made = signal<
  { readonly wish: DesignWish; readonly images: Uint8Array; answer?: DesignAnswer } | undefined
>(undefined);
export const designError = signal('');
export const isDesigning = signal(false);
/** Number of the design that is pointed at, from 0; undefined: none. */
export const pointed = signal<number | undefined>(undefined);

export const madeCount = computed(() => (made.value?.images.length ?? 0) / (28 * 28));

/** Shares in words, such as "Dress (3), Shirt (1)". */
export const describeShares = (some: ClassShares): string =>
  Object.entries(some)
    .map(([name, share], _, all) => (all.length === 1 ? name : `${name} (${share})`))
    .join(', ');

/** @throws Error where something is missing, in words */
function wishOf(): DesignWish {
  const { strength, ...rest } = settings.value;
  const { first, second } = ends.value;
  if (kind.value === 'new') {
    if (Object.keys(shares.value.new).length === 0) throw new Error('Choose a class or several first');
    return { kind: 'new', ...rest, shares: shares.value.new };
  }
  if (!first) throw new Error('Choose a picture first');
  if (kind.value === 'vary') return { kind: 'vary', ...rest, shares: shares.value.vary, first, strength };
  if (!second) throw new Error('Choose the other picture first');
  return { kind: 'between', ...rest, count: Math.max(2, rest.count), shares: {}, first, second };
}

let asked = 0;

export async function makeDesigns(): Promise<void> {
  const turn = ++asked;
  designError.value = '';
  pointed.value = undefined;
  isDesigning.value = true;
  try {
    const wish = wishOf();
    const onImages = (images: Uint8Array): void => {
      if (turn === asked) made.value = { wish, images };
    };
    const answer = await engine.makeDesigns(wish, proxy(onImages));
    if (turn !== asked) return;
    made.value = { wish, images: answer.images, answer };
    announce(`${wish.count} designs of ${answer.classes.map(describeShares).join(' to ')}`);
  } catch (error) {
    if (turn !== asked) return;
    made.value = undefined;
    designError.value = messageOf(error);
  } finally {
    if (turn === asked) isDesigning.value = false;
  }
}

/** Takes a picture for one end; one that cannot be read is told. */
export async function takePicture(end: PictureEnd, picture: Picture): Promise<void> {
  designError.value = '';
  try {
    ends.value = { ...ends.value, [end]: await engine.readPicture(picture) };
  } catch (error) {
    designError.value = messageOf(error);
  }
}

/** Goes on from a design. */
export function goOnFrom(number: number, next: DesignKind, end: PictureEnd): void {
  const pixels = imageAt(made.value!.images, number).slice();
  ends.value = { ...ends.value, [end]: { name: `design ${number + 1}`, pixels } };
  kind.value = next;
  announce(`Design ${number + 1} is taken`);
}

/** Saves all designs as one picture, or one of them. */
export async function saveDesigns(number?: number): Promise<void> {
  const { images } = made.value!;
  const bytes = await engine.encodeDesigns(number === undefined ? images : imageAt(images, number).slice());
  saveFile(
    new Blob([bytes as BlobPart], { type: 'image/png' }),
    number === undefined ? 'designs.png' : `design-${number + 1}.png`,
  );
}
