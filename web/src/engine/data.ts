// The data set in the worker: found once, described and shown to the page in parts.
// Not here: where it may lie, which the engine's loader knows. Invariant: no file is used before its digest was found right, and the
// sample never goes by the name of the whole.
import {
  countLabels,
  type Dataset,
  type DownloadProgress,
  fashionMnistFiles,
  type LoadedData,
  loadFashionMnist,
} from 'selvedge/data';
import { readFile, removePath, writeFile } from './files.ts';
import type { DataSummary, ImageList, SetName } from './protocol.ts';

/** Where the engine keeps fetched files, and where those of the user are put. */
const CACHE_FOLDER = '/cache/fashion-mnist';

/** The whole data set beside the page, if it was built with it. The page gives its own address as the worker's name. */
export const dataAddress: string | undefined = __HAS_DATA__ ? new URL('data/', self.name).href : undefined;

let loaded: Promise<LoadedData> | undefined;

/** The data set; found, and where it must be fetched, when it is first asked for. */
export function currentData(onProgress?: (progress: DownloadProgress) => void): Promise<LoadedData> {
  const places = { addresses: dataAddress === undefined ? [] : [dataAddress] };
  loaded ??= loadFashionMnist({ places, onProgress }).catch((error: unknown) => {
    loaded = undefined;
    throw error;
  });
  return loaded;
}

/** Looks for it anew the next time it is needed. */
export function forgetData(): void {
  loaded = undefined;
}

const summaryOf = (set: Dataset) => ({ count: set.count, labelCounts: countLabels(set) });

export async function describeData(onProgress: (progress: DownloadProgress) => void): Promise<DataSummary> {
  const { train, test, source, notices } = await currentData(onProgress);
  return { source, notices, classNames: train.classNames, train: summaryOf(train), test: summaryOf(test) };
}

/** Images of a class, or of any if no label is given, from the `start`th on. */
export async function imagesOf(
  name: SetName,
  label: number | undefined,
  start: number,
  count: number,
): Promise<ImageList> {
  const set = (await currentData())[name];
  const indices: number[] = [];
  let seen = 0;
  for (let i = 0; i < set.count && indices.length < count; i++) {
    if (label !== undefined && set.labels[i] !== label) continue;
    if (seen++ >= start) indices.push(i);
  }
  return imagesAt(set, indices);
}

/** The images at some indices of a set. */
export function imagesAt(set: Dataset, indices: readonly number[]): ImageList {
  const size = set.height * set.width;
  const pixels = new Uint8Array(indices.length * size);
  indices.forEach((index, i) => {
    pixels.set(set.images.subarray(index * size, (index + 1) * size), i * size);
  });
  return { pixels, indices, labels: indices.map((index) => set.labels[index]!) };
}

async function sha256(bytes: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export interface TakenFiles {
  readonly taken: readonly string[];
  readonly refused: readonly string[];
  /** Names of those that are still not here. */
  readonly missing: readonly string[];
}

/** Names of the files that are not kept yet. */
async function missingFiles(): Promise<string[]> {
  const names = Object.values(fashionMnistFiles).map(({ name }) => name);
  const found = await Promise.all(names.map((name) => readFile(`${CACHE_FOLDER}/${name}`)));
  return names.filter((_, i) => found[i] === undefined);
}

/** Keeps those of the user's files that are the data set's, whatever they are called; tells of the others. */
export async function takeFiles(files: readonly File[]): Promise<TakenFiles> {
  const taken: string[] = [];
  const refused: string[] = [];
  for (const file of files) {
    const bytes = await file.arrayBuffer();
    const digest = await sha256(bytes);
    const pinned = Object.values(fashionMnistFiles).find(({ sha256: expected }) => expected === digest);
    if (pinned === undefined) {
      refused.push(`"${file.name}" is none of the four files of Fashion-MNIST (sha256 ${digest.slice(0, 12)}…)`);
      continue;
    }
    await writeFile(`${CACHE_FOLDER}/${pinned.name}`, new Uint8Array(bytes));
    taken.push(pinned.name);
  }
  const missing = await missingFiles();
  if (missing.length === 0) forgetData();
  return { taken, refused, missing };
}

/** Takes the user's files away again. */
export async function removeFiles(): Promise<void> {
  await removePath(CACHE_FOLDER);
  forgetData();
}
