// Items of a picture's file by the detector that ships, on the engine of the thread that asks. Not here: which thread that is
// (own-thread.ts), whose engine (own-engine.ts). Invariant: engine and detector are opened at the first call.
import { findItems, openShippedDetector } from '../apps/detect/index.ts';
import { SelvedgeError } from '../core/errors.ts';
import type { ImageDecoder } from '../data/image-decoder.ts';
import type { FindRequest, PictureItems } from './detect-routes.ts';
import { onEngine } from './own-engine.ts';
import type { Answerer } from './own-thread.ts';

/** A finder of items. */
export function createItemFinder(decodeImage: ImageDecoder): Answerer<FindRequest, PictureItems> {
  const { use, close } = onEngine(openShippedDetector);
  return {
    async answer(bytes, { name, maximumPixels, threshold }) {
      const image = await decodeImage(bytes, { name, maximumPixels });
      const detector = await use();
      const { classNames } = detector.description;
      const { items, ground, isBlank } = findItems(detector, image, threshold === undefined ? {} : { threshold });
      if (isBlank) {
        throw new SelvedgeError('image/blank', `Cannot find items in "${name}": nothing stands out from its ground`);
      }
      return {
        width: image.width,
        height: image.height,
        ground,
        items: items.map(({ label, score, box: [left, top, right, bottom] }) => ({
          class: classNames[label]!,
          score: short(score),
          box: { left: short(left), top: short(top), width: short(right - left), height: short(bottom - top) },
        })),
      } satisfies PictureItems;
    },
    close,
  };
}

/** As `selvedge detect --json` has them. */
const short = (value: number): number => Number(value.toFixed(4));
