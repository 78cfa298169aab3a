// A trained model on kernels of its own, in a memory of its own: what a deployment runs where tfjs, threads and files are not.
// Not here: what is computed, which the model file says. Invariant: a call asks for no memory but that of its result, and an image has
// the same probabilities in every batch: those of an inference plan of the same weights, bit for bit.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { edgeKernelsDigest } from './kernels.ts';
import { decodeModelFile, type ModelDescription } from './model-file.ts';
import { CALL_WORDS, type Network, sizeOfWeights } from './network.ts';
import { dequantise } from './quantisation.ts';
import { requireContrast } from './require-contrast.ts';

/** A model that is ready to answer. */
export interface Classifier {
  readonly model: ModelDescription;
  /**
   * Classifies images, any number of them.
   *
   * @param images `[count, height, width, channels]`, levels from 0 to 255, light on dark as in the data set
   * @param into Where the probabilities go, `[count, classes]`; default: a new array
   * @returns Probabilities `[count, classes]`
   * @throws SelvedgeError `edge/images` where the bytes are no whole images or `into` is of another length; `image/blank` for an image
   *   of one level
   */
  classify(images: Uint8Array, into?: Float32Array): Float32Array;
}

export interface ClassifierOptions {
  /** A model file, as `selvedge export` writes it. */
  readonly model: Uint8Array | ArrayBuffer;
  /** The kernels of this package, build/edge.wasm, compiled. */
  readonly kernels: WebAssembly.Module;
}

const PAGE_BYTES = 65536;

/** Bytes as the network takes them: as in assembly/simd/scale-bytes.ts, a float32 quotient rounded once. */
const scaledBytes = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/**
 * Makes a model ready to answer, without tfjs, threads, files or code made at run time.
 *
 * @throws SelvedgeError `edge/foreign` for bytes that are no model file, `edge/version`, `edge/truncated`, `edge/corrupt`;
 * `edge/kernels` for kernels that the file was not made for; `edge/memory` if there is not enough of it
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises';
 * import { createClassifier } from 'selvedge/edge';
 * const read = (name: string) => readFile(new URL(import.meta.resolve(`selvedge/${name}`)));
 * const classifier = await createClassifier({
 *   model: await read('assets/models/dropout/dropout.selvedge'),
 *   kernels: await WebAssembly.compile(await read('build/edge.wasm')),
 * });
 * const images = Uint8Array.from({ length: 2 * 28 * 28 }, (_, i) => i % 256);
 * const probabilities = classifier.classify(images);
 * console.assert(probabilities.length === 20 && classifier.model.labels[9] === 'Ankle boot');
 * ```
 */
export async function createClassifier({ model, kernels }: ClassifierOptions): Promise<Classifier> {
  const { description, network } = await decodeModelFile(model);
  const digest = edgeKernelsDigest(kernels);
  if (digest !== description.kernels) {
    throw new SelvedgeError(
      'edge/kernels',
      `Cannot run model "${description.name}": it was exported for kernels ${description.kernels}, got ${digest}; export it again`,
    );
  }
  const memory = reserveMemory(network.memoryBytes);
  const { exports } = await WebAssembly.instantiate(kernels, { env: { memory } });
  return ready(description, network, memory, exports);
}

function reserveMemory(bytes: number): WebAssembly.Memory {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages });
  } catch (error) {
    throw new SelvedgeError(
      'edge/memory',
      `Cannot reserve the ${bytes} bytes that the model needs: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

type Kernel = (args: number, start: number, end: number, scratch: number) => void;

function ready(
  model: ModelDescription,
  network: Network,
  memory: WebAssembly.Memory,
  exports: WebAssembly.Exports,
): Classifier {
  const { labels, inputShape } = model;
  const { programs, input, output, scratch } = network;
  const imageBytes = inputShape[0] * inputShape[1] * inputShape[2];
  const classes = labels.length;
  const kernels = network.kernels.map((name) => kernelOf(exports, name));
  const values = new Float32Array(memory.buffer, input, programs.length * imageBytes);
  const results = new Float32Array(memory.buffer, output, programs.length * classes);

  const run = (calls: Int32Array): void => {
    try {
      for (let i = 0; i < calls.length; i += CALL_WORDS) {
        kernels[calls[i]!]!(calls[i + 1]!, calls[i + 2]!, calls[i + 3]!, scratch);
      }
    } catch (error) {
      throw new SelvedgeError('edge/kernel-trapped', `Cannot run model "${model.name}": ${messageOf(error)}`, {
        cause: error,
      });
    }
  };

  fill(network, memory);
  run(network.derivation);

  const classify = (images: Uint8Array, into?: Float32Array): Float32Array => {
    const count = images.length / imageBytes;
    if (!Number.isInteger(count)) throw imagesError(`a multiple of ${imageBytes} bytes`, `${images.length}`);
    const probabilities = into ?? new Float32Array(count * classes);
    if (probabilities.length !== count * classes) {
      throw imagesError(`room for ${count * classes} probabilities`, `${probabilities.length}`);
    }
    requireContrast(images, imageBytes);
    for (let first = 0; first < count; ) {
      const size = Math.min(programs.length, count - first);
      const start = first * imageBytes;
      for (let i = 0; i < size * imageBytes; i++) values[i] = scaledBytes[images[start + i]!]!;
      run(programs[size - 1]!);
      // Element by element: a view of what a short batch left would be memory asked for.
      for (let i = 0; i < size * classes; i++) probabilities[first * classes + i] = results[i]!;
      first += size;
    }
    return probabilities;
  };
  return { model, classify };
}

function kernelOf(exports: WebAssembly.Exports, name: string): Kernel {
  const kernel = exports[name];
  if (typeof kernel === 'function') return kernel as Kernel;
  throw new SelvedgeError(
    'edge/kernels',
    `Cannot run the model: it calls kernel "${name}", which the module does not have`,
  );
}

/** Puts weights and arguments into their places. */
function fill({ weights, words }: Network, { buffer }: WebAssembly.Memory): void {
  for (const each of weights) {
    const place = new Float32Array(buffer, each.byteOffset, sizeOfWeights(each));
    if ('values' in each) place.set(each.values);
    else dequantise(each.quantised, place);
  }
  for (const { byteOffset, values } of words) new Int32Array(buffer, byteOffset, values.length).set(values);
}

const imagesError = (expected: string, got: string): SelvedgeError =>
  new SelvedgeError('edge/images', `Cannot classify: expected ${expected}, got ${got}`);
