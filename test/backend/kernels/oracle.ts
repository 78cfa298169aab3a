// What every kernel test needs: the same computation on the cpu backend, on other thread counts, and a check for leaks.
import * as tf from '@tensorflow/tfjs';
import * as assert from 'uvu/assert';
import { type BackendOptions, startBackend } from '../../../src/backend/index.ts';

/** A computation on tensors that it makes itself; outputs are read and disposed here. */
export type Computation = () => tf.Tensor | tf.Tensor[];

/** Values of each output. */
export type Outputs = { readonly shape: readonly number[]; readonly values: ArrayLike<number> }[];

/** Reads the outputs of a computation on the current backend. */
export function evaluate(compute: Computation): Outputs {
  return tf.tidy(() => {
    const outputs = compute();
    return (Array.isArray(outputs) ? outputs : [outputs]).map((output) => ({
      shape: output.shape,
      values: output.dataSync(),
    }));
  });
}

/** The same on the cpu backend of tfjs; the backend in use before is current again afterwards. */
export async function evaluateOnCpu(compute: Computation): Promise<Outputs> {
  const current = tf.getBackend();
  await tf.setBackend('cpu');
  try {
    return evaluate(compute);
  } finally {
    await tf.setBackend(current);
  }
}

/** Asserts equal shapes and |a - b| <= tolerance * max(1, |b|); NaN equals NaN, and infinities equal themselves. */
export function assertClose(actual: Outputs, expected: Outputs, tolerance: number, what = ''): void {
  assert.equal(
    actual.map(({ shape }) => shape),
    expected.map(({ shape }) => shape),
    `${what}: shapes`,
  );
  actual.forEach(({ values }, output) => {
    const wanted = expected[output]!.values;
    for (let i = 0; i < values.length; i++) {
      const a = values[i]!;
      const b = wanted[i]!;
      if (Object.is(a, b) || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b))) continue;
      assert.unreachable(`${what}: output ${output}, element ${i}: got ${a}, expected ${b}`);
    }
  });
}

/** Runs a computation and asserts that no tensor and no data stay behind. */
export function evaluateWithoutLeak(compute: Computation): Outputs {
  const before = { tensors: tf.memory().numTensors, data: tf.engine().backend.numDataIds() };
  const outputs = evaluate(compute);
  assert.equal({ tensors: tf.memory().numTensors, data: tf.engine().backend.numDataIds() }, before, 'leak');
  return outputs;
}

/** Every way to start the backend that must give the same bits. */
export const EVERY_START: readonly BackendOptions[] = [
  { threads: 1 },
  { threads: 2 },
  { threads: 3 },
  { threads: 4 },
  { sharedMemory: false },
];

/** Asserts that computations give the same bits on 1, 2, 3 and 4 threads and on unshared memory. */
export async function assertSameBits(computations: Readonly<Record<string, Computation>>): Promise<void> {
  let first: Record<string, Outputs> | undefined;
  for (const options of EVERY_START) {
    const engine = await startBackend(options);
    const outputs = Object.fromEntries(
      Object.entries(computations).map(([name, compute]) => [name, evaluateWithoutLeak(compute)]),
    );
    await engine.stop();
    first ??= outputs;
    for (const [name, output] of Object.entries(outputs)) {
      output.forEach(({ values }, i) => {
        assert.equal(bits(values), bits(first![name]![i]!.values), `${name} with ${JSON.stringify(options)}`);
      });
    }
  }
}

const bits = (values: ArrayLike<number>): string => {
  const words = new Uint32Array(Float32Array.from(values).buffer);
  return Array.from(words, (word) => word.toString(16)).join(' ');
};

/** Pseudo-random numbers in [-1, 1), the same for the same seed: a 32-bit linear congruential generator (Numerical Recipes). */
export function noise(length: number, seed = 1): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 0x800000 - 1;
  });
}

/** A tensor of noise. */
export function noiseTensor<R extends tf.Rank>(shape: tf.ShapeMap[R], seed = 1): tf.Tensor<R> {
  return tf.tensor(noise(tf.util.sizeFromShape(shape), seed), shape);
}

/** Overwrites the memory of a tensor in place, as our trainer does with weights. */
export function writeInPlace(tensor: tf.Tensor, values: Float32Array): void {
  const backend = tf.engine().backend as unknown as {
    offset(tensor: tf.Tensor): number;
    bytes(byteOffset: number, length: number): Uint8Array;
  };
  backend.bytes(backend.offset(tensor), values.byteLength).set(new Uint8Array(values.buffer));
}
