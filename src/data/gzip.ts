// Gzip by the platform's own way, by the streams of the web, and by pako where they do not do. Not here: other formats.
// Invariant: RFC 1952 on every runtime alike: all members of a file, zeros after the last one, and nothing else; else a typed error.
import { concatenate } from '../core/concatenate.ts';
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';

/**
 * Decompresses a gzip file of one or more members, which zero bytes may follow.
 *
 * @param bytes The whole compressed file
 * @param options `name`: the file's name for error messages
 * @returns The decompressed bytes of all members, one after the other
 * @throws SelvedgeError `gzip/corrupt`, also where anything but zeros follows the last member
 * @see https://www.rfc-editor.org/rfc/rfc1952
 * @example
 * ```ts
 * import { gunzip, gzip } from 'selvedge';
 * const bytes = await gunzip(await gzip(Uint8Array.of(1, 2, 3)), { name: 'three.gz' });
 * console.assert(bytes.length === 3);
 * ```
 */
export async function gunzip(bytes: Uint8Array, options: { readonly name: string }): Promise<Uint8Array> {
  try {
    const content = await (platform.gunzip ?? gunzipByStream)(bytes);
    return content ?? (await gunzipInScript(bytes));
  } catch (cause) {
    throw new SelvedgeError(
      'gzip/corrupt',
      `Cannot decompress "${options.name}": expected a whole gzip file, got ${bytes.length} bytes that fail (${messageOf(cause)})`,
      { cause },
    );
  }
}

/**
 * Compresses bytes with gzip at the runtime's own level; the exact output may differ between runtimes.
 *
 * @param bytes What to compress
 * @returns A gzip file
 */
export async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  if (typeof CompressionStream !== 'undefined') return through([bytes], new CompressionStream('gzip'));
  return (await import('pako')).gzip(bytes);
}

/** What the sentinel holds. No content ends with it. */
const SENTINEL_CONTENT = [165, 90, 61, 194, 7, 248, 113, 142, 44, 211, 150, 105, 201, 54, 91, 164];
/** A member to put after a file: where it comes out, a stream has read every member before it. */
const SENTINEL = Uint8Array.of(
  ...[31, 139, 8, 0, 0, 0, 0, 0, 0, 255, 1, 16, 0, 239, 255],
  ...SENTINEL_CONTENT,
  ...[72, 163, 29, 109, 16, 0, 0, 0],
);

/** Whether the runtime's stream goes on to a second member; the standard's refuses it, as it does all that follows the first. */
let readsMembers: Promise<boolean> | undefined;

/** @returns Undefined where there is no such stream, or where it has not read the whole file: then the script tells why */
async function gunzipByStream(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  if (typeof DecompressionStream === 'undefined' || bytes.length === 0) return undefined;
  readsMembers ??= inflated([SENTINEL, SENTINEL]).then((content) => content?.length === 2 * SENTINEL_CONTENT.length);
  if (!(await readsMembers)) return inflated([bytes]);
  // Such a stream, as Node's, stops at a zero byte without a word about what comes after.
  const content = await inflated([bytes, SENTINEL]);
  if (content === undefined) return undefined;
  const end = content.length - SENTINEL_CONTENT.length;
  return SENTINEL_CONTENT.every((byte, i) => content[end + i] === byte) ? content.subarray(0, end) : undefined;
}

/** @returns Undefined where the stream fails */
const inflated = (parts: readonly Uint8Array[]): Promise<Uint8Array | undefined> =>
  through(parts, new DecompressionStream('gzip')).catch(() => undefined);

/** By a port of zlib, which checks headers, checksums and lengths of every member. */
export async function gunzipInScript(bytes: Uint8Array): Promise<Uint8Array> {
  const { Inflate } = await import('pako');
  /** 15 for the window, 16 for gzip and nothing else. */
  const inflate = new Inflate({ windowBits: 15 + 16 });
  let stream: { readonly next_in: number } | undefined;
  inflate.onStart = (started) => {
    stream = started;
  };
  inflate.push(bytes, true);
  if (inflate.err !== 0) throw new Error(inflate.err === CUT_OFF ? 'it is cut off' : inflate.msg);
  if (bytes.subarray(stream?.next_in).some((byte) => byte !== 0))
    throw new Error('more than zeros follows its last member');
  return inflate.result;
}

/** zlib's Z_BUF_ERROR: it waits for more. */
const CUT_OFF = -5;

async function through(
  parts: readonly Uint8Array[],
  stream: CompressionStream | DecompressionStream,
): Promise<Uint8Array> {
  // Copies, since a Blob takes no shared memory.
  const blob = new Blob(parts.map((part) => new Uint8Array(part)));
  // Not by a Response: Firefox tells its console of one that fails, as those do that find out what a stream can.
  const reader = blob.stream().pipeThrough(stream).getReader();
  const pieces: Uint8Array[] = [];
  for (let next = await reader.read(); !next.done; next = await reader.read()) pieces.push(next.value as Uint8Array);
  return concatenate(pieces);
}
