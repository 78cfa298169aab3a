// createOptimizer against the formulas of Keras and PyTorch in double precision and against tfjs's optimisers, and that what it
// writes in place is seen by every kernel and by nobody else's tensors.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { updateVariable } from '../../src/backend/kernels/optimizer-update.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import type { CheckpointTensor } from '../../src/training/checkpoint.ts';
import { describeOptimizer, type OptimizerConfig, optimizerDefaults } from '../../src/training/optimizer-config.ts';
import { createOptimizer, type Optimizer } from '../../src/training/optimizers.ts';
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

const { adam, adamw, sgd } = optimizerDefaults;

/** An optimiser of each kernel, and settings other than the defaults. */
const CONFIGS: readonly OptimizerConfig[] = [
  adam,
  { name: 'adam', learningRate: 0.003, beta1: 0.8, beta2: 0.95, epsilon: 0.01 },
  adamw,
  { name: 'adamw', learningRate: 0.003, beta1: 0.8, beta2: 0.95, epsilon: 0.01, weightDecay: 0.5 },
  sgd,
  { ...sgd, momentum: 0.9 },
  { ...sgd, momentum: 0.7, nesterov: true },
  { ...sgd, weightDecay: 0.5 },
  { ...sgd, momentum: 0.7, nesterov: true, weightDecay: 0.5, learningRateFactors: { kernel: 2, bias: 0.5 } },
];

function train(variables: tf.Variable[], config: OptimizerConfig, steps: number): number[][] {
  const optimizer = createOptimizer(variables, config);
  for (let step = 0; step < steps; step++) applyGradients(optimizer, variables, step);
  optimizer.dispose();
  return variables.map((variable) => [...variable.dataSync()]);
}

function applyGradients(optimizer: Optimizer, variables: tf.Variable[], step: number): void {
  tf.tidy(() => {
    const gradients = variables.map((variable, i) => [variable.name, tf.tensor(gradientOf(i, step), variable.shape)]);
    optimizer.apply(Object.fromEntries(gradients) as Record<string, tf.Tensor>);
  });
}

/** What one weight does in its updates, in double precision. */
function trainWeight(config: OptimizerConfig, start: number, gradients: readonly number[], decays: boolean): number {
  let weight = start;
  if (config.name === 'sgd') {
    // torch/optim/sgd.py, `_single_tensor_sgd`, without dampening; its first velocity is the gradient.
    const { kernel = 1, bias = 1 } = config.learningRateFactors ?? {};
    const learningRate = config.learningRate * (decays ? kernel : bias);
    let velocity = 0;
    for (const plain of gradients) {
      const gradient = plain + (decays ? (config.weightDecay ?? 0) * weight : 0);
      velocity = config.momentum * velocity + gradient;
      weight -= learningRate * (config.nesterov ? gradient + config.momentum * velocity : velocity);
    }
    return weight;
  }
  // keras/src/optimizers/adam.py and adamw.py; the decay of the latter comes before the update.
  const { learningRate, beta1, beta2, epsilon } = config;
  const decay = config.name === 'adamw' && decays ? learningRate * config.weightDecay : 0;
  let m = 0;
  let v = 0;
  gradients.forEach((gradient, step) => {
    const alpha = (learningRate * Math.sqrt(1 - beta2 ** (step + 1))) / (1 - beta1 ** (step + 1));
    weight -= weight * decay;
    m += (gradient - m) * (1 - beta1);
    v += (gradient ** 2 - v) * (1 - beta2);
    weight -= (m * alpha) / (Math.sqrt(v) + epsilon);
  });
  return weight;
}

