// Predictions of a model by the fastest road there is: its inference plan, or tfjs's own `predict` where the plan does not know a layer.
// Not here: what a plan is. Invariant: both roads give the same probabilities up to rounding; weights may change between calls.
import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { type BatchShape, batchShapeOf, checkSource, type Examples, takeBatch } from '../data/index.ts';
import { compileInference, type InferencePlan } from './inference-plan.ts';

export interface PredictorOptions {
  /** Images that are predicted at once at most; larger calls are cut. Default: 256. */
  readonly batchSize?: number;
}

export interface Predictor {
  /** Why the model runs op by op, many times slower, if it does. */
  readonly unplanned?: string;
  /** Numbers a prediction has: classes. */
  readonly classes: number;
  /**
   * @param images `[count, height, width, channels]`, values from 0 to 1
   * @param into Where the probabilities go, `[count, classes]`; default: a new array
   * @throws SelvedgeError `predictor/shape`
   */
  predict(images: Float32Array, into?: Float32Array): Float32Array;
  /** The same for examples of a resident data set, from `start` up to, not including, `end`; never augmented. */
  predictExamples(examples: Examples, start: number, end: number, into?: Float32Array): Float32Array;
  /** Gives back its memory; the model stays. */
  dispose(): void;
}

const BATCH_SIZE = 256;

/**
 * Makes a model ready to predict on the running backend.
 *
 * @param model One input, one output `[batch, classes]`; it stays the caller's, and its weights are followed
 * @returns A predictor, which the caller disposes before the backend stops
 * @throws SelvedgeError `predictor/shape` for a model of other inputs or outputs
 * @example
 * ```ts
 * import { buildModel, createPredictor, initializeWeights, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const model = buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 });
 * initializeWeights(model, 1);
 * const predictor = createPredictor(model);
 * const probabilities = predictor.predict(new Float32Array(2 * 28 * 28));
 * console.assert(probabilities.length === 20 && predictor.unplanned === undefined);
 * predictor.dispose();
 * await engine.stop();
 * ```
 */
export function createPredictor(model: tf.LayersModel, { batchSize = BATCH_SIZE }: PredictorOptions = {}): Predictor {
  const { shape, classes } = shapesOf(model);
  const imageFloats = tf.util.sizeFromShape(shape);
  const plan = compileInference(model, { batchSize });
  const isPlanned = !('reason' in plan);
  const road = isPlanned ? planned(plan, batchShapeOf(model)) : opByOp(model, shape);

  /** Cuts `count` images into batches. */
  const collect = (count: number, into: Float32Array, batchOf: (start: number, end: number) => Float32Array) => {
    if (into.length !== count * classes) {
      throw shapeError(`room for ${count * classes} probabilities`, `${into.length}`);
    }
    for (let start = 0; start < count; start += batchSize) {
      into.set(batchOf(start, Math.min(start + batchSize, count)), start * classes);
    }
    return into;
  };

  return {
    classes,
    ...(isPlanned ? {} : { unplanned: plan.reason }),
    predict(images, into) {
      const count = images.length / imageFloats;
      if (!Number.isInteger(count)) throw shapeError(`images of ${imageFloats} values`, `${images.length} values`);
      return collect(count, into ?? new Float32Array(count * classes), (start, end) =>
        road.images(start === 0 && end === count ? images : images.subarray(start * imageFloats, end * imageFloats)),
      );
    },
    predictExamples(examples, first, last, into) {
      const count = last - first;
      return collect(count, into ?? new Float32Array(count * classes), (start, end) =>
        road.examples(
          examples,
          Int32Array.from({ length: end - start }, (_, i) => first + start + i),
        ),
      );
    },
    dispose() {
      if (isPlanned) plan.dispose();
    },
  };
}

/** Probabilities of one batch. */
interface Road {
  images(images: Float32Array): Float32Array;
  examples(examples: Examples, positions: Int32Array): Float32Array;
}

function planned(plan: InferencePlan, shape: BatchShape): Road {
  return {
    images: (images) => plan.predict({ images }),
    examples: (examples, positions) => {
      checkSource(examples, shape);
      const { source } = examples;
      if (source) return plan.predict({ source, positions });
      return tf.tidy(() => plan.predict({ images: takeBatch(examples, positions, shape).x.dataSync<'float32'>() }));
    },
  };
}

function opByOp(model: tf.LayersModel, shape: readonly number[]): Road {
  const run = (x: tf.Tensor): Float32Array =>
    (model.predict(x, { batchSize: x.shape[0]! }) as tf.Tensor).dataSync<'float32'>();
  return {
    images: (images) =>
      tf.tidy(() => run(tf.tensor(images, [images.length / tf.util.sizeFromShape([...shape]), ...shape]))),
    examples: (examples, positions) => tf.tidy(() => run(takeBatch(examples, positions, batchShapeOf(model)).x)),
  };
}

function shapesOf({ inputs, outputs, name }: tf.LayersModel): { shape: number[]; classes: number } {
  const [input, output] = [inputs[0]!, outputs[0]!];
  const shape = input.shape.slice(1);
  const classes = output.shape.at(-1);
  const isOpen = [...shape, classes].some((extent) => extent === null || extent === undefined);
  if (inputs.length === 1 && outputs.length === 1 && output.shape.length === 2 && !isOpen) {
    return { shape: shape as number[], classes: classes! };
  }
  const got = [inputs, outputs].map((ends) => ends.map((end) => `[${end.shape.join(', ')}]`).join(' and '));
  throw shapeError(`a model "${name}" of images of known size to [batch, classes]`, got.join(' to '));
}

const shapeError = (expected: string, got: string): SelvedgeError =>
  new SelvedgeError('predictor/shape', `Cannot predict: expected ${expected}, got ${got}`);
