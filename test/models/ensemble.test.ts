// averageModels(): the mean of its members' logits, whatever they are made of, on every road there is.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import * as tf from '../../src/backend/tfjs.ts';
import { createClassifier, edgeKernelsDigest } from '../../src/edge/index.ts';
import { averageModels, buildModel, buildNetwork, initializeWeights } from '../../src/models/index.ts';
import { createPredictor, exportModel } from '../../src/plan/index.ts';
import { compileEngineFile } from '../../src/platform/index.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const config = { inputShape: [28, 28, 1], classes: 10 } as const;
const COUNT = 20;
const bytes = Uint8Array.from({ length: COUNT * 784 }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 255);
const images = Float32Array.from(bytes, (byte) => byte / 255);

/** Models of every family, of other names and layers, made as graphs and as sequences. */
function makeMembers(): tf.LayersModel[] {
  const sequence = tf.sequential({
    layers: [tf.layers.flatten({ inputShape: [28, 28, 1] }), tf.layers.dense({ units: 10, activation: 'softmax' })],
  });
  const members = [
    buildNetwork({ family: 'plain', stem: 4, widths: [8], depth: 1 }, config),
    buildNetwork({ family: 'residual', widths: [4, 8], depth: 1 }, config),
    buildModel('dropout', config),
    sequence,
  ];
  members.forEach((model, seed) => {
    initializeWeights(model, seed + 1);
  });
  return members;
}

function probabilitiesOf(model: tf.LayersModel): Float32Array {
  const predictor = createPredictor(model);
  assert.is(predictor.unplanned, undefined);
  const probabilities = predictor.predict(images);
  predictor.dispose();
  return probabilities;
}

/** The normalised weighted geometric mean of the members' probabilities, in float64. */
function expectedOf(members: readonly tf.LayersModel[], shares: readonly number[]): Float64Array {
  const each = members.map(probabilitiesOf);
  const expected = new Float64Array(COUNT * 10);
  for (let image = 0; image < COUNT; image++) {
    const row = expected.subarray(image * 10, image * 10 + 10);
    row.forEach((_, label) => {
      const log = each.reduce((sum, all, member) => sum + shares[member]! * Math.log(all[image * 10 + label]!), 0);
      row[label] = Math.exp(log);
    });
    const sum = row.reduce((total, value) => total + value, 0);
    row.forEach((value, label) => {
      row[label] = value / sum;
    });
  }
  return expected;
}

function assertNear(got: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.is(got.length, expected.length);
  const worst = Array.from(expected).reduce((most, value, i) => Math.max(most, Math.abs(value - got[i]!)), 0);
  assert.ok(worst < tolerance, `off by ${worst}`);
}

test('averageModels() sums logits by the factors of a stack, and adds to those of classes', async () => {
  const members = makeMembers();
  const factors = [0.9, -0.2, 0.4, 1.3];
  const bias = Array.from({ length: 10 }, (_, label) => label / 5 - 1);
  const ensemble = await averageModels(members, { stack: { factors, bias } });
  const expected = expectedOf(members, factors);
  for (let image = 0; image < COUNT; image++) {
    const row = expected.subarray(image * 10, image * 10 + 10);
    row.forEach((value, label) => {
      row[label] = value * Math.exp(bias[label]!);
    });
    const sum = row.reduce((total, value) => total + value, 0);
    row.forEach((value, label) => {
      row[label] = value / sum;
    });
  }
  assertNear(probabilitiesOf(ensemble), expected, 1e-5);
  for (const stack of [
    { factors: [1, 1], bias },
    { factors, bias: [1] },
    { factors: [1, 1, 1, Number.NaN], bias },
  ]) {
    await averageModels(members, { stack }).then(
      () => assert.unreachable(),
      (error: Error) => assert.match(error.message, /expected 4 factors and 10 numbers to add/),
    );
  }
  for (const model of [...members, ensemble]) model.dispose();
});

test('averageModels() gives the normalised geometric mean of its members, planned, and by stock tfjs alike', async () => {
  const members = makeMembers();
  const before = tf.memory().numTensors;
  for (const weights of [undefined, [0.4, 0.1, 0.2, 0.3]]) {
    const ensemble = await averageModels(members, weights ? { weights } : {});
    const expected = expectedOf(members, weights ?? [0.25, 0.25, 0.25, 0.25]);
    assertNear(probabilitiesOf(ensemble), expected, 2e-6);
    const byLayers = tf.tidy(() =>
      (ensemble.predict(tf.tensor(images, [COUNT, 28, 28, 1])) as tf.Tensor).dataSync<'float32'>(),
    );
    assertNear(byLayers, expected, 2e-6);
    ensemble.dispose();
    assert.is(tf.memory().numTensors, before, 'tensors are left');
  }
  for (const member of members) member.dispose();
});

test('a model averaged with itself is that model, and members keep their weights', async () => {
  const members = makeMembers();
  const first = members.map(probabilitiesOf);
  const single = await averageModels([members[0]!, members[0]!]);
  assertNear(probabilitiesOf(single), first[0]!, 2e-6);
  const dataIds = [single, ...members].flatMap((model) => model.weights.map((weight) => weight.read().dataId));
  assert.is(new Set(dataIds).size, dataIds.length, 'weights are shared');
  single.dispose();
  members.forEach((member, i) => {
    assert.equal(probabilitiesOf(member), first[i]);
    member.dispose();
  });
});

test('an ensemble is exported as one file for the edge', async () => {
  const members = makeMembers().slice(0, 3);
  const ensemble = await averageModels(members);
  const kernels = await compileEngineFile('edge.wasm');
  const labels = Array.from({ length: 10 }, (_, label) => `class ${label}`);
  const model = await exportModel(ensemble, { name: 'ensemble', labels, kernels: edgeKernelsDigest(kernels) });
  const classifier = await createClassifier({ model, kernels });
  // What int8 weights change.
  assertNear(classifier.classify(bytes), probabilitiesOf(ensemble), 0.02);
  for (const each of [...members, ensemble]) each.dispose();
});

const refused: [title: string, make: () => tf.LayersModel[], expected: RegExp, weights?: number[]][] = [
  ['no member', () => [], /two or more members, got 0/],
  ['one member', () => makeMembers().slice(0, 1), /two or more members, got 1/],
  ['weights of another number', () => makeMembers().slice(0, 2), /2 weights above 0 that sum to 1, got \[1\]/, [1]],
  ['weights of another sum', () => makeMembers().slice(0, 2), /got \[0.5, 0.6\]/, [0.5, 0.6]],
  ['NaN', () => makeMembers().slice(0, 2), /got \[NaN, 0.5\]/, [Number.NaN, 0.5]],
  [
    'other classes',
    () => [buildModel('dropout', config), buildModel('dropout', { ...config, classes: 3 })],
    /\[28, 28, 1\] to \[10\] and \[28, 28, 1\] to \[3\]/,
  ],
  [
    'another end',
    () => [1, 2].map(() => tf.sequential({ layers: [tf.layers.dense({ units: 3, inputShape: [4], name: 'end' })] })),
    /end in a dense layer with softmax, got layer "end"/,
  ],
];
for (const [title, make, expected, weights] of refused) {
  test(`averageModels() refuses ${title}`, async () => {
    const members = make();
    try {
      await averageModels(members, weights ? { weights } : {});
      assert.unreachable();
    } catch (error) {
      assert.is((error as { code?: string }).code, 'models/ensemble');
      assert.match((error as Error).message, expected);
    }
    for (const member of members) member.dispose();
  });
}

test.run();