function trainByFormula(config: OptimizerConfig, steps: number): number[][] {
  return SIZES.map((shape, variable) => {
    const size = tf.util.sizeFromShape([...shape]);
    const gradients = Array.from({ length: steps }, (_, step) => gradientOf(variable, step));
    return Array.from(noise(size, variable + 1), (start, i) =>
      trainWeight(
        config,
        start,
        gradients.map((values) => values[i]!),
        shape.length > 1,
      ),
    );
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

test('createOptimizer() follows the formulas of Keras and PyTorch: ten updates within 1e-6 of double precision', () => {
  leaveNoTensors(() => {
    for (const config of CONFIGS) {
      const variables = makeVariables();
      // Each update is about as large as the learning rate; weights below 1 are stored to 6e-8.
      const difference = largestDifference(train(variables, config, 10), trainByFormula(config, 10));
      assert.ok(difference < 1e-6, `${describeOptimizer(config)}: ${difference}`);
      dispose(variables);
    }
  });
});

/** Ten updates by an optimiser of tfjs. */
function trainStock(optimizer: tf.Optimizer): number[][] {
  const variables = makeVariables();
  for (let step = 0; step < 10; step++) {
    tf.tidy(() => {
      const gradients = variables.map((variable, i) => [variable.name, tf.tensor(gradientOf(i, step), variable.shape)]);
      optimizer.applyGradients(Object.fromEntries(gradients) as Record<string, tf.Variable>);
    });
  }
  const weights = variables.map((variable) => [...variable.dataSync()]);
  optimizer.dispose();
  dispose(variables);
  return weights;
}

function trainOurs(config: OptimizerConfig): number[][] {
  const variables = makeVariables();
  const weights = train(variables, config, 10);
  dispose(variables);
  return weights;
}

test('createOptimizer() agrees with tf.train.sgd() and tf.train.momentum() on the cpu backend', async () => {
  await tf.setBackend('cpu');
  const stock: [OptimizerConfig, number[][]][] = [
    [sgd, trainStock(tf.train.sgd(0.01))],
    [{ ...sgd, momentum: 0.9 }, trainStock(tf.train.momentum(0.01, 0.9))],
    [{ ...sgd, momentum: 0.9, nesterov: true }, trainStock(tf.train.momentum(0.01, 0.9, true))],
  ];
  await tf.setBackend('wasm');
  for (const [config, expected] of stock) {
    const difference = largestDifference(trainOurs(config), expected);
    // Ten updates of weights below 2, each rounded to 6e-8 here and there.
    assert.ok(difference < 1e-6, `${describeOptimizer(config)}: ${difference}`);
  }
});

test('createOptimizer() agrees with torch.optim: five updates of a weight', () => {
  // torch 1.13.0 in double precision, from 0.5 with gradients 0.3, -0.1, 0.7, 0.2, -0.4. AdamW adds epsilon to the corrected root,
  // which at 1e-12 makes no difference. 1 - beta2 of a float32 beta2 is off by 1.3e-5 of it, and an update by half as much.
  const gradients = [0.3, -0.1, 0.7, 0.2, -0.4];
  const found: [OptimizerConfig, number][] = [
    [{ ...sgd, learningRate: 0.1 }, 0.42999999999999994],
    [{ ...sgd, learningRate: 0.1, momentum: 0.9 }, 0.22383699999999995],
    [{ ...sgd, learningRate: 0.1, momentum: 0.9, nesterov: true }, 0.18145329999999998],
    [{ ...adam, learningRate: 0.1, epsilon: 1e-12 }, 0.18920353955550676],
    [{ ...adamw, learningRate: 0.1, epsilon: 1e-12, weightDecay: 0.25 }, 0.14758545359636457],
  ];
  for (const [config, expected] of found) {
    const variable = tf.variable(tf.tensor2d([[0.5]]));
    const optimizer = createOptimizer([variable], config);
    for (const gradient of gradients) tf.tidy(() => optimizer.apply({ [variable.name]: tf.tensor2d([[gradient]]) }));
    const [weight] = variable.dataSync();
    const allowed = config.name === 'sgd' ? 2e-7 : 1e-5 * Math.abs(expected - 0.5);
    assert.ok(
      Math.abs(weight! - expected) < allowed,
      `${describeOptimizer(config)}: got ${weight}, expected ${expected}`,
    );
    optimizer.dispose();
    variable.dispose();
  }
});

test('createOptimizer() agrees with tf.train.adam() where epsilon is small against the gradient', () => {
  // tfjs adds epsilon to the corrected root, Keras to the uncorrected one: 1 / sqrt(1 - beta2^t) = 32 times as much at the first
  // update. That moves an update by the share 32 epsilon / |gradient|, here below 1e-3 of 1e-3 for gradients from .003 up.
  const expected = trainStock(tf.train.adam(0.001, 0.9, 0.999, 1e-7));
  const found = trainOurs(adam);
  const differences = found.flatMap((values, i) => values.map((value, k) => Math.abs(value - expected[i]![k]!)));
  differences.sort((a, b) => a - b);
  assert.ok(
    differences[Math.floor(differences.length * 0.99)]! < 2e-6,
    'but for the hundredth with the smallest gradients',
  );
  assert.ok(differences.at(-1)! < 1e-4, `largest: ${differences.at(-1)}`);
});

test('createOptimizer() takes weight decay from kernels, not from biases, batch norm or slopes of a PReLU', () => {
  const model = tf.sequential({
    layers: [
      tf.layers.separableConv2d({ inputShape: [6, 6, 2], filters: 3, kernelSize: 3 }),
      tf.layers.batchNormalization(),
      tf.layers.prelu(),
      tf.layers.conv2d({ filters: 2, kernelSize: 2 }),
      tf.layers.prelu({ sharedAxes: [1, 2] }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 4 }),
    ],
  });
  const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const optimizer = createOptimizer(variables, adamw);
  const decaying = optimizer.updates.flatMap(({ kernel }, i) =>
    kernel === 'adamW' ? [model.trainableWeights[i]!.originalName.split('/')[1]!] : [],
  );
  assert.equal(decaying, ['depthwise_kernel', 'pointwise_kernel', 'kernel', 'kernel']);
  const zeros = (): Record<string, tf.Tensor> =>
    Object.fromEntries(variables.map((variable) => [variable.name, tf.zeros(variable.shape)]));
  tf.tidy(() => {
    for (const variable of variables) variable.assign(tf.ones(variable.shape));
    optimizer.apply(zeros());
  });
  const kept = Math.fround(1 - adamw.learningRate * adamw.weightDecay);
  optimizer.updates.forEach(({ variable, kernel }) => {
    assert.ok(
      variable.dataSync().every((value) => value === (kernel === 'adamW' ? kept : 1)),
      variable.name,
    );
  });
  optimizer.dispose();
  model.dispose();
});

test('createOptimizer() with a weight decay of 0 gives the bits of Adam', () => {
  const { weightDecay: _, name: __, ...settings } = adamw;
  assert.equal(trainOurs({ ...adamw, weightDecay: 0 }), trainOurs({ name: 'adam', ...settings }));
});

test('countUpdate() gives the words of each update, which make with the kernels and slots what apply() makes', () => {
  leaveNoTensors(() => {
    for (const config of CONFIGS) {
      const variables = makeVariables();
      const optimizer = createOptimizer(variables, config);
      for (let step = 0; step < 4; step++) {
        const words = optimizer.countUpdate();
        tf.tidy(() => {
          optimizer.updates.forEach((update, i) => {
            const gradient = tf.tensor(gradientOf(i, step), update.variable.shape);
            updateVariable(currentBackend(), update, gradient, words[i]!);
          });
        });
      }
      const other = makeVariables();
      assert.equal(
        variables.map((variable) => [...variable.dataSync()]),
        train(other, config, 4),
        describeOptimizer(config),
      );
      optimizer.dispose();
      dispose(variables);
      dispose(other);
    }
  });
});

test('createOptimizer() leaves variables without a gradient alone', () => {
  leaveNoTensors(() => {
    const variables = makeVariables();
    const before = variables.map((variable) => [...variable.dataSync()]);
    const optimizer = createOptimizer(variables, adam);
    tf.tidy(() => optimizer.apply({ [variables[1]!.name]: tf.ones([7]) }));
    assert.equal([...variables[0]!.dataSync()], before[0]);
    assert.not.equal([...variables[1]!.dataSync()], before[1]);
    optimizer.dispose();
    dispose(variables);
  });
});

test('createOptimizer() updates in place: the memory of a variable that nobody shares stays the same', () => {
  const variables = makeVariables();
  const optimizer = createOptimizer(variables, adam);
  const before = variables.map(({ dataId }) => dataId);
  for (let step = 0; step < 3; step++) applyGradients(optimizer, variables, step);
  assert.ok(variables.every(({ dataId }, i) => dataId === before[i]));
  optimizer.dispose();
  dispose(variables);
});

test('createOptimizer() gives a variable its own memory first where a clone, a reshape or another variable shares it', () => {
  leaveNoTensors(() => {
    const variables = makeVariables();
    const clone = variables[0]!.clone();
    const reshaped = variables[2]!.reshape([30, 50]);
    const kept = [clone, reshaped].map((tensor) => [...tensor.dataSync()]);
    const other = makeVariables();
    const expected = train(other, adam, 2);
    assert.equal(train(variables, adam, 2), expected);
    assert.equal([...clone.dataSync()], kept[0]);
    assert.equal([...reshaped.dataSync()], kept[1]);
    tf.dispose([clone, reshaped]);
    const twin = tf.variable(variables[1]!);
    const before = [...twin.dataSync()];
    const optimizer = createOptimizer([variables[1]!], adam);
    tf.tidy(() => optimizer.apply({ [variables[1]!.name]: tf.ones([7]) }));
    optimizer.dispose();
    assert.not.equal([...variables[1]!.dataSync()], before);
    assert.equal([...twin.dataSync()], before);
    twin.dispose();
    dispose(variables);
    dispose(other);
  });
});

test('createOptimizer() goes on from save() and restore() to the same bits', () => {
  leaveNoTensors(() => {
    for (const config of CONFIGS) {
      const whole = makeVariables();
      const expected = train(whole, config, 7);
      const first = makeVariables();
      const optimizer = createOptimizer(first, config);
      for (let step = 0; step < 3; step++) applyGradients(optimizer, first, step);
      const saved = optimizer.save().map((tensor) => ({ ...tensor, values: tensor.values.slice() }));
      const weights = first.map((variable) => variable.dataSync().slice());
      optimizer.dispose();
      const slots = { adam: ['m', 'v'], adamw: ['m', 'v'], sgd: ['velocity'] }[config.name];
      const isPlain = config.name === 'sgd' && config.momentum === 0;
      assert.equal(
        saved.map(({ name, shape }) => [name, [...shape]]),
        isPlain ? [] : first.flatMap(({ name, shape }) => slots.map((slot) => [`${name}/${slot}`, [...shape]])),
      );
      const second = SIZES.map((shape, i) => tf.tidy(() => tf.variable(tf.tensor(weights[i]!, [...shape]))));
      const resumed = createOptimizer(second, config);
      resumed.restore(saved, 3);
      for (let step = 3; step < 7; step++) applyGradients(resumed, second, step);
      assert.equal(
        second.map((variable) => [...variable.dataSync()]),
        expected,
        describeOptimizer(config),
      );
      resumed.dispose();
      for (const variables of [whole, first, second]) dispose(variables);
    }
  });
});

test('restore() refuses slots of other variables and of another optimiser', () => {
  const variables = makeVariables();
  const refuses = (config: OptimizerConfig, slots: readonly CheckpointTensor[]): void => {
    const optimizer = createOptimizer(variables, config);
    assert.throws(
      () => optimizer.restore(slots, 1),
      (error: unknown) => error instanceof SelvedgeError && error.code === 'training/optimizer-state',
    );
    optimizer.dispose();
  };
  const optimizer = createOptimizer(variables, adam);
  const saved = optimizer.save();
  optimizer.dispose();
  const longer = saved.map((tensor, i) => (i === 2 ? { ...tensor, values: new Float32Array(8) } : tensor));
  for (const wrong of [saved.slice(1), [...saved].reverse(), longer, []]) refuses(adam, wrong);
  refuses({ ...sgd, momentum: 0.9 }, saved);
  refuses(sgd, saved);
  dispose(variables);
});

test('createOptimizer() makes slots that outlive the tidy() it is called in, and disposes them', () => {
  leaveNoTensors(() => {
    const variables = makeVariables();
    const made: Optimizer[] = [];
    tf.tidy(() => {
      made.push(createOptimizer(variables, adam));
    });
    const optimizer = made[0]!;
    applyGradients(optimizer, variables, 0);
    optimizer.dispose();
    dispose(variables);
  });
});

test.run();
