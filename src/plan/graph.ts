// What a plan runs: the operations that a model was read as, on NHWC images of known sizes.
// Not here: reading (read-model.ts), fusing, running. Invariant: an operation that the plan does not know makes the whole model
// unsupported, with a reason.
import { activationCodes } from '../backend/kernels/output-activation.ts';
import type * as tf from '../backend/tfjs.ts';
import { type Computation, type ModelOperation, readModel, type TensorShape, type Unsupported } from './read-model.ts';

/** Height, width, channels. A vector of n features is [1, 1, n]. */
export type ImageShape = readonly [height: number, width: number, channels: number];

export interface Activation {
  /** One of `activationCodes`. */
  readonly code: number;
  readonly alpha: number;
}

type Parts = Computation | ({ readonly kind: 'activation' } & Activation);

export type Operation = {
  readonly inputs: readonly number[];
  readonly output: number;
  readonly shape: ImageShape;
} & Parts;

/** Operations from value `input` to value `logits`. */
export interface Graph {
  readonly operations: readonly Operation[];
  readonly input: number;
  readonly inputShape: ImageShape;
  readonly logits: number;
  readonly shapes: ReadonlyMap<number, ImageShape>;
}

/**
 * Lists the operations of a model that can be planned.
 *
 * @param model One image input `[batch, height, width, channels]`, one output `[batch, classes]` that ends in a softmax
 * @param isTraining False leaves out what only training does: dropout, noise, regularisers
 * @returns The graph without the final softmax, or the reason why there is none
 */
export function graphOf(model: tf.LayersModel, isTraining = true): Graph | Unsupported {
  const read = readModel(model);
  if ('reason' in read) return read;
  const inputShape = imageShape(read.shapes.get(read.input)!);
  if (typeof inputShape === 'string') return { reason: `its input ${inputShape}` };
  const operations: Operation[] = [];
  const shapes = new Map<number, ImageShape>([[0, inputShape]]);
  /** Values that were read to values of the graph. */
  const values = new Map<number, number>([[read.input, 0]]);
  for (const operation of read.operations) {
    const { layer, outputs } = operation;
    const inputs = operation.inputs.map((id) => values.get(id)!);
    if (!isTraining && isForTraining(operation)) {
      values.set(outputs[0]!, inputs[0]!);
      continue;
    }
    const shape = imageShape(read.shapes.get(outputs[0]!)!);
    const reason = typeof shape === 'string' ? shape : refusalOf(operation, isTraining);
    if (operation.kind === 'opaque' || reason !== undefined) {
      return { reason: `layer "${layer.name}" ${operation.kind === 'opaque' ? operation.reason : reason}` };
    }
    const output = shapes.size;
    shapes.set(output, shape as ImageShape);
    values.set(outputs[0]!, output);
    operations.push({ ...partsOf(operation), inputs, output, shape: shape as ImageShape });
  }
  return { operations, input: 0, inputShape, logits: values.get(read.logits)!, shapes };
}

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
  if (parts.kind !== 'activation') return parts;
  const { name, alpha = 0 } = parts.activation;
  return { kind: 'activation', code: activationCodes[name], alpha };
}

/** The shape as one of images, or why it is none. */
function imageShape([, ...extents]: TensorShape): ImageShape | string {
  if (extents.some((extent) => extent === null || extent < 1)) return 'has an open shape';
  if (extents.length === 3) return extents as unknown as ImageShape;
  if (extents.length === 1) return [1, 1, extents[0]!];
  return `has rank ${extents.length + 1}`;
}
