// Batch normalisation in a plan: against the same op by op, against tfjs on the cpu backend, and against itself on other threads.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { compileTraining } from '../../../src/plan/index.ts';
import { createForward } from '../../../src/training/forward.ts';
import { crossEntropy } from '../../../src/training/operations.ts';
import { createOptimizer, type Optimizer } from '../../../src/training/optimizers.ts';
import { noiseStep, runPlanned, type Step, weightsOf } from '../both-roads.ts';
import {
  activate,
  add,
  assertSameStep,
  CLASSES,
  convolve,
  dense,
  drop,
  flatten,
  modelOf,
  normalise,
  pool,
  relu,
} from './models.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const models: Readonly<Record<string, () => tf.LayersModel>> = {
  'three channels of the input': () => modelOf([6, 5, 3], (x) => normalise(x)),
  'seven channels, no gamma, elu': () => modelOf([6, 5, 7], (x) => activate(normalise(x, { scale: false }), 'elu')),
  'twenty-one channels, twice, no beta, tanh': () =>
    modelOf([6, 5, 21], (x) => activate(normalise(relu(normalise(x)), { center: false }), 'tanh')),
  'pooling that leaves a row and a column, dropout': () => modelOf([7, 5, 5], (x) => drop(pool(relu(normalise(x))))),
  'dropout alone': () => modelOf([7, 5, 20], (x) => drop(relu(normalise(x)))),
  vectors: () => modelOf([3, 3, 2], (x) => relu(normalise(dense(flatten(x), 9)))),
  convolutions: () => modelOf([9, 9, 16], (x) => relu(normalise(convolve(relu(normalise(convolve(x))))))),
  'a residual block': () =>
    modelOf([9, 9, 16], (x) => {
      const shortcut = relu(normalise(convolve(x)));
      return relu(add(normalise(convolve(relu(normalise(convolve(shortcut))))), shortcut));
    }),
  'a residual block whose shortcut is normalised': () =>
    modelOf([9, 9, 16], (x) => {
      const before = relu(normalise(convolve(x)));
      const main = normalise(convolve(relu(normalise(convolve(before, 32))), 32));
      return relu(add(main, normalise(convolve(before, 32))));
    }),
  'what it normalises is added': () =>
    modelOf([9, 9, 16], (x) => {
      const made = convolve(x);
      return relu(add(normalise(made), made));
    }),
  'the input is added': () => modelOf([9, 9, 16], (x) => relu(add(normalise(convolve(x)), x))),
  'a sum under pooling that leaves a row and a column': () =>
    modelOf([9, 9, 16], (x) => {
      const made = convolve(x);
      return pool(relu(add(normalise(convolve(made)), made)));
    }),
  'three vectors, sigmoid': () =>
    modelOf([3, 3, 4], (x) => {
      const first = dense(flatten(x), 13);
      const second = normalise(first);
      return activate(add(normalise(dense(second, 13)), second, first), 'sigmoid');
    }),
  'a vector beside the image that it was': () =>
    modelOf([5, 5, 16], (x) => {
      const image = relu(normalise(convolve(x)));
      return add(flatten(image), flatten(relu(normalise(convolve(image)))));
    }),
};

for (const [what, build] of Object.entries(models)) {
  test(`compileTraining() normalises as op by op does: ${what}`, () => {
    for (const size of [1, 7, 13, 20]) assertSameStep(build, { size, capacity: 23 });
  });
}

test('compileTraining() normalises by the statistics of the whole batch, as tfjs does on the cpu backend at 128 images', async () => {
  // With a momentum of 0 the averages are the statistics.
  const build = (): tf.LayersModel => modelOf([6, 5, 11], (x) => relu(normalise(x, { momentum: 0 })));
  const step = noiseStep([128, 6, 5, 11], { classes: CLASSES, seed: 7, learningRate: 1 });
  const data = { x: await step.x.array(), y: await step.y.array() };
  const model = build();
  const initial = model.getWeights().map((weight) => weight.arraySync());
  const planned = runPlanned(model, [step], { capacity: 128 });
  assert.not.ok('reason' in planned);
  const actual = weightsOf(model);
  await tf.setBackend('cpu');
  const stock = build();
  stock.setWeights(initial.map((values) => tf.tensor(values as number[])));
  const variables = stock.trainableWeights.map((weight) => weight.read() as tf.Variable);
  tf.tidy(() => {
    const { grads } = tf.variableGrads(() => {
      const output = stock.apply(tf.tensor4d(data.x), { training: true }) as tf.Tensor2D;
      return tf.metrics.categoricalCrossentropy(tf.tensor2d(data.y), output).mean() as tf.Scalar;
    }, variables);
    tf.train.sgd(1).applyGradients(grads);
  });
  stock.weights.forEach(({ name }, i) => {
    const expected = stock.weights[i]!.read().dataSync();
    let worst = 0;
    actual[i]!.forEach((value, k) => {
      worst = Math.max(worst, Math.abs(value - expected[k]!));
    });
    assert.ok(worst < 2e-6, `${name}: ${worst}`);
  });
  stock.dispose();
  await tf.setBackend('wasm');
  model.dispose();
  tf.dispose([step.x, step.y]);
});

