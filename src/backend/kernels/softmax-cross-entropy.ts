// Softmax and categorical cross-entropy of logits in one pass, with the gradient and the hits for accuracy.

import { float32Bits } from '../float-bits.ts';
import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type { TensorInfo } from '../tfjs.ts';

export interface SoftmaxCrossEntropy {
  /** Loss of each example, float32 [examples]. */
  readonly losses: TensorInfo;
  /** Gradient of the mean loss with respect to the logits, float32 [examples, classes]. */
  readonly gradient: TensorInfo;
  /** 1 where the largest logit is at the largest label, int32 [examples]. */
  readonly hits: TensorInfo;
}

/**
 * Computes losses, hits and the gradient of the mean loss.
 *
 * @param logits float32 [examples, classes]
 * @param labels float32 [examples, classes]: one-hot, or any weights
 * @param smoothing Share of each label that is spread evenly over all classes, from 0 up to, not including, 1
 */
export function softmaxCrossEntropy(
  backend: SelvedgeBackend,
  logits: TensorInfo,
  labels: TensorInfo,
  smoothing = 0,
): SoftmaxCrossEntropy {
  const [examples, classes] = logits.shape as [number, number];
  const losses = backend.output([examples], 'float32');
  const gradient = backend.output([examples, classes], 'float32');
  const hits = backend.output([examples], 'int32');
  backend.pool.run(
    'softmaxCrossEntropy',
    examples,
    [
      backend.offset(logits),
      backend.offset(labels),
      backend.offset(losses),
      backend.offset(gradient),
      backend.offset(hits),
      classes,
      float32Bits(1 / examples),
      float32Bits(smoothing),
    ],
    { grain: 32 },
  );
  return { losses, gradient, hits };
}
