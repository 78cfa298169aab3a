// Shared by the gradients of convolution and max pooling in three dimensions: the argument words of `VolumeArgs` in assembly/volume.ts.
// Invariant: a kernel gets a gradient of the shape that its window makes, or is not called.

import { SelvedgeError } from '../../core/errors.ts';
import { type backend_util, type TensorInfo, util } from '../tfjs.ts';

export type VolumeInfo = backend_util.Conv3DInfo;

/**
 * Refuses a window that does not fit, and a gradient of another shape than the output's, which would be read beyond its end.
 *
 * @param window What the message says of the window
 * @throws SelvedgeError `backend/shape`
 */
export function requireVolumes(info: VolumeInfo, dy: TensorInfo, window: readonly number[]): VolumeInfo {
  if (Math.min(info.outDepth, info.outHeight, info.outWidth) < 0) {
    throw new SelvedgeError(
      'backend/shape',
      `Cannot slide a window [${window}] over [${info.inShape}]: the window is larger than the padded input`,
    );
  }
  if (util.arraysEqual(dy.shape, info.outShape)) return info;
  throw new SelvedgeError(
    'backend/shape',
    `Cannot take a gradient back through a window [${window}] over [${info.inShape}]: got a gradient [${dy.shape}], expected [${info.outShape}]`,
  );
}

/**
 * `VolumeArgs` in assembly/volume.ts.
 *
 * @param share Channels of a unit of pooling; volumes of a unit of the filter's gradient
 */
export const volumeWords = (
  info: VolumeInfo,
  at: { readonly x: number; readonly dy: number; readonly out: number },
  share: number,
): number[] => [
  at.x,
  at.dy,
  at.out,
  info.batchSize,
  info.inChannels,
  info.inDepth,
  info.inHeight,
  info.inWidth,
  info.outChannels,
  info.outDepth,
  info.outHeight,
  info.outWidth,
  info.strideDepth,
  info.strideHeight,
  info.strideWidth,
  info.filterDepth,
  info.filterHeight,
  info.filterWidth,
  info.padInfo.front,
  info.padInfo.top,
  info.padInfo.left,
  share,
];
