// The one error class of the project. Libraries throw it; only `cli/` prints and exits.
// Invariant: `code` is stable and machine-readable; `message` says action, got and expected.

/** `area/what-went-wrong`, for example `idx/truncated`. Stable across releases. */
export type ErrorCode = `${string}/${string}`;

/**
 * An error that a caller can act on.
 *
 * @example
 * ```ts
 * import { SelvedgeError } from 'selvedge';
 * const error = new SelvedgeError('idx/truncated', 'Cannot decode "a.gz": expected 16 bytes, got 3');
 * console.assert(error.code === 'idx/truncated');
 * ```
 */
export class SelvedgeError extends Error {
  readonly code: ErrorCode;

  /**
   * @param code Stable machine-readable code
   * @param message Starts with a capital, no full stop, quotes values, names what was expected and what to do
   * @param options `cause`: the error underneath, if any
   */
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'SelvedgeError';
    this.code = code;
  }
}

/** The text of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
