// The pool's order of work and its failures: workers that trap, die or lag.
// Runs alone: a worker that lags counts as dead.
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_ARGUMENTS } from '../../src/backend/control-block.js';
import { currentBackend, float32Bits, type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { ThreadPool } from '../../src/backend/thread-pool.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { platform } from '../../src/platform/index.ts';

const LENGTH = 1 << 20;
const ELEMENTS_PER_UNIT = 4096;
/** The last four units of a 32-bit memory: reading there traps. */
const OUT_OF_RANGE = 0xffff0000;
const OUT_OF_RANGE_LENGTH = 4 * ELEMENTS_PER_UNIT;

const hasCode =
  (code: string) =>
  (error: { code?: string; message: string }): boolean =>
    error.code === code || assert.unreachable(`expected ${code}, got ${error.code}: ${error.message}`) === undefined;

/** Clips a million ones to two and checks the result: every unit must have run, once. */
function assertWorks({ backend }: RunningBackend): void {
  backend.withMemory(LENGTH * 4, (at) => {
    const view = () => {
      const bytes = backend.bytes(at, LENGTH * 4);
      return new Float32Array(bytes.buffer, bytes.byteOffset, LENGTH);
    };
    view().fill(1);
    runClip(backend.pool, at);
    assert.ok(view().every((value) => value === 2));
  });
}

function runClip(pool: ThreadPool, at: number, length = LENGTH): void {
  const words = [at, at, length, ELEMENTS_PER_UNIT, float32Bits(2), float32Bits(3)];
  pool.run('clipByValue', Math.ceil(length / ELEMENTS_PER_UNIT), words);
}

/** Nothing computes, reads or writes; what is disposed is forgotten. */
function assertRefused(engine: RunningBackend, before: tf.Tensor): void {
  const isBroken = hasCode('backend/broken');
  assert.throws(() => runClip(engine.backend.pool, 0, 1), isBroken);
  assert.throws(() => tf.matMul([[1]], [[1]]), isBroken);
  assert.throws(() => tf.relu(before), isBroken);
  assert.throws(() => tf.tensor1d([1]).dataSync(), isBroken);
  assert.throws(() => before.dataSync(), isBroken);
  assert.throws(() => currentBackend(), isBroken);
  const { numTensors } = tf.memory();
  before.dispose();
  assert.is(tf.memory().numTensors, numTensors - 1);
}

/** `unreachable`, as a function of a module. */
function trapInWasm(): never {
  const code = [
    0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 116, 0, 0, 10, 5, 1, 3, 0, 0, 11,
  ];
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(code)));
  (exports.t as () => void)();
  throw new Error('expected a trap');
}

async function withBackend(options: Parameters<typeof startBackend>[0], use: (engine: RunningBackend) => unknown) {
  const engine = await startBackend(options);
  try {
    await use(engine);
  } finally {
    await engine.stop();
  }
}

for (const options of [{ threads: 1 }, { threads: 4 }, { sharedMemory: false }]) {
  test(`run() computes every unit with ${JSON.stringify(options)}`, () =>
    withBackend(options, (engine) => {
      for (let i = 0; i < 20; i++) assertWorks(engine);
    }));

  test(`After a trap everything is refused, and a new engine works, with ${JSON.stringify(options)}`, async () => {
    await withBackend(options, (engine) => {
      const before = tf.tensor1d([1, 2, 3]);
      const trap = (length: number) => runClip(engine.backend.pool, OUT_OF_RANGE, length);
      assert.throws(() => trap(OUT_OF_RANGE_LENGTH), hasCode('backend/kernel-trapped'));
      assertRefused(engine, before);
    });
    await withBackend(options, assertWorks);
  });

  test(`A stock kernel that traps breaks the engine, too, with ${JSON.stringify(options)}`, async () => {
    const kernelName = 'TrapsForATest';
    tf.registerKernel({ kernelName, backendName: 'wasm', kernelFunc: trapInWasm });
    await withBackend(options, (engine) => {
      const before = tf.tensor1d([1, 2, 3]);
      assert.throws(
        () => tf.tidy(() => tf.engine().runKernel(kernelName, { x: before.add(1) })),
        hasCode('backend/kernel-trapped'),
      );
      assertRefused(engine, before);
    });
    tf.unregisterKernel(kernelName, 'wasm');
    await withBackend(options, assertWorks);
  });
}

