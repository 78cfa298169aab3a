// Runs a tf.LayersModel layer by layer with our operations where they exist and with the layer's own call elsewhere.
// The model stays a plain tfjs model: nothing of it is replaced, and it saves under the stock names.
// Invariant: the result is the logits; the softmax that ends the model belongs to the loss.
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import {
  activation,
  batchNormalization,
  convolution,
  dense,
  type OutputActivation,
  seededDropout,
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

type Operation = (inputs: tf.Tensor[], context: ForwardContext) => tf.Tensor | tf.Tensor[];

interface Stage {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly run: Operation;
}

/**
 * Lists what a model computes, once, for many passes.
 *
 * @param model One input, one output [batch, classes], ending in a softmax: a dense layer's activation or a layer of its own;
 *   no random layers but dropout
 * @throws SelvedgeError `training/unsupported-model`
 */
export function createForward(model: tf.LayersModel): Forward {
  if (model.inputs.length !== 1 || model.outputs.length !== 1) {
    throw unsupported(
      model,
      `expected one input and one output, got ${model.inputs.length} and ${model.outputs.length}`,
    );
  }
  const input = model.inputs[0]!;
  const stages: Stage[] = [];
  const logits = listStages(model, input, model.outputs[0]!, stages);
  return (x, context) => {
    const values = new Map<number, tf.Tensor>([[input.id, x]]);
    for (const stage of stages) {
      const results = stage.run(
        stage.inputs.map((id) => values.get(id)!),
        context,
      );
      [results].flat().forEach((result, i) => {
        values.set(stage.outputs[i]!, result);
      });
    }
    return values.get(logits) as tf.Tensor2D;
  };
}

/** Appends the stages that lead from input to output, in order of computation; returns the id of the logits. */
function listStages(
  model: tf.LayersModel,
  input: tf.SymbolicTensor,
  output: tf.SymbolicTensor,
  stages: Stage[],
): number {
  const known = new Set<number>([input.id]);
  const numbers = new Map<tf.layers.Layer, number>();
  const visit = (tensor: tf.SymbolicTensor): void => {
    if (known.has(tensor.id)) return;
    for (const source of tensor.inputs) visit(source);
    const layer = tensor.sourceLayer;
    if (!numbers.has(layer)) numbers.set(layer, numbers.size);
    const produced = [layer.inboundNodes[tensor.nodeIndex]!.outputTensors].flat();
    const fromInput = tensor.inputs.some((source) => source.id === input.id);
    stages.push({
      inputs: tensor.inputs.map((source) => source.id),
      outputs: produced.map(({ id }) => id),
      run: operationOf(model, layer, {
        number: numbers.get(layer)!,
        rank: tensor.shape.length,
        needsInputGradient: !fromInput,
        isLast: tensor === output,
      }),
    });
    for (const { id } of produced) known.add(id);
  };
  const last = output.sourceLayer;
  const activation = last.getConfig().activation;
  const isSoftmaxLayer =
    last.getClassName() === 'Softmax' || (last.getClassName() === 'Activation' && activation === 'softmax');
  if (!isSoftmaxLayer && !(last.getClassName() === 'Dense' && activation === 'softmax')) {
    throw unsupported(model, `expected it to end in a softmax, got layer "${last.name}"`);
  }
  if (output.shape.length !== 2) {
    throw unsupported(model, `expected an output of shape [batch, classes], got [${output.shape.join(', ')}]`);
  }
  const logits = isSoftmaxLayer ? output.inputs[0]! : output;
  visit(logits);
  return logits.id;
}

interface Place {
  /** Position of the layer in the order of computation, which its dropout mask depends on. */
  readonly number: number;
  /** Of the output. */
  readonly rank: number;
  readonly needsInputGradient: boolean;
  readonly isLast: boolean;
}

function operationOf(model: tf.LayersModel, layer: tf.layers.Layer, place: Place): Operation {
  const config = layer.getConfig();
  switch (layer.getClassName()) {
    case 'Conv2D':
      return config.dataFormat === 'channelsLast' ? convolutionOf(layer, place) : callOf(model, layer);
    case 'Dense':
      return place.rank === 2 ? denseOf(layer, place) : callOf(model, layer);
    case 'Dropout': {
      const rate = config.rate as number;
      if (config.noiseShape) throw unsupported(model, `dropout layer "${layer.name}" has a noise shape`);
      if (rate >= 1) throw unsupported(model, `dropout layer "${layer.name}" has a rate of ${rate}, expected below 1`);
      return ([x], { training, seed, step }) =>
        training && rate > 0 ? seededDropout(x!, rate, { seed, step, layer: place.number }) : x!;
    }
    case 'BatchNormalization':
      return config.axis === -1 || config.axis === place.rank - 1 ? batchNormOf(model, layer) : callOf(model, layer);
    case 'Activation':
    case 'ELU':
    case 'LeakyReLU':
    case 'ReLU':
      return activationOf(model, layer);
    default:
      return callOf(model, layer);
  }
}

function callOf(model: tf.LayersModel, layer: tf.layers.Layer): Operation {
  if (drawsRandomly({ className: layer.getClassName(), config: layer.getConfig() })) {
    throw unsupported(
      model,
      `layer "${layer.name}" draws random numbers that no seed decides; dropout layers are seeded outside of nested models`,
    );
  }
  return (inputs, { training }) => layer.call(inputs.length === 1 ? inputs[0]! : inputs, { training });
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

/** Activations of tfjs, by the names that layers have for them, that our operations apply. */
const ACTIVATIONS: Readonly<Record<string, OutputActivation>> = {
  elu: { name: 'elu', alpha: 1 },
  linear: { name: 'linear' },
  relu: { name: 'relu' },
  relu6: { name: 'relu6' },
  sigmoid: { name: 'sigmoid' },
  tanh: { name: 'tanh' },
};

/** The part of a layer's activation that is fused, and what remains to be applied. */
function splitActivation(
  layer: tf.layers.Layer,
  isLast: boolean,
): { fused: OutputActivation; rest: (y: tf.Tensor) => tf.Tensor } {
  const name = layer.getConfig().activation as string;
  const identity = (y: tf.Tensor): tf.Tensor => y;
  const fused = ACTIVATIONS[isLast && name === 'softmax' ? 'linear' : name];
  if (fused) return { fused, rest: identity };
  const applied = tf.layers.activation({ activation: name as 'selu' });
  return { fused: { name: 'linear' }, rest: (y) => applied.call(y, {}) as tf.Tensor };
}

/** What an activation layer applies, if it is an activation of ours. */
function activationOfLayer(layer: tf.layers.Layer): OutputActivation | undefined {
  const { activation: name, alpha, maxValue } = layer.getConfig();
  switch (layer.getClassName()) {
    case 'Activation':
      return ACTIVATIONS[name as string];
    case 'ELU':
      return { name: 'elu', alpha: alpha as number };
    case 'LeakyReLU':
      // With a negative slope the output does not tell the sign of the input.
      return (alpha as number) >= 0 ? { name: 'leakyRelu', alpha: alpha as number } : undefined;
    default:
      return maxValue === undefined || maxValue === null ? { name: 'relu' } : undefined;
  }
}

function activationOf(model: tf.LayersModel, layer: tf.layers.Layer): Operation {
  const settings = activationOfLayer(layer);
  const call = callOf(model, layer);
  if (!settings) return call;
  return ([x], context) => {
    if (x!.dtype !== 'float32') return call([x!], context);
    return settings.name === 'linear' ? x! : activation(x!, settings);
  };
}

function batchNormOf(model: tf.LayersModel, layer: tf.layers.Layer): Operation {
  const { epsilon, momentum, scale, center } = layer.getConfig() as Readonly<Record<string, unknown>>;
  const call = callOf(model, layer);
  // In the order in which the layer makes them.
  const weights = [...layer.weights];
  const gamma = scale ? weights.shift() : undefined;
  const beta = center ? weights.shift() : undefined;
  const [movingMean, movingVariance] = weights;
  return ([x], context) => {
    if (!context.training || x!.dtype !== 'float32') return call([x!], context);
    return batchNormalization(x!, gamma?.read() as tf.Tensor1D | undefined, beta?.read() as tf.Tensor1D | undefined, {
      epsilon: epsilon as number,
      momentum: momentum as number,
      movingMean: movingMean!.read() as tf.Variable,
      movingVariance: movingVariance!.read() as tf.Variable,
    });
  };
}

function convolutionOf(layer: tf.layers.Layer, place: Place): Operation {
  const config = layer.getConfig();
  const [kernel, bias] = layer.weights;
  const { fused, rest } = splitActivation(layer, false);
  const settings = {
    strides: config.strides as [number, number],
    dilations: config.dilationRate as [number, number],
    padding: config.padding as 'valid' | 'same',
    activation: fused,
    needsInputGradient: place.needsInputGradient,
  };
  return ([x]) =>
    rest(
      convolution(x as tf.Tensor4D, kernel!.read() as tf.Tensor4D, bias?.read() as tf.Tensor1D | undefined, settings),
    );
}

function denseOf(layer: tf.layers.Layer, place: Place): Operation {
  const [kernel, bias] = layer.weights;
  const { fused, rest } = splitActivation(layer, place.isLast);
  const settings = { activation: fused, needsInputGradient: place.needsInputGradient };
  return ([x]) =>
    rest(dense(x as tf.Tensor2D, kernel!.read() as tf.Tensor2D, bias?.read() as tf.Tensor1D | undefined, settings));
}

function unsupported(model: tf.LayersModel, reason: string): SelvedgeError {
  return new SelvedgeError('training/unsupported-model', `Cannot train model "${model.name}": ${reason}`);
}
