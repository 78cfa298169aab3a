// What a shard is, and what comes of one: plain values that cross threads, processes and queues. Not here: making either.
// Invariant: the digest of a shard changes when what it names changes; its result is a function of that digest and the categoriser's.

/** A file that is said to be a picture. */
export interface PictureFile {
  /** As people know it: relative to its source. */
  readonly name: string;
  readonly path: string;
  /** Absent where there is no such file. */
  readonly bytes?: number;
  readonly modifiedMs?: number;
  /** Why it cannot be a picture, where that is known without reading it. */
  readonly problem?: string;
}

/** Images of an IDX file that is not compressed. */
export interface IdxImages {
  readonly kind: 'idx';
  /** As people know the file. */
  readonly name: string;
  readonly path: string;
  /** Size of the whole file, and when it changed last. */
  readonly fileBytes: number;
  readonly modifiedMs?: number;
  /** Where in the file the first image of the shard begins. */
  readonly byteOffset: number;
  /** Number of that image in the file. */
  readonly first: number;
  /** Height, width and channels of an image. */
  readonly shape: readonly [number, number, number];
}

/** Files of pictures. */
export interface PictureFiles {
  readonly kind: 'pictures';
  readonly pictures: readonly PictureFile[];
}

/** Pictures that are categorised together: done whole, or not at all. */
export interface Shard {
  /** Place among the shards of a plan, from 0. */
  readonly index: number;
  /** Pictures of the shards before it. */
  readonly first: number;
  readonly count: number;
  /** sha256 of what it names: files with their sizes and times of change, and which images. */
  readonly digest: string;
  readonly images: IdxImages | PictureFiles;
}

/** A picture that gave no image, and why. */
export interface UnreadInShard {
  /** Place in the shard, from 0. */
  readonly at: number;
  /** As of a SelvedgeError: `image/corrupt`, `picture/no-file`, `image/blank`, … */
  readonly code: string;
  readonly reason: string;
}

/** What a shard came to; plain JSON. */
export interface ShardResult {
  readonly index: number;
  readonly first: number;
  readonly count: number;
  /** Of the shard. */
  readonly shard: string;
  /** Of the categoriser. */
  readonly categoriser: string;
  /** Names of the pictures; of an IDX file its own name, and the number of its first image. */
  readonly names: readonly string[] | { readonly file: string; readonly first: number };
  /** Class of each picture; -1 where it was not read. */
  readonly labels: readonly number[];
  /** Probability of that class, to six digits; 0 where it was not read. */
  readonly confidences: readonly number[];
  /** How strange each picture is, to four digits; absent where the categoriser does not tell. */
  readonly outliers?: readonly number[];
  readonly unread: readonly UnreadInShard[];
}

/** Name of a picture of a result. */
export function nameInShard({ names }: ShardResult, at: number): string {
  return 'file' in names ? `${names.file}#${names.first + at}` : names[at]!;
}
