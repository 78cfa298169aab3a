// The classifiers that ship, each one file that selvedge/edge runs: no tfjs, no training, no files of a user's.
// Not here: the shipped model as a tf.LayersModel to go on from (files.ts). Invariant: a name gives the same bits on every runtime.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { type Classifier, createClassifier } from '../edge/index.ts';
import { compileEngineFile, platform } from '../platform/index.ts';

/** A URL each, written out, so that bundlers find the files. */
const addresses = {
  best: () => new URL('../../assets/models/best/best.selvedge', import.meta.url),
  distilled: () => new URL('../../assets/models/distilled/distilled.selvedge', import.meta.url),
  dropout: () => new URL('../../assets/models/dropout/dropout.selvedge', import.meta.url),
} as const;

/** `best` is the most accurate, `distilled` a small and fast one taught by it, `dropout` the study's, of the same size and speed. */
export type ShippedName = keyof typeof addresses;
export const shippedNames = Object.keys(addresses) as readonly ShippedName[];

/** Whether a model of this name ships. */
export const isShippedName = (name: string): name is ShippedName => Object.hasOwn(addresses, name);

/**
 * The bytes of a shipped classifier, as `createClassifier` takes them.
 *
 * @throws SelvedgeError `models/shipped` for another name, or if the installation is damaged
 */
export async function readShippedFile(name: ShippedName): Promise<Uint8Array> {
  if (!isShippedName(name)) {
    throw new SelvedgeError(
      'models/shipped',
      `Cannot open shipped model "${name}": expected one of ${shippedNames.join(', ')}`,
    );
  }
  try {
    return await platform.readUrl(addresses[name]());
  } catch (error) {
    throw new SelvedgeError(
      'models/shipped',
      `Cannot open shipped model "${name}": ${messageOf(error)}; install the package again`,
      { cause: error },
    );
  }
}

/**
 * Opens a shipped classifier.
 *
 * @param name Which; default: the most accurate
 * @throws SelvedgeError `models/shipped` for another name, `files/engine-file` in a checkout that is not built
 * @example
 * ```ts
 * import { openShippedClassifier } from 'selvedge';
 * const classifier = await openShippedClassifier('dropout');
 * console.assert(classifier.model.labels[9] === 'Ankle boot');
 * ```
 */
export async function openShippedClassifier(name: ShippedName = 'best'): Promise<Classifier> {
  const [model, kernels] = await Promise.all([readShippedFile(name), compileEngineFile('edge.wasm')]);
  return createClassifier({ model, kernels });
}
