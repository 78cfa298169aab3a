// Gradient clipping by the norm of all gradients together, op by op. A plan does it by itself, with the same kernels.
import { currentBackend } from '../backend/index.ts';
import { clipGradients } from '../backend/kernels/clip-gradient.ts';
import * as tf from '../backend/tfjs.ts';

/**
 * Gradients whose common norm is at most the limit.
 *
 * @param gradients By the names of their variables
 * @param limit Undefined: they are returned as they are
 * @returns New tensors of the current tidy, where there is a limit
 */
export function clip(gradients: tf.NamedTensorMap, limit: number | undefined): tf.NamedTensorMap {
  if (limit === undefined) return gradients;
  const clipped = clipGradients(currentBackend(), Object.values(gradients), limit);
  const tensors = clipped.map((info) => tf.engine().makeTensorFromTensorInfo(info));
  return Object.fromEntries(Object.keys(gradients).map((name, i) => [name, tensors[i]!]));
}
