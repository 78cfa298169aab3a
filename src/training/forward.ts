// Runs what a tf.LayersModel was read as, one operation after the other: ours where they exist, tfjs's or the layer's own call elsewhere.
// The model stays a plain tfjs model: nothing of it is replaced, and it saves under the stock names.
// Not here: reading a model (plan/read-model.ts). Invariant: the result is the logits; the softmax that ends the model belongs to the loss.
// Values between input and logits, and gradients of them, are for those who explain (explain/differentiable-model.ts).
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import {
  type Ending,
  type ModelGraph,
  type ModelOperation,
  readModel,
  readNetwork,
  type TensorShape,
} from '../plan/index.ts';
import {
  activation,
  batchNormalization,
  convolution,
  dense,
  type OutputActivation,
  seededDropout,
  smoothActivation,
} from './operations.ts';

/** Layers of tfjs that draw from Math.random in training. */
const RANDOM_LAYERS: readonly string[] = [
  'AlphaDropout',
  'Dropout',
  'GaussianDropout',
  'GaussianNoise',
  'RandomHeight',
  'RandomWidth',
  'SpatialDropout1D',
];

/** What a pass depends on besides weights and input. */
export interface ForwardContext {
  readonly training: boolean;
  readonly seed: number;
  /** Number of the update, from the start of the training. */
  readonly step: number;
}

/** Computes logits [batch, classes] from images [batch, height, width, channels]. */
export type Forward = (x: tf.Tensor, context: ForwardContext) => tf.Tensor2D;

type Run = (inputs: tf.Tensor[], context: ForwardContext) => tf.Tensor | tf.Tensor[];

interface Stage {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly run: Run;
}

/**
 * Lists what a model computes, once, for many passes.
 *
 * @param model One input, one output [batch, classes], ending in a softmax: a dense layer's activation or a layer of its own;
 *   no random layers but dropout
 * @throws SelvedgeError `training/unsupported-model`
 */
export function createForward(model: tf.LayersModel): Forward {
  const graph = readModel(model);
  if ('reason' in graph) throw unsupported(model, graph.reason);
  const run = forwardOf(model, graph);
  return (x, context) => run([x], context)[0] as tf.Tensor2D;
}

/** Computes the outputs of a model, of its inputs. */
export type NetworkForward = (inputs: readonly tf.Tensor[], context: ForwardContext) => tf.Tensor[];

/**
 * Lists what any model computes, once, for many passes.
 *
 * @param model No random layers but dropout
 * @param endings Of each output: the activation that is left out where it ends in it
 * @throws SelvedgeError `training/unsupported-model`
 */
export function createNetworkForward(model: tf.LayersModel, endings: readonly (Ending | undefined)[]): NetworkForward {
  const graph = readNetwork(model, endings);
  if ('reason' in graph) throw unsupported(model, graph.reason);
  return forwardOf(model, graph);
}

function forwardOf(model: tf.LayersModel, graph: ModelGraph): NetworkForward {
  requireSeeded(model, graph);
  const pass = createPass(graph, 'weights');
  return (inputs, context) => {
    const values = new Map(graph.inputs.map((id, i) => [id, inputs[i]!]));
    pass(values, context);
    return graph.outputs.map((id) => values.get(id)!);
  };
}

/** Computes the values of a graph that are not there yet, from those that are, and adds them. */
export type Pass = (values: Map<number, tf.Tensor>, context: ForwardContext) => void;

/**
 * Lists what a graph computes, once, for many passes.
 *
 * @param gradientsOf What gradients are asked for: of the weights; or of the values, the input among them, and then each operation is
 *   a stage of its own, so that no value is missing, and nothing is computed for the weights
 */
export function createPass(graph: ModelGraph, gradientsOf: 'weights' | 'values'): Pass {
  const stages = listStages(graph, gradientsOf);
  return (values, context) => {
    for (const { inputs, outputs, run } of stages) {
      if (outputs.every((id) => values.has(id))) continue;
      const results = run(
        inputs.map((id) => values.get(id)!),
        context,
      );
      [results].flat().forEach((result, i) => {
        values.set(outputs[i]!, result);
      });
    }
  };
}

const LINEAR: OutputActivation = { name: 'linear' };

