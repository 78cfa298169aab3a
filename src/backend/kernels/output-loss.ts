// Losses of any output against targets of its shape, a weight a row. See assembly/output-loss.ts for their definitions. Not here:
// cross-entropy of classifiers with what a regime may add (weighted-cross-entropy.ts), which of it makes sense (training/output-losses.ts).
import { float32Bits } from '../float-bits.ts';
import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type { TensorInfo } from '../tfjs.ts';
import { sizeOf } from './gemm.ts';

/** Codes that the kernel knows losses by. */
const lossCodes = { softmaxCrossEntropy: 0, sigmoidCrossEntropy: 1, meanSquaredError: 2, huber: 3 } as const;

export type OutputLossName = keyof typeof lossCodes;

/** Names of the losses of outputs. */
export const outputLossNames = Object.keys(lossCodes) as readonly OutputLossName[];

/** What is minimised of one output. */
export interface OutputLoss {
  /**
   * `softmaxCrossEntropy`: of the last axis, an example or a pixel at a time. `sigmoidCrossEntropy`, `meanSquaredError`, `huber`: means
   * over the last axis. The cross-entropies are of logits: where an output ends in the softmax or the sigmoid, of what comes before.
   */
  readonly name: OutputLossName;
  /** Of this output in the sum of all. Default: 1. */
  readonly share?: number;
  /** Error at which a Huber loss goes on linearly. Default: 1. */
  readonly delta?: number;
}

/** Byte offsets; see `OutputLossArgs`. */
export interface OutputLossOffsets {
  readonly outputs: number;
  readonly targets: number;
  /** Or 0. */
  readonly weights: number;
  readonly losses: number;
  readonly gradient: number;
  readonly hits: number;
}

/** Argument words of the kernel `outputLoss`, whose unit is an example. */
export function outputLossWords(
  { outputs, targets, weights, losses, gradient, hits }: OutputLossOffsets,
  { examples, rows, channels }: { readonly examples: number; readonly rows: number; readonly channels: number },
  { name, share = 1, delta = 1 }: OutputLoss,
): number[] {
  const places = [outputs, targets, weights, losses, gradient, hits];
  const factors = [share, share / examples, delta].map(float32Bits);
  return [...places, rows, channels, lossCodes[name], ...factors];
}

/**
 * Computes losses, hits and the gradient of the mean loss.
 *
 * @param outputs float32 `[examples, …, channels]`
 * @param targets float32 of the same shape
 * @param weights float32 `[examples, …]`, a weight for each row of channels; default: all are 1
 */
export function outputLoss(
  backend: SelvedgeBackend,
  outputs: TensorInfo,
  targets: TensorInfo,
  loss: OutputLoss,
  weights?: TensorInfo,
): { losses: TensorInfo; hits: TensorInfo; gradient: TensorInfo } {
  const examples = outputs.shape[0]!;
  const channels = outputs.shape.at(-1)!;
  const losses = backend.output([examples], 'float32');
  const hits = backend.output([examples], 'float32');
  const gradient = backend.output(outputs.shape, 'float32');
  const offsets = {
    outputs: backend.offset(outputs),
    targets: backend.offset(targets),
    weights: weights ? backend.offset(weights) : 0,
    losses: backend.offset(losses),
    gradient: backend.offset(gradient),
    hits: backend.offset(hits),
  };
  const sizes = { examples, rows: sizeOf(outputs.shape) / examples / channels, channels };
  backend.pool.run('outputLoss', examples, outputLossWords(offsets, sizes, loss), { grain: 1 });
  return { losses, hits, gradient };
}
