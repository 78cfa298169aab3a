// A model ready to be asked how its scores depend on the pixels of an image, and on the feature maps in between: by a plan of gradients, or
// by tfjs's tape over our own operations where the plan does not know a layer. The score of a class is its logit, before the softmax.
// Not here: methods that make maps of these gradients. Invariants: nothing is trained, weights are followed, no tensor is kept; the
// same bits at any number of threads.
import * as tf from '../backend/tfjs.ts';
import { messageOf, SelvedgeError } from '../core/errors.ts';
import {
  compileGradients,
  type GradientPlan,
  type ModelGraph,
  type ModelOperation,
  type NetworkGradients,
  readModel,
} from '../plan/index.ts';
import { createPass, type Pass } from '../training/forward.ts';

/** A layer whose output is a map over the image. */
export interface FeatureLayer {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Whether it computes features, not only selects them as a pooling does. */
  readonly isComputed: boolean;
}

/** Feature maps of images, and what each of their values adds to a score. */
export interface FeatureGradients {
  readonly layer: FeatureLayer;
  /** `[count, height, width, channels]` of the layer. */
  readonly features: Float32Array;
  /** Slope of the score by each feature, the same shape. */
  readonly gradients: Float32Array;
}

export interface DifferentiableModel {
  readonly name: string;
  /** Height, width and channels of an image. */
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly classes: number;
  /** Layers from a convolution on, in order of computation. */
  readonly featureLayers: readonly FeatureLayer[];
  /**
   * @param images `[count, height, width, channels]`
   * @returns Scores `[count, classes]`
   */
  scores(images: Float32Array): Float32Array;
  /**
   * @param labels The class of each image whose score is asked about
   * @returns Slope of that score by each value of the image, as the images are shaped
   */
  inputGradients(images: Float32Array, labels: ArrayLike<number>): Float32Array;
  /** @param layer A name of `featureLayers` */
  featureGradients(images: Float32Array, labels: ArrayLike<number>, layer: string): FeatureGradients;
}

/** Images of one pass: more take memory, not less time. */
const BATCH = 64;
const INFERENCE = { training: false, seed: 0, step: 0 } as const;
/** Layers that give back features of the layer before, fewer or moved. */
const SELECTING: readonly ModelOperation['kind'][] = ['maxPooling', 'averagePooling', 'zeroPadding', 'dropout'];
/** Layers behind which a position is no place in the image any more. */
const DISPLACING: readonly string[] = ['Permute', 'Reshape'];

/**
 * Reads a model for questions about its inputs. Needs a started backend.
 *
 * @param model One input `[height, width, channels]`, one output `[batch, classes]` that ends in a softmax; it stays the caller's
 * @throws SelvedgeError `explain/unsupported-model`
 * @example
 * ```ts
 * import { buildModel, initializeWeights, openDifferentiable, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const model = buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 });
 * initializeWeights(model, 1);
 * const slopes = openDifferentiable(model).inputGradients(new Float32Array(784).fill(0.5), [3]);
 * console.assert(slopes.length === 784);
 * await engine.stop();
 * ```
 */
export function openDifferentiable(model: tf.LayersModel): DifferentiableModel {
  const graph = readModel(model);
  if ('reason' in graph) throw unsupported(model, graph.reason);
  const shape = graph.shapes.get(graph.inputs[0]!)!.slice(1);
  const classes = graph.shapes.get(graph.outputs[0]!)!.at(-1);
  if (shape.length !== 3 || [...shape, classes].some((extent) => typeof extent !== 'number')) {
    throw unsupported(model, `expected images [height, width, channels], got [${shape.join(', ')}]`);
  }
  return new Differentiable(model.name, graph, shape as [number, number, number], classes!);
}

class Differentiable implements DifferentiableModel {
  readonly name: string;
  readonly shape: readonly [number, number, number];
  readonly classes: number;
  readonly featureLayers: readonly FeatureLayer[];
  readonly #graph: ModelGraph;
  readonly #pass: Pass;
  /** The value that each feature layer ends in. */
  readonly #featureValues: ReadonlyMap<string, number>;

