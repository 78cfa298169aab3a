// Finds Fashion-MNIST: a folder given, the cache, Debian's folder, HTTP, Debian's archive, and at last the shipped sample.
// Not here: parsing (idx.ts) and HTTP itself (download.ts). Invariant: no byte is parsed before the digest of its file was found
// right, and the sample never goes by the name of the whole.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { sha256 } from '../core/sha256.ts';
import { platform } from '../platform/index.ts';
import type { CommandResult } from '../platform/platform.ts';
import type { GivenSplit } from './arrange-parts.ts';
import { type Dataset, decodeDataset } from './dataset.ts';
import { type DownloadProgress, download } from './download.ts';
import {
  type DatasetFileNames,
  fashionMnistAddresses,
  fashionMnistClassNames,
  fashionMnistDebianFolder,
  fashionMnistFiles,
  type PinnedFile,
} from './fashion-mnist.ts';
import { gunzip } from './gzip.ts';
import type { DataOrigin, OtherKind } from './other-data.ts';
import type { Preparation } from './preparation.ts';
import { sampleFiles, sampleFileUrls } from './sample.ts';

/** Where Fashion-MNIST came from; or what another data set is: `idx` files, a folder of `pictures`, a `table` of them. */
export type SourceKind = 'folder' | 'cache' | 'debian' | 'http' | 'apt' | 'sample' | OtherKind;

/** Where the data came from. */
export interface DataSource {
  readonly kind: SourceKind;
  /** One phrase for people, for example `the folder "/data"`. */
  readonly description: string;
  /** True if this is the small shipped sample and not the whole data set. */
  readonly isSample: boolean;
  readonly files: readonly PinnedFile[];
  /** Of another data set than Fashion-MNIST: what to ask for to have it again. */
  readonly origin?: DataOrigin;
}

export interface LoadedData {
  readonly train: Dataset;
  readonly test: Dataset;
  readonly source: DataSource;
  /** Of another data set than Fashion-MNIST: which of the training set train and which validate. */
  readonly split?: GivenSplit;
  /** Of another data set than Fashion-MNIST: how a picture becomes an image of it; absent where none does. */
  readonly preparation?: Preparation;
  /** What the user should be told: why a source was passed over, and that the sample is a sample. */
  readonly notices: readonly string[];
}

export interface LoadOptions {
  /** Folder that must hold the four files, or those of the shipped sample; default: the environment variable SELVEDGE_DATA. */
  readonly folder?: string | undefined;
  /** Told of every piece of a download that arrives. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Whether the shipped sample may stand in for the whole; default true. */
  readonly allowSample?: boolean | undefined;
  /** Other places than the usual ones. */
  readonly places?: Partial<Places> | undefined;
}

/** Where the loader looks. */
export interface Places {
  /** The four files to look for. */
  readonly files: DatasetFileNames<PinnedFile>;
  /** Folder for fetched files. */
  readonly cacheFolder: string;
  readonly debianFolder: string;
  /** HTTP folders ending in a slash; default: that in the environment variable SELVEDGE_DATA_ADDRESS, or else upstream's. */
  readonly addresses: readonly string[];
  /** Silence after which a connection is given up. */
  readonly timeoutMs: number;
  /** Runs `apt-get` and `dpkg-deb`; null: do not ask Debian's archive. */
  readonly runCommand:
    | ((command: string, args: readonly string[], options?: { cwd?: string }) => Promise<CommandResult>)
    | null;
}

interface Found {
  readonly kind: SourceKind;
  readonly description: string;
  /** Compressed bytes, digests checked, in the order of the pinned files. */
  readonly files: DatasetFileNames<Uint8Array>;
}

/** The first bytes of every gzip file (RFC 1952); an IDX file begins with two zeros. */
const GZIP_MAGIC = [0x1f, 0x8b] as const;

const parts = ['trainImages', 'trainLabels', 'testImages', 'testLabels'] as const;
type Part = (typeof parts)[number];

/** All four at once. What throws is the first of them that fails, in their order, whichever is the fastest to fail. */
async function ofAllParts<T>(make: (part: Part) => Promise<T>): Promise<DatasetFileNames<T>> {
  const settled = await Promise.allSettled(parts.map(make));
  const values = settled.map((each) => {
    if (each.status === 'rejected') throw each.reason;
    return each.value;
  });
  return { trainImages: values[0]!, trainLabels: values[1]!, testImages: values[2]!, testLabels: values[3]! };
}

/**
 * Loads Fashion-MNIST from the first source that has it whole, checking each file's SHA-256.
 *
 * @param options `folder`, `onProgress` of downloads, `allowSample`, and other `places` to look in
 * @returns Training and test set, the source, and notices to show
 * @throws SelvedgeError `data/missing-file` or `data/wrong-hash` for a folder that was given and is not right; `data/not-found` if
 *   nothing has the data and the sample is not allowed; `gzip/corrupt`, `idx/…`, `dataset/…`
 * @example
 * ```ts
 * import { loadFashionMnist } from 'selvedge';
 * const { train, test, source } = await loadFashionMnist();
 * console.assert(source.isSample || (train.count === 60000 && test.count === 10000));
 * ```
 */
