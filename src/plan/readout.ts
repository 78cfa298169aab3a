// What a network makes of images before its last dense layer, read out by columns of one's own: logits, features, projections.
// Not here: which columns. Invariant: the network and its weights stay as they are; an image has the same values in every batch.
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { compileInference } from './inference-plan.ts';

/** A dense layer in place of a network's last one. */
export interface ReadoutColumns {
  /** f32 `[width, columns]`, row-major. */
  readonly kernel: Float32Array;
  /** f32 `[columns]`. */
  readonly bias: Float32Array;
}

export interface Readout {
  readonly columns: number;
  /**
   * Values of images.
   *
   * @param images `[count, height, width, channels]` from 0 to 1, any number of them
   * @returns `[count, columns]`, a new array
   * @throws SelvedgeError `predictor/shape`
   */
  read(images: Float32Array): Float32Array;
  /** Gives back its memory; the model stays. */
  dispose(): void;
}

/** The last layer of a network, where that is dense. */
export interface LastDense {
  /** Features of an image. */
  readonly width: number;
  readonly classes: number;
  /** f32 `[width, classes]`. */
  readonly kernel: Float32Array;
  /** f32 `[classes]`; zeros where the layer has none. */
  readonly bias: Float32Array;
}

/**
 * The last dense layer of a network.
 *
 * @returns Undefined for a network that ends otherwise, as ensembles do
 * @example
 * ```ts
 * import { lastDenseOf, loadShippedModel, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const { model } = await loadShippedModel();
 * console.assert(lastDenseOf(model)?.width === 128);
 * model.dispose();
 * await engine.stop();
 * ```
 */
export function lastDenseOf(model: tf.LayersModel): LastDense | undefined {
  const last = model.layers.at(-1)!;
  const { input } = last;
  if (last.getClassName() !== 'Dense' || Array.isArray(input) || input.shape.length !== 2) return undefined;
  const [kernel, bias] = last.getWeights();
  const [width, classes] = kernel!.shape as [number, number];
  return {
    width,
    classes,
    kernel: kernel!.dataSync<'float32'>().slice(),
    bias: bias ? bias.dataSync<'float32'>().slice() : new Float32Array(classes),
  };
}

const BATCH_SIZE = 256;

/**
 * Compiles a network up to its last layer, and columns in that layer's place. Needs a started backend.
 *
 * @param model One whose `lastDenseOf` is there; it stays the caller's
 * @param columns Of its features
 * @returns A readout, which the caller disposes
 * @throws SelvedgeError `readout/shape` where the columns do not fit, `readout/unplanned` for a network that has no inference plan
 * @example
 * ```ts
 * import { compileReadout, lastDenseOf, loadShippedModel, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const { model } = await loadShippedModel();
 * const readout = compileReadout(model, lastDenseOf(model)!);
 * console.assert(readout.read(new Float32Array(2 * 784)).length === 20); // logits
 * readout.dispose();
 * model.dispose();
 * await engine.stop();
 * ```
 */
export function compileReadout(model: tf.LayersModel, { kernel, bias }: ReadoutColumns): Readout {
  const last = lastDenseOf(model);
  const columns = bias.length;
  if (!last || columns === 0 || kernel.length !== last.width * columns) {
    throw new SelvedgeError(
      'readout/shape',
      `Cannot read out "${model.name}": expected a dense layer at its end and ${last?.width ?? 'its'} x ${columns} weights, ` +
        `got ${kernel.length}`,
    );
  }
  const head = tf.layers.dense({ units: columns, activation: 'softmax', name: `readout_${columns}` });
  const output = head.apply(model.layers.at(-1)!.input) as tf.SymbolicTensor;
  const weights = [tf.tensor(kernel, [last.width, columns]), tf.tensor(bias, [columns])];
  head.setWeights(weights);
  for (const weight of weights) weight.dispose();
  const network = tf.model({ inputs: model.inputs, outputs: output });
  const plan = compileInference(network, { batchSize: BATCH_SIZE });
  const disposeHead = (): void => {
    for (const variable of head.weights) variable.dispose();
  };
  if ('reason' in plan) {
    disposeHead();
    throw new SelvedgeError('readout/unplanned', `Cannot read out "${model.name}": ${plan.reason}`);
  }
  const imageFloats = tf.util.sizeFromShape(model.inputs[0]!.shape.slice(1) as number[]);
  return {
    columns,
    read(images) {
      const count = images.length / imageFloats;
      if (!Number.isInteger(count)) {
        const message = `Cannot read out: expected images of ${imageFloats} values, got ${images.length} values`;
        throw new SelvedgeError('predictor/shape', message);
      }
      const values = new Float32Array(count * columns);
      for (let first = 0; first < count; first += BATCH_SIZE) {
        const end = Math.min(count, first + BATCH_SIZE);
        const batch = images.subarray(first * imageFloats, end * imageFloats);
        values.set(plan.logits({ images: batch }), first * columns);
      }
      return values;
    },
    dispose() {
      plan.dispose();
      disposeHead();
    },
  };
}
