// Cuts sources into shards: folders, lists of paths, IDX files. Not here: reading pictures (categorise-shard.ts).
// Invariant: the same sources give the same shards in the same order; memory is that of one shard and of one folder's names.
import { SelvedgeError } from '../../core/errors.ts';
import { sha256 } from '../../core/sha256.ts';
import { decodeIdxHeader } from '../../data/idx.ts';
import { type FileStatus, platform } from '../../platform/index.ts';
import { readTable, tableFormatOf } from '../tables/index.ts';
import type { IdxImages, PictureFile, PictureFiles, Shard } from './shard.ts';
import { unpackGzip } from './unpack-gzip.ts';

export interface PlanOptions {
  /** Folder that relative paths of sources are in. */
  readonly cwd: string;
  /** Where an IDX file is unpacked to that is compressed; kept by the caller until all shards are done. */
  readonly workFolder: string;
  /** Images of a shard of IDX; default 10,000. */
  readonly imagesPerShard?: number | undefined;
  /** Pictures of a shard of files; default 1,000. */
  readonly picturesPerShard?: number | undefined;
  /** Files and folders that are no sources, such as results of an earlier run: absolute paths. */
  readonly except?: readonly string[] | undefined;
}

const IMAGES_PER_SHARD = 10_000;
const PICTURES_PER_SHARD = 1_000;
/** Files that are asked for their size and time at once. */
const STATUS_AT_ONCE = 64;

/**
 * Plans what is to be categorised.
 *
 * @param sources Each a folder (taken with all folders in it), a .csv, .jsonl or .parquet with the column `path`, an IDX file of images,
 *   plain or compressed by gzip, or a picture
 * @param options Where things are, and how much a shard holds
 * @returns Shards in their order
 * @throws SelvedgeError `categorise/no-source`, `categorise/empty` for a source without pictures, `categorise/path` for a row without a path;
 *   `idx/…`, `gzip/corrupt`, `table/…`
 * @example
 * ```ts no-run
 * import { planShards } from 'selvedge/apps';
 * for await (const { index, count } of planShards(['catalogue'], { cwd: '.', workFolder: 'catalogue.work' })) console.log(index, count);
 * ```
 */
export async function* planShards(sources: readonly string[], options: PlanOptions): AsyncGenerator<Shard> {
  const { picturesPerShard = PICTURES_PER_SHARD } = options;
  let index = 0;
  let first = 0;
  const shardOf = async (images: Shard['images'], count: number, identity: unknown): Promise<Shard> => {
    const shard: Shard = { index: index++, first, count, digest: await sha256(JSON.stringify(identity)), images };
    first += count;
    return shard;
  };
  const paths = sources.map((source) => platform.files.resolve(options.cwd, source));
  const twice = sources.find((_, i) => paths.indexOf(paths[i]!) < i);
  if (twice !== undefined) {
    throw new SelvedgeError('categorise/source-twice', `Cannot categorise "${twice}" twice: name each source once`);
  }
  let waiting: PictureFile[] = [];
  const take = async (): Promise<Shard> => {
    const pictures = await withStatus(waiting);
    waiting = [];
    const identity = pictures.map(({ name, bytes, modifiedMs, problem }) => [name, bytes, modifiedMs, problem]);
    const images: PictureFiles = { kind: 'pictures', pictures };
    return shardOf(images, pictures.length, ['pictures', identity]);
  };
  for (const [number, source] of sources.entries()) {
    const path = paths[number]!;
    const status = await platform.files.status(path);
    if (!status) {
      throw new SelvedgeError('categorise/no-source', `Cannot categorise "${source}": there is no such file or folder`);
    }
    const before = first + waiting.length;
    if (!status.isFolder && !tableFormatOf(path) && (await isIdx(path))) {
      // Shards hold one kind of thing.
      if (waiting.length > 0) yield await take();
      for await (const { images, count, identity } of idxShards(source, path, status, options)) {
        yield await shardOf(images, count, identity);
      }
    } else {
      const isPicture = !status.isFolder && !tableFormatOf(path);
      for await (const picture of picturesOf(source, path, status, options)) {
        // What has one name in two sources is two pictures.
        const name = sources.length === 1 || isPicture ? picture.name : `${source.replace(/\/+$/, '')}/${picture.name}`;
        waiting.push({ ...picture, name });
        if (waiting.length === picturesPerShard) yield await take();
      }
    }
    if (first + waiting.length === before) {
      throw new SelvedgeError('categorise/empty', `Cannot categorise "${source}": expected pictures, got none`);
    }
  }
  if (waiting.length > 0) yield await take();
}

/** The first bytes of a file. */
async function beginningOf(path: string, length: number): Promise<Uint8Array> {
  const { readRange, readBytes } = platform.files;
  return readRange ? readRange(path, 0, length) : (await readBytes(path)).subarray(0, length);
}

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

