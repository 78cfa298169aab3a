// outputLoss(): losses, hits and gradients beside double precision and finite differences, with weights and masks; bits on any threads.
// PyTorch's values: test/plan/network-layers.test.ts.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, startBackend } from '../../../src/backend/index.ts';
import { type OutputLoss, outputLoss, outputLossNames } from '../../../src/backend/kernels/output-loss.ts';
import { assertSameBits, noise } from './oracle.ts';

/** Examples, rows, channels. */
const SHAPES: readonly [number, number, number][] = [[1, 1, 1], [3, 1, 7], [5, 12, 1], [2, 9, 4], [4, 6, 5]]; // biome-ignore format: a table
const RELATIVE = 3e-6;

/** Loss and hits of a row by definition. */
function rowLoss(
  x: readonly number[],
  t: readonly number[],
  { name, delta = 1 }: OutputLoss,
): [loss: number, hit: number] {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  switch (name) {
    case 'softmaxCrossEntropy': {
      const log = Math.log(x.reduce((sum, value) => sum + Math.exp(value), 0));
      const largest = (values: readonly number[]): number => values.indexOf(Math.max(...values));
      return [x.reduce((sum, value, k) => sum + t[k]! * (log - value), 0), largest(x) === largest(t) ? 1 : 0];
    }
    case 'sigmoidCrossEntropy': {
      const isRight = x.every((value, k) => value > 0 === t[k]! > 0.5);
      return [
        mean(x.map((value, k) => Math.max(value, 0) - value * t[k]! + Math.log1p(Math.exp(-Math.abs(value))))),
        isRight ? 1 : 0,
      ];
    }
    case 'meanSquaredError':
      return [mean(x.map((value, k) => (value - t[k]!) ** 2)), 0];
    case 'huber':
      return [
        mean(
          x.map((value, k) => {
            const d = Math.abs(value - t[k]!);
            return d <= delta ? (d * d) / 2 : delta * (d - delta / 2);
          }),
        ),
        0,
      ];
  }
}

type Sizes = readonly [examples: number, rows: number, channels: number];

/** Losses and hits of examples in double precision. */
function reference(x: ArrayLike<number>, t: ArrayLike<number>, w: ArrayLike<number>, sizes: Sizes, loss: OutputLoss) {
  const [examples, rows, channels] = sizes;
  return Array.from({ length: examples }, (_, example) => {
    let [sum, hits, counted] = [0, 0, 0];
    for (let row = 0; row < rows; row++) {
      const at = example * rows + row;
      if (w[at] === 0) continue;
      counted++;
      const part = (values: ArrayLike<number>) =>
        Array.from({ length: channels }, (__, k) => values[at * channels + k]!);
      const [value, hit] = rowLoss(part(x), part(t), loss);
      sum += w[at]! * value;
      hits += hit;
    }
    return { loss: ((loss.share ?? 1) * sum) / rows, hits: counted > 0 ? hits / counted : 0 };
  });
}

interface Case {
  readonly sizes: Sizes;
  readonly x: Float32Array;
  readonly t: Float32Array;
  readonly w: Float32Array;
}

function caseOf(sizes: Sizes, seed: number, isWeighted: boolean): Case {
  const [examples, rows, channels] = sizes;
  const x = noise(examples * rows * channels, seed).map((value) => 4 * value);
  const t = noise(x.length, seed + 1).map(Math.abs);
  const w = noise(examples * rows, seed + 2).map((value) => (isWeighted ? Math.max(0, value) : 1));
  return { sizes, x, t, w };
}

function run({ sizes, x, t, w }: Case, loss: OutputLoss, isWeighted: boolean): tf.Tensor[] {
  const [examples, rows, channels] = sizes;
  const shape = [examples, rows, channels];
  const weights = isWeighted ? tf.tensor2d(w, [examples, rows]) : undefined;
  const made = outputLoss(currentBackend(), tf.tensor(x, shape), tf.tensor(t, shape), loss, weights);
  return [made.losses, made.hits, made.gradient].map((info) => tf.engine().makeTensorFromTensorInfo(info));
}

