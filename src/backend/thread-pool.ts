// Runs kernels over units of work on all threads: the caller's own and a worker for each further one.
// Who computes a unit is left to chance; what a unit computes is not, so results do not depend on the number of threads.
// Invariant: `run` returns when every unit is done, or throws a typed error within seconds; it never hangs.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { engineFileUrl, type PlatformWorker, platform } from '../platform/index.ts';
import * as control from './control-block.js';
import { Soundness } from './soundness.ts';

/** Where the pool gets memory from: emscripten's allocator. */
export interface Allocator {
  allocate(bytes: number): number;
  free(byteOffset: number): void;
}

export interface RunOptions {
  /** Bytes of private memory that each thread needs. Its content is undefined. */
  readonly scratchBytes?: number;
  /** Units claimed at a time. Default: so that each thread claims `CLAIMS_PER_THREAD` times. */
  readonly grain?: number;
}

/** Milliseconds that a worker may lag behind the main thread's own claims before it is given up. */
const WATCHDOG_MS = 5_000;
/** … plus this many times what the main thread needed for its own share. */
const WATCHDOG_FACTOR = 20;
/** Longest single wait, which is all that a suspension of the process counts for. */
const WATCHDOG_SLICE_MS = 250;
/** A claim costs a tenth of a microsecond; the last one of a dispatch is what the other threads wait for. */
const CLAIMS_PER_THREAD = 32;
const START_TIMEOUT_MS = 30_000;

export class ThreadPool {
  readonly threads: number;
  /** Of the memory that all kernels share. */
  readonly soundness = new Soundness();
  readonly #memory: WebAssembly.Memory;
  readonly #allocator: Allocator;
  readonly #controlOffset: number;
  readonly #kernels: ReadonlyMap<string, { index: number; run: control.Kernel }>;
  readonly #spin: (address: number, value: number, iterations: number) => number;
  readonly #workers: PlatformWorker[] = [];
  readonly #spinIterations: number;
  #words: Int32Array;
  /** As the allocator gave it, and from the first cache line on. */
  #scratchBlock = 0;
  #scratch = 0;
  #scratchBytes = 0;
  #failure: string | undefined;

