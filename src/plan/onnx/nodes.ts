// The operations of a model as nodes of an ONNX graph: images NCHW, weights permuted to match, padding in numbers.
// Not here: the file around them (export-onnx.ts). Invariant: a vector has the order that it has in the model, so that a flattened image is
// one of NHWC.
import type * as tf from '../../backend/tfjs.ts';
import {
  attributeTypes,
  dataTypes,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTensor,
} from '../../models/onnx/index.ts';
import type { ModelGraph, ModelOperation, TensorShape, Unsupported } from '../read-model.ts';

export const INPUT_NAME = 'images';
export const OUTPUT_NAME = 'probabilities';

/** Nodes from value `INPUT_NAME` to value `OUTPUT_NAME`, and what they take besides. */
export interface OnnxNodes {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
}

type Known = Exclude<ModelOperation, { kind: 'opaque' }>;
type Pair = readonly [number, number];

/**
 * Makes the nodes of a model.
 *
 * @returns The nodes, or why there are none
 */
export function nodesOf(graph: ModelGraph): OnnxNodes | Unsupported {
  const writer = new NodeWriter(graph);
  for (const operation of graph.operations) {
    if (operation.kind === 'dropout' || (operation.kind === 'opaque' && operation.isForTraining)) {
      writer.rename(operation.outputs[0]!, operation.inputs[0]!);
      continue;
    }
    const reason = operation.kind === 'opaque' ? operation.reason : writer.refusalOf(operation);
    if (reason !== undefined) return { reason: `layer "${operation.layer.name}" ${reason}` };
    writer.write(operation as Known);
  }
  writer.finish(graph.outputs[0]!);
  return writer;
}

/** Operations of plans that are not written. */
const UNWRITTEN: readonly ModelOperation['kind'][] = [
  'embedding',
  'groupNormalization',
  'layerNormalization',
  'reshape',
  'shift',
  'smoothActivation',
  'transposedConvolution',
  'upSampling',
];

class NodeWriter implements OnnxNodes {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  readonly #graph: ModelGraph;
  /** Names of values. */
  readonly #names = new Map<number, string>();
  readonly #variables = new Map<tf.LayerVariable, string>();
  readonly #taken = new Set<string>([INPUT_NAME, OUTPUT_NAME]);

  constructor(graph: ModelGraph) {
    this.#graph = graph;
    this.#names.set(graph.inputs[0]!, INPUT_NAME);
  }

  rename(output: number, input: number): void {
    this.#names.set(output, this.#names.get(input)!);
  }

  /** Why an operation cannot be a node, in words that go on from the name of its layer. */
  refusalOf({ kind, inputs, outputs, layer }: ModelOperation): string | undefined {
    if (UNWRITTEN.includes(kind)) return `has no ONNX node here: it is a ${layer.getClassName()} with ${kind}`;
    for (const id of [...inputs, ...outputs]) {
      const [, ...extents] = this.#graph.shapes.get(id)!;
      if (extents.some((extent) => extent === null || extent < 1)) return 'has an open shape';
      if (![1, 3].includes(extents.length)) return `has rank ${extents.length + 1}`;
    }
    return undefined;
  }

