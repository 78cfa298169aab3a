// ONNX files made by hand: idioms of exporters, computed by the layers that they become, and every kind of refusal, with the node named.
import * as tf from '@tensorflow/tfjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { SelvedgeError } from '../../../src/core/errors.ts';
import { readOnnxModel } from '../../../src/models/index.ts';
import { type OnnxTensor, readOnnx } from '../../../src/models/onnx/index.ts';
import { type FileParts, fileOf, floats, node, whole } from './files.ts';

const test = suite('readOnnxModel() of files made by hand');
let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 1 });
});
test.after(() => engine.stop());

const counting = (length: number, scale = 0.1): number[] =>
  Array.from({ length }, (_, i) => scale * (((i * 7) % 11) - 5));
const HEAD = floats('head', [16, 3], counting(48));
const flatHead = [node('Flatten', ['f'], 'v'), node('MatMul', ['v', 'head'], 'y')];

async function predict(parts: FileParts, images: tf.Tensor): Promise<number[]> {
  const before = tf.memory().numTensors;
  const { model } = await readOnnxModel(await fileOf(parts));
  const values = tf.tidy(() => [...(model.predict(images) as tf.Tensor).dataSync()]);
  model.dispose();
  assert.is(tf.memory().numTensors, before, 'leak');
  return values;
}

function assertNear(got: readonly number[], expected: tf.Tensor): void {
  const values = [...expected.dataSync()];
  assert.is(got.length, values.length);
  got.forEach((value, i) => {
    assert.ok(Math.abs(value - values[i]!) < 1e-6, `${i}: ${value}, expected ${values[i]}`);
  });
}

const images = (channels = 1): tf.Tensor4D => tf.tensor4d(counting(2 * 16 * channels, 0.2), [2, 4, 4, channels]);

test('images of NHWC that are transposed first, as exporters of TensorFlow write them, stay NHWC', async () => {
  const x = images(2);
  const kernel = floats('k', [1, 2, 1, 1], [0.5, -2]);
  const got = await predict(
    {
      input: [4, 4, 2],
      nodes: [node('Transpose', ['x'], 't', { perm: [0, 3, 1, 2] }), node('Conv', ['t', 'k'], 'c'), node('Add', ['c', 'b'], 'f'), ...flatHead],
      constants: [kernel, floats('b', [1, 1, 1, 1], [0.25]), HEAD],
    },
    x,
  ); // biome-ignore format: a list
  const map = x
    .mul(tf.tensor1d([0.5, -2]))
    .sum(3)
    .add(0.25);
  assertNear(got, tf.softmax(map.reshape([2, 16]).matMul(tf.tensor2d(counting(48), [16, 3]))));
});

test('an image that is flattened channels first has its dense layer in that order', async () => {
  const x = tf.tensor4d(counting(2 * 8, 0.3), [2, 2, 2, 2]);
  const weights = counting(24);
  const parts = {
    input: [2, 2, 2],
    nodes: [
      node('Reshape', ['x', 'to'], 'v'),
      node('Gemm', ['v', 'w', 'b'], 'z', { transB: 1, alpha: { float: 2 }, beta: { float: 0.5 } }),
      node('Softmax', ['z'], 'y', { axis: 1 }),
    ],
  };
  const got = await predict(
    { ...parts, constants: [whole('to', [0, -1]), floats('w', [3, 8], weights), floats('b', [3], [1, 2, 3])] },
    x,
  );
  const flat = x.transpose([0, 3, 1, 2]).reshape([2, 8]);
  const logits = flat
    .matMul(tf.tensor2d(weights, [3, 8]), false, true)
    .mul(2)
    .add(tf.tensor1d([0.5, 1, 1.5]));
  assertNear(got, tf.softmax(logits));
});

test('constants on the input become its standardisation, which stays as it is; elsewhere, a filter a channel', async () => {
  const x = images(2);
  const nodes = [
    node('Sub', ['x', 'mean'], 'a'),
    node('Div', ['a', 'deviation'], 'b'),
    node('Relu', ['b'], 'c'),
    node('Mul', ['c', 'factor'], 'd'),
    node('Sub', ['one', 'd'], 'e'),
    node('GlobalAveragePool', ['e'], 'f'),
    node('Squeeze', ['f', 'axes'], 'v'),
    node('MatMul', ['v', 'w'], 'y'),
  ];
  const constants = [
    floats('mean', [1, 2, 1, 1], [0.1, -0.2]),
    floats('deviation', [2, 1, 1], [0.5, 0.25]),
    floats('factor', [], [3]),
    floats('one', [], [1]),
    whole('axes', [2, 3]),
    floats('w', [2, 3], counting(6)),
  ];
  const parts = { input: [2, 4, 4], nodes, constants };
  const got = await predict(parts, x);
  const standardised = x
    .sub(tf.tensor1d([0.1, -0.2]))
    .div(tf.tensor1d([0.5, 0.25]))
    .relu();
  const pooled = tf.sub(1, standardised.mul(3)).mean([1, 2]) as tf.Tensor2D;
  assertNear(got, tf.softmax(pooled.matMul(tf.tensor2d(counting(6), [2, 3]))));
  const { network } = await readOnnx(await fileOf(parts));
  const [, first] = network.json.layers;
  assert.equal([first!.name, first!.config.trainable], ['standardize_input', false]);
});

