// Where the images of a batch come from: gathered from a resident data set by each partition, normalised and augmented there, or
// copied from tensors. Not a stage of the model.
import { AUGMENT_EPOCH_AT, AUGMENT_SCRATCH_BYTES, augmentWords } from '../../backend/kernels/augment.ts';
import { randomStreams } from '../../core/philox.ts';
import type { ExampleSource } from '../../data/index.ts';
import { emptyStage, type PlanContext, type Stage } from '../context.ts';
import type { Value } from '../fuse.ts';
import type { Call } from '../program.ts';

/** One batch: examples of the source, or byte offsets of images `[size, height, width, channels]` and labels `[size, classes]`. */
export type PlannedBatch =
  | { readonly indices: Int32Array; readonly epoch: number }
  | { readonly x: number; readonly y: number; readonly size: number };

export interface BatchInput {
  readonly stage: Stage;
  /** Tells the kernels which images come next. */
  take(batch: PlannedBatch): void;
}

export const sizeOfBatch = (batch: PlannedBatch): number => ('indices' in batch ? batch.indices.length : batch.size);

/**
 * Lays out the way of a batch into a plan.
 *
 * @param options.labels Byte offset of f32 `[capacity, classes]`
 */
export function layoutSource(
  context: PlanContext,
  options: { input: Value; labels: number; classes: number; source: ExampleSource | undefined },
): BatchInput {
  const { input, source, labels } = options;
  return source ? fromExamples(context, { input, labels, source }) : fromTensors(context, options);
}

function fromExamples(
  context: PlanContext,
  options: { input: Value; labels: number; source: ExampleSource },
): BatchInput {
  const { input, labels, source } = options;
  const { memory, capacity } = context;
  const { height, width, channels, classes, images, labels: labelBytes } = source.bytes;
  const value = context.buffersOf(input).value;
  const indices = memory.reserve(capacity * 4);
  const imageBytes = height * width * channels;
  const { augmentation } = source;
  const plain = augmentation ? memory.floats(capacity * imageBytes) : value;
  const gather = context.args([images, labelBytes, indices, plain, labels, imageBytes, classes]);
  const augment =
    augmentation &&
    context.args(
      augmentWords(
        { input: plain, output: value, ids: indices },
        [height, width, channels],
        { seed: augmentation.seed, stream: randomStreams.augmentation, epoch: 0 },
        augmentation.values,
      ),
    );
  const calls = (start: number, end: number): Call[] => [
    { kernel: 'gatherBatch', args: gather, start, end },
    ...(augment ? [{ kernel: 'augment', args: augment, start, end }] : []),
  ];
  return {
    stage: {
      ...emptyStage,
      forward: [{ kind: 'partitions', calls: ({ first, last }) => calls(first, last) }],
      scratchBytes: augment ? AUGMENT_SCRATCH_BYTES : 0,
    },
    take(batch) {
      if (!('indices' in batch)) throw new TypeError('expected examples of the source, got tensors');
      memory.view(indices, batch.indices.length).set(batch.indices);
      if (augment) memory.setWord(augment, AUGMENT_EPOCH_AT, batch.epoch);
    },
  };
}

function fromTensors(context: PlanContext, options: { input: Value; labels: number; classes: number }): BatchInput {
  const { input, labels, classes } = options;
  const [height, width, channels] = input.shape;
  const value = context.buffersOf(input).value;
  const { backend } = context.memory;
  const copy = (from: number, to: number, bytes: number): void => {
    backend.bytes(to, bytes).set(backend.bytes(from, bytes));
  };
  return {
    stage: emptyStage,
    take(batch) {
      if ('indices' in batch) throw new TypeError('expected tensors, got examples of a source');
      copy(batch.x, value, batch.size * height * width * channels * 4);
      copy(batch.y, labels, batch.size * classes * 4);
    },
  };
}
