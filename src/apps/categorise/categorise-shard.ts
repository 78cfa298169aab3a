// Categorises a shard: reads its pictures, asks the categoriser, gives plain values. Not here: shards (plan-shards.ts), files of results.
// Invariant: the result is a function of the shard and the categoriser; a picture that cannot be read is told of and passed over, and a
// source that has changed since the plan is an error.
import { messageOf, SelvedgeError } from '../../core/errors.ts';
import type { PictureReader } from '../../data/picture-reader.ts';
import type { Preparation } from '../../data/preparation.ts';
import { platform } from '../../platform/index.ts';
import type { IdxImages, PictureFile, Shard, ShardResult, UnreadInShard } from './shard.ts';

/** What a categoriser says of images. */
export interface Categorised {
  /** Class of each. */
  readonly labels: ArrayLike<number>;
  /** Its probability. */
  readonly confidences: ArrayLike<number>;
  /** How strange each is, larger for stranger; absent where that is not told. */
  readonly outliers?: ArrayLike<number>;
}

/** Tells classes; made by `openCategoriser`, or by hand of anything that answers so. */
export interface Categoriser {
  /** sha256 of all that answers depend on. */
  readonly digest: string;
  readonly classNames: readonly string[];
  /** How a picture becomes an image for it. */
  readonly preparation: Preparation;
  /** @param images `[count, side, side, channels]`, levels from 0 to 255, none of them blank */
  categorise(images: Uint8Array): Categorised | Promise<Categorised>;
}

export interface CategoriseShardOptions {
  readonly categoriser: Categoriser;
  /** Reads the file of a picture: of a `PicturePool`, or `createPictureReader`. Needed for shards of pictures. */
  readonly readPicture?: PictureReader | undefined;
  /** Files that are open at once; default 1. Several for a pool. */
  readonly openFiles?: number | undefined;
  /** Hears how many pictures are done, now and then. */
  readonly onProgress?: ((done: number) => void) | undefined;
  /** Ends the work by `categorise/interrupted`. */
  readonly signal?: AbortSignal | undefined;
}

/** Images that are read and categorised at once. */
const BATCH = 512;

/**
 * Categorises a shard.
 *
 * @param shard Of `planShards`, as it is or after JSON
 * @param options Who tells classes, and how pictures are read
 * @returns Plain JSON; the same for the same shard and categoriser
 * @throws SelvedgeError `categorise/changed` where the source is no longer as planned, `categorise/shape` for images of another size than
 *   the categoriser's, `categorise/interrupted`
 * @example
 * ```ts no-run
 * import { categoriseShard, openShippedCategoriser, planShards } from 'selvedge/apps';
 * const categoriser = await openShippedCategoriser('dropout'); // needs startBackend()
 * for await (const shard of planShards(['t10k-images-idx3-ubyte'], { cwd: '.', workFolder: 'work' })) {
 *   console.log((await categoriseShard(shard, { categoriser })).labels[0]);
 * }
 * ```
 */
export async function categoriseShard(shard: Shard, options: CategoriseShardOptions): Promise<ShardResult> {
  const { index, first, count, images, digest } = shard;
  const { categoriser } = options;
  const collected = new Collected(count, categoriser);
  if (images.kind === 'idx') await categoriseIdx(images, count, collected, options);
  else await categorisePictures(images.pictures, collected, options);
  return {
    index,
    first,
    count,
    shard: digest,
    categoriser: categoriser.digest,
    names: images.kind === 'idx' ? { file: images.name, first: images.first } : images.pictures.map(({ name }) => name),
    ...collected.values(),
  };
}

const rounded = (value: number, scale: number): number => Math.round(value * scale) / scale;

/** Answers by place in the shard. */
class Collected {
  readonly #categoriser: Categoriser;
  readonly #labels: number[];
  readonly #confidences: number[];
  readonly #outliers: number[];
  readonly #unread: UnreadInShard[] = [];
  #hasOutliers = false;

  constructor(count: number, categoriser: Categoriser) {
    this.#categoriser = categoriser;
    this.#labels = new Array<number>(count).fill(-1);
    this.#confidences = new Array<number>(count).fill(0);
    this.#outliers = new Array<number>(count).fill(0);
  }

  /** @param images Of the places, one after another; blank ones are sorted out */
  async add(images: Uint8Array, places: readonly number[]): Promise<void> {
    const size = images.length / Math.max(1, places.length);
    const seen: number[] = [];
    for (let i = 0; i < places.length; i++) {
      if (size > 1 && isBlank(images, i * size, size)) {
        const reason = `expected something to see, got ${size} times level ${images[i * size]}`;
        this.fail({ at: places[i]!, code: 'image/blank', reason });
      } else {
        if (seen.length < i) images.copyWithin(seen.length * size, i * size, (i + 1) * size);
        seen.push(places[i]!);
      }
    }
    if (seen.length === 0) return;
    const found = await this.#categoriser.categorise(images.subarray(0, seen.length * size));
    this.#hasOutliers ||= found.outliers !== undefined;
    seen.forEach((at, i) => {
      this.#labels[at] = found.labels[i]!;
      this.#confidences[at] = rounded(found.confidences[i]!, 1e6);
      if (found.outliers) this.#outliers[at] = rounded(found.outliers[i]!, 1e4);
    });
  }

  fail(unread: UnreadInShard): void {
    this.#unread.push(unread);
  }

