// Bytes that came in parts, as one. Not here: how many there may be. Invariant: the parts stay as they are.

/**
 * Joins parts.
 *
 * @param parts Bytes, in order
 * @returns A copy of all of them, one after the other
 * @example
 * ```ts
 * import { concatenate } from 'selvedge';
 * console.assert(concatenate([Uint8Array.of(1), Uint8Array.of(), Uint8Array.of(2, 3)]).join() === '1,2,3');
 * ```
 */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
