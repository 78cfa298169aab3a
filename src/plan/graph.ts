// What a plan runs: the operations that a model was read as, on NHWC images of known sizes.
// Not here: reading (read-model.ts), fusing, running. Invariant: an operation that the plan does not know makes the whole model
// unsupported, with a reason.
import { activationCodes } from '../backend/kernels/output-activation.ts';
import { smoothActivationCodes } from '../backend/kernels/smooth-activation.ts';
import type * as tf from '../backend/tfjs.ts';
import {
  type Computation,
  type ModelGraph,
  type ModelOperation,
  readModel,
  type TensorShape,
  type Unsupported,
} from './read-model.ts';

/** Height, width, channels. A vector of n features is [1, 1, n], a sequence of n of them [1, length, n]. */
export type ImageShape = readonly [height: number, width: number, channels: number];

export interface Activation {
  /** One of `activationCodes`, or of `smoothActivationCodes`. */
  readonly code: number;
  readonly alpha: number;
}

type Parts =
  | Exclude<Computation, { kind: 'smoothActivation' }>
  | ({ readonly kind: 'activation' } & Activation)
  | ({ readonly kind: 'smoothActivation' } & Activation);

export type Operation = {
  readonly inputs: readonly number[];
  readonly output: number;
  readonly shape: ImageShape;
} & Parts;

/** Operations from values that are inputs to values that are outputs. */
export interface Graph {
  readonly operations: readonly Operation[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly shapes: ReadonlyMap<number, ImageShape>;
}

/**
 * Lists the operations of a classifier that can be planned.
 *
 * @param model One image input `[batch, height, width, channels]`, one output `[batch, classes]` that ends in a softmax
 * @param isTraining False leaves out what only training does: dropout, noise, regularisers
 * @returns The graph without the final softmax, or the reason why there is none
 */
export function graphOf(model: tf.LayersModel, isTraining = true): Graph | Unsupported {
  const read = readModel(model);
  return 'reason' in read ? read : planGraph(read, isTraining);
}

/**
 * Lists the operations of what a model was read as.
 *
 * @returns The graph, or the reason why there is none
 */
export function planGraph(read: ModelGraph, isTraining: boolean): Graph | Unsupported {
  const shapes = new Map<number, ImageShape>();
  /** Values that were read to values of the graph. */
  const values = new Map<number, number>();
  for (const [i, input] of read.inputs.entries()) {
    const shape = imageShape(read.shapes.get(input)!);
    // A sequence of numbers, say: only an embedding takes one.
    if (typeof shape === 'string') return { reason: `its input ${shape}` };
    values.set(input, i);
    shapes.set(i, shape);
  }
  const inputs = read.inputs.map((_, i) => i);
  const operations: Operation[] = [];
  for (const operation of read.operations) {
    const { layer, outputs } = operation;
    const inputs = operation.inputs.map((id) => values.get(id)!);
    if (!isTraining && isForTraining(operation)) {
      values.set(outputs[0]!, inputs[0]!);
      continue;
    }
    const shape = imageShape(read.shapes.get(outputs[0]!)!, SEQUENCES.includes(operation.kind));
    const reason = typeof shape === 'string' ? shape : refusalOf(operation, isTraining);
    if (operation.kind === 'opaque' || reason !== undefined) {
      return { reason: `layer "${layer.name}" ${operation.kind === 'opaque' ? operation.reason : reason}` };
    }
    if (operation.kind === 'embedding' && !read.inputs.includes(operation.inputs[0]!)) {
      return { reason: `layer "${layer.name}" embeds what layers made` };
    }
    const output = shapes.size;
    shapes.set(output, shape as ImageShape);
    values.set(outputs[0]!, output);
    operations.push({ ...partsOf(operation), inputs, output, shape: shape as ImageShape });
  }
  const outputs = read.outputs.map((id) => values.get(id)!);
  const isRepeated = outputs.some((id, i) => outputs.indexOf(id) !== i);
  const isInput = outputs.some((id) => inputs.includes(id));
  if (isRepeated || isInput) return { reason: `an output is ${isInput ? 'an input' : 'another output'}, too` };
  return { operations, inputs, outputs, shapes };
}

/** What may make a sequence of vectors, `[batch, length, channels]`: others do not take one. */
const SEQUENCES: readonly string[] = ['embedding', 'dropout'];

const isForTraining = (operation: ModelOperation): boolean =>
  operation.kind === 'dropout' || (operation.kind === 'opaque' && operation.isForTraining);

/** Why a layer that can be read cannot be planned, in words that go on from its name. */
function refusalOf({ layer }: ModelOperation, isTraining: boolean): string | undefined {
  if (layer.inboundNodes.length > 1) return 'is used several times';
  return isTraining && (layer.losses.length > 0 || hasRegularizer(layer)) ? 'has a regulariser' : undefined;
}

function hasRegularizer(layer: tf.layers.Layer): boolean {
  return Object.entries(layer.getConfig()).some(
    ([key, value]) => key.endsWith('Regularizer') && value !== null && value !== undefined,
  );
}

function partsOf({ layer, inputs, outputs, ...parts }: Exclude<ModelOperation, { kind: 'opaque' }>): Parts {
  if (parts.kind === 'smoothActivation') return { kind: parts.kind, code: smoothActivationCodes[parts.name], alpha: 0 };
  if (parts.kind !== 'activation') return parts;
  const { name, alpha = 0 } = parts.activation;
  return { kind: 'activation', code: activationCodes[name], alpha };
}

/** The shape as one of images, or why it is none. */
function imageShape([, ...extents]: TensorShape, mayBeSequence = false): ImageShape | string {
  if (extents.some((extent) => extent === null || extent < 1)) return 'has an open shape';
  if (extents.length === 3) return extents as unknown as ImageShape;
  if (extents.length === 1) return [1, 1, extents[0]!];
  if (mayBeSequence && extents.length === 2) return [1, extents[0]!, extents[1]!];
  return `has rank ${extents.length + 1}`;
}
