import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../src/backend/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a module that imports from the project in a process of its own. */
function runScript(source: string, flags: readonly string[] = []) {
  const preamble = `
    import * as tf from '@tensorflow/tfjs';
    import { startBackend } from './src/backend/index.ts';
  `;
  return spawnSync(
    process.execPath,
    [...flags, '--import', 'tsx', '--input-type=module', '--eval', `${preamble}${source}`],
    { cwd: root, encoding: 'utf8', timeout: 60_000 },
  );
}

/** What a start could leave behind: kernels, backends, listeners. */
const surroundings = () => ({
  kernels: new Map(tf.getKernelsForBackend('wasm').map((config) => [config.kernelName, config])),
  factory: tf.findBackendFactory('wasm'),
  listeners: process.eventNames().map((name) => [name, process.listenerCount(name)]),
});

test('startBackend() reports threads, SIMD and shared memory as they are', async () => {
  const engine = await startBackend({ threads: 3 });
  assert.equal(engine.info, {
    backend: 'wasm',
    build: 'threaded-simd',
    threads: 3,
    simd: true,
    sharedMemory: true,
    exactConvolution: false,
    tfjs: tf.version_core,
  });
  assert.is(tf.getBackend(), 'wasm');
  assert.is(currentBackend(), engine.backend);
  await engine.stop();
  assert.throws(currentBackend, (error: { code?: string }) => error.code === 'backend/not-started');
});

test('startBackend() falls back to one thread without shared memory, and says why', async () => {
  const { info, stop } = await startBackend({ threads: 4, sharedMemory: false });
  assert.equal(
    { build: info.build, threads: info.threads, sharedMemory: info.sharedMemory, reason: info.fallbackReason },
    { build: 'simd', threads: 1, sharedMemory: false, reason: 'shared memory was not wanted' },
  );
  await stop();
});

test('startBackend() refuses a second start and a bad number of threads', async () => {
  const engine = await startBackend({ threads: 1 });
  const failure = async (options: { threads: number }): Promise<string> => {
    try {
      await startBackend(options);
    } catch (error) {
      return (error as { code: string }).code;
    }
    return 'started';
  };
  assert.is(await failure({ threads: 1 }), 'backend/already-started');
  await engine.stop();
  for (const threads of [0, -1, 1.5, Number.NaN, 65]) assert.is(await failure({ threads }), 'backend/threads');
});

test('startBackend() falls back to the unthreaded build where the threaded one does not start, and says why', async () => {
  const { Memory } = WebAssembly;
  WebAssembly.Memory = new Proxy(Memory, {
    construct(target, [descriptor]: [WebAssembly.MemoryDescriptor]) {
      if (descriptor.shared) throw new RangeError('could not allocate memory');
      return new target(descriptor);
    },
  });
  try {
    const { info, stop } = await startBackend({ threads: 2 });
    assert.is(info.build, 'simd');
    assert.match(info.fallbackReason ?? '', /the threaded build did not start: .*could not allocate memory/);
    assert.is(
      tf.tidy(() => tf.ones([3]).sum().dataSync()[0]),
      3,
    );
    await stop();
  } finally {
    WebAssembly.Memory = Memory;
  }
});

test('startBackend() refuses a second start while the first is under way, and waits for a stop under way', async () => {
  const [first, second] = await Promise.allSettled([startBackend({ threads: 2 }), startBackend({ threads: 1 })]);
  assert.is(first.status, 'fulfilled');
  assert.is((second as PromiseRejectedResult).reason.code, 'backend/already-started');
  const engine = (first as PromiseFulfilledResult<RunningBackend>).value;
  const stopping = engine.stop();
  const next = await startBackend({ threads: 1 });
  await stopping;
  await engine.stop();
  assert.is(currentBackend(), next.backend);
  assert.is(
    tf.tidy(() => tf.ones([3]).sum().dataSync()[0]),
    3,
  );
  await next.stop();
});

test('startBackend() starts after a start that failed', async () => {
  const { compile } = WebAssembly;
  WebAssembly.compile = () => Promise.reject(new Error('no code today'));
  try {
    await startBackend({ threads: 1 });
    assert.unreachable('started');
  } catch (error) {
    assert.is((error as { code: string }).code, 'files/engine-file');
  } finally {
    WebAssembly.compile = compile;
  }
  const engine = await startBackend({ threads: 1 });
  await engine.stop();
});

