// Reads the pictures of a list, on threads where there are many and threads can be had. Not here: what a list is from (picture-folder.ts,
// picture-table.ts), or whether the pictures make a data set (check-parts.ts).
// Invariant: images lie in the order of the list and have the bits of a picture that is read alone, whatever is read beside it.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import { decodeImage } from './image-codecs.ts';
import type { ListedPicture } from './picture-list.ts';
import { PicturePool, unlimitedWaiting } from './picture-pool.ts';
import { createPictureReader, type PictureReader } from './picture-reader.ts';
import type { Preparation } from './preparation.ts';

/** A file that gives no image. */
export interface UnreadPicture {
  readonly name: string;
  /** As of a SelvedgeError: `image/corrupt`, `picture/missing`, … */
  readonly code: string;
  readonly reason: string;
}

export interface ReadPictures {
  /** `[read, side, side, channels]`. */
  readonly images: Uint8Array;
  /** Positions in the list of those that were read, in its order. */
  readonly positions: Int32Array;
  readonly unread: readonly UnreadPicture[];
}

export interface ReadPicturesOptions {
  readonly preparation: Preparation;
  /** Threads; default: one a core. 0: none but the one that calls. */
  readonly threads?: number | undefined;
  /** Hears how many files have been read, now and then. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Below, threads take longer to start than pictures to be read. */
const WORTH_THREADS = 64;
/** Files that are open for each thread: one is read from the disk while others are decoded. */
const OPEN_A_THREAD = 4;
/** Between two reports. */
const REPORT_EVERY = 256;
/** More than this is not copied into a memory of 4 GiB beside a network. */
const MAXIMUM_BYTES = 0x80000000;

/**
 * Reads pictures.
 *
 * @param pictures The files
 * @param options What becomes of a picture
 * @returns Their images, and the files that gave none
 * @throws SelvedgeError `data/too-large` before anything is read
 * @example
 * ```ts no-run
 * import { listPictureFolder, readPictures } from 'selvedge';
 * const { pictures } = await listPictureFolder('animals');
 * const { positions, unread } = await readPictures(pictures, { preparation: { side: 32, channels: 3, fit: 'whole' } });
 * console.log(`${positions.length} read; not: ${unread.map(({ name }) => name).join(', ')}`);
 * ```
 */
export async function readPictures(
  pictures: readonly ListedPicture[],
  { preparation, threads, onProgress }: ReadPicturesOptions,
): Promise<ReadPictures> {
  const { side, channels } = preparation;
  const imageBytes = side * side * channels;
  requireRoom(pictures.length, imageBytes);
  const images = new Uint8Array(pictures.length * imageBytes);
  const failures: (UnreadPicture | undefined)[] = new Array(pictures.length);
  const pool = pictures.length < WORTH_THREADS ? undefined : await startPool(threads);
  const read = pool?.read ?? createPictureReader(decodeImage);
  const openFiles = pool ? pool.threads * OPEN_A_THREAD : 1;
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < pictures.length; i = next++) {
      const picture = pictures[i]!;
      const found = await readOne(picture, read, preparation);
      if (found instanceof Uint8Array) images.set(found, i * imageBytes);
      else failures[i] = found;
      done++;
      if (done % REPORT_EVERY === 0 || done === pictures.length) onProgress?.(done, pictures.length);
    }
  };
  try {
    await Promise.all(Array.from({ length: openFiles }, work));
  } finally {
    await pool?.close();
  }
  return keepRead(images, imageBytes, failures, pictures.length);
}

function requireRoom(count: number, imageBytes: number): void {
  if (count * imageBytes <= MAXIMUM_BYTES) return;
  throw new SelvedgeError(
    'data/too-large',
    `Cannot hold ${count} pictures of ${imageBytes} bytes: expected at most ${MAXIMUM_BYTES} bytes together, got ` +
      `${count * imageBytes}; prepare them smaller, or in grey`,
  );
}

/** Undefined where there are no threads: then the one that asks reads. */
async function startPool(threads: number | undefined): Promise<PicturePool | undefined> {
  if (threads === 0 || !platform.connectWorker) return undefined;
  try {
    return await PicturePool.start({ ...unlimitedWaiting, ...(threads === undefined ? {} : { workers: threads }) });
  } catch (error) {
    if (error instanceof SelvedgeError && error.code === 'pictures/worker-start') return undefined;
    throw error;
  }
}

async function readOne(
  picture: ListedPicture,
  read: PictureReader,
  preparation: Preparation,
): Promise<Uint8Array | UnreadPicture> {
  const { name, path, problem } = picture;
  if (problem !== undefined) return { name, code: 'picture/no-file', reason: problem };
  try {
    const bytes = await readFile(path);
    if (typeof bytes === 'string') return { name, code: 'picture/no-file', reason: bytes };
    return (await read(bytes, { name, preparation })).pixels;
  } catch (error) {
    if (!(error instanceof SelvedgeError) || error.code === 'pictures/stopped') throw error;
    return { name, code: error.code, reason: shortReason(error.message) };
  }
}

/** The bytes, or why there are none. */
async function readFile(path: string): Promise<Uint8Array | string> {
  const { files } = platform;
  try {
    const status = await files.status(path);
    if (!status) return 'there is no such file';
    if (status.isFolder) return 'it is a folder';
    const bytes = await files.readBytes(path);
    return bytes.length === 0 ? 'it is empty' : bytes;
  } catch (error) {
    return /EACCES|EPERM/.test(messageOf(error)) ? 'there is no permission to read it' : messageOf(error);
  }
}

/** What stands behind `Cannot read "a.png": `, since the list names the file itself. */
const shortReason = (message: string): string => message.replace(/^Cannot [^"]*"(?:[^"\\]|\\.)*": /, '');

/** Closes the gaps that files without an image have left. */
function keepRead(
  images: Uint8Array,
  imageBytes: number,
  failures: readonly (UnreadPicture | undefined)[],
  count: number,
): ReadPictures {
  const positions = Int32Array.from({ length: count }, (_, i) => i).filter((i) => failures[i] === undefined);
  positions.forEach((from, to) => {
    if (from !== to) images.copyWithin(to * imageBytes, from * imageBytes, (from + 1) * imageBytes);
  });
  return {
    images: images.subarray(0, positions.length * imageBytes),
    positions,
    unread: failures.filter((failure) => failure !== undefined),
  };
}