  write(operation: Known): void {
    const [output] = operation.outputs as [number];
    const name = this.#unique(operation.layer.name);
    const inputs = operation.inputs.map((id) => this.#names.get(id)!);
    this.#names.set(output, this.#writeAs(operation, name, inputs));
  }

  /** The softmax, which the graph does not have. */
  finish(logits: number): void {
    this.#add('Softmax', OUTPUT_NAME, [this.#names.get(logits)!], { axis: -1 });
  }

  /** @returns The name of the value of the last node */
  #writeAs(operation: Known, name: string, inputs: readonly string[]): string {
    const [x] = inputs as [string];
    switch (operation.kind) {
      case 'convolution':
      case 'depthwise': {
        const { kernel, bias, dilations } = operation;
        const [height, width, channels, filters] = kernel.shape as [number, number, number, number];
        const isDepthwise = operation.kind === 'depthwise';
        const dims = isDepthwise ? [channels * filters, 1, height, width] : [filters, channels, height, width];
        const permuted = () =>
          channelsFirst(valuesOf(kernel), { taps: height * width, channels, filters }, isDepthwise);
        const weights = [this.#weights(kernel, dims, permuted), ...(bias ? [this.#weights(bias)] : [])];
        const window = this.#window(operation, operation.size, dilations);
        return this.#add('Conv', name, [x, ...weights], {
          ...window,
          dilations,
          group: isDepthwise ? channels : 1,
        });
      }
      case 'dense': {
        const { kernel, bias } = operation;
        return this.#add('Gemm', name, [x, this.#weights(kernel), ...(bias ? [this.#weights(bias)] : [])], {});
      }
      case 'batchNormalization': {
        const { gamma, beta, movingMean, movingVariance, epsilon } = operation;
        const [channels] = movingMean.shape as [number];
        const weights = [
          gamma
            ? this.#weights(gamma)
            : this.#constant(`${name}/gamma`, [channels], new Float32Array(channels).fill(1)),
          beta ? this.#weights(beta) : this.#constant(`${name}/beta`, [channels], new Float32Array(channels)),
          ...[movingMean, movingVariance].map((variable) => this.#weights(variable)),
        ];
        return this.#add('BatchNormalization', name, [x, ...weights], {
          epsilon: { float: epsilon },
          momentum: { float: operation.momentum },
        });
      }
      case 'maxPooling':
      case 'averagePooling': {
        const type = operation.kind === 'maxPooling' ? 'MaxPool' : 'AveragePool';
        const pooled = this.#add(type, name, [x], this.#window(operation, operation.size, [1, 1]));
        return this.#shape(operation.outputs[0]!).length === 2 ? this.#flatten(name, pooled) : pooled;
      }
      case 'globalAveragePooling':
        return this.#flatten(name, this.#add('GlobalAveragePool', name, [x], {}));
      case 'flatten': {
        const [, height, width, channels] = this.#shape(operation.inputs[0]!);
        const isOrdered = channels === undefined || channels === 1 || height! * width! === 1;
        const ordered = isOrdered ? x : this.#add('Transpose', `${name}/nhwc`, [x], { perm: [0, 2, 3, 1] });
        return this.#add('Flatten', name, [ordered], { axis: 1 });
      }
      case 'activation':
        return this.#activation(operation, name, x);
      case 'zeroPadding': {
        const { top, bottom, left, right } = operation;
        const pads = this.#integers(`${name}/pads`, [0, 0, top, left, 0, 0, bottom, right]);
        return this.#add('Pad', name, [x, pads], {});
      }
      case 'multiply':
        return this.#add('Mul', name, this.#factors(operation, name, inputs), {});
      case 'add':
        return this.#add(inputs.length === 2 ? 'Add' : 'Sum', name, inputs, {});
      case 'concatenate':
        return this.#add('Concat', name, inputs, { axis: 1 });
      default:
        throw new TypeError(`Unknown operation "${operation.kind}"`);
    }
  }

  #activation({ activation }: Known & { kind: 'activation' }, name: string, x: string): string {
    const alpha = { alpha: { float: activation.alpha ?? 0 } };
    switch (activation.name) {
      case 'linear':
        return x;
      case 'relu':
        return this.#add('Relu', name, [x], {});
      case 'relu6': {
        const limits = [0, 6].map((limit) => this.#constant(`${name}/${limit}`, [], Float32Array.of(limit)));
        return this.#add('Clip', name, [x, ...limits], {});
      }
      case 'sigmoid':
        return this.#add('Sigmoid', name, [x], {});
      case 'tanh':
        return this.#add('Tanh', name, [x], {});
      case 'elu':
        return this.#add('Elu', name, [x], alpha);
      case 'leakyRelu':
        return this.#add('LeakyRelu', name, [x], alpha);
    }
  }

  /** A vector of factors of an image becomes one of rank four: [batch, channels, 1, 1]. */
  #factors({ inputs, factors }: Known & { kind: 'multiply' }, name: string, names: readonly string[]): string[] {
    const ranks = inputs.map((id) => this.#shape(id).length);
    return names.map((x, i) => {
      if (i !== factors || ranks[i] === ranks[1 - i]) return x;
      return this.#add('Unsqueeze', `${name}/factors`, [x, this.#integers(`${name}/axes`, [2, 3])], {});
    });
  }

  #flatten(name: string, x: string): string {
    return this.#add('Flatten', `${name}/flatten`, [x], { axis: 1 });
  }

  #window(
    operation: Known & { readonly strides: Pair; readonly padding: 'valid' | 'same' },
    size: Pair,
    dilations: Pair,
  ): Attributes {
    const { strides, padding } = operation;
    const [, ...extents] = this.#shape(operation.inputs[0]!);
    const [before, after] = [0, 1].map((end) =>
      [0, 1].map((axis) => {
        if (padding === 'valid') return 0;
        return samePadding(extents[axis]!, (size[axis]! - 1) * dilations[axis]! + 1, strides[axis]!)[end]!;
      }),
    ) as [number[], number[]];
    return { kernel_shape: size, strides, pads: [...before, ...after] };
  }

  /** Without open extents: see `refusalOf`. */
  #shape(id: number): readonly number[] {
    return this.#graph.shapes.get(id) as Extract<TensorShape, readonly number[]>;
  }

  #add(opType: string, name: string, input: readonly string[], attributes: Attributes): string {
    const attribute = Object.entries(attributes).map(([key, value]) => attributeOf(key, value));
    this.nodes.push({ name, opType, input, output: [name], attribute });
    return name;
  }

  /** A weight, once for all layers that share it. */
  #weights(variable: tf.LayerVariable, dims = variable.shape as number[], values = () => valuesOf(variable)): string {
    const known = this.#variables.get(variable);
    if (known !== undefined) return known;
    const name = this.#constant(this.#unique(variable.originalName), dims, values());
    this.#variables.set(variable, name);
    return name;
  }

  #constant(name: string, dims: readonly number[], values: Float32Array): string {
    this.initializers.push({ name, dims, dataType: dataTypes.FLOAT, rawData: littleEndian(values) });
    return name;
  }

  #integers(name: string, values: readonly number[]): string {
    const rawData = new Uint8Array(8 * values.length);
    const view = new DataView(rawData.buffer);
    values.forEach((value, i) => {
      view.setBigInt64(8 * i, BigInt(value), true);
    });
    this.initializers.push({ name, dims: [values.length], dataType: dataTypes.INT64, rawData });
    return name;
  }

  #unique(wanted: string): string {
    let name = wanted;
    for (let i = 2; this.#taken.has(name); i++) name = `${wanted}_${i}`;
    this.#taken.add(name);
    return name;
  }
}