/** One stage an operation, but an activation that alone reads what comes before it is fused. */
function listStages(graph: ModelGraph, gradientsOf: 'weights' | 'values'): Stage[] {
  const needsWeightGradients = gradientsOf === 'weights';
  const readers = new Map<number, number>(graph.outputs.map((id) => [id, 1]));
  for (const id of graph.operations.flatMap(({ inputs }) => inputs)) readers.set(id, (readers.get(id) ?? 0) + 1);
  const stages: Stage[] = [];
  for (let i = 0; i < graph.operations.length; i++) {
    const operation = graph.operations[i]!;
    const { inputs, outputs } = operation;
    const needsInputGradient = !needsWeightGradients || !graph.inputs.includes(inputs[0]!);
    if (operation.kind !== 'convolution' && operation.kind !== 'dense') {
      stages.push({ inputs, outputs, run: runOf(operation, graph.shapes.get(outputs[0]!)!) });
      continue;
    }
    const next = graph.operations[i + 1];
    const isRead = next?.kind === 'activation' && next.inputs[0] === outputs[0] && readers.get(outputs[0]!) === 1;
    const isFused = needsWeightGradients && isRead;
    if (isFused) i++;
    const settings = { activation: isFused ? next.activation : LINEAR, needsInputGradient, needsWeightGradients };
    stages.push({ inputs, outputs: isFused ? next.outputs : outputs, run: weightedOf(operation, settings) });
  }
  return stages;
}

type Kind = ModelOperation['kind'];
type OperationOf<K extends Kind> = Extract<ModelOperation, { readonly kind: K }>;

interface WeightedSettings {
  readonly activation: OutputActivation;
  readonly needsInputGradient: boolean;
  readonly needsWeightGradients: boolean;
}

function weightedOf(operation: OperationOf<'convolution'> | OperationOf<'dense'>, settings: WeightedSettings): Run {
  const { kernel, bias } = operation;
  const biasOf = (): tf.Tensor1D | undefined => bias?.read() as tf.Tensor1D | undefined;
  if (operation.kind === 'dense') {
    return ([x]) => dense(float32(x!) as tf.Tensor2D, kernel.read() as tf.Tensor2D, biasOf(), settings);
  }
  const { strides, dilations, padding } = operation;
  const window = { strides: mutable(strides), dilations: mutable(dilations), padding };
  return ([x]) =>
    convolution(float32(x!) as tf.Tensor4D, kernel.read() as tf.Tensor4D, biasOf(), { ...window, ...settings });
}

/** `shape` is that of the output. */
function runOf(operation: Exclude<ModelOperation, { kind: 'convolution' | 'dense' }>, shape: TensorShape): Run {
  switch (operation.kind) {
    // Layers that do no more than the operation, and that tfjs has gradients of.
    case 'opaque':
    case 'embedding':
    case 'reshape':
    case 'upSampling':
      return callOf(operation);
    case 'groupNormalization':
    case 'layerNormalization':
      return normalizationOf(operation);
    case 'transposedConvolution':
      return transposedOf(operation, shape);
    case 'smoothActivation':
      return ([x]) => smoothActivation(float32(x!), operation.name);
    case 'shift':
      return sumOf(operation);
    case 'depthwise':
      return depthwiseOf(operation);
    case 'batchNormalization':
      return batchNormOf(operation);
    case 'activation':
      return ([x]) => activation(float32(x!), operation.activation);
    case 'dropout': {
      const { rate, layerNumber: layer } = operation;
      return ([x], { training, seed, step }) =>
        training ? seededDropout(float32(x!), rate, { seed, step, layer }) : x!;
    }
    case 'maxPooling':
    case 'averagePooling': {
      const { size, strides, padding } = operation;
      const pool = operation.kind === 'maxPooling' ? tf.maxPool : tf.avgPool;
      return ([x]) => {
        const y = pool(x as tf.Tensor4D, mutable(size), mutable(strides), padding);
        return shape.length === 4 ? y : tf.reshape(y, [y.shape[0], y.shape[3]]);
      };
    }
    case 'zeroPadding': {
      const { top, bottom, left, right } = operation;
      return ([x]) =>
        tf.pad4d(x as tf.Tensor4D, [
          [0, 0],
          [top, bottom],
          [left, right],
          [0, 0],
        ]);
    }
    case 'globalAveragePooling':
      return ([x]) => tf.mean(x!, [1, 2]);
    case 'flatten':
      return ([x]) => tf.reshape(x!, [x!.shape[0]!, x!.size / x!.shape[0]!]);
    case 'add':
      return (inputs) => inputs.reduce((sum, x) => tf.add(sum, x));
    case 'multiply':
      return productOf(operation);
    case 'concatenate':
      return (inputs) => tf.concat(inputs, -1);
  }
}

const mutable = ([height, width]: readonly [number, number]): [number, number] => [height, width];

/** Our kernels take no other type; layers of users make them. */
const float32 = (x: tf.Tensor): tf.Tensor => (x.dtype === 'float32' ? x : tf.cast(x, 'float32'));

const callOf =
  ({ layer }: ModelOperation): Run =>
  (inputs, { training }) =>
    layer.call(inputs.length === 1 ? inputs[0]! : inputs, { training });

function requireSeeded(model: tf.LayersModel, { operations }: ModelGraph): void {
  for (const operation of operations) {
    if (operation.kind !== 'opaque') continue;
    const { layer, reason } = operation;
    if (!drawsRandomly({ className: layer.getClassName(), config: layer.getConfig() })) continue;
    throw unsupported(
      model,
      `layer "${layer.name}" draws random numbers that no seed decides (it ${reason}); dropout layers are seeded outside of nested models`,
    );
  }
}

