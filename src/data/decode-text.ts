// Text files as UTF-8. Invariant: what is no UTF-8 is an error that names the file, and a byte order mark is no part of the text.
import { type ErrorCode, SelvedgeError } from '../core/errors.ts';

/**
 * Decodes a text file.
 *
 * @param code Of the error
 * @throws SelvedgeError `code`
 */
export function decodeText(bytes: Uint8Array, name: string, code: ErrorCode): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new SelvedgeError(code, `Cannot read "${name}": expected text in UTF-8, got other bytes`, { cause });
  }
}
