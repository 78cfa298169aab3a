// An inspector in this tab: learnt from good pictures, asked about others. Not here: how it tells, which is the package's.
// The engine is loaded only where a defect is made. Invariant: pictures that are looked at are none of those that were learnt from.
import { farthestOf, fitInspector, type Inspector, inspectImages, paintInspection } from 'selvedge/apps/inspect';
import inspectionAddress from 'selvedge/assets/models/inspect/inspect.selvedge?url';
import type { Classifier } from 'selvedge/edge';
import { currentData } from './data.ts';
import { openNetwork, preparePicture } from './pictures.ts';
import type { DefectWish, GoodPictures, InspectAnswer, Learnt } from './protocol.ts';

const SIDE = 28;
const SIZE = SIDE * SIDE;
/** Test images of a class that are learnt from at most; half of what there is. */
const MOST_GOOD = 300;
/** Of where a defect was made. */
const MADE_COLOUR = [64, 156, 255, 190] as const;

let opened: Promise<Classifier> | undefined;

function network(): Promise<Classifier> {
  opened ??= openNetwork(inspectionAddress).catch((error: unknown) => {
    opened = undefined;
    throw error;
  });
  return opened;
}

interface Known {
  readonly inspector: Inspector;
  readonly className: string;
  /** Test images of the class that it has not seen. */
  readonly others: Uint8Array;
}

let known: Known | undefined;

/** Learns what is good. */
export async function learnGood(good: GoodPictures, falseAlarms: number): Promise<Learnt> {
  const { images, others, name, refused } = await (good.kind === 'class' ? ofClass(good.label) : ofFiles(good.files));
  const inspector = fitInspector(images, await network(), { falseAlarms });
  known = { inspector, className: name, others };
  const { learntFrom, heldOut } = inspector;
  return { name, learntFrom, heldOut: heldOut.length, falseAlarms, refused, hasOthers: others.length > 0 };
}

interface Good {
  readonly name: string;
  readonly images: Uint8Array;
  readonly others: Uint8Array;
  readonly refused: readonly string[];
}

async function ofClass(label: number): Promise<Good> {
  const { test } = await currentData();
  const indices = [...test.labels.keys()].filter((i) => test.labels[i] === label);
  const count = Math.min(MOST_GOOD, indices.length >> 1);
  const imagesOf = (some: readonly number[]): Uint8Array => {
    const images = new Uint8Array(some.length * SIZE);
    some.forEach((index, i) => {
      images.set(test.images.subarray(index * SIZE, (index + 1) * SIZE), i * SIZE);
    });
    return images;
  };
  return {
    name: test.classNames[label]!,
    images: imagesOf(indices.slice(0, count)),
    others: imagesOf(indices.slice(count)),
    refused: [],
  };
}

async function ofFiles(files: readonly File[]): Promise<Good> {
  const images = new Uint8Array(files.length * SIZE);
  const refused: string[] = [];
  let count = 0;
  for (const file of files) {
    try {
      images.set((await preparePicture({ kind: 'file', name: file.name, blob: file })).pixels, count * SIZE);
      count++;
    } catch (error) {
      refused.push(error instanceof Error ? error.message : String(error));
    }
  }
  return { name: 'your own', images: images.subarray(0, count * SIZE), others: new Uint8Array(0), refused };
}

function current(): Known {
  if (known) return known;
  throw new Error('Cannot inspect: nothing was learnt yet');
}

async function inspect(name: string, pixels: Uint8Array): Promise<InspectAnswer> {
  const { inspector } = current();
  const [found] = inspectImages(inspector, await network(), pixels);
  const { isAlarm, probability, map } = found!;
  const farthest = farthestOf(map, SIDE);
  const deviates = map[farthest.y * SIDE + farthest.x]! > 1;
  const { falseAlarms } = inspector.settings;
  return {
    name,
    pixels,
    isAlarm,
    probability,
    falseAlarms,
    where: paintInspection(map),
    ...(deviates && { farthest }),
  };
}

export async function inspectFile(name: string, blob: Blob): Promise<InspectAnswer> {
  return inspect(name, (await preparePicture({ kind: 'file', name, blob })).pixels);
}

/** A test image that was not learnt from, with a defect or as it is; the seed chooses both. */
export async function inspectMade({ kind, size, seed }: DefectWish): Promise<InspectAnswer> {
  const { others, className } = current();
  const number = seed % (others.length / SIZE);
  const image = others.slice(number * SIZE, (number + 1) * SIZE);
  if (kind === 'none') return inspect(`${className} ${seed} as it is`, image);
  const [{ makeDefects }] = await Promise.all([
    import('selvedge/apps'),
    import('./commands.ts').then(({ startEngine }) => startEngine()),
  ]);
  const { images, masks } = makeDefects(image, { kind, size, seed, width: SIDE, height: SIDE });
  const made = new Uint8ClampedArray(4 * SIZE);
  masks.forEach((isMade, i) => {
    if (isMade === 1) made.set(MADE_COLOUR, 4 * i);
  });
  return { ...(await inspect(`${className} ${seed} with a ${size} ${kind}`, images)), made };
}