test('constants of nodes, float16 and float64, and identities, as converters write them', async () => {
  const half: OnnxTensor = {
    dims: [16, 3],
    dataType: 10,
    int32Data: Array.from({ length: 48 }, (_, i) => [0x3800, 0xc000, 0x0001][i % 3]!),
  };
  const double: OnnxTensor = { dims: [3], dataType: 11, doubleData: [1, -1, 0.5] };
  const x = images();
  const got = await predict(
    {
      nodes: [
        node('Constant', [], 'w', { value: half }),
        node('Constant', [], 'b', { value: double }),
        node('Identity', ['x'], 'i'),
        node('Dropout', ['i'], 'f', { ratio: { float: 0.5 } }),
        node('Flatten', ['f'], 'v'),
        node('Gemm', ['v', 'w', 'b'], 'z'),
        node('Identity', ['z'], 'zz'),
        node('Softmax', ['zz'], 'p'),
        node('Identity', ['p'], 'y'),
      ],
      opset: 11,
    },
    x,
  );
  const weights = Array.from({ length: 48 }, (_, i) => [0.5, -2, 2 ** -24][i % 3]!);
  assertNear(
    got,
    tf.softmax(
      x
        .reshape([2, 16])
        .matMul(tf.tensor2d(weights, [16, 3]))
        .add(tf.tensor1d([1, -1, 0.5])),
    ),
  );
});

test('padding of max pooling is taken where nothing is below zero, and where it is that of TensorFlow', async () => {
  const pool = (pads: number[], before: string) => [
    ...(before === 'r' ? [node('Relu', ['x'], 'r')] : []),
    node('MaxPool', [before], 'f', { kernel_shape: [3, 3], strides: [1, 1], pads }),
    ...flatHead,
  ];
  const x = images();
  const head = tf.tensor2d(counting(48), [16, 3]);
  for (const before of ['x', 'r']) {
    const got = await predict({ nodes: pool([1, 1, 1, 1], before), constants: [HEAD] }, x);
    const pooled = tf.maxPool(before === 'r' ? x.relu<tf.Tensor4D>() : x, 3, 1, 'same');
    assertNear(got, tf.softmax(pooled.reshape([2, 16]).matMul(head)));
  }
  const wide = await predict({ nodes: pool([2, 2, 0, 0], 'r'), constants: [HEAD] }, x);
  const padded = x.relu().pad([[0, 0], [2, 0], [2, 0], [0, 0]]) as tf.Tensor4D; // biome-ignore format: a table
  assertNear(wide, tf.softmax(tf.maxPool(padded, 3, 1, 'valid').reshape([2, 16]).matMul(head)));
  await assertRefuses(
    { nodes: pool([2, 2, 0, 0], 'x'), constants: [HEAD] },
    /node "the_f" \(MaxPool\).*nowhere below zero/,
  );
});

async function assertRefuses(parts: FileParts | Uint8Array, expected: RegExp): Promise<void> {
  const before = tf.memory().numTensors;
  const file = parts instanceof Uint8Array ? parts : await fileOf(parts);
  try {
    await readOnnxModel(file);
  } catch (error) {
    assert.instance(error, SelvedgeError, String((error as Error).stack));
    assert.match(`${(error as SelvedgeError).code}: ${(error as Error).message}`, expected);
    assert.is(tf.memory().numTensors, before, 'leak');
    return;
  }
  assert.unreachable(`expected ${expected}`);
}

const linear: FileParts = {
  nodes: [node('Flatten', ['x'], 'v'), node('MatMul', ['v', 'head'], 'y')],
  constants: [HEAD],
};

test('bytes that are cut short anywhere, empty, or none of ONNX are refused', async () => {
  const whole = await fileOf(linear);
  for (let length = 0; length < whole.length; length += length < 60 ? 1 : 17) {
    await assertRefuses(whole.slice(0, length), /^onnx\/(format|unsupported|opset): /);
  }
  for (const text of ['{"modelTopology": {}}', '<html>', 'PK\u0003\u0004aaaaaaaaaaaaaaaaaa', '\u0000'.repeat(40)]) {
    await assertRefuses(new TextEncoder().encode(text), /^onnx\/format: Cannot read \d+ bytes as ONNX/);
  }
});

test('bytes that are changed anywhere give an error of ours, or a model', async () => {
  const file = await fileOf(linear);
  for (let at = 0; at < Math.min(file.length, 260); at++) {
    const changed = file.slice();
    changed[at] = changed[at]! ^ (1 << (at % 8));
    try {
      (await readOnnxModel(changed)).model.dispose();
    } catch (error) {
      assert.instance(error, SelvedgeError, `byte ${at}: ${(error as Error).stack}`);
    }
  }
});

