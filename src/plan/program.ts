// Programs: what a plan gives to the thread pool. A program is a list of jobs that may run at the same time; a job is a list of
// kernel calls that one thread makes in order; a phase is a program and waits for the one before.
// Not here: what is computed. Invariant: memory that a program names lives as long as its `PlanMemory`.
import type { SelvedgeBackend, ThreadPool } from '../backend/index.ts';

/** One call of a kernel over units [start, end). */
export interface Call {
  readonly kernel: string;
  /** Byte offset of the argument words. */
  readonly args: number;
  readonly start: number;
  readonly end: number;
}

export type Job = readonly Call[];

/** A compiled program. */
export interface Phase {
  readonly byteOffset: number;
  readonly jobs: number;
}

const CACHE_LINE = 64;

/** Where a plan lies: the heap of the running backend, or one that is only laid out, for an export. */
export type PlanHeap = Pick<SelvedgeBackend, 'allocate' | 'bytes' | 'exactConvolution' | 'free' | 'offset'> & {
  readonly pool: Pick<ThreadPool, 'kernelIndex'>;
};

/** Memory of one plan on a heap: buffers, argument words and programs. `dispose` frees all of it. */
export class PlanMemory {
  readonly backend: PlanHeap;
  readonly #blocks: number[] = [];
  #bytes = 0;

  constructor(backend: PlanHeap) {
    this.backend = backend;
  }

  /** Bytes reserved so far. */
  get byteLength(): number {
    return this.#bytes;
  }

  /** Reserves zeroed bytes on a cache line of their own, with a line to spare: vectors may be read beyond the end. */
  reserve(byteLength: number): number {
    const total = byteLength + 2 * CACHE_LINE;
    const block = this.backend.allocate(total);
    this.#blocks.push(block);
    this.#bytes += total;
    this.backend.bytes(block, total).fill(0);
    return Math.ceil(block / CACHE_LINE) * CACHE_LINE;
  }

  /** Reserves zeroed float32 elements. */
  floats(count: number): number {
    return this.reserve(count * 4);
  }

  /** Stores 32-bit words: arguments of a kernel, or a program. */
  words(values: readonly number[]): number {
    const byteOffset = this.reserve(values.length * 4);
    this.view(byteOffset, values.length).set(values);
    return byteOffset;
  }

  /** A view of words. Valid until the next reservation. */
  view(byteOffset: number, length: number): Int32Array {
    const { buffer, byteOffset: start } = this.backend.bytes(byteOffset, length * 4);
    return new Int32Array(buffer, start, length);
  }

  setWord(byteOffset: number, index: number, value: number): void {
    this.view(byteOffset + index * 4, 1)[0] = value;
  }

  /** Compiles jobs. */
  phase(jobs: readonly Job[]): Phase {
    const words: number[] = new Array(jobs.length + 1).fill(0);
    jobs.forEach((job, i) => {
      words[i] = words.length;
      for (const { kernel, args, start, end } of job) {
        words.push(this.backend.pool.kernelIndex(kernel), args, start, end);
      }
    });
    words[jobs.length] = words.length;
    return { byteOffset: this.words(words), jobs: jobs.length };
  }

  dispose(): void {
    for (const block of this.#blocks.splice(0)) this.backend.free(block);
    this.#bytes = 0;
  }
}

/** Runs a phase on all threads. */
export function runPhase(backend: SelvedgeBackend, { byteOffset, jobs }: Phase, scratchBytes: number): void {
  backend.pool.run('program', jobs, [byteOffset], { grain: 1, scratchBytes });
}