export async function loadFashionMnist(options: LoadOptions = {}): Promise<LoadedData> {
  const notices: string[] = [];
  const places = { ...usualPlaces(), ...options.places };
  const folder = options.folder ?? platform.environment('SELVEDGE_DATA');
  const allowSample = options.allowSample ?? true;
  const found = folder ? await readGivenFolder(folder, places, allowSample) : await findWhole(places, options, notices);
  if (found?.kind === 'sample') return decodeSample(found);
  if (found) return decodeFound(found, places.files, notices);
  if (allowSample) {
    const sample = await loadFashionMnistSample();
    return { ...sample, notices: [...notices, ...sample.notices] };
  }
  throw new SelvedgeError(
    'data/not-found',
    `Cannot find Fashion-MNIST: ${notices.join('; ')}; give the folder of its four .gz files by --data or SELVEDGE_DATA`,
  );
}

/**
 * Loads the small real sample that ships with the project: 2,000 training and 1,000 test images, as many of each class.
 *
 * @returns As `loadFashionMnist`, with `source.isSample` true and a notice that says so
 * @throws SelvedgeError `data/missing-file` or `data/wrong-hash` if the installation is damaged
 * @example
 * ```ts
 * import { loadFashionMnistSample } from 'selvedge';
 * const { train } = await loadFashionMnistSample();
 * console.assert(train.count === 2000);
 * ```
 */
export async function loadFashionMnistSample(): Promise<LoadedData> {
  return decodeSample(await readSample());
}

function decodeSample(found: Found): Promise<LoadedData> {
  return decodeFound(found, sampleFiles, [
    'Using the small real sample that ships with the project, 2,000 training and 1,000 test images, not the whole data set; ' +
      'results will be worse. Give the folder of the four .gz files by --data or SELVEDGE_DATA for the whole',
  ]);
}

function usualPlaces(): Places {
  const address = platform.environment('SELVEDGE_DATA_ADDRESS');
  return {
    files: fashionMnistFiles,
    cacheFolder: platform.files.join(platform.cacheFolder(), 'fashion-mnist'),
    debianFolder: fashionMnistDebianFolder,
    addresses: address === undefined ? (platform.reachesAnyHost ? fashionMnistAddresses : []) : [address],
    timeoutMs: 15_000,
    runCommand: platform.startsPrograms ? platform.runCommand : null,
  };
}

/** The first source of the whole data set; what fails on the way is noted and passed over. */
async function findWhole(places: Places, options: LoadOptions, notices: string[]): Promise<Found | undefined> {
  const sources: (() => Promise<Found | undefined>)[] = [
    () => readStanding('cache', `the cache "${places.cacheFolder}"`, places.cacheFolder, places),
    () => readStanding('debian', `Debian's "${places.debianFolder}"`, places.debianFolder, places),
    ...places.addresses.map((address) => () => fetchFrom(address, places, options)),
    () => fetchFromArchive(places),
  ];
  for (const source of sources) {
    try {
      const found = await source();
      if (found) return found;
    } catch (error) {
      notices.push(messageOf(error));
    }
  }
  return undefined;
}

/** A folder that was named must be right. It may be that of the shipped sample, which is then called so. */
async function readGivenFolder(folder: string, places: Places, allowSample: boolean): Promise<Found> {
  const path = platform.files.resolve(folder);
  try {
    return { kind: 'folder', description: `the folder "${path}"`, files: await readFolder(path, places.files) };
  } catch (error) {
    const sample = allowSample ? await readFolder(path, sampleFiles).catch(() => undefined) : undefined;
    if (sample === undefined) throw error;
    return { kind: 'sample', description: `the small sample in "${path}"`, files: sample };
  }
}

async function readSample(): Promise<Found> {
  const files = await ofAllParts((part) => readSampleFile(sampleFileUrls[part](), sampleFiles[part]));
  return { kind: 'sample', description: 'the small sample that ships with the project', files };
}

/** A folder that may well not be there; it counts only if all four files are, and right. */
async function readStanding(
  kind: SourceKind,
  description: string,
  folder: string,
  places: Places,
): Promise<Found | undefined> {
  for (const part of parts) {
    if (!(await platform.files.status(platform.files.join(folder, places.files[part].name)))) return undefined;
  }
  return { kind, description, files: await readFolder(folder, places.files) };
}

function readFolder(folder: string, pinned: DatasetFileNames<PinnedFile>): Promise<DatasetFileNames<Uint8Array>> {
  return ofAllParts((part) => readPinned(platform.files.join(folder, pinned[part].name), pinned[part]));
}

