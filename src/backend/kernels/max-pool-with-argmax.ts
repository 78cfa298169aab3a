// Binding of MaxPoolWithArgmax: float32, NHWC. The stock kernel begins its maxima at the least positive number.
// Other types run the cpu backend's code (register.ts).

import { SelvedgeError } from '../../core/errors.ts';
import type { TensorInfo } from '../tfjs.ts';
import { type MaxPoolAttributes, poolInfo, windowWords } from './max-pool.ts';
import type { Kernel, KernelCall } from './register.ts';

type Attributes = Omit<MaxPoolAttributes, 'dimRoundingMode'> & { readonly includeBatchInIndex: boolean };

export const maxPoolWithArgmaxKernel: Kernel = {
  kernelName: 'MaxPoolWithArgmax',
  kernelFunc: ({ inputs: { x }, attrs, backend }: KernelCall<{ x: TensorInfo }, Attributes>) => {
    // tfjs looks at the shape of no input of this operation.
    if (x.shape.length !== 4) {
      throw new SelvedgeError(
        'backend/shape',
        `Cannot pool a tensor of shape [${x.shape.join(', ')}]: expected [batch, height, width, channels]`,
      );
    }
    const info = poolInfo(x.shape, attrs);
    const pooled = backend.output(info.outShape, 'float32');
    const places = backend.output(info.outShape, 'int32');
    const imageStep = attrs.includeBatchInIndex ? info.inHeight * info.inWidth * info.inChannels : 0;
    // `ArgmaxArgs` in assembly/max-pool-with-argmax.ts.
    const offsets = [backend.offset(x), backend.offset(pooled), backend.offset(places)];
    const words = [...offsets, ...windowWords(info), 0, 0, imageStep];
    const units = info.outWidth * info.inChannels === 0 ? 0 : info.batchSize * info.outHeight;
    backend.pool.run('maxPoolWithArgmax', units, words);
    return [pooled, places];
  },
};
