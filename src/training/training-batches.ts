// The batches that a training sees: examples as an epoch changes them, mixed as an update says; as tensors, or as a plan takes them.
// Not here: in which order examples come. Invariant: both ways have the same images and labels, to the bit.
import { currentBackend } from '../backend/index.ts';
import * as tf from '../backend/tfjs.ts';
import { type Batch, type BatchShape, drawMix, type Examples, type Mix, mixBatch, takeBatch } from '../data/index.ts';
import type { PlannedBatch } from '../plan/index.ts';
import type { FitSettings } from './fit-options.ts';

/** Which examples, and what happens to them. */
export interface BatchRequest {
  readonly positions: Int32Array;
  readonly epoch: number;
  /** Number of the update that they are mixed for; undefined: they are not, whatever the settings say. */
  readonly update?: number;
}

export interface TrainingBatches {
  /** The caller disposes both tensors. */
  tensors(request: BatchRequest): Batch;
  /** Lends a batch to a plan. */
  withPlanned<T>(request: BatchRequest, use: (batch: PlannedBatch) => T): T;
}

/** Batches of the examples of a training. */
export function createTrainingBatches(
  { training, settings }: { readonly training: Examples; readonly settings: FitSettings },
  shape: BatchShape,
): TrainingBatches {
  const { source } = training;
  const { seed, mixing } = settings;

  const mixOf = ({ positions, update }: BatchRequest, height: number, width: number): Mix | undefined => {
    if (!mixing || update === undefined) return undefined;
    return drawMix(mixing, { seed, update, size: positions.length, height, width });
  };

  const tensors = (request: BatchRequest): Batch => {
    const plain = takeBatch(training, request.positions, shape, request.epoch);
    const [, height = 1, width = 1, channels] = plain.x.shape;
    const mix = channels === undefined ? mixOf(request, 1, 1) : mixOf(request, height, width);
    if (!mix) return plain;
    const mixed = mixBatch(plain, mix);
    tf.dispose([plain.x, plain.y]);
    return mixed;
  };

  return {
    tensors,
    withPlanned(request, use) {
      const { positions, epoch } = request;
      if (source) {
        const mix = mixOf(request, source.bytes.height, source.bytes.width);
        return use({ indices: source.indicesOf(positions), ids: source.augmentation?.idsOf(positions), epoch, mix });
      }
      const { x, y } = tensors(request);
      try {
        const backend = currentBackend();
        return use({ x: backend.offset(x), y: backend.offset(y), size: positions.length });
      } finally {
        tf.dispose([x, y]);
      }
    },
  };
}
