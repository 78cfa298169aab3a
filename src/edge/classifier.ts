// A trained model on kernels of its own, in a memory of its own: what a deployment runs where tfjs, threads and files are not.
// Not here: what is computed, which the model file says. Invariant: a call asks for no memory but that of its result.
import { SelvedgeError } from '../core/errors.ts';

/** What a model file tells about its model. */
export interface ModelDescription {
  /** As in the registry of models. */
  readonly name: string;
  /** Names of the classes, in the order of the probabilities. */
  readonly labels: readonly string[];
  /** Height, width, channels. */
  readonly inputShape: readonly [height: number, width: number, channels: number];
  /** What the model was trained with, as far as that is known. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** sha256 of the float32 weights that the file was made from. */
  readonly fingerprint: string;
  /** Shares of right answers on test images, before and after the weights became int8; absent if they were not measured. */
  readonly accuracy?: { readonly float32: number; readonly int8: number; readonly images: number };
  /** Of the file. */
  readonly formatVersion: number;
  /** sha256 of the kernels that the file was made for. */
  readonly kernels: string;
}

/** A model that is ready to answer. */
export interface Classifier {
  readonly model: ModelDescription;
  /**
   * Classifies images, any number of them.
   *
   * @param images `[count, height, width, channels]`, levels from 0 to 255, light on dark as in the data set
   * @param into Where the probabilities go, `[count, classes]`; default: a new array
   * @returns Probabilities `[count, classes]`
   * @throws SelvedgeError `edge/images` where the bytes are no whole images or `into` is of another length
   */
  classify(images: Uint8Array, into?: Float32Array): Float32Array;
}

export interface ClassifierOptions {
  /** A model file, as `selvedge export` writes it. */
  readonly model: Uint8Array | ArrayBuffer;
  /** The kernels of this package, build/edge.wasm, compiled. */
  readonly kernels: WebAssembly.Module;
}

/**
 * Makes a model ready to answer, without tfjs, threads, files or code made at run time.
 *
 * @throws SelvedgeError `edge/foreign` for bytes that are no model file, `edge/version`, `edge/truncated`, `edge/corrupt`;
 * `edge/kernels` for kernels that the file was not made for; `edge/memory` if there is not enough of it
 */
export async function createClassifier({ model }: ClassifierOptions): Promise<Classifier> {
  throw new SelvedgeError('edge/foreign', `Cannot read a model from ${model.byteLength} bytes`);
}
