// The roofs that kernels are held against: operations and bytes a second that this machine reaches on the engine's threads.
// Not a kernel that anything uses. Invariant: measured in turn with what is held against it, not once beforehand.
import { float32Bits, type SelvedgeBackend } from '../src/backend/index.ts';

/** Something that runs on all threads and does a known amount. */
export interface Roof {
  readonly name: string;
  /** Operations, or bytes, that a call does. */
  readonly amount: number;
  run(): void;
  dispose(): void;
}

/** Floating point operations of an iteration of the kernel: 12 vectors of four. */
const FLOPS_AN_ITERATION = 48;
const ITERATIONS = 20_000;
/** Many times what caches hold: 3 x 64 MiB. */
const TRIAD_ELEMENTS = 1 << 24;
const TRIAD_ELEMENTS_PER_UNIT = 1 << 14;
/** STREAM counts what the program names, not what a cache fetches before it writes. */
const TRIAD_BYTES_AN_ELEMENT = 12;

/** Multiplications and additions of 128-bit vectors in registers. */
export function arithmeticRoof(backend: SelvedgeBackend): Roof {
  const units = 16 * backend.pool.threads;
  const output = backend.allocate(4 * units);
  const args = [output, ITERATIONS, float32Bits(1)];
  return {
    name: 'arithmetic',
    amount: units * ITERATIONS * FLOPS_AN_ITERATION,
    run: () => backend.pool.run('multiplyAddPeak', units, args, { grain: 1 }),
    dispose: () => backend.free(output),
  };
}

/** The triad of STREAM over arrays that no cache holds. */
export function memoryRoof(backend: SelvedgeBackend): Roof {
  const bytes = 4 * TRIAD_ELEMENTS;
  const block = backend.allocate(3 * bytes);
  const args = [block, block + bytes, block + 2 * bytes, TRIAD_ELEMENTS_PER_UNIT, float32Bits(3)];
  return {
    name: 'memory',
    amount: TRIAD_BYTES_AN_ELEMENT * TRIAD_ELEMENTS,
    run: () => backend.pool.run('streamTriad', TRIAD_ELEMENTS / TRIAD_ELEMENTS_PER_UNIT, args),
    dispose: () => backend.free(block),
  };
}