test('run() names the kernel and the cause of a trap', () =>
  withBackend({ threads: 2 }, ({ backend }) => {
    assert.throws(
      () => runClip(backend.pool, OUT_OF_RANGE, OUT_OF_RANGE_LENGTH),
      /Kernel "clipByValue" trapped: .*out of bounds/,
    );
  }));

test('run() refuses an unknown kernel and too many arguments', () =>
  withBackend({ threads: 2 }, ({ backend }) => {
    assert.throws(() => backend.pool.run('noSuchKernel', 1, []), hasCode('backend/unknown-kernel'));
    const words = Array<number>(MAX_ARGUMENTS + 1).fill(0);
    assert.throws(() => backend.pool.run('clipByValue', 1, words), hasCode('backend/arguments'));
    backend.pool.run('clipByValue', 0, []);
  }));

test('run() gives up within seconds when a worker is killed in a dispatch, and says so ever after', () =>
  withBackend({ threads: 2 }, async ({ backend }) => {
    const { pool } = backend;
    const start = performance.now();
    backend.withMemory(LENGTH * 4, (at) => {
      runClip(pool, at);
      // The request reaches the worker while the dispatches below run: this thread never turns its event loop.
      const ended = pool.workers[0]!.terminate();
      assert.throws(() => {
        for (let i = 0; i < 100_000; i++) runClip(pool, at);
      }, hasCode('backend/worker-lost'));
      assert.throws(() => runClip(pool, at), hasCode('backend/worker-lost'));
      return ended;
    });
    assert.ok(performance.now() - start < 60_000, 'the watchdog speaks within seconds');
  }));

test('run() reserves scratch memory anew after it could not get as much as it asked for', async () => {
  const file = new URL('../../build/kernels-unshared.wasm', import.meta.url);
  const module = await WebAssembly.compile(readFileSync(file));
  const memory = new WebAssembly.Memory({ initial: 2 });
  const held: number[] = [];
  const allocator = {
    allocate(bytes: number): number {
      if (bytes > 10_000) throw new SelvedgeError('backend/out-of-memory', 'none left');
      held.push(4096 * (held.length + 1));
      return held.at(-1)!;
    },
    free: (at: number) => held.splice(held.indexOf(at), 1),
  };
  const pool = await ThreadPool.start({ module, memory, allocator, threads: 1 });
  const runWith = (scratchBytes: number): void => pool.run('clipByValue', 1, [0, 0, 0, 1, 0, 0], { scratchBytes });
  runWith(100);
  assert.is(held.length, 2, 'the control block and the scratch memory');
  assert.throws(() => runWith(20_000), hasCode('backend/out-of-memory'));
  assert.is(held.length, 1);
  runWith(100);
  assert.is(held.length, 2);
  await pool.stop();
});

test('run() waits for workers when the clock leaps, as it does where a process was suspended', () =>
  // More threads than cores: one of them always lags behind.
  withBackend({ threads: 8 }, (engine) => {
    const { now } = platform;
    let leapMs = 0;
    platform.now = () => {
      leapMs += 60_000;
      return now() + leapMs;
    };
    try {
      for (let i = 0; i < 20; i++) assertWorks(engine);
    } finally {
      platform.now = now;
    }
  }));

test('run() refuses at once when a worker has ended between dispatches', () =>
  withBackend({ threads: 3 }, async ({ backend }) => {
    await backend.pool.workers[1]!.terminate();
    assert.throws(() => runClip(backend.pool, 0), /Worker 2 is gone.*start it again/);
  }));

test('a backend that lost a worker stops, and another starts', async () => {
  const engine = await startBackend({ threads: 2 });
  await engine.backend.pool.workers[0]!.terminate();
  await engine.stop();
  await withBackend({ threads: 2 }, assertWorks);
});

test('run() refuses after stop()', async () => {
  const engine = await startBackend({ threads: 2 });
  await engine.stop();
  assert.throws(() => runClip(engine.backend.pool, 0), hasCode('backend/worker-lost'));
});

test.run();
