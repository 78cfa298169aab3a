// Calls a kernel that is registered for this backend, ours or stock, from within another: activations, broadcast sums, transposes.
// Not a way around the registry: what is registered now is what runs.

import { SelvedgeError } from '../../core/errors.ts';
import type { SelvedgeBackend } from '../selvedge-backend.ts';
import * as tf from '../tfjs.ts';

/**
 * Runs a registered kernel with one output.
 *
 * @returns The output; the caller releases it with `backend.disposeData`
 * @throws SelvedgeError `backend/missing-kernel`
 */
export function callKernel(
  backend: SelvedgeBackend,
  kernelName: string,
  inputs: tf.NamedTensorInfoMap,
  attrs: tf.NamedAttrMap = {},
): tf.TensorInfo {
  const kernel = tf.getKernel(kernelName, 'wasm');
  if (!kernel) {
    throw new SelvedgeError(
      'backend/missing-kernel',
      `Cannot run kernel "${kernelName}": none is registered for the backend "wasm"`,
    );
  }
  const output = kernel.kernelFunc({ inputs, attrs, backend });
  return Array.isArray(output) ? output[0]! : output;
}

/** Runs a registered kernel on an intermediate result and releases that. */
export function replaceBy(
  backend: SelvedgeBackend,
  intermediate: tf.TensorInfo,
  run: (x: tf.TensorInfo) => tf.TensorInfo,
): tf.TensorInfo {
  try {
    return run(intermediate);
  } finally {
    backend.disposeData(intermediate.dataId);
  }
}