/** Whether a serialised layer, or one that it holds, draws random numbers of tfjs in training. */
function drawsRandomly(serialized: unknown): boolean {
  if (typeof serialized !== 'object' || serialized === null) return false;
  const { className, config, dropout, recurrentDropout } = serialized as Readonly<Record<string, unknown>>;
  const isNever = (config as { readonly rate?: unknown } | undefined)?.rate === 0;
  if (RANDOM_LAYERS.includes(className as string) && !isNever) return true;
  // Recurrent layers have their dropout as settings.
  if (Number(dropout) > 0 || Number(recurrentDropout) > 0) return true;
  return Object.values(serialized).some(drawsRandomly);
}

function depthwiseOf({ kernel, bias, strides, dilations, padding }: OperationOf<'depthwise'>): Run {
  return ([x]) => {
    const filter = kernel.read() as tf.Tensor4D;
    const sums = tf.depthwiseConv2d(x as tf.Tensor4D, filter, mutable(strides), padding, 'NHWC', mutable(dilations));
    return bias ? tf.add(sums, bias.read()) : sums;
  };
}

/** The gradient of a convolution by its input, whose shape is that of the output. */
function transposedOf(operation: OperationOf<'transposedConvolution'>, shape: TensorShape): Run {
  const { kernel, bias, strides, padding } = operation;
  return ([x]) => {
    const [batch, height, width] = x!.shape as [number, number, number];
    const side = (axis: 0 | 1, extent: number): number =>
      extent * strides[axis] + (padding === 'valid' ? Math.max(operation.size[axis] - strides[axis], 0) : 0);
    const made: [number, number, number, number] = [batch, side(0, height), side(1, width), shape[3]!];
    const filter = kernel.read() as tf.Tensor4D;
    const sums = tf.conv2dTranspose(float32(x!) as tf.Tensor4D, filter, made, mutable(strides), padding);
    return bias ? tf.add(sums, bias.read()) : sums;
  };
}

/** tfjs's own layer norm cannot train without its factor or its offset. Layer norm is that of one group of a pixel. */
function normalizationOf(operation: OperationOf<'groupNormalization'> | OperationOf<'layerNormalization'>): Run {
  const { gamma, beta, epsilon } = operation;
  return ([x]) => {
    const channels = x!.shape.at(-1)!;
    const shape =
      operation.kind === 'groupNormalization'
        ? [x!.shape[0]!, -1, operation.groups, channels / operation.groups]
        : [x!.size / channels, 1, 1, channels];
    const grouped = tf.reshape(x!, shape);
    const off = tf.sub(grouped, tf.mean(grouped, [1, 3], true));
    const variance = tf.mean(tf.square(off), [1, 3], true);
    let y: tf.Tensor = tf.reshape(tf.mul(off, tf.rsqrt(tf.add(variance, epsilon))), x!.shape);
    if (gamma) y = tf.mul(y, gamma.read());
    return beta ? tf.add(y, beta.read()) : y;
  };
}

/** The vector stands for all pixels. */
function sumOf({ vector }: OperationOf<'shift'>): Run {
  return (inputs) => tf.add(inputs[1 - vector]!, overPixels(inputs[vector]!, inputs[1 - vector]!));
}

const overPixels = (vector: tf.Tensor, { rank, shape }: tf.Tensor): tf.Tensor =>
  tf.reshape(vector, rank === 4 ? [shape[0]!, 1, 1, shape[3]!] : shape);

/** The factors, `[batch, channels]` or `[batch, 1, 1, channels]`, stand for all pixels. */
function productOf({ factors }: OperationOf<'multiply'>): Run {
  return (inputs) => {
    const [x, vector] = [inputs[1 - factors]!, inputs[factors]!];
    return tf.mul(x, overPixels(vector, x));
  };
}

function batchNormOf({ gamma, beta, ...settings }: OperationOf<'batchNormalization'>): Run {
  const { epsilon, momentum, movingMean, movingVariance, isFrozen } = settings;
  return ([x], { training }) => {
    const scale = gamma?.read() as tf.Tensor1D | undefined;
    const offset = beta?.read() as tf.Tensor1D | undefined;
    const mean = movingMean.read() as tf.Variable;
    const variance = movingVariance.read() as tf.Variable;
    if (!training || isFrozen)
      return tf.batchNorm(x!, mean as tf.Tensor1D, variance as tf.Tensor1D, offset, scale, epsilon);
    return batchNormalization(float32(x!), scale, offset, {
      epsilon,
      momentum,
      movingMean: mean,
      movingVariance: variance,
    });
  };
}

function unsupported(model: tf.LayersModel, reason: string): SelvedgeError {
  return new SelvedgeError('training/unsupported-model', `Cannot train model "${model.name}": ${reason}`);
}
