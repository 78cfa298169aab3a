// Whether the engine's memory can still be trusted: a kernel that trapped may have written anywhere before.
// Not here: workers that die (thread-pool.ts). Invariant: once broken, an engine stays broken until it is started anew.
import { messageOf, SelvedgeError } from '../core/errors.ts';

export class Soundness {
  #broken: string | undefined;

  /** Whether a kernel has trapped. */
  get isBroken(): boolean {
    return this.#broken !== undefined;
  }

  /**
   * Refuses to go on after a trap.
   *
   * @throws SelvedgeError `backend/broken`
   */
  check(): void {
    if (this.#broken === undefined) return;
    throw new SelvedgeError(
      'backend/broken',
      `Cannot use the engine: kernel "${this.#broken}" trapped, and may have written anywhere in its memory; stop the backend and start it again`,
    );
  }

  /**
   * Notes that a kernel trapped.
   *
   * @returns What to throw: `backend/kernel-trapped`
   */
  trapped(name: string, message: string, cause?: unknown): SelvedgeError {
    this.#broken ??= name;
    return new SelvedgeError(
      'backend/kernel-trapped',
      `Kernel "${name}" trapped: ${message}; stop the backend and start it again`,
      { cause },
    );
  }

  /** What to throw of what a kernel threw: an error that is no trap stays as it is. */
  errorOf(name: string, error: unknown): unknown {
    return error instanceof WebAssembly.RuntimeError ? this.trapped(name, messageOf(error), error) : error;
  }
}
