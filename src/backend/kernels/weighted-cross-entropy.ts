// Cross-entropy of logits with what a regime may add: weights of classes, focal loss, adjusted logits, a teacher. Where nothing is added, the kernel
// is the plain one, whose bits do not depend on this file. Not here: which of it makes sense (training/loss.ts).
import { float32Bits } from '../float-bits.ts';
import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type { TensorInfo } from '../tfjs.ts';
import { type SoftmaxCrossEntropy, softmaxCrossEntropy } from './softmax-cross-entropy.ts';

/** What is minimised. */
export interface LossOptions {
  /** Share of each label that is spread evenly over all classes, from 0 up to, not including, 1. */
  readonly labelSmoothing?: number;
  /** A factor a class, of its label's part of the loss. */
  readonly classWeights?: readonly number[];
  /** Exponent of 1 - p, by which each label's part of the loss is multiplied; 0: none. */
  readonly focalGamma?: number;
  /** Added to the logits in the labels' part of the loss, a number a class; not to those that hits are told from, nor for a teacher. */
  readonly adjustment?: readonly number[];
  readonly distillation?: Distillation;
}

/** How much a teacher says. */
export interface Distillation {
  /** By which the logits of both are divided. */
  readonly temperature: number;
  /** Of the teacher's part in the loss, from 0 to 1; labels have the rest. */
  readonly share: number;
}

/** Byte offsets. */
interface LossOffsets {
  readonly logits: number;
  readonly labels: number;
  readonly losses: number;
  readonly gradient: number;
  readonly hits: number;
  /** float32 `[classes]`, or 0. */
  readonly classWeights: number;
  /** float32 `[classes]`, or 0. */
  readonly adjustment: number;
  /** Probabilities, float32 `[examples, classes]`, or 0. */
  readonly teacher: number;
}

/** Whether the plain kernel does. */
const isPlain = ({ classWeights, focalGamma = 0, adjustment, distillation }: LossOptions): boolean =>
  !classWeights && focalGamma === 0 && !adjustment && !distillation;

/** A kernel and its argument words, whose unit is an example: `WeightedCrossEntropyArgs`, or the first of them. */
export function lossCall(
  { logits, labels, losses, gradient, hits, classWeights, adjustment, teacher }: LossOffsets,
  { classes, examples }: { readonly classes: number; readonly examples: number },
  options: LossOptions,
): { readonly kernel: 'softmaxCrossEntropy' | 'weightedCrossEntropy'; readonly words: number[] } {
  const { labelSmoothing = 0, focalGamma = 0, distillation } = options;
  const scale = float32Bits(1 / examples);
  const words = [logits, labels, losses, gradient, hits, classes, scale, float32Bits(labelSmoothing)];
  if (isPlain(options)) return { kernel: 'softmaxCrossEntropy', words };
  const { temperature, share } = distillation ?? { temperature: 1, share: 0 };
  const more = [
    classWeights,
    float32Bits(focalGamma),
    teacher,
    float32Bits(temperature),
    float32Bits(share),
    adjustment,
  ];
  return { kernel: 'weightedCrossEntropy', words: [...words, ...more] };
}

/**
 * Computes losses, hits and the gradient of the mean loss.
 *
 * @param logits float32 [examples, classes]
 * @param labels float32 [examples, classes]: one-hot, or any weights
 * @param teacher float32 [examples, classes]: probabilities, where there is a distillation
 */
export function weightedCrossEntropy(
  backend: SelvedgeBackend,
  logits: TensorInfo,
  labels: TensorInfo,
  options: LossOptions,
  teacher?: TensorInfo,
): SoftmaxCrossEntropy {
  const { labelSmoothing, classWeights, adjustment } = options;
  if (isPlain(options)) return softmaxCrossEntropy(backend, logits, labels, labelSmoothing);
  const [examples, classes] = logits.shape as [number, number];
  const losses = backend.output([examples], 'float32');
  const gradient = backend.output([examples, classes], 'float32');
  const hits = backend.output([examples], 'int32');
  const rows = Float32Array.of(...(classWeights ?? []), ...(adjustment ?? []));
  backend.withMemory(Math.max(rows.byteLength, 4), (rowsAt) => {
    backend.bytes(rowsAt, rows.byteLength).set(new Uint8Array(rows.buffer));
    const offsets = {
      logits: backend.offset(logits),
      labels: backend.offset(labels),
      losses: backend.offset(losses),
      gradient: backend.offset(gradient),
      hits: backend.offset(hits),
      classWeights: classWeights ? rowsAt : 0,
      adjustment: adjustment ? rowsAt + 4 * (classWeights?.length ?? 0) : 0,
      teacher: teacher ? backend.offset(teacher) : 0,
    };
    const { kernel, words } = lossCall(offsets, { classes, examples }, options);
    backend.pool.run(kernel, examples, words, { grain: 32 });
  });
  return { losses, gradient, hits };
}
