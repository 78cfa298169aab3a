// GatherV2 on all threads, for all types of numbers: the stock kernel finds the place of every element anew.

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import * as tf from '../tfjs.ts';
import type { Correction } from './corrected-kernels.ts';
import { sizeOf } from './gemm.ts';
import type { KernelCall } from './register.ts';

const BYTES_PER_UNIT = 16_384;
/** Bytes below which waking workers costs more than it saves. */
const ALONE_BYTES = 131_072;

type Call = KernelCall<{ x: tf.TensorInfo; indices: tf.TensorInfo }, { axis: number; batchDims?: number }>;

/** @throws Error of tfjs for an index out of range */
function checkIndices(backend: SelvedgeBackend, indices: tf.TensorInfo, dim: number): void {
  const count = sizeOf(indices.shape);
  const bytes = backend.bytes(backend.offset(indices), count * 4);
  const values = new Int32Array(bytes.buffer, bytes.byteOffset, count);
  for (const index of values) {
    if (index >= 0 && index < dim) continue;
    throw new Error(`GatherV2: the index value ${index} is not in [0, ${dim - 1}]`);
  }
}

function gather({ inputs, attrs, backend }: Call): tf.TensorInfo {
  const { x, indices } = inputs;
  const axis = tf.util.parseAxisParam(attrs.axis, x.shape)[0]!;
  checkIndices(backend, indices, x.shape[axis]!);
  const info = tf.backend_util.segment_util.collectGatherOpShapeInfo(
    x as tf.Tensor,
    indices as tf.Tensor,
    axis,
    attrs.batchDims ?? 0,
  );
  const output = backend.output(info.outputShape, x.dtype);
  const rows = info.batchSize * info.outerSize * (sizeOf(indices.shape) / info.batchSize);
  const sliceBytes = info.sliceSize * tf.util.bytesPerElement(x.dtype);
  if (sizeOf(info.outputShape) === 0) return output;
  const rowsPerUnit = Math.max(1, Math.floor(BYTES_PER_UNIT / sliceBytes));
  const units = Math.ceil(rows / rowsPerUnit);
  backend.pool.run(
    'gatherV2',
    units,
    [
      backend.offset(x),
      backend.offset(indices),
      backend.offset(output),
      rows,
      rowsPerUnit,
      info.outerSize,
      info.dimSize,
      sizeOf(indices.shape) / info.batchSize,
      sliceBytes,
    ],
    rows * sliceBytes < ALONE_BYTES ? { grain: units } : {},
  );
  return output;
}

export const gatherKernels: Readonly<Record<string, Correction>> = {
  GatherV2: () => (call) => gather(call as unknown as Call),
};
