// FusedBatchNorm of float32 with statistics a channel, on all threads; statistics of other shapes stay stock.
// Not here: the trainer's batch normalisation, which finds the statistics too (batch-norm.ts).

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type * as tf from '../tfjs.ts';
import type { Correction } from './corrected-kernels.ts';
import { ALONE_ELEMENTS } from './elementwise-binary.ts';
import { sizeOf } from './gemm.ts';
import type { KernelCall } from './register.ts';

const ELEMENTS_PER_UNIT = 4096;

interface Inputs {
  readonly x: tf.TensorInfo;
  readonly mean: tf.TensorInfo;
  readonly variance: tf.TensorInfo;
  readonly scale?: tf.TensorInfo | null;
  readonly offset?: tf.TensorInfo | null;
}

type Call = KernelCall<Inputs, { varianceEpsilon: number }>;

const isOfChannels = (tensor: tf.TensorInfo | null | undefined, channels: number): boolean =>
  !tensor || (tensor.dtype === 'float32' && tensor.shape.length === 1 && tensor.shape[0] === channels);

/** A view of a tensor's floats. Valid until the next allocation. */
function floatsOf(backend: SelvedgeBackend, byteOffset: number, length: number): Float32Array {
  const bytes = backend.bytes(byteOffset, length * 4);
  return new Float32Array(bytes.buffer, bytes.byteOffset, length);
}

function normalize({ inputs, attrs, backend }: Call, channels: number): tf.TensorInfo {
  const { x, mean, variance, scale, offset } = inputs;
  const output = backend.output(x.shape, 'float32');
  const elements = sizeOf(x.shape);
  if (elements === 0) return output;
  backend.withMemory(channels * 8, (factorAt) => {
    const factor = floatsOf(backend, factorAt, channels);
    const zeros = floatsOf(backend, factorAt + channels * 4, channels).fill(0);
    const variances = floatsOf(backend, backend.offset(variance), channels);
    const scales = scale ? floatsOf(backend, backend.offset(scale), channels) : undefined;
    for (let channel = 0; channel < channels; channel++) {
      factor[channel] = (scales?.[channel] ?? 1) / Math.sqrt(variances[channel]! + attrs.varianceEpsilon);
    }
    const rows = elements / channels;
    const rowsPerUnit = Math.max(1, Math.floor(ELEMENTS_PER_UNIT / channels));
    const units = Math.ceil(rows / rowsPerUnit);
    backend.pool.run(
      'fusedBatchNorm',
      units,
      [
        backend.offset(x),
        backend.offset(output),
        backend.offset(mean),
        factorAt,
        offset ? backend.offset(offset) : zeros.byteOffset,
        rows,
        channels,
        rowsPerUnit,
      ],
      elements < ALONE_ELEMENTS ? { grain: units } : {},
    );
  });
  return output;
}

export const fusedBatchNormKernels: Readonly<Record<string, Correction>> = {
  FusedBatchNorm: (stock) => (call) => {
    const ours = call as unknown as Call;
    const { x, mean, variance, scale, offset } = ours.inputs;
    const channels = x.shape.at(-1) ?? 0;
    const isOurs =
      x.dtype === 'float32' &&
      [mean, variance].every((tensor) => tensor && isOfChannels(tensor, channels)) &&
      [scale, offset].every((tensor) => isOfChannels(tensor, channels));
    return isOurs ? normalize(ours, channels) : stock(call);
  },
};
