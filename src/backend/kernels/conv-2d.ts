// Conv2D: the tfjs kernel and the function beneath it, which adds a bias and clamps in the same pass.
// Reads the filter anew at each call: weights may be written in place.
import type * as tf from '@tensorflow/tfjs';
import type { SelvedgeBackend } from '../selvedge-backend.ts';
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
import { alignToCacheLine, clamp, evenShare, grainFor, packedSize, packPanels, planRows, sizeOf } from './gemm.ts';
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
  const output = backend.output(outputShapeOf(info), 'float32');
  const columns = info.outChannels;
  const { panelBytes, matrixBytes } = packedSize(depth, columns);
  const walk = tapWalk(info);
  const packedBytes = alignToCacheLine(matrixBytes);
  backend.withMemory(64 + packedBytes + walk.paddedBytes, (block) => {
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
    backend.pool.run(
      plan.kernel,
      plan.units,
      [
        input,
        panels,
        backend.offset(output),
        panelBytes,
        plan.panelCount,
        plan.panelsPerUnit,
        plan.rows,
        plan.rowsPerUnit,
        info.outHeight,
        info.outWidth,
        columns,
        walk.imageBytes,
        walk.strideRowBytes,
        walk.strideColumnBytes,
        walk.runsY,
        walk.runsX,
        walk.run,
        walk.runXBytes - walk.run * 4,
        walk.runYBytes - walk.runsX * walk.runXBytes,
        ...clampBits(options.activation ?? 'linear'),
      ],
      { scratchBytes: (plan.rowsPerUnit + 3) * 8, ...grainFor(2 * depth * sizeOf(output.shape), plan.units) },
    );
  });
  return output;
}

interface Conv2DPlan {
  readonly kernel: 'conv2d' | 'conv2dSingleChannel';
  readonly rows: number;
  readonly rowsPerUnit: number;
  readonly panelCount: number;
  readonly panelsPerUnit: number;
  readonly units: number;
}

/** Which of the two kernels computes it, and its rows: output pixels, or pairs of output lines. */
function planConv2d(info: Conv2DInfo, walk: TapWalk, depth: number): Conv2DPlan {
  const { batchSize, outHeight, outWidth, outChannels } = info;
  const pixels = { rows: batchSize * outHeight * outWidth, depth, columns: outChannels };
  const plan = planRows(pixels);
  const tilesOfFour =
    info.inChannels === 1 && info.strideWidth === 1 && walk.runsX === 1 && outHeight >= 2 && outWidth >= 2;
  if (!tilesOfFour) return { kernel: 'conv2d', rows: pixels.rows, ...plan };
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
