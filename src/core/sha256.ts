// SHA-256 of bytes or text in memory, as lower-case hexadecimal. Not here: incremental hashing; all that we digest fits in memory.

/**
 * The SHA-256 digest of some bytes.
 *
 * @param content What to digest; a text is taken as UTF-8
 * @returns 64 lower-case hexadecimal digits
 * @example
 * ```ts
 * import { sha256 } from 'selvedge';
 * console.assert((await sha256(new Uint8Array(0))).startsWith('e3b0c442'));
 * ```
 */
export async function sha256(content: Uint8Array | string): Promise<string> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
