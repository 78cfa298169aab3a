// createAdam against Keras' formula in double precision and against tf.train.adam, and that what it writes in place is seen by
// every kernel and by nobody else's tensors.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { type AdamConfig, type AdamOptimizer, adamDefaults, createAdam } from '../../src/training/adam-optimizer.ts';
import { noise, noiseTensor } from '../backend/kernels/oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const SIZES = [[3, 5], [7], [1500]] as const;
const gradientOf = (variable: number, step: number): Float32Array =>
  noise(tf.util.sizeFromShape([...SIZES[variable]!]), 100 * variable + step + 1);

/** Variables of noise; whoever makes them disposes them. */
const makeVariables = (): tf.Variable[] =>
  SIZES.map((shape, i) => tf.tidy(() => tf.variable(noiseTensor(shape as unknown as [number], i + 1))));

function train(variables: tf.Variable[], config: AdamConfig, steps: number): number[][] {
  const optimizer = createAdam(variables, config);
  for (let step = 0; step < steps; step++) applyGradients(optimizer, variables, step);
  optimizer.dispose();
  return variables.map((variable) => [...variable.dataSync()]);
}

function applyGradients(optimizer: AdamOptimizer, variables: tf.Variable[], step: number): void {
  tf.tidy(() => {
    const gradients = variables.map((variable, i) => [variable.name, tf.tensor(gradientOf(i, step), variable.shape)]);
    optimizer.apply(Object.fromEntries(gradients) as Record<string, tf.Tensor>);
  });
}

/** Keras' update, `keras/src/optimizers/adam.py`, in double precision. */
function trainByFormula({ learningRate, beta1, beta2, epsilon }: AdamConfig, steps: number): number[][] {
  return SIZES.map((shape, variable) => {
    const size = tf.util.sizeFromShape([...shape]);
    const weights = Float64Array.from(noise(size, variable + 1));
    const m = new Float64Array(size);
    const v = new Float64Array(size);
    for (let step = 0; step < steps; step++) {
      const gradient = gradientOf(variable, step);
      const alpha = (learningRate * Math.sqrt(1 - beta2 ** (step + 1))) / (1 - beta1 ** (step + 1));
      for (let i = 0; i < size; i++) {
        m[i]! += (gradient[i]! - m[i]!) * (1 - beta1);
        v[i]! += (gradient[i]! ** 2 - v[i]!) * (1 - beta2);
        weights[i]! -= (m[i]! * alpha) / (Math.sqrt(v[i]!) + epsilon);
      }
    }
    return [...weights];
  });
}

function largestDifference(found: number[][], expected: number[][]): number {
  let largest = 0;
  found.forEach((values, i) => {
    values.forEach((value, k) => {
      largest = Math.max(largest, Math.abs(value - expected[i]![k]!));
    });
  });
  return largest;
}

const leaveNoTensors = (body: () => void): void => {
  const before = { tensors: tf.memory().numTensors, data: currentBackend().numDataIds() };
  body();
  assert.equal({ tensors: tf.memory().numTensors, data: currentBackend().numDataIds() }, before, 'leak');
};

const dispose = (variables: tf.Variable[]): void => {
  for (const variable of variables) variable.dispose();
};

test('createAdam() follows the formula of Keras: ten updates within 1e-6 of double precision', () => {
  leaveNoTensors(() => {
    for (const config of [adamDefaults, { learningRate: 0.003, beta1: 0.8, beta2: 0.95, epsilon: 0.01 }]) {
      const variables = makeVariables();
      // Each update is about as large as the learning rate; weights below 1 are stored to 6e-8.
      assert.ok(largestDifference(train(variables, config, 10), trainByFormula(config, 10)) < 1e-6);
      dispose(variables);
    }
  });
});

test('createAdam() agrees with tf.train.adam() where epsilon is small against the gradient', () => {
  // tfjs adds epsilon to the corrected root, Keras to the uncorrected one: 1 / sqrt(1 - beta2^t) = 32 times as much at the first
  // update. That moves an update by the share 32 epsilon / |gradient|, here below 1e-3 of 1e-3 for gradients from .003 up.
  const stock = makeVariables();
  const optimizer = tf.train.adam(0.001, 0.9, 0.999, 1e-7);
  for (let step = 0; step < 10; step++) {
    tf.tidy(() => {
      const gradients = stock.map((variable, i) => [variable.name, tf.tensor(gradientOf(i, step), variable.shape)]);
      optimizer.applyGradients(Object.fromEntries(gradients) as Record<string, tf.Variable>);
    });
  }
  const expected = stock.map((variable) => [...variable.dataSync()]);
  optimizer.dispose();
  dispose(stock);
  const ours = makeVariables();
  const found = train(ours, adamDefaults, 10);
  dispose(ours);
  const differences = found.flatMap((values, i) => values.map((value, k) => Math.abs(value - expected[i]![k]!)));
  differences.sort((a, b) => a - b);
  assert.ok(
    differences[Math.floor(differences.length * 0.99)]! < 2e-6,
    'but for the hundredth with the smallest gradients',
  );
  assert.ok(differences.at(-1)! < 1e-4, `largest: ${differences.at(-1)}`);
});

