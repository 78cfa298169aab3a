// The study's two networks, layer by layer as its notebook has them, and what describes them.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { buildModel, type ModelName, modelNames, summarizeModel } from '../../src/models/index.ts';

const config = { inputShape: [28, 28, 1], classes: 10 } as const;

/** Type, settings, output shape, parameters. */
type Row = [string, string, number[], number];

const BASELINE: Row[] = [
  ['Conv2D', '32 filters 3x3, relu', [26, 26, 32], 320],
  ['MaxPooling2D', '2x2', [13, 13, 32], 0],
  ['Conv2D', '64 filters 3x3, relu', [11, 11, 64], 18_496],
  ['MaxPooling2D', '2x2', [5, 5, 64], 0],
  ['Conv2D', '128 filters 3x3, relu', [3, 3, 128], 73_856],
  ['Flatten', '', [1152], 0],
  ['Dense', '128 units, relu', [128], 147_584],
  ['Dense', '10 units, softmax', [10], 1_290],
];

const DROPOUT: Row[] = [
  ...BASELINE.slice(0, 2),
  ['Dropout', 'rate 0.25', [13, 13, 32], 0],
  ...BASELINE.slice(2, 4),
  ['Dropout', 'rate 0.25', [5, 5, 64], 0],
  BASELINE[4]!,
  ['Dropout', 'rate 0.4', [3, 3, 128], 0],
  ...BASELINE.slice(5, 7),
  ['Dropout', 'rate 0.3', [128], 0],
  BASELINE[7]!,
];

for (const [name, rows] of [
  ['baseline', BASELINE],
  ['dropout', DROPOUT],
] as [ModelName, Row[]][]) {
  test(`buildModel() builds "${name}" as the notebook has it: 241,546 parameters`, () => {
    const model = buildModel(name, config);
    const summary = summarizeModel(model);
    assert.equal(
      summary.layers.map(
        ({ type, config, outputShape, parameters }): Row => [type, config, [...outputShape], parameters],
      ),
      rows,
    );
    assert.is(summary.totalParameters, 241_546);
    assert.is(model.countParams(), 241_546);
    assert.is(summary.name, name);
    assert.is(new Set(summary.layers.map((layer) => layer.name)).size, rows.length);
    model.dispose();
  });

  test(`buildModel() gives "${name}" strides of 1, valid padding, biases, he_normal first and Glorot uniform after`, () => {
    const model = buildModel(name, config);
    const weighted = model.layers.filter((layer) => layer.weights.length > 0).map((layer) => layer.getConfig());
    const kernels = weighted.map(({ kernelInitializer }) => (kernelInitializer as { config: object }).config);
    const heNormal = { scale: 2, mode: 'fanIn', distribution: 'normal', seed: null };
    const glorotUniform = { scale: 1, mode: 'fanAvg', distribution: 'uniform', seed: null };
    assert.equal(kernels.map(withoutUndefined), [heNormal, ...Array(4).fill(glorotUniform)].map(withoutUndefined));
    assert.ok(weighted.every(({ useBias }) => useBias === true));
    const biases = weighted.map(({ biasInitializer }) => (biasInitializer as { className: string }).className);
    assert.equal(biases, Array(5).fill('Zeros'));
    for (const layer of weighted.filter(({ kernelSize }) => kernelSize)) {
      assert.equal([layer.strides, layer.padding, layer.dataFormat], [[1, 1], 'valid', 'channelsLast']);
    }
    model.dispose();
  });
}

const withoutUndefined = (value: object): object =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined && v !== null));

test('buildModel() takes other image sizes and numbers of classes', () => {
  const model = buildModel('dropout', { inputShape: [32, 36, 3], classes: 4 });
  assert.equal(model.inputs[0]!.shape, [null, 32, 36, 3]);
  assert.equal(model.outputs[0]!.shape, [null, 4]);
  model.dispose();
});

test('buildModel() can build the same model twice in one process', () => {
  const [first, second] = [buildModel('baseline', config), buildModel('baseline', config)];
  assert.equal(
    first.layers.map(({ name }) => name),
    second.layers.map(({ name }) => name),
  );
  first.dispose();
  second.dispose();
});

test('buildModel() refuses a name it does not know, also one that every object has', () => {
  assert.equal(modelNames, ['baseline', 'dropout', 'resnet20']);
  for (const name of ['resnet', '', 'toString', '__proto__']) {
    assert.throws(
      () => buildModel(name, config),
      (error: unknown) =>
        error instanceof SelvedgeError &&
        error.code === 'models/unknown' &&
        error.message === `Cannot build model "${name}": expected one of baseline, dropout, resnet20`,
    );
  }
});

test('summarizeModel() names the inputs of each layer, branches too', () => {
  const model = buildModel('baseline', config);
  const { layers } = summarizeModel(model);
  assert.equal(layers[1]!.inputs, [layers[0]!.name]);
  model.dispose();
  const input = tf.input({ shape: [4], name: 'picture' });
  const branch = (name: string): tf.SymbolicTensor =>
    tf.layers.dense({ name, units: 3 }).apply(input) as tf.SymbolicTensor;
  const sum = tf.layers.add({ name: 'sum' }).apply([branch('left'), branch('right')]) as tf.SymbolicTensor;
  const branched = tf.model({ inputs: input, outputs: sum });
  assert.equal(
    summarizeModel(branched).layers.map(({ name, inputs }) => [name, inputs]),
    [
      ['left', ['picture']],
      ['right', ['picture']],
      ['sum', ['left', 'right']],
    ],
  );
  branched.dispose();
});

test.run();
