// Gzip by Node's own zlib, on a thread of its pool and into one buffer: a third of the time of the web's streams, which hand pieces of 16 KB
// from one to another and join them at last. Not on Bun and Deno, whose zlib does not tell how far it has read.
// Invariant: only a file that was read to its end is answered; of any other, data/gzip.ts tells what is wrong.
import { type InputType, gunzip as inflate, type ZlibOptions } from 'node:zlib';

/** What the callback gets where `info` is true. */
interface Inflated {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

type Inflate = (bytes: InputType, options: ZlibOptions, done: (error: Error | null, result: Inflated) => void) => void;

/** Deflate packs 258 bytes into two bits at best. */
const LARGEST_RATIO = 1032;
const SMALLEST_CHUNK = 1 << 16;
/** Larger contents come in several pieces. */
const LARGEST_CHUNK = 1 << 28;

/**
 * Decompresses as `Platform.gunzip` says.
 *
 * @param bytes A gzip file of one or more members, which zeros may follow
 */
export function gunzip(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  if (bytes.length === 0) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    (inflate as unknown as Inflate)(bytes, { info: true, chunkSize: chunkSizeOf(bytes) }, (error, result) => {
      if (error) return resolve(undefined);
      const { buffer, engine } = result;
      // zlib stops at a zero after a member, without a word about what comes after.
      const isWhole = bytes.subarray(engine.bytesWritten).every((byte) => byte === 0);
      resolve(isWhole ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength) : undefined);
    });
  });
}

/** Enough for the content at once, and a byte more, so that zlib does not ask for another piece when the first is full. */
function chunkSizeOf(bytes: Uint8Array): number {
  // The last four bytes say how long the last member is; they may say anything.
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const claimed = bytes.length < 4 ? 0 : view.getUint32(bytes.length - 4, true) + 1;
  return Math.max(SMALLEST_CHUNK, Math.min(claimed, LARGEST_RATIO * bytes.length, LARGEST_CHUNK));
}
