// UnsortedSegmentSum: float32 rows into segments; other types and ids of more dimensions run the cpu backend's code.
import * as tf from '../tfjs.ts';
import { runOnCpu } from './cpu-kernels.ts';
import type { Kernel, KernelCall } from './register.ts';

/** Columns that a unit owns: one cache line. */
const COLUMNS_PER_UNIT = 16;

type Call = KernelCall<{ x: tf.TensorInfo; segmentIds: tf.TensorInfo }, { numSegments: number }>;

export const unsortedSegmentSumKernel: Kernel = {
  kernelName: 'UnsortedSegmentSum',
  kernelFunc({ inputs, attrs, backend }: Call) {
    const { x, segmentIds } = inputs;
    const [rows = 0, ...rest] = x.shape;
    if (
      x.dtype !== 'float32' ||
      segmentIds.dtype !== 'int32' ||
      segmentIds.shape.length !== 1 ||
      x.shape.length === 0
    ) {
      return runOnCpu('UnsortedSegmentSum', { inputs, attrs, backend });
    }
    const columns = tf.util.sizeFromShape(rest);
    const output = backend.output([attrs.numSegments, ...rest], 'float32');
    backend.pool.run('unsortedSegmentSum', Math.ceil(columns / COLUMNS_PER_UNIT), [
      backend.offset(x),
      backend.offset(segmentIds),
      backend.offset(output),
      rows,
      columns,
      attrs.numSegments,
      COLUMNS_PER_UNIT,
    ]);
    return output;
  },
};
