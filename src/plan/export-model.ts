// A trained model as a file that src/edge/ runs: its recorded network, its filters as int8, and what a user should know of it.
// Not here: writing the file to a disk, measuring. Invariant: the bytes are a function of the model, its description and the kernels.
import type * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import {
  encodeModelFile,
  MODEL_FORMAT_VERSION,
  type ModelDescription,
  type NetworkWeights,
  quantise,
} from '../edge/index.ts';
import { weightsDigest } from '../models/index.ts';
import { type PlacedWeight, type RecordedEnding, recordNetwork } from './recorded-network.ts';

export interface ExportOptions {
  readonly name: string;
  /** Names of the classes, or, of a linear ending, of the values of the output. */
  readonly labels: readonly string[];
  /** Default: softmax. Linear: what `classify` answers with are the values of the output, of any shape, and no probabilities. */
  readonly ending?: RecordedEnding;
  /** What the model was trained with. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly accuracy?: ModelDescription['accuracy'];
  /** `edgeKernelsDigest` of the kernels that will run it. */
  readonly kernels: string;
}

/**
 * Makes a model file: filters of convolutions and dense layers as int8 with a scale an output channel, all other weights as they are.
 *
 * @param model One input of images, one output, which ends in a softmax unless `ending` says otherwise; it stays the caller's
 * @returns The bytes, which `createClassifier` takes
 * @throws SelvedgeError `export/unsupported` for a model that has no inference plan, `export/labels` for other than a label a class,
 * `export/weights` for weights that are no finite numbers
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises';
 * import { buildModel, createClassifier, edgeKernelsDigest, exportModel, initializeWeights, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const model = buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 });
 * initializeWeights(model, 1);
 * const wasm = new URL(import.meta.resolve('selvedge/build/edge.wasm'));
 * const kernels = await WebAssembly.compile(await readFile(wasm));
 * const labels = Array.from({ length: 10 }, (_, label) => `class ${label}`);
 * const file = await exportModel(model, { name: 'dropout', labels, kernels: edgeKernelsDigest(kernels) });
 * const classifier = await createClassifier({ model: file, kernels });
 * console.assert(classifier.classify(new Uint8Array(784).fill(255, 300)).length === 10);
 * await engine.stop();
 * ```
 */
export async function exportModel(model: tf.LayersModel, options: ExportOptions): Promise<Uint8Array> {
  const { name, labels, ending, settings = {}, accuracy, kernels } = options;
  const network = recordNetwork(model, ending);
  if ('reason' in network) {
    throw new SelvedgeError(
      'export/unsupported',
      `Cannot export model "${name}": expected one that an inference plan takes, but ${network.reason}`,
    );
  }
  const { inputShape, classes } = network;
  if (labels.length !== classes) {
    throw new SelvedgeError(
      'export/labels',
      `Cannot export model "${name}": expected ${classes} labels, got ${labels.length}`,
    );
  }
  const description: ModelDescription = {
    name,
    labels,
    inputShape,
    settings,
    fingerprint: await weightsDigest(model),
    ...(accuracy ? { accuracy } : {}),
    formatVersion: MODEL_FORMAT_VERSION,
    kernels,
  };
  return encodeModelFile(description, { ...network, weights: network.weights.map(storedWeights) });
}

function storedWeights({ variable, byteOffset, channels }: PlacedWeight): NetworkWeights {
  const values = variable.read().dataSync<'float32'>().slice();
  const wrong = values.find((value) => !Number.isFinite(value));
  if (wrong !== undefined) {
    throw new SelvedgeError(
      'export/weights',
      `Cannot export weight "${variable.originalName}": expected finite numbers, got ${wrong}; train the model anew`,
    );
  }
  return channels === undefined ? { byteOffset, values } : { byteOffset, quantised: quantise(values, channels) };
}
