// What a classifier makes of an image, as a direction: its last hidden layer, which tells looks, beside its probabilities, which tell
// kinds. Images that look alike to it point the same way.
// Not here: a catalogue of them (catalogue.ts), searching (search.ts). Invariants: the model stays as it was and no tensor is left; an
// image has the same vector whatever is embedded beside it and at any number of threads.
import * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { weightsDigest } from '../../models/index.ts';
import { createNetworkPredictor } from '../../plan/index.ts';
import { checkFinite, joinParts } from './join-parts.ts';

/** What an embedder says of images. */
export interface Embedded {
  /** `[count, dimension]`, each of length 1, or shorter where all features of a hidden layer are 0. */
  readonly vectors: Float32Array;
  /** `[count, classes]`. */
  readonly probabilities: Float32Array;
}

export interface Embedder {
  readonly modelName: string;
  /** sha256 of the weights: vectors of other weights do not compare. */
  readonly modelDigest: string;
  readonly dimension: number;
  readonly classes: number;
  /** Height, width, channels of an image. */
  readonly shape: readonly [height: number, width: number, channels: number];
  /**
   * @param images `[count, height, width, channels]`, levels from 0 to 255
   * @throws SelvedgeError `embedding/shape`, `embedding/not-finite`
   */
  embed(images: Uint8Array): Embedded;
  /** Gives back its memory; the model stays. */
  dispose(): void;
}

/**
 * Makes a classifier ready to embed. Needs a started backend.
 *
 * @param model One image input, one output that ends in a dense layer, or in the mean of the dense layers of an ensemble's members: the
 *   embedding is what these layers take, each brought to the same length, then the probabilities. It stays the caller's.
 * @returns An embedder, which the caller disposes before the backend stops
 * @throws SelvedgeError `embedding/no-features` for a model without such an end
 * @example
 * ```ts
 * import { loadShippedModel, openEmbedder, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const { model } = await loadShippedModel();
 * const embedder = await openEmbedder(model);
 * const { vectors } = embedder.embed(new Uint8Array(784).fill(128));
 * console.assert(vectors.length === 128 + 10 && Math.abs(vectors.reduce((sum, v) => sum + v * v, 0) - 1) < 1e-5);
 * embedder.dispose();
 * model.dispose();
 * await engine.stop();
 * ```
 */
export async function openEmbedder(model: tf.LayersModel): Promise<Embedder> {
  const shape = imageShapeOf(model);
  const hidden = hiddenLayers(model);
  const widths = hidden.map(({ shape: [, width] }) => width!);
  const classes = model.outputs[0]!.shape.at(-1)!;
  const dimension = widths.reduce((sum, width) => sum + width, classes);
  const size = shape[0] * shape[1] * shape[2];
  const modelDigest = await weightsDigest(model);
  const predictor = createNetworkPredictor(tf.model({ inputs: model.inputs, outputs: [...hidden, model.outputs[0]!] }));

  const embed = (images: Uint8Array): Embedded => {
    const count = images.length / size;
    if (!Number.isInteger(count)) {
      throw new SelvedgeError(
        'embedding/shape',
        `Cannot embed: expected images of [${shape.join(', ')}], got ${images.length} bytes`,
      );
    }
    const vectors = new Float32Array(count * dimension);
    // As the predictor takes bytes: a float32 quotient, rounded once.
    const parts = predictor.predict(Float32Array.from(images, (level) => level / 255));
    const probabilities = parts.at(-1)!;
    joinParts(parts, [...widths, classes], vectors);
    checkFinite(vectors, model.name);
    return { vectors, probabilities };
  };
  return { modelName: model.name, modelDigest, dimension, classes, shape, embed, dispose: () => predictor.dispose() };
}

function imageShapeOf(model: tf.LayersModel): [number, number, number] {
  const { inputs, outputs, name } = model;
  const shape = inputs[0]!.shape.slice(1);
  const isImage = shape.length === 3 && shape.every((extent) => typeof extent === 'number');
  if (inputs.length === 1 && outputs.length === 1 && isImage) return shape as [number, number, number];
  throw noFeatures(name, `images [height, width, channels] as its one input, got [${shape.join(', ')}]`);
}

/**
 * What the dense layers at the end take, one `[batch, width]` each: several of an ensemble.
 *
 * @throws SelvedgeError `embedding/no-features`
 */
export function hiddenLayers({ outputs, name }: tf.LayersModel): tf.SymbolicTensor[] {
  const found: tf.SymbolicTensor[] = [];
  const walk = (tensor: tf.SymbolicTensor): void => {
    const layer = tensor.sourceLayer;
    const kind = layer.getClassName();
    const [input] = tensor.inputs;
    if (kind === 'Dense' && input?.shape.length === 2) {
      // Whose layers are the same has one embedding.
      if (!found.includes(input)) found.push(input);
    } else if (['Softmax', 'Activation', 'Add', 'Average'].includes(kind)) tensor.inputs.forEach(walk);
    else throw noFeatures(name, `a dense layer at its end, got layer "${layer.name}" of kind ${kind}`);
  };
  walk(outputs[0]!);
  return found;
}

const noFeatures = (name: string, expected: string): SelvedgeError =>
  new SelvedgeError('embedding/no-features', `Cannot embed by model "${name}": expected ${expected}`);
