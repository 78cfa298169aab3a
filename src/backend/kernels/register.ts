// Registers our kernels over the stock ones of the tfjs backend `wasm`, and gives the stock ones back.
import * as tf from '@tensorflow/tfjs';
import type { SelvedgeBackend } from '../selvedge-backend.ts';

/** Arguments of a kernel as tfjs passes them. */
export interface KernelCall<Inputs = tf.NamedTensorInfoMap, Attributes = object> {
  readonly inputs: Inputs;
  readonly attrs: Attributes;
  readonly backend: SelvedgeBackend;
}

/** A kernel of ours: the tfjs name and what computes it. */
export interface Kernel {
  readonly kernelName: string;
  readonly kernelFunc: (call: never) => tf.TensorInfo | tf.TensorInfo[];
}

const kernels: readonly Kernel[] = [];

/**
 * Registers all kernels of this folder.
 *
 * @returns Undoes the registration
 */
export function registerKernels(): () => void {
  const replaced = kernels.map(({ kernelName, kernelFunc }) => {
    const stock = tf.getKernel(kernelName, 'wasm');
    if (stock) tf.unregisterKernel(kernelName, 'wasm');
    tf.registerKernel({ kernelName, backendName: 'wasm', kernelFunc: kernelFunc as unknown as tf.KernelFunc });
    return { kernelName, stock };
  });
  return () => {
    for (const { kernelName, stock } of replaced) {
      tf.unregisterKernel(kernelName, 'wasm');
      if (stock) tf.registerKernel(stock);
    }
  };
}
