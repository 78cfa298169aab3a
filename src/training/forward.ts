// Runs a tf.LayersModel layer by layer with our operations where they exist and with the layer's own call elsewhere.
// The model stays a plain tfjs model: nothing of it is replaced, and it saves under the stock names.
// Invariant: the result is the logits; the softmax that ends the model belongs to the loss.
import * as tf from '@tensorflow/tfjs';
import { SelvedgeError } from '../core/errors.ts';
import { convolution, dense, type FusedActivation, seededDropout } from './operations.ts';

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
 * @param model One input, one output, ending in a softmax: a dense layer's activation or a layer of its own
 * @throws SelvedgeError `training/unsupported-model`
 */
export function createForward(model: tf.LayersModel): Forward {
  if (model.inputs.length !== 1 || model.outputs.length !== 1) {
    throw unsupported(model, `expected one input and one output, got ${model.inputs.length} and ${model.outputs.length}`);
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
function listStages(model: tf.LayersModel, input: tf.SymbolicTensor, output: tf.SymbolicTensor, stages: Stage[]): number {
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
      run: operationOf(model, layer, { number: numbers.get(layer)!, needsInputGradient: !fromInput, isLast: tensor === output }),
    });
    for (const { id } of produced) known.add(id);
  };
  const last = output.sourceLayer;
  const activation = last.getConfig().activation;
  const isSoftmaxLayer = last.getClassName() === 'Softmax' || (last.getClassName() === 'Activation' && activation === 'softmax');
  if (!isSoftmaxLayer && !(last.getClassName() === 'Dense' && activation === 'softmax')) {
    throw unsupported(model, `expected it to end in a softmax, got layer "${last.name}"`);
  }
  const logits = isSoftmaxLayer ? output.inputs[0]! : output;
  visit(logits);
  return logits.id;
}

interface Place {
  readonly number: number;
  readonly needsInputGradient: boolean;
  readonly isLast: boolean;
}

function operationOf(model: tf.LayersModel, layer: tf.layers.Layer, place: Place): Operation {
  const config = layer.getConfig();
  switch (layer.getClassName()) {
    case 'Conv2D':
      return config.dataFormat === 'channelsLast' ? convolutionOf(layer, place) : callOf(layer);
    case 'Dense':
      return (layer.inputSpec?.[0]?.ndim ?? (layer.outputShape as number[]).length) === 2 ||
        (layer.outputShape as number[]).length === 2
        ? denseOf(layer, place)
        : callOf(layer);
    case 'Dropout': {
      const rate = config.rate as number;
      if (config.noiseShape) throw unsupported(model, `dropout layer "${layer.name}" has a noise shape`);
      return ([x], { training, seed, step }) =>
        training && rate > 0 ? seededDropout(x!, rate, { seed, step, layer: place.number }) : x!;
    }
    default:
      return callOf(layer);
  }
}

function callOf(layer: tf.layers.Layer): Operation {
  return (inputs, { training }) => layer.call(inputs.length === 1 ? inputs[0]! : inputs, { training });
}

/** The part of a layer's activation that is fused, and what remains to be applied. */
function splitActivation(layer: tf.layers.Layer, isLast: boolean): { fused: FusedActivation; rest: (y: tf.Tensor) => tf.Tensor } {
  const activation = layer.getConfig().activation as string;
  const identity = (y: tf.Tensor): tf.Tensor => y;
  if (activation === 'relu') return { fused: 'relu', rest: identity };
  if (activation === 'linear' || (isLast && activation === 'softmax')) return { fused: 'linear', rest: identity };
  const applied = tf.layers.activation({ activation: activation as 'elu' });
  return { fused: 'linear', rest: (y) => applied.call(y, {}) as tf.Tensor };
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
    rest(convolution(x as tf.Tensor4D, kernel!.read() as tf.Tensor4D, bias?.read() as tf.Tensor1D | undefined, settings));
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
