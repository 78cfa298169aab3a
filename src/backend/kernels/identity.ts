// Identity and ExpandDims count a reference, as on the cpu backend; the stock kernel copies, so that every tensor that a gradient saves
// costs a copy and counts as a leak. Whoever writes to a tensor in place must see that nobody shares it (`refCount`).

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import * as tf from '../tfjs.ts';
import type { Kernel, KernelCall } from './register.ts';

/** A second reference to the data of a tensor. */
export function shareData(x: tf.TensorInfo, backend: SelvedgeBackend): tf.TensorInfo {
  // Looked up first: data that lives on another backend moves here, which resets its count.
  backend.dataIdMap.get(x.dataId);
  backend.incRef(x.dataId);
  return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
}

export const identityKernel: Kernel = {
  kernelName: 'Identity',
  kernelFunc: ({ inputs, backend }: KernelCall<{ x: tf.TensorInfo }>) => shareData(inputs.x, backend),
};

type ExpandCall = KernelCall<{ input: tf.TensorInfo }, { dim: number }>;

export const expandDimsKernel: Kernel = {
  kernelName: 'ExpandDims',
  kernelFunc({ inputs: { input }, attrs: { dim }, backend }: ExpandCall) {
    const { shape } = input;
    tf.util.assert(-(shape.length + 1) <= dim, () => {
      return `Axis must be in the interval [${-(shape.length + 1)}, ${shape.length}]`;
    });
    const at = dim < 0 ? dim + shape.length + 1 : dim;
    return { ...shareData(input, backend), shape: [...shape.slice(0, at), 1, ...shape.slice(at)] };
  },
};