  constructor(name: string, graph: ModelGraph, shape: readonly [number, number, number], classes: number) {
    this.name = name;
    this.shape = shape;
    this.classes = classes;
    this.#graph = graph;
    this.#pass = createPass(graph, 'values');
    const found = findFeatures(graph);
    this.featureLayers = found.map(({ layer }) => layer);
    this.#featureValues = new Map(found.map(({ layer, value }) => [layer.name, value]));
  }

  scores(images: Float32Array): Float32Array {
    const scores = new Float32Array(this.#countOf(images) * this.classes);
    this.#eachBatch(images, (x, start) => {
      const logits = tf.tidy(() => this.#logits(new Map([[this.#graph.inputs[0]!, this.#tensorOf(x)]])));
      scores.set(logits.dataSync<'float32'>(), start * this.classes);
      logits.dispose();
    });
    return this.#finite(scores, 'scores');
  }

  inputGradients(images: Float32Array, labels: ArrayLike<number>): Float32Array {
    return this.#gradients(images, labels, this.#graph.inputs[0]!).gradients;
  }

  featureGradients(images: Float32Array, labels: ArrayLike<number>, name: string): FeatureGradients {
    const layer = this.featureLayers.find((known) => known.name === name);
    if (!layer) {
      throw new SelvedgeError(
        'explain/layer',
        `Cannot explain by layer "${name}" of model "${this.name}": expected one of ` +
          `${this.featureLayers.map((known) => known.name).join(', ') || 'none, since it has no convolution'}`,
      );
    }
    return { layer, ...this.#gradients(images, labels, this.#featureValues.get(name)!) };
  }

  /** A value of the graph, and slopes of the chosen scores by it: each score depends on its own image alone. */
  #gradients(images: Float32Array, labels: ArrayLike<number>, value: number) {
    this.#checkLabels(images, labels);
    const plan = compileGradients(this.#graph, { batchSize: Math.min(BATCH, labels.length), values: [value] });
    const road = 'reason' in plan ? this.#byTape(value) : plan;
    const size = tf.util.sizeFromShape(this.#graph.shapes.get(value)!.slice(1) as number[]);
    const features = new Float32Array(labels.length * size);
    const gradients = new Float32Array(labels.length * size);
    try {
      this.#eachBatch(images, (x, start, count) => {
        const { values, gradients: slopes } = road.run([x], [this.#oneHot(labels, start, count)]);
        features.set(values[0]!, start * size);
        gradients.set(slopes[0]!, start * size);
      });
    } finally {
      road.dispose();
    }
    return { features, gradients: this.#finite(gradients, 'gradients') };
  }

  #logits(values: Map<number, tf.Tensor>): tf.Tensor {
    this.#pass(values, INFERENCE);
    return values.get(this.#graph.outputs[0]!)!;
  }

  /** The same as a plan of gradients, for layers that it does not know. */
  #byTape(value: number): GradientPlan {
    const behind = dependentsOf(this.#graph, value);
    const run = (x: Float32Array, slopes: Float32Array): NetworkGradients => {
      const values = new Map<number, tf.Tensor>([[this.#graph.inputs[0]!, this.#tensorOf(x)]]);
      if (!values.has(value)) this.#pass(values, INFERENCE);
      const known = [...values].filter(([id]) => !behind.has(id));
      const at = values.get(value)!;
      const chosen = tf.tensor(slopes, [at.shape[0]!, this.classes]);
      const sumOf = (given: tf.Tensor): tf.Tensor =>
        tf.sum(tf.mul(this.#logits(new Map([...known, [value, given]])), chosen));
      return { outputs: [], values: [at.dataSync<'float32'>()], gradients: [tf.grad(sumOf)(at).dataSync<'float32'>()] };
    };
    return {
      run: ([x], [slopes]) => {
        const made: NetworkGradients[] = [];
        try {
          tf.tidy(() => void made.push(run(x!, slopes!)));
          return made[0]!;
        } catch (error) {
          throw new SelvedgeError(
            'explain/gradient',
            `Cannot explain model "${this.name}" by gradients: ${messageOf(error).split('\n')[0]}`,
            { cause: error },
          );
        }
      },
      dispose() {},
    };
  }

  #eachBatch(images: Float32Array, run: (x: Float32Array, start: number, count: number) => void): void {
    const size = tf.util.sizeFromShape([...this.shape]);
    const count = this.#countOf(images);
    for (let start = 0; start < count; start += BATCH) {
      const end = Math.min(start + BATCH, count);
      run(images.subarray(start * size, end * size), start, end - start);
    }
  }

  #tensorOf(images: Float32Array): tf.Tensor {
    return tf.tensor(images, [images.length / tf.util.sizeFromShape([...this.shape]), ...this.shape]);
  }

  #oneHot(labels: ArrayLike<number>, start: number, count: number): Float32Array {
    const values = new Float32Array(count * this.classes);
    for (let row = 0; row < count; row++) values[row * this.classes + labels[start + row]!] = 1;
    return values;
  }

  #countOf(images: Float32Array): number {
    const count = images.length / tf.util.sizeFromShape([...this.shape]);
    if (!Number.isInteger(count) || count === 0) {
      throw new SelvedgeError(
        'explain/shape',
        `Cannot explain: expected at least one image of [${this.shape.join(', ')}], got ${images.length} values`,
      );
    }
    if (!images.every(Number.isFinite)) {
      throw new SelvedgeError('explain/not-finite', 'Cannot explain: expected images of numbers, got NaN or infinity');
    }
    return count;
  }

  #checkLabels(images: Float32Array, labels: ArrayLike<number>): void {
    const count = this.#countOf(images);
    const isClass = (label: number): boolean => Number.isInteger(label) && label >= 0 && label < this.classes;
    const wrong = Array.from(labels).find((label) => !isClass(label));
    if (labels.length === count && wrong === undefined) return;
    throw new SelvedgeError(
      'explain/class',
      `Cannot explain: expected a class from 0 to ${this.classes - 1} for each of ${count} images, ` +
        `got ${wrong === undefined ? `${labels.length} classes` : wrong}`,
    );
  }

  #finite(values: Float32Array, what: string): Float32Array {
    if (values.every(Number.isFinite)) return values;
    throw new SelvedgeError(
      'explain/not-finite',
      `Cannot explain model "${this.name}": expected finite ${what}, got NaN or infinity; are its weights finite`,
    );
  }
}

/** Values whose positions are places in the image, and which a convolution has made. */
function findFeatures(graph: ModelGraph): { layer: FeatureLayer; value: number }[] {
  const places = new Set(graph.inputs);
  const convolved = new Set<number>();
  const found = new Map<string, { layer: FeatureLayer; value: number }>();
  for (const operation of graph.operations) {
    const { kind, layer, inputs, outputs } = operation;
    const [value] = outputs as [number];
    const shape = graph.shapes.get(value)!;
    const isOther = kind === 'reshape' || (kind === 'opaque' && displaces(layer));
    if (shape.length !== 4 || outputs.length > 1 || isOther || !inputs.every((id) => places.has(id))) continue;
    places.add(value);
    if (!convolves(operation) && !inputs.some((id) => convolved.has(id))) continue;
    convolved.add(value);
    const [, height, width, channels] = shape;
    if (!height || !width || !channels) continue;
    const isComputed = !SELECTING.includes(kind);
    // The last of the operations that a layer comes to; of a layer that is used twice, the last use.
    found.delete(layer.name);
    found.set(layer.name, { layer: { name: layer.name, height, width, channels, isComputed }, value });
  }
  return [...found.values()];
}

const convolves = ({ kind, layer }: ModelOperation): boolean =>
  kind === 'convolution' ||
  kind === 'depthwise' ||
  kind === 'transposedConvolution' ||
  (kind === 'opaque' && layer.weights.some(({ shape }) => shape.length === 4));

const displaces = (layer: tf.layers.Layer): boolean =>
  DISPLACING.includes(layer.getClassName()) || layer.getConfig().dataFormat === 'channelsFirst';

/** Values that depend on one, itself among them. */
function dependentsOf({ operations }: ModelGraph, value: number): Set<number> {
  const dependents = new Set([value]);
  for (const { inputs, outputs } of operations) {
    if (inputs.some((id) => dependents.has(id))) for (const id of outputs) dependents.add(id);
  }
  return dependents;
}

const unsupported = (model: tf.LayersModel, reason: string): SelvedgeError =>
  new SelvedgeError('explain/unsupported-model', `Cannot explain model "${model.name}": ${reason}`);