async function isIdx(path: string): Promise<boolean> {
  const bytes = await beginningOf(path, 4);
  return isGzip(bytes) || (bytes.length === 4 && bytes[0] === 0 && bytes[1] === 0 && bytes[2]! >= 8 && bytes[2]! <= 14);
}

interface IdxPiece {
  readonly images: IdxImages;
  readonly count: number;
  readonly identity: unknown;
}

/** Sizes of an IDX file of images: magic, count, height, width, channels. */
const HEADER_BYTES = 20;

async function* idxShards(
  name: string,
  source: string,
  status: FileStatus,
  { workFolder, imagesPerShard = IMAGES_PER_SHARD }: PlanOptions,
): AsyncGenerator<IdxPiece> {
  const { files } = platform;
  let path = source;
  if (isGzip(await beginningOf(source, 2))) {
    const key = await sha256(JSON.stringify([source, status.bytes, status.modifiedMs]));
    path = files.join(workFolder, `unpacked-${key.slice(0, 16)}.idx`);
    await unpackGzip(source, path, name);
  }
  const { bytes: byteLength, modifiedMs } = (await files.status(path))!;
  const header = decodeIdxHeader(await beginningOf(path, HEADER_BYTES), { name, byteLength });
  const [count = 0, height = 0, width = 0, channels = 1] = header.shape;
  const isImages = header.type === 'uint8' && (header.shape.length === 3 || header.shape.length === 4);
  if (!isImages) {
    throw new SelvedgeError(
      'categorise/no-images',
      `Cannot categorise "${name}": expected images, uint8 [count, height, width(, channels)], got ${header.type} [${header.shape.join(', ')}]`,
    );
  }
  const imageBytes = height * width * channels;
  for (let first = 0; first < count; first += imagesPerShard) {
    const many = Math.min(imagesPerShard, count - first);
    const byteOffset = header.dataOffset + first * imageBytes;
    const images: IdxImages = {
      kind: 'idx',
      name,
      path,
      fileBytes: byteLength,
      ...(modifiedMs === undefined ? {} : { modifiedMs }),
      byteOffset,
      first,
      shape: [height, width, channels],
    };
    yield { images, count: many, identity: ['idx', name, status.bytes, status.modifiedMs, header.shape, first, many] };
  }
}

/** What file managers leave behind; names with a dot in front are theirs, too. */
const DROPPINGS: readonly string[] = ['Thumbs.db', 'desktop.ini', 'Icon\r', '__MACOSX'];

type Listed = Omit<PictureFile, 'bytes' | 'modifiedMs'>;

async function* picturesOf(
  source: string,
  path: string,
  status: FileStatus,
  { except = [] }: PlanOptions,
): AsyncGenerator<Listed> {
  const { files } = platform;
  if (status.isFolder) {
    yield* walk(path, '', new Set(except.map((each) => files.resolve(each))));
    return;
  }
  if (!tableFormatOf(path)) {
    yield { name: source, path };
    return;
  }
  const folder = files.dirname(path);
  for await (const { first, count, columns } of readTable(path, ['path'])) {
    for (let i = 0; i < count; i++) {
      const name = columns.path![i];
      if (typeof name !== 'string' || name === '') {
        throw new SelvedgeError(
          'categorise/path',
          `Cannot categorise "${source}": expected a path in row ${first + i + 1}, got ${JSON.stringify(name) ?? 'nothing'}`,
        );
      }
      yield { name, path: files.resolve(folder, name) };
    }
  }
}

/** Every file of a folder and of the folders in it, in the order of their names; links to folders are not followed. */
async function* walk(folder: string, prefix: string, except: ReadonlySet<string>): AsyncGenerator<Listed> {
  const { files } = platform;
  for (const entry of await files.entries(folder)) {
    if (entry.name.startsWith('.') || DROPPINGS.includes(entry.name)) continue;
    const path = files.join(folder, entry.name);
    const name = `${prefix}${entry.name}`;
    if (except.has(path)) continue;
    if (entry.isFolder) yield* walk(path, `${name}/`, except);
    else if (entry.isFile) yield { name, path };
    else yield { name, path, problem: 'it is a link to a folder, which is not followed, or leads to no file' };
  }
}

async function withStatus(pictures: readonly Listed[]): Promise<PictureFile[]> {
  const found: PictureFile[] = [];
  for (let at = 0; at < pictures.length; at += STATUS_AT_ONCE) {
    const some = pictures.slice(at, at + STATUS_AT_ONCE).map(async (picture): Promise<PictureFile> => {
      if (picture.problem !== undefined) return picture;
      const status = await platform.files.status(picture.path);
      if (!status) return { ...picture, problem: 'there is no such file' };
      if (status.isFolder) return { ...picture, problem: 'it is a folder' };
      const { bytes, modifiedMs } = status;
      return { ...picture, bytes, ...(modifiedMs === undefined ? {} : { modifiedMs }) };
    });
    found.push(...(await Promise.all(some)));
  }
  return found;
}
