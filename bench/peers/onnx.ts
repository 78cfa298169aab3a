// A graph as an ONNX file, opset 17, for the two runtimes of ONNX. Source of the field numbers: onnx.proto of ONNX 1.12,
// https://github.com/onnx/onnx/blob/v1.12.0/onnx/onnx.proto .
// Not a general exporter. Invariant: input `[batch, channels, height, width]`, any batch; weights are permuted here, so that the
// file holds no transposition.
import type { GraphNode, GraphWithWeights } from './graph.ts';
import { channelsFirstKernel, denseKernel, type Layout } from './layout.ts';
import { bytes, float, integer, integers, join, message, text } from './protobuf.ts';

const IR_VERSION = 8;
const OPSET = 17;
const FLOAT = 1;
const INT64 = 7;
const attributeTypes = { float: 1, integer: 2, string: 3, integers: 7 } as const;
export const ONNX_INPUT = 'images';
export const ONNX_OUTPUT = 'probabilities';

type Attribute = Uint8Array;

const attribute = (name: string, type: keyof typeof attributeTypes, value: Uint8Array): Attribute =>
  message(5, [text(1, name), value, integer(20, attributeTypes[type])]);
const integerAttribute = (name: string, value: number): Attribute => attribute(name, 'integer', integer(3, value));
const floatAttribute = (name: string, value: number): Attribute => attribute(name, 'float', float(2, value));
const listAttribute = (name: string, values: readonly number[]): Attribute =>
  attribute(name, 'integers', integers(8, values));

/** A tensor of the file. */
interface Initializer {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array | BigInt64Array;
}

/**
 * Writes a model as an ONNX file.
 *
 * @param model Nodes and weights of `describeGraph`; the image has one channel, or its channels come first already
 * @returns The bytes of the file
 */
export function encodeOnnx({ graph, values }: GraphWithWeights): Uint8Array {
  const initializers: Initializer[] = [];
  const rename = (name: string): string =>
    name === graph.input ? ONNX_INPUT : name === graph.output ? ONNX_OUTPUT : name;
  const nodes = graph.nodes.map((node) => {
    const { type, inputs = [], attributes = [] } = encodeNode(node, { graph, values, initializers });
    const names = [...node.inputs.map(rename), ...inputs];
    const ends = [...names.map((name) => text(1, name)), text(2, rename(node.output)), text(3, node.output)];
    return message(1, [...ends, text(4, type), ...attributes]);
  });
  const [height, width, channels] = graph.inputShape as [number, number, number];
  const classes = graph.nodes.at(-1)!.shape[0]!;
  const body = [
    ...nodes,
    text(2, 'selvedge'),
    ...initializers.map(encodeInitializer),
    message(11, valueInfo(ONNX_INPUT, [channels, height, width])),
    message(12, valueInfo(ONNX_OUTPUT, [classes])),
  ];
  return join([
    integer(1, IR_VERSION),
    text(2, 'selvedge'),
    message(7, body),
    message(8, [text(1, ''), integer(2, OPSET)]),
  ]);
}

function encodeInitializer({ name, shape, values }: Initializer): Uint8Array {
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const type = values instanceof Float32Array ? FLOAT : INT64;
  return message(5, [integers(1, shape), integer(2, type), text(8, name), bytes(9, raw)]);
}

/** Fields of a value of any batch. */
function valueInfo(name: string, shape: readonly number[]): Uint8Array[] {
  const dimensions = [message(1, [text(2, 'batch')]), ...shape.map((size) => message(1, [integer(1, size)]))];
  return [text(1, name), message(2, [message(1, [integer(1, FLOAT), message(2, dimensions)])])];
}

interface Encoded {
  readonly type: string;
  /** Weights, behind the inputs of the node. */
  readonly inputs?: readonly string[];
  readonly attributes?: readonly Attribute[];
}

