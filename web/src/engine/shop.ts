// A shop in this tab: the test images as a catalogue, searched and recommended from by the package's own functions.
// Not here: how these work. This module brings the engine, so it is loaded when it is first needed.
// Invariant: a catalogue is of the data set that is in use now.
import {
  type Catalogue,
  type Embedder,
  makeCatalogue,
  openEmbedder,
  recommend,
  type ShopEvent,
  searchCatalogue,
} from 'selvedge/apps';
import type { LoadedData } from 'selvedge/data';
import { currentData } from './data.ts';
import { preparePicture } from './pictures.ts';
import type { FoundItem, Picture, SimilarAnswer } from './protocol.ts';
import { openedModel } from './trained-models.ts';

/** `dropout`: a thousand images a second or more. */
const MODEL = 'small';
const SHOWN = 12;

interface Shop {
  readonly data: LoadedData;
  readonly embedder: Embedder;
  readonly catalogue: Catalogue;
}

let opened: Promise<Shop> | undefined;
/** Opened once: it is of the model, whatever the data. */
let embedder: Embedder | undefined;

async function open(data: LoadedData, onProgress: (share: number) => void): Promise<Shop> {
  embedder ??= await openEmbedder(await openedModel(MODEL));
  const { test } = data;
  const ids = Array.from({ length: test.count }, (_, i) => String(i));
  const catalogue = await makeCatalogue(
    embedder,
    { ids, images: test.images, classNames: test.classNames },
    { onProgress: (done, total) => onProgress(done / total) },
  );
  return { data, embedder, catalogue };
}

async function currentShop(onProgress: (share: number) => void = () => {}): Promise<Shop> {
  const data = await currentData();
  const known = await opened?.catch(() => undefined);
  if (known?.data === data) return known;
  opened = open(data, onProgress);
  return opened;
}

function itemOf({ catalogue: { pictures, classNames, labels } }: Shop, row: number, reason: string): FoundItem {
  const { pixels, height, width } = pictures!;
  const size = height * width;
  return {
    index: row,
    class: classNames[labels[row]!]!,
    pixels: pixels.slice(row * size, (row + 1) * size),
    reason,
  };
}

/** The items that are most like a picture; the picture itself is not among them. */
export async function similarTo(picture: Picture, onProgress: (share: number) => void): Promise<SimilarAnswer> {
  const shop = await currentShop(onProgress);
  const { catalogue, embedder } = shop;
  const { pixels } = await preparePicture(picture);
  const [found] = await searchCatalogue(catalogue, embedder.embed(pixels).vectors, { count: SHOWN + 1 });
  const size = pixels.length;
  const isItself = (row: number): boolean =>
    pixels.every((level, i) => level === catalogue.pictures!.pixels[row * size + i]);
  const items = found!
    .filter(({ row }) => !isItself(row))
    .slice(0, SHOWN)
    .map(({ row, similarity }) => itemOf(shop, row, `${(100 * similarity).toFixed(1)}% alike`));
  return { name: picture.name, pixels, items, count: catalogue.count };
}

/** What may suit somebody who likes some items, the last liked last; nothing liked: typical items of each class. */
export async function recommendFor(liked: readonly number[]): Promise<FoundItem[]> {
  const shop = await currentShop();
  const events = liked.map(
    (index, i): ShopEvent => ({ timeMs: i * 3_600_000, kind: 'like', item: String(index), shopper: '' }),
  );
  const list = await recommend(shop.catalogue, events, { count: SHOWN });
  return list.map(({ row, reason: { words } }) => itemOf(shop, row, words));
}
