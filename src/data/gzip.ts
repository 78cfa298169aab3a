// Gzip through the stream that every runtime has. Not here: other formats. Invariant: bad or cut input is a typed error.
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
    return await through(bytes, new DecompressionStream('gzip'));
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
export function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  return through(bytes, new CompressionStream('gzip'));
}

async function through(bytes: Uint8Array, stream: CompressionStream | DecompressionStream): Promise<Uint8Array> {
  const copy = new Uint8Array(bytes);
  const response = new Response(new Blob([copy]).stream().pipeThrough(stream));
  return new Uint8Array(await response.arrayBuffer());
}
