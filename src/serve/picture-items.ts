// Items of a picture's file by the detector that ships, on the engine of the thread that asks. Not here: which thread that is
// (local-detector.ts). Invariant: engine and detector are opened at the first call; one that failed is tried again.

import type { Detector } from '../apps/detect/index.ts';
import { findItems, openShippedDetector } from '../apps/detect/index.ts';
import { currentBackend, startBackend } from '../backend/index.ts';
import { SelvedgeError } from '../core/errors.ts';
import type { ImageDecoder } from '../data/image-decoder.ts';
import type { DetectorService, PictureItems } from './detect-routes.ts';

/** Finds items; what it opened, it closes. */
export interface ItemFinder extends DetectorService {
  close(): Promise<void>;
}

interface Opened {
  readonly detector: Detector;
  close(): Promise<void>;
}

/** A finder that starts the engine where none runs, on one thread: an answer is the same on any number. */
export function createItemFinder(decodeImage: ImageDecoder): ItemFinder {
  let opened: Promise<Opened> | undefined;
  const open = (): Promise<Opened> => {
    opened ??= openDetector().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  return {
    async find(bytes, { name, maximumPixels, threshold }) {
      const image = await decodeImage(bytes, { name, maximumPixels });
      const { detector } = await open();
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
    async close() {
      const known = await opened?.catch(() => undefined);
      opened = undefined;
      await known?.close();
    },
  };
}

/** As `selvedge detect --json` has them. */
const short = (value: number): number => Number(value.toFixed(4));

async function openDetector(): Promise<Opened> {
  const engine = isEngineRunning() ? undefined : await startBackend({ threads: 1 });
  try {
    const detector = await openShippedDetector();
    return {
      detector,
      close: async () => {
        detector.dispose();
        await engine?.stop();
      },
    };
  } catch (error) {
    await engine?.stop();
    throw error;
  }
}

function isEngineRunning(): boolean {
  try {
    currentBackend();
    return true;
  } catch (error) {
    if (error instanceof SelvedgeError && error.code === 'backend/not-started') return false;
    throw error;
  }
}
