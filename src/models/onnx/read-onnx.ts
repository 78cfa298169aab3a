// An ONNX classifier read into a tf.LayersModel, to be evaluated, trained on and served. Its operators are those of the layers that a plan
// knows, in the forms that exporters write them.
// Not here: single operators. Invariant: the model computes what the file says, with a softmax at its end, or there is an error that names
// the node.
import * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { buildFromJson } from '../rebuild.ts';
import { imageOf, NetworkBuilder, type ReadNetwork, vectorOf } from './network-builder.ts';
import { type GraphContext, NodeReader, type Operator } from './node-reader.ts';
import { type OpenedOnnx, openOnnx } from './open.ts';
import { pointwiseOperators } from './pointwise.ts';
import type { OnnxNode } from './schema.ts';
import { shapeOperators } from './shapes.ts';
import { describeValue, type Value } from './values.ts';
import { vectorOperators } from './vectors.ts';
import { windowOperators } from './windows.ts';

const operators: Readonly<Record<string, Operator>> = {
  ...windowOperators,
  ...vectorOperators,
  ...pointwiseOperators,
  ...shapeOperators,
};

/** Names of the operators that are read. */
export const onnxOperators: readonly string[] = Object.keys(operators).toSorted();

/** What a file says, without an engine. */
export interface ReadOnnx {
  readonly network: ReadNetwork;
  /** `classNames` and `settings`, where the file has them. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** What the user should be told. */
  readonly notices: readonly string[];
}

/** A model from an ONNX file. */
export interface OnnxModelRead extends Omit<ReadOnnx, 'network'> {
  /** The caller disposes it. */
  readonly model: tf.LayersModel;
}

/**
 * Reads a classifier of an ONNX file. Needs a started backend.
 *
 * @param bytes One graph of opset 7 to 24, from images `[batch, channels, height, width]` of a known size, float32, to logits or
 * probabilities `[batch, classes]`
 * @returns A model of images `[batch, height, width, channels]` that ends in a softmax
 * @throws SelvedgeError `onnx/format` for what is cut short or no ONNX, `onnx/opset`, `onnx/external-data`, `onnx/weights` for weights that
 * are no finite numbers, `onnx/unsupported` for what no layer computes, naming the node, `onnx/protobufjs` where that package is absent
 * @example
 * ```ts
 * import { buildModel, exportOnnx, initializeWeights, readOnnxModel, startBackend, weightsDigest } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const model = buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 });
 * initializeWeights(model, 1);
 * const labels = Array.from({ length: 10 }, (_, label) => `class ${label}`);
 * const { model: same } = await readOnnxModel(await exportOnnx(model, { name: 'dropout', labels }));
 * console.assert((await weightsDigest(same)) === (await weightsDigest(model)));
 * await engine.stop();
 * ```
 */