  private constructor(memory: WebAssembly.Memory, exports: WebAssembly.Exports, allocator: Allocator, threads: number) {
    this.#memory = memory;
    this.#allocator = allocator;
    this.threads = threads;
    const isCrowded = threads > platform.machine().cores;
    this.#spinIterations = isCrowded ? control.CROWDED_SPIN_ITERATIONS : control.SPIN_ITERATIONS;
    // A cache line of slack, so that the words that threads spin on share a line with nothing else.
    const block = allocator.allocate(control.WORDS * 4 + 64);
    this.#controlOffset = alignToCacheLine(block);
    this.#words = new Int32Array(memory.buffer, this.#controlOffset, control.WORDS).fill(0);
    const names = control.kernelNames(exports);
    const kernels = names.map((name) => exports[name] as unknown as control.Kernel);
    this.#kernels = new Map(
      [...names, control.PROGRAM].map((name, index) => [
        name,
        { index, run: kernels[index] ?? control.programRunner(kernels, memory) },
      ]),
    );
    this.#spin = exports.spinWhileEqual as unknown as (a: number, v: number, i: number) => number;
  }

  /**
   * Starts a pool and waits until every worker is ready.
   *
   * @param options.threads Number of threads including the caller's; more than one needs shared memory
   * @throws SelvedgeError `backend/worker-start` if a worker does not start
   */
  static async start(options: {
    module: WebAssembly.Module;
    memory: WebAssembly.Memory;
    allocator: Allocator;
    threads: number;
  }): Promise<ThreadPool> {
    const { module, memory, allocator, threads } = options;
    const instance = await WebAssembly.instantiate(module, { env: { memory } });
    const pool = new ThreadPool(memory, instance.exports, allocator, threads);
    try {
      await pool.#startWorkers(module);
    } catch (error) {
      await pool.stop();
      throw new SelvedgeError('backend/worker-start', `Cannot start ${threads - 1} workers: ${messageOf(error)}`, {
        cause: error,
      });
    }
    return pool;
  }

  async #startWorkers(module: WebAssembly.Module): Promise<void> {
    const script = engineFileUrl('pool-worker.js');
    for (let thread = 1; thread < this.threads; thread++) {
      const worker = platform.startWorker(script, {
        module,
        memory: this.#memory,
        controlOffset: this.#controlOffset,
        thread,
        spinIterations: this.#spinIterations,
      });
      worker.onEnd((reason) => {
        this.#failure ??= `Worker ${thread} is gone: ${reason}`;
      });
      this.#workers.push(worker);
    }
    const end = platform.now() + START_TIMEOUT_MS;
    while (Atomics.load(this.#words, control.DONE) < this.threads - 1) {
      if (this.#failure) throw new Error(this.#failure);
      if (platform.now() > end) throw new Error(`not ready after ${START_TIMEOUT_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** The running workers: for tests of what happens when one dies. */
  get workers(): readonly PlatformWorker[] {
    return this.#workers;
  }

  /**
   * Number of a kernel in programs: see `programRunner`.
   *
   * @throws SelvedgeError `backend/unknown-kernel`
   */
  kernelIndex(name: string): number {
    return this.#kernel(name).index;
  }

  #kernel(name: string): { index: number; run: control.Kernel } {
    const kernel = this.#kernels.get(name);
    if (kernel) return kernel;
    throw new SelvedgeError('backend/unknown-kernel', `Cannot run kernel "${name}": the module has no such export`);
  }

  /**
   * Runs a kernel over units [0, units).
   *
   * @param name Exported name of the kernel
   * @param units Number of units; the kernel is called with ranges of them
   * @param args 32-bit words: integers, byte offsets, float bits
   * @throws SelvedgeError `backend/kernel-trapped`, `backend/broken` ever after, `backend/worker-lost`, `backend/unknown-kernel`
   */
  run(name: string, units: number, args: readonly number[], options: RunOptions = {}): void {
    if (units <= 0) return;
    this.soundness.check();
    const kernel = this.#kernel(name);
    if (args.length > control.MAX_ARGUMENTS) {
      throw new SelvedgeError(
        'backend/arguments',
        `Cannot run kernel "${name}": got ${args.length} arguments, expected at most ${control.MAX_ARGUMENTS}`,
      );
    }
    if (this.#failure) {
      throw new SelvedgeError(
        'backend/worker-lost',
        `Cannot run kernel "${name}": ${this.#failure}; stop the backend and start it again`,
      );
    }
    this.#reserveScratch(options.scratchBytes ?? 0);
    const words = this.#freshWords();
    const grain = options.grain ?? Math.max(1, Math.ceil(units / (this.threads * CLAIMS_PER_THREAD)));
    for (let i = 0; i < args.length; i++) words[control.ARGUMENTS + i] = args[i]!;
    words[control.UNITS] = units;
    words[control.GRAIN] = grain;
    words[control.SCRATCH] = this.#scratch;
    words[control.SCRATCH_BYTES] = this.#scratchBytes;
    if (this.threads === 1 || units <= grain) this.#runAlone(name, kernel.run);
    else this.#runShared(name, kernel);
  }

  /** The control block; an unshared memory that grew has a new buffer, and views of the old one are empty. */
  #freshWords(): Int32Array {
    if (this.#words.byteLength === 0) {
      this.#words = new Int32Array(this.#memory.buffer, this.#controlOffset, control.WORDS);
    }
    return this.#words;
  }

  #runAlone(name: string, kernel: control.Kernel): void {
    try {
      const units = this.#words[control.UNITS]!;
      kernel(this.#controlOffset + control.ARGUMENTS * 4, 0, units, this.#scratch);
    } catch (error) {
      throw this.soundness.trapped(name, messageOf(error), error);
    }
  }

  #runShared(name: string, kernel: { index: number; run: control.Kernel }): void {
    const words = this.#words;
    words[control.KERNEL] = kernel.index;
    words[control.STATUS] = 0;
    // The first claim is the main thread's own, so that it knows how long a claim takes.
    Atomics.store(words, control.NEXT, words[control.GRAIN]!);
    Atomics.store(words, control.DONE, 0);
    // Sequence numbers stay positive: -1 means stop.
    Atomics.store(words, control.SEQUENCE, (words[control.SEQUENCE]! + 1) & 0x3fffffff);
    Atomics.notify(words, control.SEQUENCE);
    const start = platform.now();
    let trap: { error: unknown } | undefined;
    try {
      control.runClaims(kernel.run, words, this.#controlOffset, 0, 0);
    } catch (error) {
      Atomics.store(words, control.NEXT, control.NO_MORE_UNITS);
      trap = { error };
    }
    this.#awaitWorkers(name, platform.now() - start);
    if (trap) throw this.soundness.trapped(name, messageOf(trap.error), trap.error);
    if (Atomics.load(words, control.STATUS) !== 0) throw this.soundness.trapped(name, this.#trapMessage());
  }

  #awaitWorkers(name: string, ownMs: number): void {
    const words = this.#words;
    const workers = this.threads - 1;
    const address = this.#controlOffset + control.DONE * 4;
    const allowedMs = WATCHDOG_MS + WATCHDOG_FACTOR * ownMs;
    let leftMs = allowedMs;
    for (;;) {
      const done = Atomics.load(words, control.DONE);
      if (done >= workers) return;
      if (this.#spin(address, done, this.#spinIterations)) continue;
      if (leftMs <= 0) {
        this.#failure = `A worker has not answered within ${Math.round(allowedMs)} ms`;
        throw new SelvedgeError(
          'backend/worker-lost',
          `Kernel "${name}" did not finish: ${workers - done} of ${workers} workers died or hang; stop the backend and start it again`,
        );
      }
      // Counted in waits and not by the clock alone: a process that was suspended wakes long after any deadline.
      const sliceMs = Math.min(leftMs, WATCHDOG_SLICE_MS);
      const start = platform.now();
      const isTimedOut = Atomics.wait(words, control.DONE, done, sliceMs) === 'timed-out';
      leftMs -= isTimedOut ? sliceMs : Math.min(sliceMs, platform.now() - start);
    }
  }

  #trapMessage(): string {
    const length = this.#words[control.MESSAGE]!;
    const text = new Uint8Array(this.#memory.buffer, this.#controlOffset + (control.MESSAGE + 1) * 4, length);
    return new TextDecoder().decode(text.slice());
  }

  #reserveScratch(bytes: number): void {
    if (bytes <= this.#scratchBytes) return;
    if (this.#scratchBlock) this.#allocator.free(this.#scratchBlock);
    // If there is no memory for the new one, the pool has none, and not one that is freed.
    this.#scratchBlock = 0;
    this.#scratchBytes = 0;
    // Odd multiples of a cache line keep the areas of different threads off the same cache sets.
    const areaBytes = alignToCacheLine(bytes) + 64;
    this.#scratchBlock = this.#allocator.allocate(areaBytes * this.threads + 64);
    this.#scratchBytes = areaBytes;
    this.#scratch = alignToCacheLine(this.#scratchBlock);
  }

  /** Ends the workers. The memory goes with the backend. */
  async stop(): Promise<void> {
    this.#failure ??= 'The pool is stopped';
    const words = this.#freshWords();
    Atomics.store(words, control.SEQUENCE, -1);
    Atomics.notify(words, control.SEQUENCE);
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

// Offsets reach beyond 2 GB, where bitwise operators would turn them negative.
const alignToCacheLine = (byteOffset: number): number => Math.ceil(byteOffset / 64) * 64;
