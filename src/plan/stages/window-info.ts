// Sizes of a sliding window over the used part of a value, in the form in which the kernels' bindings take them. Not a stage.
import type { Conv2DInfo } from '../../backend/kernels/conv-2d-geometry.ts';
import { type Group, paddingBefore } from '../fuse.ts';

/** What convolutions and poolings have in common. */
export interface WindowSettings {
  readonly size: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations?: readonly [number, number];
  readonly padding: 'valid' | 'same';
}

/** Sizes of a head's sums over its input, both as far as they are used. */
export function windowInfo(group: Group, window: WindowSettings, batchSize: number): Conv2DInfo {
  const input = group.inputs[0]!;
  const [inHeight, inWidth] = input.used;
  const inChannels = input.shape[2];
  const [outHeight, outWidth] = group.sumsUsed;
  const outChannels = group.sumsShape[2];
  const [filterHeight, filterWidth] = window.size;
  const [strideHeight, strideWidth] = window.strides;
  const [dilationHeight, dilationWidth] = window.dilations ?? [1, 1];
  const [top, left] = paddingBefore(window, input.shape);
  return {
    batchSize,
    inHeight,
    inWidth,
    inChannels,
    outHeight,
    outWidth,
    outChannels,
    dataFormat: 'channelsLast',
    strideHeight,
    strideWidth,
    dilationHeight,
    dilationWidth,
    filterHeight,
    filterWidth,
    effectiveFilterHeight: (filterHeight - 1) * dilationHeight + 1,
    effectiveFilterWidth: (filterWidth - 1) * dilationWidth + 1,
    // Kernels follow from the sizes how far the last windows reach over the end.
    padInfo: { top, left, bottom: 0, right: 0, type: 'EXPLICIT' },
    inShape: [batchSize, inHeight, inWidth, inChannels],
    outShape: [batchSize, outHeight, outWidth, outChannels],
    filterShape: [filterHeight, filterWidth, inChannels, outChannels],
  };
}
