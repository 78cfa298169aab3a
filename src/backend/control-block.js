// The words of shared memory by which the main thread and the pool's workers talk. Plain JavaScript: workers load it as is.
//
//   int32 index   0         16        32     48       64       80 …      96 … 159
//               [SEQUENCE | NEXT    | DONE | STATUS | KERNEL | (unused) | ARGUMENTS … ]
//                                                    UNITS      MESSAGE at 160 … 223
//                                                    GRAIN
//                                                    SCRATCH
// SEQUENCE, NEXT, DONE and STATUS have a cache line each, so that a spinning reader does not slow a writer.

/** Counts dispatches; a worker waits for it to change. -1 tells workers to end. */
export const SEQUENCE = 0;
/** First unit that nobody has claimed. */
export const NEXT = 16;
/** Stored in NEXT to make every thread stop claiming: above any number of units, far from overflow. */
export const NO_MORE_UNITS = 0x3f000000;
/** Workers that have finished the current dispatch. */
export const DONE = 32;
/** 0, or 1 + the number of the worker that trapped. */
export const STATUS = 48;
/** Index of the kernel in the sorted list of exported names. */
export const KERNEL = 64;
/** Number of units of the current dispatch. */
export const UNITS = 65;
/** Units claimed at a time. */
export const GRAIN = 66;
/** Byte offset of the scratch areas, and the bytes of one. */
export const SCRATCH = 67;
export const SCRATCH_BYTES = 68;
export const ARGUMENTS = 96;
export const MAX_ARGUMENTS = 64;
/** Length in bytes and then text of a trap's message. */
export const MESSAGE = 160;
export const MAX_MESSAGE_BYTES = 252;
export const WORDS = 224;
/** Words of a call in a program. */
export const CALL_WORDS = 4;
/** The kernel that `programRunner` makes; its index follows those of the module. */
export const PROGRAM = 'program';

/**
 * Reads of SEQUENCE or DONE before going to sleep: about 400 microseconds, more than passes between two kernels of a training
 * step. Waking a sleeper takes up to 50 microseconds, a spinning thread sees the change in one.
 */
export const SPIN_ITERATIONS = 200_000;
/** The same where threads outnumber cores and a spinning one keeps another from working. */
export const CROWDED_SPIN_ITERATIONS = 1_000;

/** @typedef {(args: number, start: number, end: number, scratch: number) => void} Kernel */

/**
 * The kernels of a module in the one order that main thread and workers agree on.
 *
 * @param {WebAssembly.Exports} exports
 * @returns {string[]}
 */
export function kernelNames(exports) {
  return Object.keys(exports)
    .filter((name) => typeof exports[name] === 'function' && name !== 'spinWhileEqual')
    .sort();
}

/**
 * A kernel that runs programs: lists of jobs, each a list of calls of other kernels that one thread makes in order. Its only
 * argument is the byte offset of a program; its unit is a job.
 *
 *   int32   [first call of job 0, of job 1, …, end]  [kernel, argument offset, start, end] …
 *           positions are words from the beginning of the program
 *
 * @param {readonly Kernel[]} kernels in the order of `kernelNames`
 * @param {WebAssembly.Memory} memory
 * @returns {Kernel}
 */
export function programRunner(kernels, memory) {
  let words = new Int32Array(memory.buffer);
  return (args, start, end, scratch) => {
    // A memory that grew has a longer buffer; the old view ends where it ended.
    if (words.buffer !== memory.buffer) words = new Int32Array(memory.buffer);
    const program = /** @type {number} */ (words[args >>> 2]) >>> 2;
    for (let job = start; job < end; job++) {
      const last = program + /** @type {number} */ (words[program + job + 1]);
      for (let at = program + /** @type {number} */ (words[program + job]); at < last; at += CALL_WORDS) {
        const kernel = /** @type {Kernel} */ (kernels[/** @type {number} */ (words[at])]);
        kernel(
          /** @type {number} */ (words[at + 1]),
          /** @type {number} */ (words[at + 2]),
          /** @type {number} */ (words[at + 3]),
          scratch,
        );
      }
    }
  };
}

/**
 * Claims units and computes them until none is left.
 *
 * @param {Kernel} kernel
 * @param {Int32Array} control
 * @param {number} controlOffset byte offset of the control block
 * @param {number} start first claim if already made, else -1
 * @param {number} thread 0 is the main thread
 */
export function runClaims(kernel, control, controlOffset, start, thread) {
  const units = /** @type {number} */ (control[UNITS]);
  const grain = /** @type {number} */ (control[GRAIN]);
  const scratch = (control[SCRATCH] ?? 0) + thread * (control[SCRATCH_BYTES] ?? 0);
  const args = controlOffset + ARGUMENTS * 4;
  let unit = start >= 0 ? start : Atomics.add(control, NEXT, grain);
  while (unit < units) {
    kernel(args, unit, Math.min(unit + grain, units), scratch);
    unit = Atomics.add(control, NEXT, grain);
  }
}