async function readSampleFile(url: URL, pinned: PinnedFile): Promise<Uint8Array> {
  try {
    return await checkDigest(await platform.readUrl(url), url.href, pinned);
  } catch (error) {
    if (error instanceof SelvedgeError) throw error;
    throw new SelvedgeError('data/missing-file', `Cannot read "${url.href}": ${messageOf(error)}`, { cause: error });
  }
}

async function readPinned(path: string, pinned: PinnedFile): Promise<Uint8Array> {
  const status = await platform.files.status(path);
  if (!status || status.isFolder) {
    throw new SelvedgeError(
      'data/missing-file',
      `Cannot read "${path}": expected ${pinned.name} of Fashion-MNIST, got ${status ? 'a folder' : 'nothing'}`,
    );
  }
  return checkDigest(await platform.files.readBytes(path), path, pinned);
}

/** Of the file as it is, and of what is inside. */
const digestsOf = ({ sha256: packed, unpackedSha256 }: PinnedFile): string[] =>
  unpackedSha256 === undefined ? [packed] : [packed, unpackedSha256];

async function checkDigest(bytes: Uint8Array, path: string, pinned: PinnedFile): Promise<Uint8Array> {
  const found = await sha256(bytes);
  if (digestsOf(pinned).includes(found)) return bytes;
  throw new SelvedgeError(
    'data/wrong-hash',
    `Cannot use "${path}": expected sha256 ${pinned.sha256}, got ${found} (${bytes.length} bytes)`,
  );
}

/** Fetches into the cache what it lacks or has wrong, then reads it. */
async function fetchFrom(address: string, places: Places, options: LoadOptions): Promise<Found> {
  for (const part of parts) {
    const pinned = places.files[part];
    const target = platform.files.join(places.cacheFolder, pinned.name);
    const isThere = await readPinned(target, pinned).then(
      () => true,
      () => false,
    );
    if (isThere) continue;
    await download({
      url: new URL(pinned.name, address).href,
      target,
      sha256: digestsOf(pinned),
      timeoutMs: places.timeoutMs,
      ...(options.onProgress ? { onProgress: options.onProgress } : {}),
    });
  }
  return { kind: 'http', description: address, files: await readFolder(places.cacheFolder, places.files) };
}

/** Downloads Debian's package and unpacks it without being root; the four files land in the cache. */
async function fetchFromArchive(places: Places): Promise<Found | undefined> {
  const { runCommand, cacheFolder } = places;
  if (runCommand === null) return undefined;
  const { files } = platform;
  const scratch = files.join(cacheFolder, `apt.${Date.now().toString(36)}.part`);
  const run = async (command: string, args: readonly string[]): Promise<void> => {
    const result = await runCommand(command, args, { cwd: scratch });
    if (result.code === 0) return;
    const reason = result.stderr.trim().split('\n').at(-1) ?? '';
    throw new SelvedgeError(
      'data/apt-failed',
      `Cannot run "${command} ${args.join(' ')}": code ${result.code}, ${reason}`,
    );
  };
  await files.makeFolder(scratch);
  try {
    const patience = ['-o', 'Acquire::http::Timeout=15', '-o', 'Acquire::Retries=1'];
    await run('apt-get', [...patience, 'download', 'dataset-fashion-mnist']);
    const packageName = (await files.list(scratch)).find((name) => name.endsWith('.deb'));
    if (packageName === undefined) {
      throw new SelvedgeError('data/apt-failed', 'Cannot unpack "dataset-fashion-mnist": apt-get left no .deb file');
    }
    await run('dpkg-deb', ['-x', packageName, 'unpacked']);
    const found = await readFolder(
      files.join(scratch, 'unpacked', ...fashionMnistDebianFolder.split('/').filter(Boolean)),
      places.files,
    );
    for (const part of parts) await files.write(files.join(cacheFolder, places.files[part].name), found[part]);
    return { kind: 'apt', description: "Debian's package dataset-fashion-mnist", files: found };
  } finally {
    await files.remove(scratch);
  }
}

async function decodeFound(
  found: Found,
  pinned: DatasetFileNames<PinnedFile>,
  notices: readonly string[],
): Promise<LoadedData> {
  const isSample = found.kind === 'sample';
  const name = isSample ? 'Fashion-MNIST sample' : 'Fashion-MNIST';
  const { trainImages, trainLabels, testImages, testLabels } = await ofAllParts(async (part) => {
    const fileName = pinned[part].name;
    const bytes = found.files[part];
    const isUnpacked = bytes[0] !== GZIP_MAGIC[0] || bytes[1] !== GZIP_MAGIC[1];
    return { name: fileName, bytes: isUnpacked ? bytes : await gunzip(bytes, { name: fileName }) };
  });
  const classNames = fashionMnistClassNames;
  const train = decodeDataset({ name: `${name} training set`, images: trainImages, labels: trainLabels, classNames });
  const test = decodeDataset({ name: `${name} test set`, images: testImages, labels: testLabels, classNames });
  const files = parts.map((part) => pinned[part]);
  const source: DataSource = { kind: found.kind, description: found.description, isSample, files };
  return { train, test, source, notices };
}
