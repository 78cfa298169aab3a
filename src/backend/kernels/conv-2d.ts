// Conv2D: the tfjs kernel and the function beneath it, which adds a bias and clamps in the same pass.
// Reads the filter anew at each call: weights may be written in place.

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type * as tf from '../tfjs.ts';
import { type ClampActivation, clampBits, emptyProduct } from './activation.ts';
import {
  type Conv2DAttributes,
  type Conv2DInfo,
  conv2dInfo,
  outputShapeOf,
  padInput,
  requireFloat32,
  type TapWalk,
  tapWalk,
  withChannelsLast,
} from './conv-2d-geometry.ts';
import {
  alignToCacheLine,
  clamp,
  evenShare,
  grainFor,
  PANEL_COLUMNS,
  packedSize,
  packPanels,
  pairTableBytes,
  planRows,
  sizeOf,
} from './gemm.ts';
import type { KernelCall } from './register.ts';
import { tileSizeOn, winogradConv2d } from './winograd.ts';

/** A convolution with channels last. */
export interface Conv2DForward {
  /** `[batch, inHeight, inWidth, inChannels]` */
  readonly x: tf.TensorInfo;
  /** `[filterHeight, filterWidth, inChannels, outChannels]` */
  readonly filter: tf.TensorInfo;
  /** `[outChannels]`, or one number. */
  readonly bias?: tf.TensorInfo | undefined;
  /** Default: linear. */
  readonly activation?: ClampActivation;
  /** Sizes, as `tf.backend_util.computeConv2DInfo` gives them; its data format is not looked at. */
  readonly convInfo: Conv2DInfo;
}

/**
 * Convolves, adds a bias and clamps.
 *
 * @returns `[batch, outHeight, outWidth, outChannels]`; the caller owns it
 */
export function conv2dForward(backend: SelvedgeBackend, options: Conv2DForward): tf.TensorInfo {
  const { convInfo: info } = options;
  const shape = outputShapeOf(info);
  if (info.filterHeight * info.filterWidth * info.inChannels === 0) return emptyProduct(backend, shape, options);
  if (sizeOf(shape) === 0) return backend.output(shape, 'float32');
  const m = tileSizeOn(backend, info);
  return m === 0 ? directConv2d(backend, options) : winogradConv2d(backend, { ...options, info, m });
}

/** The same for any filter, stride and dilation, tap by tap; nothing may be empty. */
export function directConv2d(backend: SelvedgeBackend, options: Conv2DForward): tf.TensorInfo {
  const { x, filter, bias, convInfo: info } = options;
  const depth = info.filterHeight * info.filterWidth * info.inChannels;
  const columns = info.outChannels;
  const { matrixBytes } = packedSize(depth, columns);
  const walk = tapWalk(info);
  const packedBytes = alignToCacheLine(matrixBytes);
  const blockBytes = 64 + packedBytes + walk.paddedBytes;
  const fill = (output: tf.TensorInfo, block: number): void => {
    const panels = alignToCacheLine(block);
    packPanels(backend, {
      source: backend.offset(filter),
      panels,
      matrices: 1,
      depth,
      columns,
      rowStep: columns * 4,
      columnStep: 4,
      matrixStep: 0,
      bias,
    });
    const input = padInput(backend, { x, info, walk, padded: panels + packedBytes });
    const plan = planConv2d(info, walk, depth);
    const at = { x: input, panels, out: backend.offset(output), activation: options.activation };
    backend.pool.run(plan.kernel, plan.units, conv2dWords(info, walk, plan, at), {
      scratchBytes: pairTableBytes(plan.rowsPerUnit),
      ...grainFor(2 * depth * sizeOf(output.shape), plan.units),
    });
  };
  return backend.filled(outputShapeOf(info), (output) =>
    backend.withMemory(blockBytes, (block) => fill(output, block)),
  );
}

/** How the output is cut: rows are output pixels, or pairs of output lines of `conv2dSingleChannel`. */
export interface Conv2DCut {
  readonly rows: number;
  readonly rowsPerUnit: number;
  readonly panelsPerUnit: number;
}

interface Conv2DPlan extends Conv2DCut {
  readonly kernel: 'conv2d' | 'conv2dSingleChannel';
  readonly units: number;
}

/** `Conv2DArgs` in assembly/conv-2d.ts. */
export function conv2dWords(
  info: Conv2DInfo,
  walk: TapWalk,
  { rows, rowsPerUnit, panelsPerUnit }: Conv2DCut,
  at: { x: number; panels: number; out: number; activation?: ClampActivation | undefined },
): number[] {
  const { outChannels } = info;
  return [
    at.x,
    at.panels,
    at.out,
    packedSize(info.filterHeight * info.filterWidth * info.inChannels, outChannels).panelBytes,
    Math.ceil(outChannels / PANEL_COLUMNS),
    panelsPerUnit,
    rows,
    rowsPerUnit,
    info.outHeight,
    info.outWidth,
    outChannels,
    walk.imageBytes,
    walk.strideRowBytes,
    walk.strideColumnBytes,
    walk.runsY,
    walk.runsX,
    walk.run,
    walk.runXBytes - walk.run * 4,
    walk.runYBytes - walk.runsX * walk.runXBytes,
    ...clampBits(at.activation ?? 'linear'),
  ];
}

/** Whether `conv2dSingleChannel` takes a convolution. */
export const isSingleChannel = (info: Conv2DInfo, walk: TapWalk): boolean =>
  info.inChannels === 1 && info.strideWidth === 1 && walk.runsX === 1 && info.outHeight >= 2 && info.outWidth >= 2;

/** Which of the two kernels computes it, and its rows: output pixels, or pairs of output lines. */
function planConv2d(info: Conv2DInfo, walk: TapWalk, depth: number): Conv2DPlan {
  const { batchSize, outHeight, outWidth, outChannels } = info;
  const pixels = { rows: batchSize * outHeight * outWidth, depth, columns: outChannels };
  const plan = planRows(pixels);
  if (!isSingleChannel(info, walk)) return { kernel: 'conv2d', rows: pixels.rows, ...plan };
  const rows = batchSize * Math.ceil(outHeight / 2);
  const rowsPerUnit = evenShare(rows, clamp(Math.floor(plan.rowsPerUnit / (2 * outWidth)), 1, rows));
  return { ...plan, kernel: 'conv2dSingleChannel', rows, rowsPerUnit, units: Math.ceil(rows / rowsPerUnit) };
}

type Call = KernelCall<{ x: tf.TensorInfo; filter: tf.TensorInfo }, Conv2DAttributes>;

export const conv2DKernel = {
  kernelName: 'Conv2D',
  kernelFunc({ inputs: { x, filter }, attrs, backend }: Call): tf.TensorInfo {
    requireFloat32('Conv2D', { x, filter });
    const convInfo = conv2dInfo(x.shape, filter.shape, attrs);
    return withChannelsLast(backend, {
      info: convInfo,
      inputs: [x],
      run: ([input]) => conv2dForward(backend, { x: input!, filter, convInfo }),
      transposeOutput: true,
    });
  },
};