/** Three updates by Adam, of 20, 13 and 20 images. */
function adamSteps(): Step[] {
  return [20, 13, 20].map((size, i) =>
    noiseStep([size, 9, 9, 16], { classes: CLASSES, seed: 20 + i, learningRate: 1 }),
  );
}

const ADAM = { name: 'adam', learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 } as const;

/** Weights after some updates. */
function trainedBy(
  model: tf.LayersModel,
  update: (optimizer: Optimizer) => { run: (step: Step, number: number) => void; dispose?: () => void },
): Float32Array[] {
  const optimizer = createOptimizer(
    model.trainableWeights.map((weight) => weight.read() as tf.Variable),
    ADAM,
  );
  const { run, dispose } = update(optimizer);
  for (const [number, step] of adamSteps().entries()) {
    run(step, number);
    tf.dispose([step.x, step.y]);
  }
  dispose?.();
  optimizer.dispose();
  const weights = weightsOf(model);
  model.dispose();
  return weights;
}

const byPlan = (model: tf.LayersModel): Float32Array[] =>
  trainedBy(model, (optimizer) => {
    const backend = currentBackend();
    const plan = compileTraining(model, { batchSize: 20, seed: 1, updates: optimizer.updates });
    if ('reason' in plan) throw new Error(plan.reason);
    return {
      run: ({ x, y }, number) => {
        const batch = { x: backend.offset(x), y: backend.offset(y), size: x.shape[0] };
        plan.step(batch, number, optimizer.countUpdate());
      },
      dispose: () => plan.dispose(),
    };
  });

const opByOp = (model: tf.LayersModel): Float32Array[] =>
  trainedBy(model, (optimizer) => {
    const forward = createForward(model);
    const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
    return {
      run: ({ x, y }, step) =>
        tf.tidy(() => {
          const loss = (): tf.Scalar => crossEntropy(forward(x, { training: true, seed: 1, step }), y, () => {});
          optimizer.apply(tf.variableGrads(loss, variables).grads);
        }),
    };
  });

test('compileTraining() trains batch norm by Adam as op by op does, moving averages too', () => {
  const build = models['a residual block']!;
  const expected = opByOp(build());
  const actual = byPlan(build());
  expected.forEach((values, i) => {
    let difference = 0;
    values.forEach((value, k) => {
      difference += (actual[i]![k]! - value) ** 2;
    });
    // Adam takes steps of about the learning rate, whatever the gradient: where that is next to nothing, its sign decides.
    const error = Math.sqrt(difference / values.length);
    assert.ok(error < 1e-5, `weight ${i}: ${error}`);
  });
});

test('compileTraining() with batch norm gives the same bits on 1, 2 and 3 threads', async () => {
  const build = models['a residual block whose shortcut is normalised']!;
  const expected = byPlan(build());
  await engine.stop();
  for (const threads of [1, 3, 2]) {
    engine = await startBackend({ threads });
    assert.equal(byPlan(build()), expected, `${threads} threads`);
    if (threads !== 2) await engine.stop();
  }
});

test('compileTraining() with batch norm sees averages that were written between steps', () => {
  const model = models['three channels of the input']!();
  const step = noiseStep([8, 6, 5, 3], { classes: CLASSES, seed: 3, learningRate: 0.5 });
  const twin = models['three channels of the input']!();
  const planned = runPlanned(model, [step, step], { capacity: 8 });
  assert.not.ok('reason' in planned);
  const optimizer = createOptimizer(
    twin.trainableWeights.map((weight) => weight.read() as tf.Variable),
    { name: 'sgd', learningRate: 0.5, momentum: 0, nesterov: false },
  );
  const backend = currentBackend();
  const plan = compileTraining(twin, { batchSize: 8, seed: 1, updates: optimizer.updates });
  if ('reason' in plan) throw new Error(plan.reason);
  const batch = { x: backend.offset(step.x), y: backend.offset(step.y), size: 8 };
  plan.step(batch, 0, optimizer.countUpdate());
  // A copy of every weight in memory of its own; a clone holds the old one, which must keep its values.
  const copies = twin.getWeights().map((weight) => tf.tensor(weight.dataSync().slice(), weight.shape));
  const clones = copies.map((copy) => copy.clone());
  const before = clones.map((clone) => clone.dataSync().slice());
  twin.setWeights(copies);
  plan.step(batch, 1, optimizer.countUpdate());
  assert.equal(weightsOf(twin), weightsOf(model));
  for (const [i, clone] of clones.entries()) assert.equal(clone.dataSync(), before[i]);
  plan.dispose();
  optimizer.dispose();
  tf.dispose([...copies, ...clones, step.x, step.y]);
  model.dispose();
  twin.dispose();
});

test.run();
