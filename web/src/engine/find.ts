// Items in pictures, by the detector that ships: of a file of the user's, or of a scene that is composed of test images.
// Not here: how they are found and scenes are made, which are the package's. This module brings the engine, so it is loaded when it is first
// needed. Invariant: the same seed and data give the same scene.
import {
  type Detector,
  defaultScenes,
  findItems,
  openScenes,
  openShippedDetector,
  overlapOf,
  type SceneComposer,
  type SceneItem,
} from 'selvedge/apps';
import type { LoadedData, RawImage } from 'selvedge/data';
import { startEngine } from './commands.ts';
import { currentData } from './data.ts';
import { decodeFile } from './pictures.ts';
import { type FindAnswer, LEAST_SCORE, type SceneWish } from './protocol.ts';

/** Longest side of a picture that is shown. */
const SHOWN_SIDE = 1024;
/** Larger than those that are measured, for more to find; items are as large. */
const settings = { ...defaultScenes, width: 256, height: 192, fewest: 4, most: 8 };
/** A box that overlaps an item's own by as much has found it. */
const FOUND_OVERLAP = 0.5;

let opened: Promise<Detector> | undefined;

function openDetector(): Promise<Detector> {
  opened ??= startEngine()
    .then(openShippedDetector)
    .catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
  return opened;
}

let scenes: { readonly data: LoadedData; readonly composer: SceneComposer } | undefined;

async function currentScenes(): Promise<SceneComposer> {
  await startEngine();
  const data = await currentData();
  if (scenes?.data !== data) {
    scenes?.composer.dispose();
    scenes = { data, composer: openScenes(data.test, settings) };
  }
  return scenes.composer;
}

/** Finds the items of a picture of any size. */
export async function findInFile(name: string, blob: Blob): Promise<FindAnswer> {
  return find(name, await decodeFile(blob, name));
}

/** Composes a scene and finds its items. */
export async function findInScene({ kind, seed }: SceneWish): Promise<FindAnswer> {
  const composer = await currentScenes();
  const { images, items } = composer.compose({ first: 0, count: 1, kind, seed });
  const levels = images.dataSync<'float32'>();
  images.dispose();
  const data = new Uint8ClampedArray(4 * levels.length);
  levels.forEach((level, i) => {
    const grey = Math.round(255 * level);
    data.set([grey, grey, grey, 255], 4 * i);
  });
  const image = { width: settings.width, height: settings.height, data };
  return find(`the scene ${seed}`, image, items[0]!);
}

async function find(name: string, image: RawImage, truth?: readonly SceneItem[]): Promise<FindAnswer> {
  const detector = await openDetector();
  const { classNames } = detector.description;
  const { items, isBlank } = findItems(detector, image, { threshold: LEAST_SCORE });
  if (isBlank) throw new Error(`Cannot find items in "${name}": nothing stands out from its ground`);
  return {
    name,
    width: image.width,
    height: image.height,
    shown: shownOf(image),
    items: items.map(({ label, score, box }) => ({
      class: classNames[label]!,
      score,
      box,
      ...(truth && {
        isRight: truth.some((one) => one.label === label && overlapOf(one.box, box) >= FOUND_OVERLAP),
      }),
    })),
    ...(truth && { laid: truth.map(({ label }) => classNames[label]!) }),
  };
}

/** As large as the page shows it: a photo's pixels are more than a screen has. */
function shownOf({ width, height, data }: RawImage): ImageData {
  const image = new ImageData(Uint8ClampedArray.from(data), width, height);
  const reduction = Math.max(width, height) / SHOWN_SIDE;
  if (reduction <= 1) return image;
  const whole = new OffscreenCanvas(width, height);
  whole.getContext('2d')!.putImageData(image, 0, 0);
  const [across, down] = [width, height].map((side) => Math.max(1, Math.round(side / reduction)));
  const context = new OffscreenCanvas(across!, down!).getContext('2d')!;
  context.drawImage(whole, 0, 0, across!, down!);
  return context.getImageData(0, 0, across!, down!);
}