type Attributes = Readonly<Record<string, number | readonly number[] | { readonly float: number }>>;

function attributeOf(name: string, value: Attributes[string]): OnnxAttribute {
  const none = { name, floats: [], ints: [] };
  if (typeof value === 'number') return { ...none, type: attributeTypes.integer, i: value };
  if ('float' in value) return { ...none, type: attributeTypes.float, f: value.float };
  return { ...none, type: attributeTypes.integers, ints: value };
}

/** TensorFlow's: of an odd number of pixels the end gets one more. */
function samePadding(extent: number, window: number, stride: number): [number, number] {
  const all = Math.max(0, (Math.ceil(extent / stride) - 1) * stride + window - extent);
  return [Math.floor(all / 2), Math.ceil(all / 2)];
}

const valuesOf = (variable: tf.LayerVariable): Float32Array => variable.read().dataSync<'float32'>() as Float32Array;

interface KernelExtents {
  readonly taps: number;
  readonly channels: number;
  readonly filters: number;
}

/** [taps, channels, filters] as [filters, channels, taps], or, depthwise, as [channels, filters, taps]. */
function channelsFirst(
  values: Float32Array,
  { taps, channels, filters }: KernelExtents,
  isDepthwise: boolean,
): Float32Array {
  const permuted = new Float32Array(values.length);
  for (let tap = 0; tap < taps; tap++) {
    for (let channel = 0; channel < channels; channel++) {
      for (let filter = 0; filter < filters; filter++) {
        const to = isDepthwise ? channel * filters + filter : filter * channels + channel;
        permuted[to * taps + tap] = values[(tap * channels + channel) * filters + filter]!;
      }
    }
  }
  return permuted;
}

function littleEndian(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setFloat32(4 * i, value, true);
  });
  return bytes;
}