  values(): Pick<ShardResult, 'labels' | 'confidences' | 'outliers' | 'unread'> {
    return {
      labels: this.#labels,
      confidences: this.#confidences,
      ...(this.#hasOutliers ? { outliers: this.#outliers } : {}),
      unread: this.#unread.sort((a, b) => a.at - b.at),
    };
  }
}

/** Whether all levels of an image are one. */
function isBlank(images: Uint8Array, start: number, size: number): boolean {
  const level = images[start];
  for (let i = start + 1; i < start + size; i++) if (images[i] !== level) return false;
  return true;
}

function goOn({ signal }: CategoriseShardOptions): Promise<void> {
  if (signal?.aborted) throw new SelvedgeError('categorise/interrupted', 'Interrupted: what is done is kept');
  // Other events have their turn: Ctrl-C, above all.
  return platform.giveWay();
}

async function categoriseIdx(
  { name, path, byteOffset, shape, fileBytes, modifiedMs }: IdxImages,
  count: number,
  collected: Collected,
  options: CategoriseShardOptions,
): Promise<void> {
  const { side, channels } = options.categoriser.preparation;
  const [height, width, depth] = shape;
  if (height !== side || width !== side || depth !== channels) {
    throw new SelvedgeError(
      'categorise/shape',
      `Cannot categorise "${name}": the model takes images of ${side}x${side}x${channels}, got ${shape.join('x')}`,
    );
  }
  const imageBytes = height * width * depth;
  const { readRange, readBytes, status } = platform.files;
  const now = await status(path);
  if (now?.bytes !== fileBytes || now.modifiedMs !== modifiedMs) throw changed(name);
  // A piece at a time: what is read for a whole shard stays until the collector comes, and it comes late.
  const whole = readRange ? undefined : await readBytes(path);
  for (let first = 0; first < count; first += BATCH) {
    await goOn(options);
    const end = Math.min(count, first + BATCH);
    const start = byteOffset + first * imageBytes;
    const length = (end - first) * imageBytes;
    const images = whole ? whole.slice(start, start + length) : await readRange!(path, start, length);
    if (images.length !== length) throw changed(name);
    const places = Array.from({ length: end - first }, (_, i) => first + i);
    await collected.add(images, places);
    options.onProgress?.(end);
  }
}

const changed = (name: string): SelvedgeError =>
  new SelvedgeError(
    'categorise/changed',
    `Cannot categorise "${name}": it has changed since the work began; start it again`,
  );

async function categorisePictures(
  pictures: readonly PictureFile[],
  collected: Collected,
  options: CategoriseShardOptions,
): Promise<void> {
  const { categoriser, readPicture, openFiles = 1 } = options;
  if (!readPicture)
    throw new SelvedgeError('categorise/no-reader', 'Cannot categorise pictures: expected a reader of pictures');
  const { side, channels } = categoriser.preparation;
  const imageBytes = side * side * channels;
  // Large enough that the engine, whose threads wait by spinning, is seldom in the way of those that decode.
  const batch = Math.min(BATCH, Math.max(16, openFiles * 16));
  const ready: { at: number; pixels: Uint8Array }[] = [];
  let next = 0;
  let done = 0;
  const tell = async (): Promise<void> => {
    const some = ready.splice(0, batch);
    const images = new Uint8Array(some.length * imageBytes);
    some.forEach(({ pixels }, i) => {
      images.set(pixels, i * imageBytes);
    });
    await collected.add(
      images,
      some.map(({ at }) => at),
    );
  };
  const work = async (): Promise<void> => {
    for (let at = next++; at < pictures.length; at = next++) {
      await goOn(options);
      const found = await readOne(pictures[at]!, readPicture, categoriser.preparation);
      if (found instanceof Uint8Array) ready.push({ at, pixels: found });
      else collected.fail({ at, ...found });
      if (ready.length >= batch) await tell();
      done++;
      if (done % 16 === 0 || done === pictures.length) options.onProgress?.(done);
    }
  };
  await Promise.all(Array.from({ length: openFiles }, work));
  while (ready.length > 0) await tell();
}

/** Errors that are no fault of a picture. */
const notOfPictures: readonly string[] = ['categorise/changed', 'pictures/busy', 'pictures/stopped'];

async function readOne(
  picture: PictureFile,
  read: PictureReader,
  preparation: Preparation,
): Promise<Uint8Array | { readonly code: string; readonly reason: string }> {
  const { name, path, problem } = picture;
  if (problem !== undefined) return { code: 'picture/no-file', reason: problem };
  try {
    const status = await platform.files.status(path);
    // What was there when the work was planned is there on other machines, too.
    if (!status && picture.bytes !== undefined) throw changed(name);
    if (!status) return { code: 'picture/no-file', reason: 'there is no such file' };
    if (status.bytes !== picture.bytes || status.modifiedMs !== picture.modifiedMs) throw changed(name);
    if (status.bytes === 0) return { code: 'picture/no-file', reason: 'it is empty' };
    return (await read(await platform.files.readBytes(path), { name, preparation })).pixels;
  } catch (error) {
    if (error instanceof SelvedgeError && !notOfPictures.includes(error.code)) {
      return { code: error.code, reason: shortReason(error.message) };
    }
    if (/EACCES|EPERM/.test(messageOf(error))) {
      return { code: 'picture/no-file', reason: 'there is no permission to read it' };
    }
    throw error;
  }
}

/** What stands behind `Cannot read "a.png": `, since the list names the file itself. */
const shortReason = (message: string): string => message.replace(/^Cannot [^"]*"(?:[^"\\]|\\.)*": /, '');
