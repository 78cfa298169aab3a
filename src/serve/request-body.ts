// The bytes of a request, up to a limit. Not here: what they mean (request-images.ts).
// Invariant: no more than the limit and one part of the stream is ever held.
import { concatenate } from '../core/concatenate.ts';
import { messageOf } from '../core/errors.ts';
import { requestError } from './answer-error.ts';

/**
 * Reads the whole body of a request.
 *
 * @param request With its body not read yet
 * @param maximumBytes The most it may hold, by its header and as it comes
 * @param expected How the message of an empty body begins
 * @throws SelvedgeError `request/too-large`, `request/content-encoding`, `request/empty` or `request/unreadable`
 */
export async function readBody(
  request: Request,
  maximumBytes: number,
  expected = 'Cannot classify: expected an image',
): Promise<Uint8Array> {
  const encoding = request.headers.get('content-encoding') ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw requestError(
      'request/content-encoding',
      `Cannot read the body: expected it not compressed, got content-encoding "${encoding}"`,
    );
  }
  const tooLarge = (got: string) =>
    requestError('request/too-large', `Cannot take the body: expected at most ${maximumBytes} bytes, got ${got}`);
  const announced = request.headers.get('content-length');
  if (announced !== null && Number(announced) > maximumBytes) throw tooLarge(announced);
  const bytes = request.body ? await readStream(request.body, maximumBytes, tooLarge) : new Uint8Array(0);
  if (bytes.length === 0) throw requestError('request/empty', `${expected}, got an empty body`);
  return bytes;
}

async function readStream(
  stream: ReadableStream<Uint8Array>,
  maximumBytes: number,
  tooLarge: (got: string) => Error,
): Promise<Uint8Array> {
  const reader = stream.getReader();
  const parts: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw requestError('request/unreadable', `Cannot read the body: ${messageOf(cause)}`, cause);
    });
    if (done) break;
    total += value.length;
    if (total > maximumBytes) {
      // Whether the sender hears of it or not, nothing more is read.
      reader.cancel().catch(() => {});
      throw tooLarge('more');
    }
    parts.push(value);
  }
  return parts.length === 1 ? parts[0]! : concatenate(parts);
}