test('createAdam() leaves variables without a gradient alone', () => {
  leaveNoTensors(() => {
    const variables = makeVariables();
    const before = variables.map((variable) => [...variable.dataSync()]);
    const optimizer = createAdam(variables);
    tf.tidy(() => optimizer.apply({ [variables[1]!.name]: tf.ones([7]) }));
    assert.equal([...variables[0]!.dataSync()], before[0]);
    assert.not.equal([...variables[1]!.dataSync()], before[1]);
    optimizer.dispose();
    dispose(variables);
  });
});

test('createAdam() updates in place: the memory of a variable that nobody shares stays the same', () => {
  const variables = makeVariables();
  const optimizer = createAdam(variables);
  const before = variables.map(({ dataId }) => dataId);
  for (let step = 0; step < 3; step++) applyGradients(optimizer, variables, step);
  assert.ok(variables.every(({ dataId }, i) => dataId === before[i]));
  optimizer.dispose();
  dispose(variables);
});

test('createAdam() gives a variable its own memory first where a clone, a reshape or another variable shares it', () => {
  leaveNoTensors(() => {
    const variables = makeVariables();
    const clone = variables[0]!.clone();
    const reshaped = variables[2]!.reshape([30, 50]);
    const kept = [clone, reshaped].map((tensor) => [...tensor.dataSync()]);
    const other = makeVariables();
    const expected = train(other, adamDefaults, 2);
    assert.equal(train(variables, adamDefaults, 2), expected);
    assert.equal([...clone.dataSync()], kept[0]);
    assert.equal([...reshaped.dataSync()], kept[1]);
    tf.dispose([clone, reshaped]);
    const twin = tf.variable(variables[1]!);
    const before = [...twin.dataSync()];
    const optimizer = createAdam([variables[1]!]);
    tf.tidy(() => optimizer.apply({ [variables[1]!.name]: tf.ones([7]) }));
    optimizer.dispose();
    assert.not.equal([...variables[1]!.dataSync()], before);
    assert.equal([...twin.dataSync()], before);
    twin.dispose();
    dispose(variables);
    dispose(other);
  });
});

test('createAdam() goes on from save() and restore() to the same bits', () => {
  leaveNoTensors(() => {
    const whole = makeVariables();
    const expected = train(whole, adamDefaults, 7);
    const parts = makeVariables();
    const first = createAdam(parts);
    for (let step = 0; step < 3; step++) applyGradients(first, parts, step);
    const saved = first.save();
    assert.equal(
      saved.map(({ shape }) => [...shape]),
      SIZES.flatMap((shape) => [[...shape], [...shape]]),
    );
    applyGradients(first, parts, 3);
    const weights = parts.map((variable) => [...variable.dataSync()]);
    first.dispose();
    const second = createAdam(parts);
    second.restore(saved, 3);
    // The fourth update is repeated from the saved moments: undo what it did to the weights.
    const resumed = makeVariables();
    train(resumed, adamDefaults, 3).forEach((values, i) => {
      tf.tidy(() => parts[i]!.assign(tf.tensor(values, parts[i]!.shape)));
    });
    applyGradients(second, parts, 3);
    assert.equal(
      parts.map((variable) => [...variable.dataSync()]),
      weights,
    );
    for (let step = 4; step < 7; step++) applyGradients(second, parts, step);
    assert.equal(
      parts.map((variable) => [...variable.dataSync()]),
      expected,
    );
    second.dispose();
    for (const variables of [whole, parts, resumed]) dispose(variables);
  });
});

test('restore() refuses moments of other variables', () => {
  const variables = makeVariables();
  const optimizer = createAdam(variables);
  const saved = optimizer.save();
  const longer = saved.map((tensor, i) => (i === 2 ? { ...tensor, values: new Float32Array(8) } : tensor));
  for (const wrong of [saved.slice(1), [...saved].reverse(), longer]) {
    assert.throws(
      () => optimizer.restore(wrong, 1),
      (error: unknown) => error instanceof SelvedgeError && error.code === 'training/optimizer-state',
    );
  }
  optimizer.dispose();
  dispose(variables);
});

test('createAdam() makes moments that outlive the tidy() it is called in, and disposes them', () => {
  leaveNoTensors(() => {
    const variables = makeVariables();
    const made: AdamOptimizer[] = [];
    tf.tidy(() => {
      made.push(createAdam(variables));
    });
    const adam = made[0]!;
    applyGradients(adam, variables, 0);
    adam.dispose();
    dispose(variables);
  });
});

test.run();
