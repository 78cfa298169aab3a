// Starts and stops the engine: the tfjs wasm backend, our pool and our kernels, as the one tfjs backend named `wasm`.
// Invariant: after `stop` tfjs is as it was before `start`, stock kernels included.

import { BackendWasm, setThreadsCount, version_wasm } from '@tensorflow/tfjs-backend-wasm';
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { sha256 } from '../core/sha256.ts';
import { compileEngineFile, platform, readEngineFile } from '../platform/index.ts';
import { type LoadedGlue, loadGlue } from './glue.ts';
import { registerGradients } from './gradients.ts';
import { registerKernels } from './kernels/register.ts';
import { allocateBytes, SelvedgeBackend } from './selvedge-backend.ts';
import * as tf from './tfjs.ts';
import { ThreadPool } from './thread-pool.ts';

/** What the engine really got. */
export interface BackendInfo {
  readonly backend: 'wasm';
  readonly build: 'threaded-simd' | 'simd';
  readonly threads: number;
  readonly simd: true;
  readonly sharedMemory: boolean;
  /** No convolution is computed by Winograd's algorithm. */
  readonly exactConvolution: boolean;
  /** Why there is one thread on unshared memory, if so. */
  readonly fallbackReason?: string;
  readonly tfjs: string;
}

/** A started engine. */
export interface RunningBackend {
  readonly info: BackendInfo;
  readonly backend: SelvedgeBackend;
  /** Ends workers, removes the backend and gives stock kernels and the backend before it back. Tensors are gone. */
  stop(): Promise<void>;
}

export interface BackendOptions {
  /** Threads, the caller's own included. Default: the cores this process may use. */
  readonly threads?: number;
  /** Use the unthreaded build even where shared memory exists. */
  readonly sharedMemory?: boolean;
  /**
   * Compute 3x3 convolutions tap by tap too, and not by Winograd's algorithm: a tenth of its rounding error, and two to three times
   * slower. Default: false.
   */
  readonly exactConvolution?: boolean;
}

const MAX_THREADS = 64;
/** The version of tfjs whose WebAssembly is in build/; glue of another would call it wrongly. */
export const TFJS_VERSION = '4.22.0';
/** The priority that tfjs-backend-wasm registers itself with; ours is higher. */
const STOCK_PRIORITY = 2;
let running: RunningBackend | undefined;
let isStarting = false;
/** The last stop: a start waits for it, since both change what tfjs calls `wasm`. */
let stopped: Promise<void> = Promise.resolve();

/**
 * Starts the engine and makes it the current tfjs backend.
 *
 * @param options Threads to use; the default is what machine and cgroup allow
 * @returns What was started; call `stop` when done. Without it the process still exits by itself
 * @throws SelvedgeError `backend/already-started`, `backend/threads`, `backend/no-simd`, `backend/other-tfjs`,
 *   `backend/second-tfjs`, `files/engine-file`, `backend/tfjs-load`, `backend/worker-start`
 *
 * @example
 * ```ts
 * import { startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 2 });
 * console.assert(engine.info.threads === 2 && engine.info.simd);
 * await engine.stop();
 * ```
 */
export async function startBackend(options: BackendOptions = {}): Promise<RunningBackend> {
  if (running || isStarting)
    throw new SelvedgeError('backend/already-started', 'Cannot start the backend: it runs already; stop it first');
  const threads = checkThreads(options.threads ?? Math.min(platform.machine().cores, MAX_THREADS));
  refuseWithoutSimd();
  refuseOtherTfjs();
  refuseSecondTfjs();
  isStarting = true;
  try {
    await stopped;
    running = await startEngine(threads, reasonAgainstThreads(options), options.exactConvolution === true);
    return running;
  } finally {
    isStarting = false;
  }
}

async function startEngine(
  threads: number,
  reason: string | undefined,
  exactConvolution: boolean,
): Promise<RunningBackend> {
  const { module, memory, fallbackReason } = await loadBuild(reason);
  const shared = fallbackReason === undefined;
  const allocator = {
    allocate: (bytes: number) => allocateBytes(module, bytes),
    free: (at: number) => module._free(at),
  };
  const kernels = await compileEngineFile(shared ? 'kernels-shared.wasm' : 'kernels-unshared.wasm');
  const pool = await ThreadPool.start({ module: kernels, memory, allocator, threads: shared ? threads : 1 });
  setThreadsCount(1);
  const backend = new SelvedgeBackend(module, pool, exactConvolution);
  const unregister = await register(backend);
  const info: BackendInfo = {
    backend: 'wasm',
    build: shared ? 'threaded-simd' : 'simd',
    threads: pool.threads,
    simd: true,
    sharedMemory: typeof SharedArrayBuffer !== 'undefined' && memory.buffer instanceof SharedArrayBuffer,
    exactConvolution,
    ...(fallbackReason === undefined ? {} : { fallbackReason }),
    tfjs: tf.version_core,
  };
  let ended: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    if (ended) return ended;
    running = undefined;
    ended = pool.stop().finally(unregister);
    stopped = ended.catch(() => undefined);
    return ended;
  };
  return { info, backend, stop };
}

