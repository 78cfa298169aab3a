// One worker of the thread pool: waits for a dispatch, claims units, reports done. Plain JavaScript, so that every runtime
// starts it without a compiler. Invariant: whatever a kernel does, DONE is counted, or the watchdog of the main thread speaks.
import * as control from './control-block.js';

/** @typedef {{module: WebAssembly.Module, memory: WebAssembly.Memory, controlOffset: number, thread: number, spinIterations: number}} StartData */

/** @param {StartData} start */
export default function work({ module, memory, controlOffset, thread, spinIterations }) {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const spin = /** @type {(address: number, value: number, iterations: number) => number} */ (exports.spinWhileEqual);
  const kernels = control
    .kernelNames(exports)
    .map((name) => /** @type {control.Kernel} */ (/** @type {unknown} */ (exports[name])));
  kernels.push(control.programRunner([...kernels], memory));
  const words = new Int32Array(memory.buffer, controlOffset, control.WORDS);

  let sequence = 0;
  Atomics.add(words, control.DONE, 1);
  Atomics.notify(words, control.DONE);
  for (;;) {
    if (!spin(controlOffset + control.SEQUENCE * 4, sequence, spinIterations)) {
      Atomics.wait(words, control.SEQUENCE, sequence);
    }
    const now = Atomics.load(words, control.SEQUENCE);
    if (now === sequence) continue;
    if (now === -1) return;
    sequence = now;
    try {
      const kernel = /** @type {control.Kernel} */ (kernels[/** @type {number} */ (words[control.KERNEL])]);
      control.runClaims(kernel, words, controlOffset, -1, thread);
    } catch (error) {
      Atomics.store(words, control.NEXT, control.NO_MORE_UNITS);
      writeTrap(words, thread, error);
    }
    Atomics.add(words, control.DONE, 1);
    Atomics.notify(words, control.DONE);
  }
}

// In a browser this is the worker's own script; elsewhere the platform's first module calls the function.
if ('WorkerGlobalScope' in globalThis) addEventListener('message', ({ data }) => work(data), { once: true });

/**
 * @param {Int32Array} words
 * @param {number} thread
 * @param {unknown} error
 */
function writeTrap(words, thread, error) {
  const text = new TextEncoder().encode(error instanceof Error ? error.message : String(error));
  const length = Math.min(text.length, control.MAX_MESSAGE_BYTES);
  words[control.MESSAGE] = length;
  const place = words.byteOffset + (control.MESSAGE + 1) * 4;
  new Uint8Array(words.buffer, place, length).set(text.subarray(0, length));
  Atomics.store(words, control.STATUS, 1 + thread);
}
