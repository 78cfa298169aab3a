// Search spaces: parameters and their names, conditions, and what is none, refused with the path to the field.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  checkRecipe,
  checkSearchSpace,
  distributionText,
  type ParameterValue,
  placeOf,
  readDistribution,
  readRecipe,
  readSearchSpace,
  valueAt,
} from '../../src/experiments/index.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-space-'));
test.after(() => rmSync(folder, { recursive: true }));

const base = { ...(await readRecipe('record-30', folder)).recipe, validation: true };
const sgd = { name: 'sgd', learningRate: { log: [0.01, 0.2] }, momentum: { choice: [0.9, 0.95] }, nesterov: true };
const adamw = {
  name: 'adamw',
  learningRate: 0.001,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: { uniform: [0, 0.1] },
};
const whole = {
  ...base,
  network: { family: 'plain', stem: { integer: [8, 24, 8] }, widths: [16, 32, { choice: [null, 64] }], depth: 2 },
  optimizer: { choice: [sgd, adamw] },
  averaging: { when: { optimizer: 'sgd' }, value: { decay: { uniform: [0.9, 0.99] } } },
};

test('parameters are named by their paths, and the options of a choice by their own names', () => {
  const { parameters } = checkSearchSpace(whole, 'x.json');
  assert.equal(
    parameters.map(({ name }) => name),
    [
      'network.stem',
      'network.widths.2',
      'optimizer',
      'optimizer.sgd.learningRate',
      'optimizer.sgd.momentum',
      'optimizer.adamw.weightDecay',
      'averaging.decay',
    ],
  );
  assert.equal(parameters[2]!.distribution, { kind: 'choice', choices: ['sgd', 'adamw'] });
});

test('a recipe asks for the parameters that it needs, and null leaves a field out', () => {
  const space = checkSearchSpace(whole, 'x.json');
  const chosen: Record<string, ParameterValue> = { optimizer: 'adamw', 'network.widths.2': null, 'network.stem': 16 };
  const { recipe, parameters } = space.resolve(({ name, distribution }) =>
    Object.hasOwn(chosen, name) ? chosen[name]! : valueAt(distribution, 0.5),
  );
  assert.equal(recipe.network, { family: 'plain', stem: 16, widths: [16, 32], depth: 2 });
  assert.equal(recipe.optimizer, { ...adamw, weightDecay: 0.05 });
  assert.not('averaging' in recipe);
  assert.equal(Object.keys(parameters), [
    'network.stem',
    'network.widths.2',
    'optimizer',
    'optimizer.adamw.weightDecay',
  ]);
  assert.equal(checkRecipe(recipe, 'x'), recipe);
  const other = space.resolve(({ distribution }) => valueAt(distribution, 0)).recipe;
  assert.equal(other.averaging, { decay: 0.9 });
});

test('values lie within their bounds, on their steps, and go to a place between 0 and 1 and back', () => {
  const log = { kind: 'float', low: 1e-4, high: 1, log: true } as const;
  assert.is(valueAt(log, 0.5), 0.01);
  assert.is(valueAt(log, 0), 1e-4);
  assert.ok(Math.abs(placeOf(log, 0.01) - 0.5) < 1e-12);
  const steps = { kind: 'integer', low: 8, high: 30, log: false, step: 8 } as const;
  const values = new Set(Array.from({ length: 101 }, (_, i) => valueAt(steps, i / 101)));
  assert.equal([...values], [8, 16, 24]);
  const third = { kind: 'float', low: 1 / 3, high: 2 / 3, log: false } as const;
  assert.ok(Number(valueAt(third, 0)) >= third.low && Number(valueAt(third, 1 - 1e-9)) <= third.high);
  for (const distribution of [log, steps, third, { kind: 'choice', choices: ['a', 1, null, true] } as const])
    assert.equal(readDistribution(distributionText(distribution)), distribution);
  assert.throws(() => readDistribution('{"name":"Beta"}'), /got \{"name":"Beta"\}/);
});

