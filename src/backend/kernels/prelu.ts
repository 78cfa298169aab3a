// Prelu: the stock kernel packs alpha once per tensor and does not see it change in place.
// An alpha that is broadcast over leading dimensions (one number, one per channel, one per element) is ours; any other runs
// the cpu backend's code.
import * as tf from '../tfjs.ts';
import { runOnCpu } from './cpu-kernels.ts';
import type { Kernel, KernelCall } from './register.ts';

const ELEMENTS_PER_UNIT = 4096;

/** True if the shape, without leading ones, ends the other. */
function endsShape(part: readonly number[], shape: readonly number[]): boolean {
  const first = part.findIndex((size) => size !== 1);
  const kept = first < 0 ? [] : part.slice(first);
  return part.length <= shape.length && tf.util.arraysEqual(kept, shape.slice(shape.length - kept.length));
}

export const preluKernel: Kernel = {
  kernelName: 'Prelu',
  kernelFunc({ inputs, backend }: KernelCall<{ x: tf.TensorInfo; alpha: tf.TensorInfo }>) {
    const { x, alpha } = inputs;
    if (x.dtype !== 'float32' || alpha.dtype !== 'float32' || !endsShape(alpha.shape, x.shape)) {
      return runOnCpu('Prelu', { inputs, attrs: {}, backend });
    }
    const output = backend.output(x.shape, 'float32');
    const length = tf.util.sizeFromShape(x.shape);
    backend.pool.run('prelu', Math.ceil(length / ELEMENTS_PER_UNIT), [
      backend.offset(x),
      backend.offset(alpha),
      backend.offset(output),
      length,
      tf.util.sizeFromShape(alpha.shape),
      ELEMENTS_PER_UNIT,
    ]);
    return output;
  },
};