/** The threaded build unless something speaks against it or it does not start here: a small address space, say. */
async function loadBuild(reason: string | undefined): Promise<LoadedGlue & { fallbackReason?: string }> {
  if (reason !== undefined) return { ...(await loadGlue(false)), fallbackReason: reason };
  try {
    return await loadGlue(true);
  } catch (error) {
    if (!(error instanceof SelvedgeError) || error.code !== 'backend/tfjs-load') throw error;
    const { cause } = error;
    return { ...(await loadGlue(false)), fallbackReason: `the threaded build did not start: ${messageOf(cause)}` };
  }
}

/** Makes a backend the current one of tfjs, with our kernels; returns what takes it back. */
async function register(backend: SelvedgeBackend): Promise<() => Promise<void>> {
  const earlier = tf.getBackend() as string | undefined;
  const stockFactory = tf.findBackendFactory('wasm') as ReturnType<typeof tf.findBackendFactory> | null;
  if (stockFactory) tf.removeBackend('wasm');
  const restoreKernels = registerKernels();
  const restoreGradients = registerGradients();
  tf.registerBackend('wasm', () => backend, STOCK_PRIORITY + 1);
  await tf.setBackend('wasm');
  return async () => {
    const isCurrent = tf.getBackend() === 'wasm';
    tf.removeBackend('wasm');
    restoreGradients();
    restoreKernels();
    if (stockFactory) tf.registerBackend('wasm', stockFactory, STOCK_PRIORITY);
    if (isCurrent && earlier && earlier !== 'wasm') await tf.setBackend(earlier);
  };
}

/**
 * The backend of the running engine.
 *
 * @throws SelvedgeError `backend/not-started`; `backend/broken` after a kernel trapped; `backend/not-current` where tfjs was set to another backend, which would
 *   take tensors of ours for its own
 */
export function currentBackend(): SelvedgeBackend {
  if (!running) throw new SelvedgeError('backend/not-started', 'Cannot use the backend: call startBackend() first');
  const current = tf.getBackend();
  if (current === 'wasm') {
    running.backend.pool.soundness.check();
    return running.backend;
  }
  throw new SelvedgeError(
    'backend/not-current',
    `Cannot use the backend: tfjs is set to "${current}"; call tf.setBackend('wasm') first`,
  );
}

function checkThreads(threads: number): number {
  if (Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS) return threads;
  throw new SelvedgeError(
    'backend/threads',
    `Cannot start "${threads}" threads: expected a whole number from 1 to ${MAX_THREADS}`,
  );
}

/** The smallest module with a v128 instruction: `i8x16.splat` and `i8x16.popcnt`, as in wasm-feature-detect. */
const SIMD_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

function refuseWithoutSimd(): void {
  if (WebAssembly.validate(SIMD_PROBE)) return;
  const { name, version } = platform.runtime;
  throw new SelvedgeError(
    'backend/no-simd',
    `Cannot start on ${name} ${version}: it has no WebAssembly SIMD; every engine since 2023 has`,
  );
}

function refuseOtherTfjs(): void {
  const found = { 'tfjs-core': tf.version_core, 'tfjs-backend-wasm': version_wasm };
  for (const [name, version] of Object.entries(found)) {
    if (version === TFJS_VERSION) continue;
    throw new SelvedgeError(
      'backend/other-tfjs',
      `Cannot start: expected @tensorflow/${name} ${TFJS_VERSION}, got ${version}; install exactly that version of all tfjs packages`,
    );
  }
}

function refuseSecondTfjs(): void {
  if (BackendWasm.prototype instanceof tf.KernelBackend) return;
  throw new SelvedgeError(
    'backend/second-tfjs',
    `Cannot start: two copies of @tensorflow/tfjs-core are installed; keep one (${tf.version_core}), see npm ls @tensorflow/tfjs-core`,
  );
}

function reasonAgainstThreads(options: BackendOptions): string | undefined {
  if (options.sharedMemory === false) return 'shared memory was not wanted';
  if (typeof SharedArrayBuffer === 'undefined') {
    const { sharedMemoryLack: lack } = platform;
    return lack === undefined ? 'the runtime has no SharedArrayBuffer' : `there is no SharedArrayBuffer: ${lack}`;
  }
  if (!platform.mayBlock) return 'this thread must not block';
  return undefined;
}

/**
 * Names the arithmetic of this build: runs with equal digests, seeds, settings and data end with the same weights.
 *
 * @returns sha256 of the shared build of the kernels, in hexadecimal; both builds come from the same sources
 * @throws SelvedgeError `files/engine-file`
 */
export async function kernelsDigest(): Promise<string> {
  return sha256(await readEngineFile('kernels-shared.wasm'));
}
