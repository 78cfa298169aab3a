// Batch normalisation over the last axis in training and its gradient. Not a tfjs kernel (FusedBatchNorm normalises by statistics
// it is given): the trainer's layers call it. Invariant: chunks follow from the shape alone, so the bits do not depend on threads.

import { float32Bits } from '../float-bits.ts';
import type { SelvedgeBackend, TensorReference } from '../selvedge-backend.ts';
import type * as tf from '../tfjs.ts';
import { sizeOf, zeros } from './gemm.ts';
import { activationWords, type OutputActivation } from './output-activation.ts';

/** Floats that one chunk of moments reads: 128 KB. */
const FLOATS_PER_CHUNK = 32_768;
/** Floats that one unit of the elementwise kernels writes: 32 KB. */
const FLOATS_PER_UNIT = 8192;
/** Private memory of a thread that sums moments. */
const SCRATCH_BYTES = 256;
/** Rows of `statistics`: mean, variance, 1/sqrt(variance + epsilon), scale, shift. */
const STATISTICS = 5;
const SCALE_ROW = 3;
const SHIFT_ROW = 4;

const LINEAR: OutputActivation = { name: 'linear' };

/** Averages of a layer, [channels] each, updated in place. */
export interface MovingAverages {
  readonly mean: TensorReference;
  readonly variance: TensorReference;
  /** Share of the old value that stays: .99 in Keras. */
  readonly momentum: number;
}

export interface BatchNorm {
  /** `[…, channels]`, float32 */
  readonly x: tf.TensorInfo;
  /** `[channels]`; none: 1. */
  readonly gamma?: TensorReference | undefined;
  /** `[channels]`; none: 0. */
  readonly beta?: TensorReference | undefined;
  readonly moving?: MovingAverages | undefined;
  readonly epsilon: number;
  /** Applied to the result. Default: linear. */
  readonly activation?: OutputActivation;
}

const partition = ({
  shape,
}: tf.TensorInfo): { rows: number; channels: number; rowsPerChunk: number; chunks: number } => {
  const channels = shape.at(-1)!;
  const rows = sizeOf(shape.slice(0, -1));
  const rowsPerChunk = Math.max(1, Math.floor(FLOATS_PER_CHUNK / channels));
  return { rows, channels, rowsPerChunk, chunks: Math.ceil(rows / rowsPerChunk) };
};

/**
 * Normalises by mean and biased variance of the batch, as `tf.layers.batchNormalization` does in training.
 *
 * @returns `y`, shaped as x, and `statistics` `[5, channels]`, which the gradient needs: mean, variance,
 *   1/sqrt(variance + epsilon), scale, shift. The caller owns both. An empty batch has statistics of zeros and moves no average
 */
export function batchNorm(
  backend: SelvedgeBackend,
  { x, gamma, beta, moving, epsilon, activation = LINEAR }: BatchNorm,
): { y: tf.TensorInfo; statistics: tf.TensorInfo } {
  const { rows, channels, rowsPerChunk, chunks } = partition(x);
  const y = backend.output(x.shape, 'float32');
  if (sizeOf(x.shape) === 0) return { y, statistics: zeros(backend, [STATISTICS, channels], 'float32') };
  const statistics = backend.output([STATISTICS, channels], 'float32');
  const offset = (tensor: TensorReference | undefined): number => (tensor ? backend.offset(tensor) : 0);
  backend.withMemory(chunks * 2 * channels * 4, (partials) => {
    const scratchBytes = SCRATCH_BYTES;
    backend.pool.run('batchNormMoments', chunks, [backend.offset(x), partials, rows, channels, rowsPerChunk], {
      scratchBytes,
    });
    backend.pool.run(
      'batchNormCombine',
      channels,
      [
        partials,
        backend.offset(statistics),
        offset(gamma),
        offset(beta),
        offset(moving?.mean),
        offset(moving?.variance),
        rows,
        channels,
        rowsPerChunk,
        float32Bits(epsilon),
        float32Bits(1 - (moving?.momentum ?? 1)),
      ],
      { grain: channels },
    );
  });
  const rowOf = (row: number): number => backend.offset(statistics) + row * channels * 4;
  const rowsPerUnit = Math.max(1, Math.floor(FLOATS_PER_UNIT / channels));
  backend.pool.run('batchNormApply', Math.ceil(rows / rowsPerUnit), [
    backend.offset(x),
    backend.offset(y),
    rowOf(SCALE_ROW),
    rowOf(SHIFT_ROW),
    rows,
    channels,
    rowsPerUnit,
    ...activationWords(activation),
  ]);
  return { y, statistics };
}

export interface BatchNormGrad {
  /** `[…, channels]` */
  readonly dy: tf.TensorInfo;
  readonly x: tf.TensorInfo;
  /** As `batchNorm` returned them. */
  readonly statistics: tf.TensorInfo;
  /** The activation that `batchNorm` applied, and its result, which of a relu may be left out: it follows from x. */
  readonly activated?: { readonly y?: tf.TensorInfo; readonly activation: OutputActivation };
}

/**
 * Gradients of `batchNorm`, through the statistics too.
 *
 * @returns `dx`, shaped as x; `dGamma` and `dBeta`, `[channels]`. The caller owns all
 */
export function batchNormGrad(
  backend: SelvedgeBackend,
  { dy, x, statistics, activated }: BatchNormGrad,
): { dx: tf.TensorInfo; dGamma: tf.TensorInfo; dBeta: tf.TensorInfo } {
  const { rows, channels, rowsPerChunk, chunks } = partition(x);
  const dx = backend.output(x.shape, 'float32');
  if (sizeOf(x.shape) === 0) {
    return { dx, dGamma: zeros(backend, [channels], 'float32'), dBeta: zeros(backend, [channels], 'float32') };
  }
  const dGamma = backend.output([channels], 'float32');
  const dBeta = backend.output([channels], 'float32');
  const words = activationWords(activated?.activation ?? LINEAR);
  const partialBytes = chunks * 2 * channels * 4;
  backend.withMemory(partialBytes + 2 * channels * 4, (partials) => {
    const coefficients = partials + partialBytes;
    const y = activated?.y ? backend.offset(activated.y) : 0;
    const inputs = [backend.offset(dy), y, backend.offset(x)];
    const statisticsAt = backend.offset(statistics);
    backend.pool.run(
      'batchNormGradMoments',
      chunks,
      [...inputs, statisticsAt, partials, rows, channels, rowsPerChunk, ...words],
      { scratchBytes: SCRATCH_BYTES },
    );
    const sums = [backend.offset(dGamma), backend.offset(dBeta)];
    backend.pool.run(
      'batchNormGradCombine',
      channels,
      [partials, statisticsAt, coefficients, ...sums, rows, channels, rowsPerChunk],
      { grain: channels },
    );
    const rowsPerUnit = Math.max(1, Math.floor(FLOATS_PER_UNIT / channels));
    const scale = statisticsAt + SCALE_ROW * channels * 4;
    backend.pool.run('batchNormGrad', Math.ceil(rows / rowsPerUnit), [
      ...inputs,
      backend.offset(dx),
      scale,
      coefficients,
      rows,
      channels,
      rowsPerUnit,
      ...words,
    ]);
  });
  return { dx, dGamma, dBeta };
}
