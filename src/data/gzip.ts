// Gzip through the stream of the web, and by fflate where a runtime has none (Vercel's edge). Not here: other formats.
// Invariant: bad or cut input is a typed error.
import { crc32 } from '../core/crc32.ts';
import { messageOf, SelvedgeError } from '../core/errors.ts';

/**
 * Decompresses a gzip file.
 *
 * @param bytes The whole compressed file
 * @param options `name`: the file's name for error messages
 * @returns The decompressed bytes
 * @throws SelvedgeError `gzip/corrupt`
 * @example
 * ```ts
 * import { gunzip, gzip } from 'selvedge';
 * const bytes = await gunzip(await gzip(Uint8Array.of(1, 2, 3)), { name: 'three.gz' });
 * console.assert(bytes.length === 3);
 * ```
 */
export async function gunzip(bytes: Uint8Array, options: { readonly name: string }): Promise<Uint8Array> {
  try {
    return await (typeof DecompressionStream === 'undefined'
      ? gunzipInScript(bytes)
      : through(bytes, new DecompressionStream('gzip')));
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
  if (typeof CompressionStream !== 'undefined') return through(bytes, new CompressionStream('gzip'));
  return (await import('fflate')).gzipSync(bytes);
}

/** Bytes of the shortest file: header, an empty block, checksum and length. */
const SHORTEST = 20;

/** fflate takes the sizes and the checksum of a file at their word, and a file that is cut for a whole one. */
async function gunzipInScript(bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes.length < SHORTEST) throw new Error('it is cut off');
  const { gunzipSync } = await import('fflate');
  const content = gunzipSync(bytes);
  const end = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 8, 8);
  if (end.getUint32(4, true) !== content.length) throw new Error('it is cut off');
  if (end.getUint32(0, true) !== crc32(content)) throw new Error('its checksum is another');
  return content;
}

async function through(bytes: Uint8Array, stream: CompressionStream | DecompressionStream): Promise<Uint8Array> {
  const copy = new Uint8Array(bytes);
  const response = new Response(new Blob([copy]).stream().pipeThrough(stream));
  return new Uint8Array(await response.arrayBuffer());
}
