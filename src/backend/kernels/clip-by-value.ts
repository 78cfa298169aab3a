// ClipByValue: the stock kernel turns NaN into a bound. Types other than float32 run the cpu backend's code.

import { float32Bits } from '../float-bits.ts';
import * as tf from '../tfjs.ts';
import { runOnCpu } from './cpu-kernels.ts';
import type { Kernel, KernelCall } from './register.ts';

const ELEMENTS_PER_UNIT = 4096;

type Call = KernelCall<{ x: tf.TensorInfo }, { clipValueMin: number; clipValueMax: number }>;

export const clipByValueKernel: Kernel = {
  kernelName: 'ClipByValue',
  kernelFunc({ inputs, attrs, backend }: Call) {
    const { x } = inputs;
    if (x.dtype !== 'float32') return runOnCpu('ClipByValue', { inputs, attrs, backend });
    const output = backend.output(x.shape, 'float32');
    const length = tf.util.sizeFromShape(x.shape);
    backend.pool.run('clipByValue', Math.ceil(length / ELEMENTS_PER_UNIT), [
      backend.offset(x),
      backend.offset(output),
      length,
      ELEMENTS_PER_UNIT,
      float32Bits(attrs.clipValueMin),
      float32Bits(attrs.clipValueMax),
    ]);
    return output;
  },
};