test('what is no search space is refused, with the path to the field', () => {
  const cases: [unknown, RegExp][] = [
    [base, /the whole: expected a parameter to search/],
    [{ ...base, labelSmoothing: { uniform: [0.2, 0.1] } }, /labelSmoothing\.uniform: expected low <= high/],
    [{ ...base, labelSmoothing: { uniform: [0] } }, /labelSmoothing\.uniform\.1: expected number, got undefined/],
    [{ ...base, labelSmoothing: { uniform: [0, 0.1], step: 1 } }, /labelSmoothing\.step: expected never/],
    [{ ...base, labelSmoothing: { log: [0, 0.1] } }, /labelSmoothing\.log\.0: expected >0, got 0/],
    [{ ...base, epochs: { integer: [1, 2.5] } }, /epochs\.integer/],
    [{ ...base, epochs: { choice: [] } }, /epochs\.choice: expected >=1, got 0/],
    [{ ...base, epochs: { choice: [3, 3] } }, /epochs\.choice: expected options that differ, got "3" twice/],
    [{ ...base, epochs: { integer: [0, 3] } }, /epochs: expected >=1, got 0 \(where epochs 0\)/],
    [{ ...base, optimizer: { choice: [sgd, { ...sgd, nesterov: false }] } }, /expected options that differ, got "sgd"/],
    [
      { ...base, optimizer: { choice: [{ ...sgd, momentum: { uniform: [0, 2] } }] } },
      /optimizer\.momentum: expected <1, got \S+ \(where optimizer sgd/,
    ],
    [{ ...base, labelSmoothing: { choice: [0, 1] } }, /labelSmoothing|label smoothing of 1/],
    [{ ...base, network: { family: 'plain', widths: [{ integer: [1, 9] }] } }, /network\.stem: expected "stem"/],
    [
      { ...base, epochs: { integer: [1, 3] }, batchSize: { when: { epoch: 1 }, value: 64, otherwise: 128 } },
      /batchSize\.when|batchSize: /,
    ],
    [
      { ...base, epochs: { integer: [1, 3] }, labelSmoothing: { when: { epoch: 1 }, value: 0, otherwise: 0.1 } },
      /labelSmoothing\.when: expected a parameter that stands before it \(epochs\), got "epoch"/,
    ],
    [
      { ...base, epochs: { integer: [1, 3] }, labelSmoothing: { when: { epochs: 4 }, value: 0, otherwise: 0.1 } },
      /labelSmoothing\.when\.epochs: expected a value of that parameter \(1 to 3\), got 4/,
    ],
    [{ ...base, validation: false, epochs: { integer: [1, 3] } }, /validation: expected true/],
    [
      { ...base, distillation: { temperature: 2, share: 0.5 }, epochs: { integer: [1, 3] } },
      /distillation: expected none/,
    ],
    [{ ...base, preprocessing: 'lbp', epochs: { integer: [1, 3] } }, /preprocessing: expected none.*"lbp"/],
    [[1], /the whole|network/],
  ];
  for (const [value, message] of cases) {
    assert.throws(
      () => checkSearchSpace(value, 'x.json'),
      (error: Error & { code: string }) => {
        if (error.code === 'space/bad' && message.test(error.message)) return true;
        throw new Error(`${message}: ${error.code} ${error.message}`);
      },
    );
  }
});

test('a file is read, and what is none is named', async () => {
  writeFileSync(path.join(folder, 'mine.json'), JSON.stringify(whole));
  writeFileSync(path.join(folder, 'half.json'), '{"network":');
  const { name, space } = await readSearchSpace('mine.json', folder);
  assert.equal([name, space.source], ['mine', whole]);
  for (const [file, code] of [
    ['half.json', 'space/bad'],
    ['none.json', 'space/unknown'],
    ['.', 'space/unknown'],
  ] as const) {
    const error = await readSearchSpace(file, folder).then(
      () => undefined,
      (reason: Error & { code: string }) => reason,
    );
    assert.is(error?.code, code);
  }
});

test('checkSearchSpace() takes class weights of any number: data have as many classes as they have', () => {
  const space = checkSearchSpace({ ...base, classWeights: [1, 2, 3], epochs: { integer: [1, 3] } }, 'a.json');
  assert.equal(space.resolve(() => 1).recipe.classWeights, [1, 2, 3]);
});

test.run();
