// Every kernel that the backend has, called with drawn shapes, types and attributes beside tfjs's cpu backend: the same values and
// types, or an error on both; no byte written outside of a tensor; and an engine that goes on working. SELVEDGE_SEED and SELVEDGE_RUNS
// draw other calls, and more of them.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { messageOf } from '../../../src/core/errors.ts';
import { assertClose } from '../kernels/oracle.ts';
import { calls, notSwept, othersValues } from './calls.ts';
import { Draw } from './draw.ts';

const SEED = Number(process.env.SELVEDGE_SEED ?? 1);
const RUNS = Number(process.env.SELVEDGE_RUNS ?? 20);
const TOLERANCE = 2e-4;
/** Bytes before and after each piece of memory: a multiple of the alignment. */
const GUARD = 64;
const CANARY = 0xa5;

interface Outcome {
  readonly outputs?: { shape: number[]; dtype: string; values: ArrayLike<number> }[];
  readonly error?: Error & { code?: string };
}

let engine: RunningBackend;
/** Sizes of what is allocated, by place. */
const sizes = new Map<number, number>();
const spoilt: string[] = [];

/** Puts canaries around whatever is allocated from here on. */
function guardMemory(): void {
  const module = (engine.backend as unknown as { wasm: Module }).wasm;
  const allocate = module._malloc;
  const free = module._free;
  const guardedAllocate = (bytes: number): number => {
    const at = allocate(bytes + 2 * GUARD) >>> 0;
    if (at === 0) return 0;
    module.HEAPU8.fill(CANARY, at, at + GUARD);
    module.HEAPU8.fill(CANARY, at + GUARD + bytes, at + 2 * GUARD + bytes);
    sizes.set(at + GUARD, bytes);
    return at + GUARD;
  };
  const guardedFree = (at: number): void => {
    const bytes = sizes.get(at >>> 0);
    if (bytes === undefined) {
      free(at);
      return;
    }
    sizes.delete(at >>> 0);
    const before = module.HEAPU8.subarray(at - GUARD, at);
    const after = module.HEAPU8.subarray(at + bytes, at + bytes + GUARD);
    if (![...before, ...after].every((byte) => byte === CANARY)) spoilt.push(`${bytes} bytes`);
    free(at - GUARD);
  };
  // The functions of emscripten replace themselves when they are first called.
  const fix = (value: unknown) => ({ get: () => value, set: () => undefined, configurable: true });
  Object.defineProperties(module, { _malloc: fix(guardedAllocate), _free: fix(guardedFree) });
}

interface Module {
  _malloc(bytes: number): number;
  _free(at: number): void;
  readonly HEAPU8: Uint8Array;
}

async function start(): Promise<void> {
  sizes.clear();
  engine = await startBackend({ threads: 2 });
  guardMemory();
}
test.before(start);
// So that a kernel that traps fails its own test alone.
test.before.each(async () => {
  if (!engine.backend.pool.soundness.isBroken) return;
  await engine.stop();
  await start();
});
test.after(() => engine.stop());

function outcomeOf(compute: () => tf.Tensor | tf.Tensor[]): Outcome {
  try {
    return tf.tidy(() => ({
      outputs: [compute()].flat().map((output) => ({
        shape: output.shape,
        dtype: output.dtype,
        values: output.dataSync(),
      })),
    })) as Outcome;
  } catch (error) {
    return { error: error as Error };
  }
}

/** A product that shows whether the engine still computes. */
function assertWorks(what: string): void {
  const product = tf.tidy(() => tf.matMul(tf.ones([3, 40]), tf.ones([40, 5])).dataSync());
  assert.ok(product.length === 15 && product.every((value) => value === 40), `after ${what}`);
}

const names = (): string[] => tf.getKernelsForBackend('wasm').map(({ kernelName }) => kernelName);

test('every kernel of the backend is swept, or a reason is given', () => {
  const known = [...Object.keys(calls), ...Object.keys(othersValues), ...Object.keys(notSwept)];
  assert.equal(
    names().filter((name) => !known.includes(name)),
    [],
  );
  assert.equal(
    known.filter((name) => !names().includes(name)),
    [],
  );
});

for (const [name, call] of Object.entries({ ...calls, ...othersValues })) {
  test(`${name} computes what the cpu backend does, whatever it is given`, async () => {
    let compared = 0;
    for (let run = 0; run < RUNS; run++) {
      const compute = call(new Draw(SEED, run));
      const before = tf.memory().numTensors;
      const ours = outcomeOf(compute);
      const what = `${name}, run ${run} of seed ${SEED}`;
      assert.is(tf.memory().numTensors, before, `${what}: tensors stay behind`);
      assert.equal(spoilt.splice(0), [], `${what} wrote outside of a tensor`);
      assertWorks(what);
      await tf.setBackend('cpu');
      const expected = outcomeOf(compute);
      await tf.setBackend('wasm');
      // Of windows larger than what they move over, the cpu backend makes images of no or negative size.
      if (ours.error?.code === 'backend/shape') continue;
      if (expected.error || expected.outputs!.some(({ shape }) => shape.some((extent) => extent < 0))) continue;
      assert.not.ok(
        ours.error,
        `${what}: ${messageOf(ours.error)}, and the cpu backend computes [${expected.outputs![0]?.shape}]`,
      );
      if (!(name in calls)) continue;
      assert.equal(
        ours.outputs!.map(({ dtype }) => dtype),
        expected.outputs!.map(({ dtype }) => dtype),
        `${what}: types`,
      );
      // Sums of large numbers that cancel are as exact as the numbers are.
      const largest = expected.outputs!.reduce(
        (most, { values }) => Array.from(values).reduce((a, b) => Math.max(a, Math.abs(b) || 0), most),
        1,
      );
      assertClose(ours.outputs!, expected.outputs!, TOLERANCE * Math.max(1, Math.min(largest, 1000) / 50), what);
      compared++;
    }
    // The cpu backend's gradient of scaling takes images that are square alone.
    if (name in calls && name !== 'ResizeBilinearGrad')
      assert.ok(compared > RUNS / 8, `${name}: ${compared} of ${RUNS} runs were compared`);
  });
}

test.run();
