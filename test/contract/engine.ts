// Contract: the engine says what it really got, and what goes wrong in a kernel or a worker is a typed error, never a hang.
import * as assert from 'uvu/assert';
import type { ThreadPool } from '../../src/backend/index.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import type { ContractTests } from './suite.ts';

function failureOf(run: () => void): SelvedgeError {
  try {
    run();
  } catch (error) {
    assert.instance(error, SelvedgeError);
    return error as SelvedgeError;
  }
  return assert.unreachable('nothing failed') as never;
}

const ELEMENTS_PER_UNIT = 1024;
const UNITS = 4;
/** Where the last units of a 32-bit memory would be: reading there traps. */
const OUT_OF_RANGE = 2 ** 32 - 4 * UNITS * ELEMENTS_PER_UNIT;

function clip(pool: ThreadPool, at: number): void {
  pool.run('clipByValue', UNITS, [at, at, UNITS * ELEMENTS_PER_UNIT, ELEMENTS_PER_UNIT, 0, 0]);
}

export const engineTests: ContractTests = {
  'the engine tells its build, threads and memory'({ engine: { info, backend } }) {
    assert.is(info.simd, true);
    assert.is(info.threads, backend.pool.threads);
    assert.is(backend.pool.workers.length, info.threads - 1);
    assert.is(info.build, info.sharedMemory ? 'threaded-simd' : 'simd');
    assert.is(info.fallbackReason === undefined, info.sharedMemory);
  },
};

/** They break the engine they run on. */
export const breakingTests: ContractTests = {
  async 'a worker that dies is a typed error'({ engine: { backend } }) {
    const { pool } = backend;
    if (pool.threads === 1) return;
    const gone = new Promise<void>((resolve) => pool.workers[0]!.onEnd(() => resolve()));
    await pool.workers[0]!.terminate();
    await gone;
    backend.withMemory(4 * UNITS * ELEMENTS_PER_UNIT, (at) => {
      assert.is(failureOf(() => clip(pool, at)).code, 'backend/worker-lost');
    });
  },
  'a kernel that traps is a typed error with its name, and the engine refuses to go on'({ engine: { backend } }) {
    const { pool } = backend;
    const error = failureOf(() => clip(pool, OUT_OF_RANGE));
    assert.is(error.code, 'backend/kernel-trapped');
    assert.match(error.message, 'Kernel "clipByValue" trapped');
    assert.is(failureOf(() => backend.allocate(8)).code, 'backend/broken');
  },
};
