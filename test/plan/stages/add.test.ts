// Sums of values in a plan, against the same op by op.
import type * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { activate, add, assertSameStep, convolve, dense, drop, flatten, modelOf, pool, relu } from './models.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const models: Readonly<Record<string, () => tf.LayersModel>> = {
  'two convolutions, relu': () => modelOf([9, 9, 16], (x) => relu(add(convolve(x), convolve(x)))),
  'one value twice, and what was made of it': () =>
    modelOf([9, 9, 16], (x) => {
      const made = convolve(x);
      return add(made, made, activate(made, 'relu6'));
    }),
  'three values, pooling that leaves a row and a column': () =>
    modelOf([9, 9, 16], (x) => {
      const first = convolve(x);
      const second = convolve(first);
      return pool(relu(add(first, second, convolve(second))));
    }),
  'pooling and dropout': () =>
    modelOf([9, 9, 16], (x) => {
      const first = convolve(x);
      return drop(pool(relu(add(first, convolve(first)))));
    }),
  'a chain of sums, the input among them': () =>
    modelOf([8, 8, 16], (x) => {
      const first = relu(add(x, convolve(x)));
      return relu(add(convolve(activate(first, 'elu')), first));
    }),
  'only a part of a sum is used': () => modelOf([9, 9, 16], (x) => pool(relu(pool(add(convolve(x), convolve(x)))))),
  'vectors of thirteen, dropout': () =>
    modelOf([3, 3, 5], (x) => {
      const first = dense(flatten(x), 13);
      return drop(activate(add(first, dense(first, 13)), 'tanh'));
    }),
  'a vector and the image that it was': () =>
    modelOf([6, 6, 16], (x) => {
      const image = convolve(x);
      return add(flatten(image), flatten(convolve(image)));
    }),
};

for (const [what, build] of Object.entries(models)) {
  test(`compileTraining() adds as op by op does: ${what}`, () => {
    for (const size of [1, 7, 13, 20]) assertSameStep(build, { size, capacity: 23 });
  });
}

test.run();