function encodeNode(node: GraphNode, context: Layout & { initializers: Initializer[] }): Encoded {
  const { graph, values, initializers } = context;
  const keep = (name: string, shape?: readonly number[], permuted?: Float32Array): string => {
    // A layer that is used twice has its weights once.
    if (initializers.some((known) => known.name === name)) return name;
    const place = graph.weights[name]!;
    const size = place.shape.reduce((product, extent) => product * extent, 1);
    initializers.push({
      name,
      shape: shape ?? place.shape,
      values: permuted ?? values.slice(place.offset, place.offset + size),
    });
    return name;
  };
  const keepAll = (names: readonly (string | undefined)[]): string[] =>
    names.flatMap((name) => (name === undefined ? [] : keep(name)));
  switch (node.op) {
    case 'convolution': {
      const { shape, values: permuted } = channelsFirstKernel(context, node.kernel);
      const [, , height, width] = shape;
      return {
        type: 'Conv',
        inputs: [keep(node.kernel, shape, permuted), ...keepAll([node.bias])],
        attributes: [listAttribute('kernel_shape', [height!, width!]), ...window(node)],
      };
    }
    case 'dense':
      return {
        type: 'Gemm',
        inputs: [keep(node.kernel, undefined, denseKernel(context, node)), ...keepAll([node.bias])],
      };
    case 'batchNormalization':
      return {
        type: 'BatchNormalization',
        inputs: [
          node.gamma === undefined ? constant(initializers, node, 1) : keep(node.gamma),
          node.beta === undefined ? constant(initializers, node, 0) : keep(node.beta),
          ...keepAll([node.mean, node.variance]),
        ],
        attributes: [floatAttribute('epsilon', node.epsilon)],
      };
    case 'maxPool':
      return { type: 'MaxPool', attributes: [listAttribute('kernel_shape', node.size), ...window(node)] };
    case 'averagePool':
      return { type: 'AveragePool', attributes: [listAttribute('kernel_shape', node.size), ...window(node)] };
    case 'activation':
      return node.function === 'relu'
        ? { type: 'Relu' }
        : { type: 'Softmax', attributes: [integerAttribute('axis', -1)] };
    case 'dropout':
      return { type: 'Identity' };
    case 'flatten':
      return { type: 'Flatten' };
    case 'globalAveragePool':
    case 'globalMaxPool':
      // Keeps the dimensions of the image, unlike GlobalAveragePool, which would need a Flatten behind it.
      return {
        type: node.op === 'globalMaxPool' ? 'ReduceMax' : 'ReduceMean',
        attributes: [listAttribute('axes', [2, 3]), integerAttribute('keepdims', 0)],
      };
    case 'add':
      return { type: 'Add' };
    case 'concatenate':
      return { type: 'Concat', attributes: [integerAttribute('axis', 1)] };
    case 'zeroPadding':
      return zeroPadding(node, initializers);
  }
}

/** Strides and padding of a sliding window. TensorFlow's 'same' puts the odd row or column at the end. */
function window(node: { readonly strides: readonly number[]; readonly padding: 'same' | 'valid' }): Attribute[] {
  const padding = new TextEncoder().encode(node.padding === 'same' ? 'SAME_UPPER' : 'VALID');
  return [listAttribute('strides', node.strides), attribute('auto_pad', 'string', bytes(4, padding))];
}

/** A vector of one number for each channel of a node. */
function constant(initializers: Initializer[], node: GraphNode, value: number): string {
  const channels = node.shape.at(-1)!;
  const name = `${node.output}/constant-${value}`;
  initializers.push({ name, shape: [channels], values: new Float32Array(channels).fill(value) });
  return name;
}

/** Opset 17 takes the paddings as a tensor: all beginnings, then all ends. */
function zeroPadding(node: GraphNode & { readonly op: 'zeroPadding' }, initializers: Initializer[]): Encoded {
  const [top, bottom] = node.rows;
  const [left, right] = node.columns;
  const name = `${node.output}/paddings`;
  const values = BigInt64Array.from([0, 0, top, left, 0, 0, bottom, right].map(BigInt));
  initializers.push({ name, shape: [8], values });
  return { type: 'Pad', inputs: [name] };
}