export async function readOnnxModel(bytes: Uint8Array): Promise<OnnxModelRead> {
  const { network, metadata, notices } = await readOnnx(bytes);
  const model = await buildFromJson(network.json);
  try {
    tf.tidy(() => {
      for (const [name, weights] of network.weights) {
        model.getLayer(name).weights.forEach((variable, i) => {
          const { values, shape } = weights[i]!;
          variable.write(tf.tensor(values, [...shape]));
        });
      }
    });
    return { model, metadata, notices };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** Reads what a file says, which needs no engine; errors as `readOnnxModel`. */
export async function readOnnx(bytes: Uint8Array): Promise<ReadOnnx> {
  const opened = await openOnnx(bytes);
  const notices: string[] = [];
  const [, ...extents] = opened.input.extents as [number | null, ...number[]];
  const isChannelsLast = extents.length === 3 && isTransposedFirst(opened);
  const [a, b, c] = extents as [number, number, number];
  const shape = extents.length === 1 ? [a] : isChannelsLast ? [a, b, c] : [b, c, a];
  const network = new NetworkBuilder(shape);
  const input = (): string => network.input;
  const value: Value =
    shape.length === 1
      ? vectorOf(input, shape[0]!)
      : imageOf(input, shape as [number, number, number], { layout: isChannelsLast ? 'nhwc' : 'nchw' });
  const values = new Map<string, Value>([...opened.constants, [opened.input.name, value]]);
  const output = readNodes(opened, network, values, notices);
  const { classNames, settings } = opened.metadata;
  return {
    network: network.finish(output, nameOf(opened.name)),
    metadata: { ...(classNames === undefined ? {} : { classNames }), ...(isObject(settings) ? { settings } : {}) },
    notices,
  };
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);
const nameOf = (name: string | undefined): string =>
  (name ?? '').replace(/[^\w.-]+/g, '_').replace(/^[_.-]+/, '') || 'onnx';

/** Whether what the graph does first is to bring channels to the front: a model of NHWC, as those of TensorFlow. */
function isTransposedFirst({ input, nodes }: OpenedOnnx): boolean {
  const consumers = nodes.filter((node) => node.input.includes(input.name));
  return consumers.every(
    ({ opType, attribute }) =>
      opType === 'Transpose' && attribute.find(({ name }) => name === 'perm')?.ints.join() === '0,3,1,2',
  );
}

/** @returns Name of the layer that makes the probabilities */
function readNodes(opened: OpenedOnnx, network: NetworkBuilder, values: Map<string, Value>, notices: string[]): string {
  const { nodes, opset } = opened;
  const consumers = new Map<string, OnnxNode[]>();
  for (const node of nodes) {
    for (const name of new Set(node.input)) consumers.set(name, [...(consumers.get(name) ?? []), node]);
  }
  const absorbed = new Map<OnnxNode, string>();
  let current = '';
  const logits = logitsOf(opened, notices);
  const graph: GraphContext = {
    opset,
    network,
    values,
    logits,
    consumersOf: (name) => consumers.get(name) ?? [],
    absorb(node) {
      absorbed.set(node, current);
    },
    originOf: (name) => originOf(opened, name),
  };
  for (const node of nodes) {
    const [output = ''] = node.output;
    current = output;
    const by = absorbed.get(node);
    if (by !== undefined) {
      values.set(output, values.get(by)!);
      continue;
    }
    const operator = Object.hasOwn(operators, node.opType ?? '') ? operators[node.opType!] : undefined;
    const reader = new NodeReader(
      node,
      graph,
      operator ? operator.attributes : node.attribute.map(({ name = '' }) => name),
    );
    if (!operator) throw reader.error('an operator that a layer computes', node.opType ?? 'none');
    values.set(output, operator.read(reader));
  }
  return probabilitiesOf(opened, values, network);
}

/** By way of nodes that do nothing. */
function originOf({ nodes }: Pick<OpenedOnnx, 'nodes'>, name: string): string {
  const node = nodes.find(({ opType, output }) => opType === 'Identity' && output.includes(name));
  return node ? originOf({ nodes: nodes.filter((other) => other !== node) }, node.input[0] ?? '') : name;
}

/** Name of the value whose softmax is the output. */
function logitsOf(opened: OpenedOnnx, notices: string[]): string {
  const name = originOf(opened, opened.output);
  const node = opened.nodes.find(({ output }) => output.includes(name));
  switch (node?.opType) {
    case 'LogSoftmax':
      notices.push('Its logarithms of probabilities are read as probabilities');
      return originOf(opened, node.input[0] ?? '');
    case 'Softmax':
      return originOf(opened, node.input[0] ?? '');
    case 'Sigmoid':
    case 'Tanh':
      throw new SelvedgeError(
        'onnx/unsupported',
        `Cannot read node "${node.name || name}" (${node.opType}) of the ONNX model: expected logits or a softmax at its end`,
      );
    default:
      notices.push('It ends in logits: a softmax is added');
      return name;
  }
}

function probabilitiesOf({ output }: OpenedOnnx, values: ReadonlyMap<string, Value>, network: NetworkBuilder): string {
  const value = values.get(output);
  if (value?.kind !== 'vector' || value.order) {
    throw new SelvedgeError(
      'onnx/unsupported',
      `Cannot read the ONNX model: expected output "${output}" of classes [batch, classes], got ` +
        `${value ? describeValue(value) : 'none'}`,
    );
  }
  if (value.isProbabilities) return value.layer();
  const config = { activation: 'softmax' };
  return network.add({ className: 'Activation', name: 'probabilities', config, inputs: [value.layer()] });
}
