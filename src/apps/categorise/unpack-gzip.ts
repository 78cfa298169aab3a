// Unpacks a gzip file of any length at bounded memory. Not here: gzip in memory, see src/data/gzip.ts.
// Invariant: the target is there whole, or not at all; a file that is there already is taken to be the same.
import { messageOf, SelvedgeError } from '../../core/errors.ts';
import { platform } from '../../platform/index.ts';
import { bytesOfFile } from '../tables/index.ts';

/**
 * Unpacks a file.
 *
 * @param source Compressed
 * @param target Where the content goes
 * @param name Of the source, for errors
 * @throws SelvedgeError `gzip/corrupt`, `files/not-written`
 */
export async function unpackGzip(source: string, target: string, name: string): Promise<void> {
  const { files } = platform;
  if (await files.status(target)) return;
  const part = `${target}.part`;
  await files.remove(part);
  const reader = piecesOf(source).pipeThrough(new DecompressionStream('gzip')).getReader();
  try {
    for (;;) {
      const { done, value } = await read(reader, name);
      if (done) break;
      await files.append(part, value);
    }
    // An empty content makes no file.
    await files.append(part, new Uint8Array(0));
    await files.rename(part, target);
  } catch (error) {
    await files.remove(part);
    throw error;
  }
}

function piecesOf(path: string): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pieces = bytesOfFile(path);
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value as Uint8Array<ArrayBuffer>);
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
}

async function read(reader: ReadableStreamDefaultReader<Uint8Array>, name: string) {
  try {
    return await reader.read();
  } catch (cause) {
    const message = `Cannot decompress "${name}": expected a whole gzip file, got one that fails (${messageOf(cause)})`;
    throw new SelvedgeError('gzip/corrupt', message, { cause });
  }
}