test('what no layer computes is refused with the node, its operator and what was expected', async () => {
  const conv = (kernel: number[], attributes = {}): FileParts => ({
    input: [4, 6, 6],
    nodes: [
      node('Conv', ['x', 'k'], 'f', attributes),
      node('GlobalAveragePool', ['f'], 'g'),
      node('Flatten', ['g'], 'y'),
    ],
    constants: [floats('k', kernel, counting(kernel.reduce((a, b) => a * b)))],
  });
  const then = (...middle: ReturnType<typeof node>[]): FileParts => ({
    nodes: [...middle, ...flatHead],
    constants: [HEAD, floats('c', [], [2])],
  });
  const cases: [FileParts, RegExp][] = [
    [then(node('HardSwish', ['x'], 'f')), /^onnx\/unsupported: Cannot read node "the_f" \(HardSwish\) .*an operator that a layer computes/],
    [then({ ...node('Gelu', ['x'], 'f'), domain: 'com.microsoft' }), /operator Gelu of domain "com.microsoft"/],
    [then(node('Relu', ['x'], 'f', { inplace: 1 })), /node "the_f" \(Relu\).*no attribute "inplace"/],
    [then(node('Relu', ['nothing'], 'f')), /an input 0, got "nothing", which no node before it makes/],
    [then(node('Elu', ['x'], 'f', { alpha: { float: 2 } })), /alpha of 1, got 2/],
    [then(node('Clip', ['x', 'c'], 'f')), /limits 0 and 6, or 0 alone, got 2 and Infinity/],
    [then(node('Div', ['c', 'x'], 'f')), /\(Div\)/],
    [then(node('Mul', ['x', 'x'], 'f')), /an image and factors/],
    [then(node('Transpose', ['x'], 'f', { perm: [0, 1, 3, 2] })), /perm 0,1,3,2/],
    [then(node('Sigmoid', ['x'], 's'), node('Softmax', ['s'], 'f', { axis: 1 })), /\(Softmax\).*expected vectors/],
    [{ nodes: [node('Flatten', ['x'], 'y', { axis: 2 })] }, /axis 1, the first behind the batch, got 2/],
    [{ nodes: [node('Relu', ['x'], 'y')] }, /output "y" of classes \[batch, classes\], got \[batch, 1, 4, 4\]/],
    [{ nodes: [...linear.nodes.slice(0, 1), node('MatMul', ['v', 'head'], 'z'), node('Sigmoid', ['z'], 'y')], constants: [HEAD] }, /\(Sigmoid\).*logits or a softmax at its end/],
    [conv([8, 2, 3, 3], { group: 2 }), /1 group, or as many as channels, 4, got 2/],
    [conv([8, 3, 3, 3]), /a kernel \[filters, 4, height, width\], got \[8, 3, 3, 3\]/],
    [conv([4, 1, 2, 2], { group: 4, dilations: [2, 2] }), /dilations of 1 .*got 2, 2/],
    [conv([2, 4, 7, 7]), /an image as large as the window, got 6 x 6 for 7 x 7/],
    [conv([2, 4, 3, 3], { pads: [1, 1, -1, 1] }), /four pads that are not negative/],
    [conv([2, 4, 3, 3], { auto_pad: 'SAME' }), /an "auto_pad" of ONNX, got "SAME"/],
    [conv([2, 4, 3, 3], { strides: 'two' }), /attribute "strides" of type/],
    [{ ...linear, input: [1, 'height', 4] }, /images of a known size.* got \[n, 1, height, 4\]/],
    [{ ...linear, input: [16, 1, 1, 1] }, /images of a known size/],
    [{ ...linear, input: [1, 4, 5] }, /node "the_y" \(MatMul\).*a matrix of 20 rows, got \[16, 3\]/],
    [{ ...linear, inputType: 2 }, /input "x" of type FLOAT, got UINT8/],
    [{ ...linear, opset: 6 }, /^onnx\/opset: .*expected opset 7 to 24, got 6/],
    [{ ...linear, opset: 25 }, /^onnx\/opset: .*got 25/],
    [{ ...linear, constants: [{ ...HEAD, dataType: 3 }] }, /^onnx\/unsupported: Cannot read weight "head".*got INT8/],
    [{ ...linear, constants: [{ ...HEAD, floatData: [1] }] }, /^onnx\/format: Cannot read weight "head": expected 48 numbers of shape \[16, 3\], got 1/],
    [{ ...linear, constants: [{ ...HEAD, floatData: counting(48).with(3, Number.NaN) }] }, /^onnx\/weights: .*got NaN/],
    [{ ...linear, constants: [{ name: 'head', dims: [16, 3], dataType: 1, dataLocation: 1, externalData: [{ key: 'location', value: 'weights.bin' }] }] }, /^onnx\/external-data: Cannot read weight "head"/],
    [{ ...linear, change: (model) => ({ ...model, graph: { ...model.graph!, output: [] } }) }, /one input and one output, got "x" and none/],
    [{ ...linear, change: (model) => ({ ...model, graph: { ...model.graph!, sparseInitializer: [new Uint8Array(2)] } }) }, /expected dense numbers/],
  ]; // biome-ignore format: a table
  for (const [parts, expected] of cases) await assertRefuses(parts, expected);
});

test.run();
