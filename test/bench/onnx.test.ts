// The ONNX writer: what is in the file, read back by a small reader of protobuf, and, where onnxruntime-web is installed beside
// the benchmarks, that its predictions are those of tfjs.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { differenceOf } from '../../bench/peers/contest.ts';
import { describeGraph } from '../../bench/peers/graph.ts';
import { encodeOnnx, ONNX_INPUT, ONNX_OUTPUT } from '../../bench/peers/onnx.ts';
import { float, integer, integers, join, message, text } from '../../bench/peers/protobuf.ts';
import { buildModel } from '../../src/models/index.ts';
import { noise } from '../backend/kernels/oracle.ts';

const test = suite('onnx');
test.before(async () => {
  await tf.setBackend('cpu');
});

/** Fields of a message by number: integers, or the bytes of everything else. */
function fieldsOf(bytes: Uint8Array): Map<number, (bigint | Uint8Array)[]> {
  const fields = new Map<number, (bigint | Uint8Array)[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const [field, type] = [tag >> 3, tag & 7];
    const length = type === 5 ? 4 : type === 2 ? Number(varint()) : 0;
    const value = type === 0 ? varint() : bytes.slice(at, at + length);
    at += length;
    fields.set(field, [...(fields.get(field) ?? []), value]);
  }
  assert.is(at, bytes.length);
  return fields;
}

const messages = (fields: Map<number, (bigint | Uint8Array)[]>, field: number) =>
  (fields.get(field) ?? []).map((value) => fieldsOf(value as Uint8Array));
const textOf = (fields: Map<number, (bigint | Uint8Array)[]>, field: number): string =>
  new TextDecoder().decode(fields.get(field)![0] as Uint8Array);

test('protobuf fields are what the encoding guide shows', () => {
  // Examples of https://protobuf.dev/programming-guides/encoding/ .
  assert.equal([...integer(1, 150)], [0x08, 0x96, 0x01]);
  assert.equal([...text(2, 'testing')], [0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67]);
  assert.equal([...message(3, [integer(1, 150)])], [0x1a, 0x03, 0x08, 0x96, 0x01]);
  assert.equal([...integer(1, -2)], [0x08, 0xfe, ...new Array(8).fill(0xff), 0x01]);
  assert.equal([...float(2, 1)], [0x15, 0, 0, 0x80, 0x3f]);
  assert.equal([...join([integers(1, [1, 2]), text(16, '')])], [8, 1, 8, 2, 0x82, 1, 0]);
});

test('encodeOnnx() writes the study network with permuted weights and any batch', () => {
  const model = buildModel('baseline', { inputShape: [28, 28, 1], classes: 10 });
  const file = fieldsOf(encodeOnnx(describeGraph(model)));
  assert.equal(file.get(1), [8n]);
  const graph = messages(file, 7)[0]!;
  const types = messages(graph, 1).map((node) => textOf(node, 4));
  assert.equal(types, [
    ...['Conv', 'Relu', 'MaxPool', 'Conv', 'Relu', 'MaxPool', 'Conv', 'Relu'],
    ...['Flatten', 'Gemm', 'Relu', 'Gemm', 'Softmax'],
  ]);
  const initializers = messages(graph, 5).map((each) => [
    textOf(each, 8),
    (each.get(1) as bigint[]).map(Number),
    (each.get(9)![0] as Uint8Array).length,
  ]);
  assert.equal(initializers[2], ['conv2d_2/kernel', [64, 32, 3, 3], 4 * 64 * 32 * 9]);
  assert.is(
    initializers.reduce((sum, [, , bytes]) => sum + (bytes as number), 0),
    4 * 241_546,
  );
  assert.equal([textOf(messages(graph, 11)[0]!, 1), textOf(messages(graph, 12)[0]!, 1)], [ONNX_INPUT, ONNX_OUTPUT]);
  model.dispose();
});

/** All operations that the writer knows, with strides, both paddings, a branch and an odd side. */
function branchingModel(): tf.LayersModel {
  const { layers } = tf;
  const input = tf.input({ shape: [13, 11, 1] });
  const apply = (layer: tf.layers.Layer, ...on: tf.SymbolicTensor[]): tf.SymbolicTensor =>
    layer.apply(on.length === 1 ? on[0]! : on) as tf.SymbolicTensor;
  const padded = apply(
    layers.zeroPadding2d({
      padding: [
        [1, 2],
        [0, 3],
      ],
    }),
    input,
  );
  const wide = apply(layers.conv2d({ filters: 6, kernelSize: 3, strides: 2, padding: 'same' }), padded);
  const normal = apply(layers.batchNormalization({}), wide);
  const active = apply(layers.activation({ activation: 'relu' }), normal);
  const left = apply(layers.conv2d({ filters: 5, kernelSize: 3, padding: 'same', useBias: false }), active);
  const right = apply(layers.conv2d({ filters: 5, kernelSize: 1, activation: 'relu' }), active);
  const sum = apply(layers.add(), left, right);
  const pooled = apply(layers.averagePooling2d({ poolSize: 2, strides: 2, padding: 'same' }), sum);
  const largest = apply(layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }), sum);
  const both = apply(layers.concatenate(), pooled, largest);
  const flat = apply(layers.dropout({ rate: 0.5 }), apply(layers.flatten(), both));
  const dense = apply(layers.dense({ units: 7, activation: 'relu' }), flat);
  const mean = apply(layers.globalAveragePooling2d({}), both);
  const most = apply(layers.globalMaxPooling2d({}), both);
  const joined = apply(layers.concatenate(), dense, mean, most);
  return tf.model({ inputs: input, outputs: apply(layers.dense({ units: 4, activation: 'softmax' }), joined) });
}

/** Weights that are not all alike, variances above zero. */
function fillWeights(model: tf.LayersModel): void {
  model.weights.forEach((weight, i) => {
    const values = noise(
      weight.shape.reduce((product: number, extent) => product * extent!, 1),
      i + 1,
    );
    const isVariance = weight.originalName.endsWith('moving_variance');
    weight.write(
      tf.tensor(
        isVariance ? values.map((value) => value + 1.5) : values.map((value) => value / 2),
        weight.shape as number[],
      ),
    );
  });
}

const place = new URL('../../bench/peers/node_modules/onnxruntime-web/package.json', import.meta.url);
if (existsSync(fileURLToPath(place))) {
  for (const [name, build] of [
    ['the study network', () => buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 })],
    ['branches, strides and both paddings', branchingModel],
  ] as const) {
    test(`encodeOnnx() agrees with tfjs on onnxruntime-web: ${name}`, async () => {
      const model = build();
      fillWeights(model);
      const [, height, width, channels] = model.inputs[0]!.shape as number[];
      const batch = 3;
      const images = noise(batch * height! * width! * channels!, 9);
      const expected = (
        model.predict(tf.tensor4d(images, [batch, height!, width!, channels!])) as tf.Tensor
      ).dataSync();
      const { env, InferenceSession, Tensor } = await import(new URL('./dist/ort.node.min.mjs', place).href);
      env.wasm.numThreads = 1;
      const session = await InferenceSession.create(encodeOnnx(describeGraph(model)), { executionProviders: ['wasm'] });
      const feeds = { [ONNX_INPUT]: new Tensor('float32', images, [batch, channels, height, width]) };
      const { data } = (await session.run(feeds))[ONNX_OUTPUT];
      assert.ok(differenceOf(data, expected) < 1e-5, `difference ${differenceOf(data, expected)}`);
      model.dispose();
    });
  }
}

test.run();
