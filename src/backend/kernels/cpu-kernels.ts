// Kernels that run the code of tfjs's cpu backend on data read from the wasm memory and written back: what no training needs.
// Not fast and not part of the promise of equal bits on every engine. Invariant: each call has a cpu backend of its own, so
// that nothing it forgets outlives it.

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import * as tf from '../tfjs.ts';
import type { Kernel, KernelCall } from './register.ts';

/** Kernels that the stock wasm backend lacks and that we do not write ourselves. */
export const missingKernels: readonly string[] = [
  'Complex',
  'ComplexAbs',
  'Draw',
  'FFT',
  'IFFT',
  'Imag',
  'RaggedGather',
  'RaggedRange',
  'RaggedTensorToTensor',
  'Real',
  'StaticRegexReplace',
];

/** Stock kernels that fail tfjs's own specs, and how. */
export const faultyKernels: Readonly<Record<string, string>> = {
  Bincount: 'counts an image by its rows instead of as a whole',
};

/** Inputs by name, or a list (Concat, Einsum). */
type Inputs = object;

/** The part of tfjs's MathBackendCPU that we use. */
interface CpuBackend extends tf.KernelBackend {
  /** While true, the first write prints an advertisement for another backend. */
  firstUse: boolean;
  makeTensorInfo(shape: number[], dtype: tf.DataType, values: tf.backend_util.BackendValues): tf.TensorInfo;
  readSync(dataId: object): tf.backend_util.BackendValues;
}

/** An optional input may be absent, and an input may be a list of tensors. */
type Input = tf.TensorInfo | readonly tf.TensorInfo[] | null | undefined;

function copyInput(backend: SelvedgeBackend, cpu: CpuBackend, input: Input): unknown {
  if (input === null || input === undefined) return input;
  if (Array.isArray(input)) return input.map((tensor) => copyToCpu(backend, cpu, tensor));
  return copyToCpu(backend, cpu, input as tf.TensorInfo);
}

function copyToCpu(backend: SelvedgeBackend, cpu: CpuBackend, tensor: tf.TensorInfo): tf.TensorInfo {
  const { shape, dtype } = tensor;
  const parts = backend.complexParts(tensor);
  if (!parts) return cpu.makeTensorInfo(shape, dtype, backend.readSync(tensor.dataId));
  // A reshaped tensor shares its parts with the original: they keep the original's shape.
  const copyPart = (part: tf.TensorInfo) => cpu.makeTensorInfo(shape, 'float32', backend.readSync(part.dataId));
  const inputs = { real: copyPart(parts.real), imag: copyPart(parts.imag) };
  return cpuKernel('Complex')({ inputs, attrs: {}, backend: cpu }) as tf.TensorInfo;
}

function copyFromCpu(
  backend: SelvedgeBackend,
  cpu: CpuBackend,
  { dataId, shape, dtype }: tf.TensorInfo,
): tf.TensorInfo {
  const values = cpu.readSync(dataId);
  const own = dtype === 'string' ? values : tf.util.toTypedArray(values as Float32Array, dtype);
  return { dataId: backend.write(own, shape, dtype), shape, dtype };
}

function cpuKernel(kernelName: string): tf.KernelFunc {
  return tf.getKernel(kernelName, 'cpu').kernelFunc;
}

/**
 * Runs the cpu backend's kernel of a name on tensors of ours.
 *
 * @returns Its outputs as tensors of ours
 */
export function runOnCpu(
  kernelName: string,
  call: { inputs: Inputs; attrs: object; backend: SelvedgeBackend },
): tf.TensorInfo | tf.TensorInfo[] {
  const { backend } = call;
  const cpu = tf.findBackendFactory('cpu')() as CpuBackend;
  cpu.firstUse = false;
  const inputs = Array.isArray(call.inputs)
    ? copyInput(backend, cpu, call.inputs)
    : Object.fromEntries(Object.entries(call.inputs).map(([name, input]) => [name, copyInput(backend, cpu, input)]));
  const outputs = cpuKernel(kernelName)({
    inputs: inputs as tf.NamedTensorInfoMap,
    attrs: call.attrs as tf.NamedAttrMap,
    backend: cpu,
  });
  if (Array.isArray(outputs)) return outputs.map((output) => copyFromCpu(backend, cpu, output));
  return copyFromCpu(backend, cpu, outputs);
}

/** The kernels of this file's lists. */
export const cpuKernels: readonly Kernel[] = [...missingKernels, ...Object.keys(faultyKernels)].map((kernelName) => ({
  kernelName,
  kernelFunc: (call: KernelCall) => runOnCpu(kernelName, call),
}));

const isForeign = (typed: { readonly dtype?: unknown } | null | undefined): boolean =>
  typed?.dtype === 'complex64' || typed?.dtype === 'string';

/**
 * A stock kernel that hands complex64 and string tensors to the cpu backend's code: the stock one would read them as numbers.
 */
export function withForeignTypes(stock: tf.KernelConfig): tf.KernelConfig {
  const { kernelName, kernelFunc } = stock;
  // Reshape counts a reference, whatever the type.
  if (kernelName === 'Reshape' || !tf.getKernel(kernelName, 'cpu')) return stock;
  return {
    ...stock,
    kernelFunc: (call) => {
      // Fill and Cast name the type of their output as an attribute.
      let anyForeign = isForeign(call.attrs);
      for (const name in call.inputs) anyForeign ||= isForeign(call.inputs[name]);
      return anyForeign ? runOnCpu(kernelName, call as unknown as KernelCall) : kernelFunc(call);
    },
  };
}
