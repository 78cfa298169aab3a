// Registers our kernels over the stock ones of the tfjs backend `wasm`, and gives the stock ones back.

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import * as tf from '../tfjs.ts';
import { avgPoolKernel } from './avg-pool.ts';
import { avgPool3DGradCorrection, avgPoolGradKernel } from './avg-pool-grad.ts';
import { batchMatMulKernel } from './batch-mat-mul.ts';
import { bincountKernel } from './bincount.ts';
import { broadcastBinaryKernels } from './broadcast-binary.ts';
import { castKernels } from './cast.ts';
import { clipByValueKernel } from './clip-by-value.ts';
import { concatKernels } from './concat.ts';
import { conv2DKernel } from './conv-2d.ts';
import { conv2DBackpropFilterKernel } from './conv-2d-backprop-filter.ts';
import { conv2DBackpropInputKernel } from './conv-2d-backprop-input.ts';
import { conv3DBackpropKernels } from './conv-3d-backprop.ts';
import { type Correction, corrections } from './corrected-kernels.ts';
import { cpuKernels, withForeignInputs } from './cpu-kernels.ts';
import { deferringKernels } from './deferred-conv-2d.ts';
import { depthwiseConv2dNativeKernel } from './depthwise-conv-2d-native.ts';
import { depthwiseConv2dNativeBackpropFilterKernel } from './depthwise-conv-2d-native-backprop-filter.ts';
import { depthwiseConv2dNativeBackpropInputKernel } from './depthwise-conv-2d-native-backprop-input.ts';
import { dilation2DKernels } from './dilation-2d.ts';
import { einsumKernel } from './einsum.ts';
import { elementwiseBinaryKernels, reluGradKernel } from './elementwise-binary.ts';
import { elementwiseUnaryKernels } from './elementwise-unary.ts';
import { fillKernels } from './fill.ts';
import { fusedBatchNormKernels } from './fused-batch-norm.ts';
import { fusedConv2DKernel } from './fused-conv-2d.ts';
import { fusedDepthwiseConv2DKernel } from './fused-depthwise-conv-2d.ts';
import { fusedMatMulKernel } from './fused-mat-mul.ts';
import { gatherKernels } from './gather-v2.ts';
import { expandDimsKernel, identityKernel } from './identity.ts';
import { maxPoolKernel } from './max-pool.ts';
import { maxPool3DGradKernel } from './max-pool-3d-grad.ts';
import { maxPoolGradKernel } from './max-pool-grad.ts';
import { maxPoolWithArgmaxKernel } from './max-pool-with-argmax.ts';
import { preluKernel } from './prelu.ts';
import { reduceKernels } from './reduce.ts';
import { sliceKernels } from './slice.ts';
import { broadcastToKernel, tileKernels } from './tile.ts';
import { transposeKernels } from './transpose.ts';
import { unsortedSegmentSumKernel } from './unsorted-segment-sum.ts';

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

const kernels: readonly Kernel[] = [
  avgPoolGradKernel,
  avgPoolKernel,
  batchMatMulKernel,
  bincountKernel,
  broadcastToKernel,
  clipByValueKernel,
  ...conv3DBackpropKernels,
  conv2DKernel,
  conv2DBackpropFilterKernel,
  conv2DBackpropInputKernel,
  depthwiseConv2dNativeKernel,
  depthwiseConv2dNativeBackpropFilterKernel,
  depthwiseConv2dNativeBackpropInputKernel,
  ...dilation2DKernels,
  einsumKernel,
  expandDimsKernel,
  fusedConv2DKernel,
  fusedDepthwiseConv2DKernel,
  fusedMatMulKernel,
  identityKernel,
  maxPoolKernel,
  maxPoolGradKernel,
  maxPool3DGradKernel,
  maxPoolWithArgmaxKernel,
  preluKernel,
  reluGradKernel,
  unsortedSegmentSumKernel,
  ...cpuKernels,
];

/** Kernels that are ours for some inputs and stock for the others. */
const partlyOurs: Readonly<Record<string, Correction>> = {
  ...corrections,
  AvgPool3DGrad: avgPool3DGradCorrection,
  ...broadcastBinaryKernels,
  ...castKernels,
  ...concatKernels,
  ...elementwiseBinaryKernels,
  ...elementwiseUnaryKernels,
  ...fillKernels,
  ...fusedBatchNormKernels,
  ...gatherKernels,
  ...reduceKernels,
  ...sliceKernels,
  ...tileKernels,
  ...transposeKernels,
};

/**
 * Registers all kernels of this folder, and makes the stock ones that remain safe for complex64 and string tensors.
 *
 * @returns Undoes the registration
 */
export function registerKernels(): () => void {
  const replaced: { readonly kernelName: string; readonly stock: tf.KernelConfig | undefined }[] = [];
  const register = (config: tf.KernelConfig): void => {
    const { kernelName } = config;
    const stock = tf.getKernel(kernelName, 'wasm') as tf.KernelConfig | undefined;
    if (stock) tf.unregisterKernel(kernelName, 'wasm');
    tf.registerKernel(config);
    replaced.push({ kernelName, stock });
  };
  const remaining = tf.getKernelsForBackend('wasm').filter((stock) => !kernels.some(isNamed(stock)));
  for (const { kernelName, kernelFunc } of kernels) {
    register(
      guarded(
        withForeignInputs(
          deferring({ kernelName, backendName: 'wasm', kernelFunc: kernelFunc as unknown as tf.KernelFunc }),
          false,
        ),
      ),
    );
  }
  for (const stock of remaining) {
    const kernelFunc = partlyOurs[stock.kernelName]?.(stock.kernelFunc) ?? stock.kernelFunc;
    register(guarded(withForeignInputs(deferring(withComputedInputs({ ...stock, kernelFunc })), true)));
  }
  return () => {
    for (const { kernelName, stock } of replaced) {
      tf.unregisterKernel(kernelName, 'wasm');
      if (stock) tf.registerKernel(stock);
    }
  };
}

/** Stock kernels take a view of the heap and then look at an input: computing that may grow the heap, and ends the view. */
function withComputedInputs(kernel: tf.KernelConfig): tf.KernelConfig {
  const { kernelName, kernelFunc } = kernel;
  // Reshape counts a reference, whatever the tensor waits for.
  if (kernelName === 'Reshape') return kernel;
  return {
    ...kernel,
    kernelFunc: (call) => {
      const { inputs, backend } = call as unknown as KernelCall<Record<string, tf.TensorInfo | null | undefined>>;
      for (const name in inputs) if (inputs[name]) backend.compute(inputs[name]);
      return kernelFunc(call);
    },
  };
}

/** Runs on an engine that is sound alone, and notices where it breaks. */
function guarded(kernel: tf.KernelConfig): tf.KernelConfig {
  const { kernelName, kernelFunc } = kernel;
  return {
    ...kernel,
    kernelFunc: (call) => {
      const { soundness } = (call as unknown as KernelCall).backend.pool;
      soundness.check();
      try {
        return kernelFunc(call);
      } catch (error) {
        throw soundness.errorOf(kernelName, error);
      }
    },
  };
}

const deferring = (kernel: tf.KernelConfig): tf.KernelConfig => {
  const kernelFunc = deferringKernels[kernel.kernelName]?.(kernel.kernelFunc) ?? kernel.kernelFunc;
  return { ...kernel, kernelFunc };
};

const isNamed =
  (stock: tf.KernelConfig) =>
  ({ kernelName }: Kernel): boolean =>
    kernelName === stock.kernelName;
