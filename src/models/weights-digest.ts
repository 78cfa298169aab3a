// The digest by which weights are compared across runtimes, machines and runs. Not a file format.
// Invariant: equal for equal weights in the same order, whatever the model is called.
import type * as tf from '../backend/tfjs.ts';
import { sha256 } from '../core/sha256.ts';

/**
 * Digests all weights of a model, those that do not train included.
 *
 * @param model A model of float32 weights
 * @returns sha256 of their bytes, one after the other, in lower-case hexadecimal
 *
 * @example
 * ```ts
 * import { buildModel, initializeWeights, startBackend, weightsDigest } from 'selvedge';
 * const engine = await startBackend();
 * const model = buildModel('baseline', { inputShape: [28, 28, 1], classes: 10 });
 * initializeWeights(model, 1);
 * console.assert((await weightsDigest(model)).length === 64);
 * await engine.stop();
 * ```
 */
export async function weightsDigest(model: tf.LayersModel): Promise<string> {
  const bytes = new Blob(model.getWeights().map((weight) => weight.dataSync<'float32'>().slice()));
  return sha256(new Uint8Array(await bytes.arrayBuffer()));
}