const each = (visit: (each: Case, loss: OutputLoss, isWeighted: boolean) => void): void => {
  for (const name of outputLossNames) {
    for (const [i, sizes] of SHAPES.entries()) {
      for (const isWeighted of [false, true])
        visit(caseOf(sizes, 7 * i + 1, isWeighted), { name, share: 0.75, delta: 0.8 }, isWeighted);
    }
  }
};

test('outputLoss() has the losses and hits of the definitions, relative error below 3e-6', async () => {
  const engine = await startBackend({ threads: 2 });
  each((one, loss, isWeighted) => {
    tf.tidy(() => {
      const [losses, hits] = run(one, loss, isWeighted).map((tensor) => tensor.dataSync()) as [
        Float32Array,
        Float32Array,
      ];
      reference(one.x, one.t, one.w, one.sizes, loss).forEach((expected, i) => {
        const what = `${loss.name} ${one.sizes}, example ${i}`;
        assert.ok(
          Math.abs(losses[i]! - expected.loss) <= RELATIVE * Math.max(0.1, expected.loss),
          `${what}: ${losses[i]} for ${expected.loss}`,
        );
        assert.ok(Math.abs(hits[i]! - expected.hits) < 1e-6, `${what}: ${hits[i]} hits for ${expected.hits}`);
      });
    });
  });
  await engine.stop();
});

test('outputLoss() has the gradient that finite differences have', async () => {
  const engine = await startBackend({ threads: 2 });
  const H = 1e-5;
  each((one, loss, isWeighted) => {
    const gradient = tf.tidy(() => run(one, loss, isWeighted)[2]!.dataSync<'float32'>().slice());
    const meanAt = (x: Float64Array): number =>
      reference(x, one.t, one.w, one.sizes, loss).reduce((sum, example) => sum + example.loss, 0) / one.sizes[0];
    for (let i = 0; i < one.x.length; i += 3) {
      const at = (step: number): number => meanAt(Float64Array.from(one.x, (value, k) => value + (k === i ? step : 0)));
      const expected = (at(H) - at(-H)) / (2 * H);
      assert.ok(
        Math.abs(gradient[i]! - expected) < 2e-6,
        `${loss.name} ${one.sizes}[${i}]: ${gradient[i]} for ${expected}`,
      );
    }
  });
  await engine.stop();
});

test('outputLoss() masks what is not a number by a weight of 0', async () => {
  const engine = await startBackend({ threads: 1 });
  for (const name of outputLossNames) {
    tf.tidy(() => {
      const one = {
        sizes: [1, 2, 2] as const,
        x: Float32Array.of(1, 2, NaN, Infinity),
        t: Float32Array.of(0, 1, 0, 1),
        w: Float32Array.of(1, 0),
      };
      const [losses, , gradient] = run(one, { name }, true).map((tensor) => [...tensor.dataSync()]) as number[][];
      assert.ok([...losses!, ...gradient!].every(Number.isFinite), name);
      assert.equal(gradient!.slice(2), [0, 0]);
    });
  }
  await engine.stop();
});

test('outputLoss() spreads what is not a number', async () => {
  const engine = await startBackend({ threads: 1 });
  for (const name of outputLossNames) {
    tf.tidy(() => {
      const one = {
        sizes: [1, 1, 2] as const,
        x: Float32Array.of(1, NaN),
        t: Float32Array.of(0, 1),
        w: Float32Array.of(1),
      };
      assert.ok(Number.isNaN(run(one, { name }, false)[0]!.dataSync()[0]!), name);
    });
  }
  await engine.stop();
});

test('outputLoss() has the same bits on any number of threads', async () => {
  await assertSameBits(
    Object.fromEntries(
      outputLossNames.map((name) => [name, () => run(caseOf([37, 11, 5], 3, true), { name, delta: 0.4 }, true)]),
    ),
  );
});

test.run();
