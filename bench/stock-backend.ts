// Stock tfjs-backend-wasm beside ours in one process: `bench operations` measures one against the other.
// Its kernels keep what they call in variables of their modules, so a second copy of them is loaded, from the package's own bundle.
// Its WebAssembly is what tfjs starts on Node: SIMD, without threads. Invariant: the backend `wasm` and its kernels stay as they are.
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import { loadGlue } from '../src/backend/glue.ts';

/** The name that tfjs knows the stock backend by, here. */
export const STOCK = 'stock-wasm';

interface Bundle {
  readonly BackendWasm: new (module: unknown) => BackendWasm;
}

let loaded: { readonly bundle: Bundle; readonly kernels: readonly tf.KernelConfig[] } | undefined;

/**
 * Registers stock tfjs-backend-wasm as the backend `STOCK`; the current backend stays current.
 *
 * @returns Takes it away again, with all tensors on it
 */
export async function addStockBackend(): Promise<() => void> {
  loaded ??= loadBundle();
  const { bundle, kernels } = loaded;
  const { module } = await loadGlue(false);
  const backend = new bundle.BackendWasm(module);
  for (const kernel of kernels) tf.registerKernel({ ...kernel, backendName: STOCK });
  tf.registerBackend(STOCK, () => backend as unknown as tf.KernelBackend, 0);
  return () => {
    tf.removeBackend(STOCK);
    for (const { kernelName } of kernels) tf.unregisterKernel(kernelName, STOCK);
  };
}

/** The bundle registers its kernels and its backend as `wasm` where that is free: ours step aside meanwhile. */
function loadBundle(): { bundle: Bundle; kernels: tf.KernelConfig[] } {
  const ours = takeKernels();
  const isProduction = tf.env().getBool('PROD');
  // Else tfjs warns that the backend is registered already, which is what is wanted.
  tf.env().set('PROD', true);
  try {
    const bundle = createRequire(import.meta.url)(
      '@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.es2017.js',
    ) as Bundle;
    return { bundle, kernels: takeKernels() };
  } finally {
    tf.env().set('PROD', isProduction);
    for (const kernel of ours) tf.registerKernel(kernel);
  }
}

/** Removes the kernels of `wasm` from the registry. */
function takeKernels(): tf.KernelConfig[] {
  const kernels = tf.getKernelsForBackend('wasm');
  for (const { kernelName } of kernels) tf.unregisterKernel(kernelName, 'wasm');
  return kernels;
}