test('stop() works on unshared memory that has grown since the last kernel', async () => {
  const engine = await startBackend({ sharedMemory: false });
  tf.tidy(() => tf.maxPool(tf.ones<tf.Rank.R4>([1, 4, 4, 1]), 2, 2, 'valid'));
  tf.ones([64, 1024, 1024]).dispose();
  await engine.stop();
});

test('stop() gives the backend back that was current before', async () => {
  await tf.setBackend('cpu');
  const engine = await startBackend({ threads: 1 });
  await engine.stop();
  assert.is(tf.getBackend(), 'cpu');
});

test('currentBackend() refuses while tfjs is set to another backend, and works when it is set back', async () => {
  const engine = await startBackend({ threads: 1 });
  const x = tf.tensor1d([1, 2, 3]);
  await tf.setBackend('cpu');
  assert.equal([...tf.tidy(() => x.add(1).dataSync())], [2, 3, 4]);
  assert.throws(currentBackend, (error: { code?: string }) => error.code === 'backend/not-current');
  await tf.setBackend('wasm');
  assert.is(currentBackend(), engine.backend);
  assert.equal([...tf.tidy(() => x.add(1).dataSync())], [2, 3, 4]);
  x.dispose();
  await engine.stop();
});

test('startBackend() refuses an engine without SIMD', async () => {
  const { validate } = WebAssembly;
  WebAssembly.validate = () => false;
  try {
    await startBackend();
    assert.unreachable('started');
  } catch (error) {
    assert.is((error as { code: string }).code, 'backend/no-simd');
    assert.match((error as Error).message, /node .* has no WebAssembly SIMD/);
  } finally {
    WebAssembly.validate = validate;
  }
});

test('stop() gives tfjs back as it was: stock kernels, stock factory, listeners', async () => {
  const before = surroundings();
  for (const options of [{ threads: 2 }, { sharedMemory: false }]) {
    const engine = await startBackend(options);
    assert.not.equal(tf.getKernel('MaxPool', 'wasm'), before.kernels.get('MaxPool'));
    await engine.stop();
    await engine.stop();
  }
  const after = surroundings();
  assert.equal([...after.kernels.keys()].sort(), [...before.kernels.keys()].sort());
  for (const [name, config] of before.kernels) assert.is(after.kernels.get(name), config, name);
  assert.is(after.factory, before.factory);
  assert.equal(after.listeners, before.listeners);
});

test('a process that started the backend and never stopped it exits by itself', () => {
  const { status, stdout, stderr } = runScript(`
    await startBackend({ threads: 2 });
    console.log(tf.tidy(() => tf.maxPool(tf.ones([4, 8, 8, 8]), 2, 2, 'valid').sum().dataSync()[0]));
  `);
  assert.is(status, 0, stderr);
  assert.match(stdout, /^512$/m);
});

test('starting and stopping again and again keeps no worker and no memory', () => {
  const { status, stdout, stderr } = runScript(
    `
    const cycle = async () => {
      const engine = await startBackend({ threads: 3 });
      tf.tidy(() => tf.maxPool(tf.ones([8, 200, 200, 8]), 2, 2, 'valid').dataSync());
      await engine.stop();
      await new Promise((resolve) => setTimeout(resolve, 10));
      globalThis.gc();
    };
    for (let i = 0; i < 2; i++) await cycle();
    const bytes = process.memoryUsage().rss;
    for (let i = 0; i < 10; i++) await cycle();
    const grown = (process.memoryUsage().rss - bytes) / 2 ** 20;
    console.log(JSON.stringify({ grown, resources: process.getActiveResourcesInfo() }));
    `,
    ['--expose-gc'],
  );
  assert.is(status, 0, stderr);
  const { grown, resources } = JSON.parse(stdout.trim().split('\n').at(-1)!);
  // A start takes more than 30 MB: ten that leaked would show.
  assert.ok(grown < 60, `grew by ${grown} MB`);
  assert.equal(
    resources.filter((name: string) => name === 'Worker' || name === 'MessagePort'),
    [],
  );
});

test.run();
