// Designs by the generator that ships: new ones, variations of a picture, the way between two. Not here: how they are made, which is the
// package's. This module brings the engine and fetches the generator, so it is loaded when it is first needed.
// Invariant: the same wish gives the pictures of `selvedge generate`, to the bit; who asks anew ends what was asked before.
import { type ClassMixture, designSheet, type Generator, openGenerator, seenClasses } from 'selvedge/apps';
import { encodeGrayPng } from 'selvedge/report';
import { startEngine } from './commands.ts';
import type { DesignAnswer, DesignWish, ShownPicture } from './protocol.ts';

type OnImages = (images: Uint8Array) => void | Promise<void>;

const SIDE = 28;
/** Designs that are made before the page hears of them. */
const AT_ONCE = 4;

let opened: Promise<Generator> | undefined;

function openOnce(): Promise<Generator> {
  opened ??= startEngine()
    .then(() => openGenerator())
    .catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
  return opened;
}

let asked = 0;

/** @param onImages Hears of those that are there so far */
export async function makeDesigns(wish: DesignWish, onImages: OnImages): Promise<DesignAnswer> {
  const turn = ++asked;
  const generator = await openOnce();
  const { description } = generator;
  const start = performance.now();
  const classesOf = async ({ pixels }: ShownPicture): Promise<ClassMixture> =>
    Object.keys(wish.shares).length > 0 && wish.kind === 'vary' ? wish.shares : seenClasses(pixels, description);
  const end = async (picture: ShownPicture) => ({ picture: picture.pixels, classes: await classesOf(picture) });
  const answer = (images: Uint8Array, classes: readonly ClassMixture[]): DesignAnswer => ({
    images,
    classes,
    durationMs: performance.now() - start,
  });

  const { steps, guidance, seed, count } = wish;
  if (wish.kind === 'between') {
    const [first, second] = [await end(wish.first), await end(wish.second)];
    const { images } = generator.between({ first, second, count, steps });
    return answer(images, [first.classes, second.classes]);
  }
  const varied = wish.kind === 'vary' ? { ...(await end(wish.first)), strength: wish.strength } : undefined;
  const classes = varied?.classes ?? wish.shares;
  const images = new Uint8Array(count * SIDE * SIDE);
  for (let first = 0; first < count && turn === asked; first += AT_ONCE) {
    const request = { classes, seed, steps, guidance, first, count: Math.min(AT_ONCE, count - first) };
    const part = varied ? generator.vary({ ...varied, ...request }) : generator.design(request);
    images.set(part.images, first * SIDE * SIDE);
    // Waited for, so that the page hears of all before it has the answer, and who asks anew is let in.
    await onImages(images.slice(0, (first + part.count) * SIDE * SIDE));
  }
  return answer(images, [classes]);
}

/** Designs as one PNG file, as `selvedge generate` writes it. */
export function encodeDesigns(images: Uint8Array): Uint8Array {
  return encodeGrayPng(designSheet({ images, count: images.length / (SIDE * SIDE), side: SIDE }));
}
