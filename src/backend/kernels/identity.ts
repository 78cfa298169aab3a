// Identity counts a reference, as on the cpu backend; the stock kernel copies, so that every tensor that a gradient saves
// costs a copy and counts as a leak. Whoever writes to a tensor in place must see that nobody shares it (`refCount`).

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type { TensorInfo } from '../tfjs.ts';
import type { Kernel, KernelCall } from './register.ts';

/** A second reference to the data of a tensor. */
export function shareData(x: TensorInfo, backend: SelvedgeBackend): TensorInfo {
  // Looked up first: data that lives on another backend moves here, which resets its count.
  backend.dataIdMap.get(x.dataId);
  backend.incRef(x.dataId);
  return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
}

export const identityKernel: Kernel = {
  kernelName: 'Identity',
  kernelFunc: ({ inputs, backend }: KernelCall<{ x: TensorInfo }>) => shareData(inputs.x, backend),
};
