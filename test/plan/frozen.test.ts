// Frozen layers in a plan: the same steps as op by op, weights and moving averages that stay, and no backward pass below what trains.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { buildNetwork, initializeWeights, type NetworkSettings } from '../../src/models/index.ts';
import { compileTraining } from '../../src/plan/index.ts';
import { createOptimizer } from '../../src/training/optimizers.ts';
import { noise } from '../backend/kernels/oracle.ts';
import { noiseStep, runOpByOp, runPlanned, type StepOutcome, weightsOf } from './both-roads.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const networks: Readonly<Record<string, NetworkSettings>> = {
  dropout: { family: 'dropout' },
  plain: { family: 'plain', stem: 8, widths: [8, 12], depth: 2 },
  residual: { family: 'residual', widths: [8, 12], depth: 2 },
};

/** The same each time, with moving averages that are not those of any batch. */
function build(name: string): tf.LayersModel {
  const model = buildNetwork(networks[name]!, { inputShape: [28, 28, 1], classes: 5 });
  initializeWeights(model, 3);
  model.weights.forEach((weight, i) => {
    if (!weight.originalName.includes('moving')) return;
    const size = weight.shape[0]!;
    const values = noise(size, i).map((value) => (weight.originalName.includes('mean') ? value / 4 : 1 + value / 2));
    tf.tidy(() => {
      weight.write(tf.tensor1d(values));
    });
  });
  return model;
}

const lengthOf = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

type Freeze = (model: tf.LayersModel) => void;

const freezes: Readonly<Record<string, Freeze>> = {
  'all but the last': (model) => {
    for (const layer of model.layers.slice(0, -1)) layer.trainable = false;
  },
  'the lower half': (model) => {
    for (const layer of model.layers.slice(0, model.layers.length >> 1)) layer.trainable = false;
  },
  'every other layer with weights': (model) => {
    model.layers
      .filter(({ weights }) => weights.length > 0)
      .forEach((layer, i) => {
        if (i % 2 === 0) layer.trainable = false;
      });
  },
  'batch normalisation alone': (model) => {
    for (const layer of model.layers) if (layer.getClassName() === 'BatchNormalization') layer.trainable = false;
  },
};

for (const name of Object.keys(networks)) {
  for (const [what, freeze] of Object.entries(freezes)) {
    test(`a plan of "${name}" with ${what} frozen makes the steps that operations make`, () => {
      const model = build(name);
      freeze(model);
      const before = weightsOf(model);
      const steps = [11, 7].map((size, seed) =>
        noiseStep([size, 28, 28, 1], { classes: 5, seed: seed + 20, learningRate: 0.05 }),
      );
      const planned = runPlanned(model, steps, { capacity: 11 }) as StepOutcome[];
      assert.not.ok('reason' in planned, JSON.stringify(planned));
      model.weights.forEach((weight, i) => {
        const isTrained = model.trainableWeights.includes(weight);
        const isMoving =
          /moving/.test(weight.originalName) && planned.some(({ changes }) => changes[i]!.some((c) => c !== 0));
        if (isTrained || isMoving) return;
        assert.equal(weight.read().dataSync(), before[i], weight.originalName);
      });
      const frozenNorms = model.layers.filter(
        (layer) => layer.getClassName() === 'BatchNormalization' && !layer.trainable,
      );
      for (const { weights } of frozenNorms) {
        for (const weight of weights) {
          assert.equal(weight.read().dataSync(), before[model.weights.indexOf(weight)], weight.originalName);
        }
      }
      const twin = build(name);
      freeze(twin);
      const operations = runOpByOp(twin, steps);
      // Of noise, none of which is so close to a decision of relu that rounding makes it.
      planned.forEach(({ lossSum, changes }, step) => {
        const other = operations[step]!;
        assert.ok(Math.abs(lossSum - other.lossSum) <= 1e-4 * Math.abs(other.lossSum), `${lossSum} ${other.lossSum}`);
        changes.forEach((values, i) => {
          const far = lengthOf(values.map((value, k) => value - other.changes[i]![k]!));
          const length = lengthOf(other.changes[i]!);
          assert.ok(far <= 0.01 * length + 1e-6, `${model.weights[i]!.originalName}: ${far} of ${length}`);
        });
      });
      model.dispose();
      twin.dispose();
      tf.dispose(steps.flatMap(({ x, y }) => [x, y]));
    });
  }
}

test('a frozen batch normalisation normalises by its moving averages in training', () => {
  const [model, twin] = [build('residual'), build('residual')];
  for (const layer of model.layers.slice(0, -1)) layer.trainable = false;
  const step = noiseStep([9, 28, 28, 1], { classes: 5, seed: 4, learningRate: 0 });
  const [{ lossSum }] = runPlanned(model, [step], { capacity: 9 }) as [StepOutcome];
  const expected = tf.tidy(() => {
    const share = (twin.predict(step.x) as tf.Tensor).mul(step.y).sum(1);
    return -share.log().sum().dataSync()[0]!;
  });
  assert.ok(Math.abs(lossSum - expected) <= 1e-4 * expected, `${lossSum} ${expected}`);
  model.dispose();
  twin.dispose();
  tf.dispose([step.x, step.y]);
});

test('a plan holds less and goes less often over what is frozen below all that trains', () => {
  const plans = [0, -1].map((end) => {
    const model = build('residual');
    for (const layer of model.layers.slice(0, end)) layer.trainable = false;
    const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
    const optimizer = createOptimizer(variables, { name: 'sgd', learningRate: 1, momentum: 0, nesterov: false });
    const plan = compileTraining(model, { batchSize: 32, seed: 1, updates: optimizer.updates });
    if ('reason' in plan) throw new Error(plan.reason);
    const { dispatches, byteLength } = plan;
    plan.dispose();
    optimizer.dispose();
    model.dispose();
    return { dispatches, byteLength };
  });
  const [all, last] = plans as [(typeof plans)[number], (typeof plans)[number]];
  assert.ok(last.dispatches < all.dispatches / 4, `${last.dispatches} of ${all.dispatches}`);
  assert.ok(last.byteLength < 0.7 * all.byteLength, `${last.byteLength} of ${all.byteLength}`);
});

test.run();
