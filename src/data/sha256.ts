// SHA-256 of bytes in memory, as lower-case hexadecimal. Not here: incremental hashing; every file we check fits in memory.

/**
 * The SHA-256 digest of some bytes.
 *
 * @param bytes What to digest
 * @returns 64 lower-case hexadecimal digits
 * @example
 * ```ts
 * import { sha256 } from 'selvedge';
 * console.assert((await sha256(new Uint8Array(0))).startsWith('e3b0c442'));
 * ```
 */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
