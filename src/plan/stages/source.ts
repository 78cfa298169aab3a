// Where the images of a batch come from: gathered from a resident data set by each partition, normalised, augmented and mixed there, or
// copied from tensors. Not a stage of the model. A partition that mixes gathers the partners of its images, too, and augments them:
// twice the work, and no waiting for other partitions.
import { AUGMENT_EPOCH_AT, AUGMENT_SCRATCH_BYTES, augmentWords } from '../../backend/kernels/augment.ts';
import { MIX_VALUES_AT, mixValueWords, mixWords } from '../../backend/kernels/mix-examples.ts';
import { randomStreams } from '../../core/philox.ts';
import type { ExampleSource, Mix } from '../../data/index.ts';
import { emptyStage, type PlanContext, type Stage } from '../context.ts';
import type { Value } from '../fuse.ts';
import type { Call } from '../program.ts';

/** Examples of the source, mixed or as they are. */
export interface PlannedExamples {
  readonly indices: Int32Array;
  /** What their augmentation is drawn by; default: their indices. */
  readonly ids?: Int32Array | undefined;
  readonly epoch: number;
  readonly mix?: Mix | undefined;
}

/** One batch: examples of the source, or byte offsets of images `[size, height, width, channels]` and labels `[size, classes]`. */
export type PlannedBatch =
  | PlannedExamples
  | { readonly x: number; readonly y: number; readonly size: number }
  | PlannedTargets;

/**
 * A batch of a model whose outputs have losses of their own: byte offsets of float32 inputs and targets, one each, and of weights
 * `[size, rows]`, a weight for each pixel or example, where they are not all 1.
 */
export interface PlannedTargets {
  readonly inputs: readonly number[];
  readonly targets: readonly number[];
  readonly weights?: readonly (number | undefined)[];
  readonly size: number;
}

export interface BatchInput {
  readonly stage: Stage;
  /** Tells the kernels which images come next. */
  take(batch: PlannedBatch): void;
}

export const sizeOfBatch = (batch: PlannedBatch): number => ('indices' in batch ? batch.indices.length : batch.size);

export interface SourceOptions {
  readonly input: Value;
  /** Byte offset of f32 `[capacity, classes]`. */
  readonly labels: number;
  readonly classes: number;
  /** Without it, batches are tensors. */
  readonly source: ExampleSource | undefined;
  /** Whether batches of the source may be mixed. */
  readonly isMixed: boolean;
}

/** Lays out the way of a batch into a plan. */
export function layoutSource(context: PlanContext, options: SourceOptions): BatchInput {
  const { source } = options;
  return source ? fromExamples(context, { ...options, source }) : fromTensors(context, options);
}

/** Where images of a source go. */
interface Destination {
  /** Byte offset of f32 `[capacity, height, width, channels]`. */
  readonly images: number;
  readonly labels: number;
}

/** Gathers images and augments them. */
function layoutGathering(context: PlanContext, { bytes, augmentation }: ExampleSource, to: Destination) {
  const { memory, capacity } = context;
  const { height, width, channels, classes, images, labels: labelBytes } = bytes;
  const indices = memory.reserve(capacity * 4);
  const imageFloats = height * width * channels;
  const ids = augmentation ? memory.reserve(capacity * 4) : indices;
  const plain = augmentation ? memory.floats(capacity * imageFloats) : to.images;
  const gather = context.args([images, labelBytes, indices, plain, to.labels, imageFloats, classes]);
  const augment =
    augmentation &&
    context.args(
      augmentWords(
        { input: plain, output: to.images, ids },
        [height, width, channels],
        { seed: augmentation.seed, stream: randomStreams.augmentation, epoch: 0 },
        augmentation.values,
      ),
    );
  return {
    calls: (start: number, end: number): Call[] => [
      { kernel: 'gatherBatch', args: gather, start, end },
      ...(augment ? [{ kernel: 'augment', args: augment, start, end }] : []),
    ],
    take(batch: PlannedExamples): void {
      memory.view(indices, batch.indices.length).set(batch.indices);
      if (!augment) return;
      memory.view(ids, batch.indices.length).set(batch.ids ?? batch.indices);
      memory.setWord(augment, AUGMENT_EPOCH_AT, batch.epoch);
    },
  };
}

/** Gathers the partners of images that `own` holds, and mixes them in. */
function layoutMixing(context: PlanContext, source: ExampleSource, own: Destination) {
  const { memory, capacity } = context;
  const { height, width, channels, classes } = source.bytes;
  const partner = {
    images: memory.floats(capacity * height * width * channels),
    labels: memory.floats(capacity * classes),
  };
  const gathering = layoutGathering(context, source, partner);
  const offsets = {
    images: own.images,
    partnerImages: partner.images,
    mixedImages: own.images,
    labels: own.labels,
    partnerLabels: partner.labels,
    mixedLabels: own.labels,
    partners: 0,
  };
  const args = context.args(mixWords(offsets, [height, width, channels], classes, undefined));
  return {
    calls: (start: number, end: number): Call[] => [
      ...gathering.calls(start, end),
      { kernel: 'mixExamples', args, start, end },
    ],
    take(batch: PlannedExamples): void {
      const { indices, ids = indices, epoch, mix } = batch;
      const partnersOf = (values: Int32Array): Int32Array => mix!.partners.map((row) => values[row]!);
      gathering.take(mix ? { indices: partnersOf(indices), ids: partnersOf(ids), epoch } : batch);
      const words = mixValueWords(mix);
      memory.view(args + MIX_VALUES_AT * 4, words.length).set(words);
    },
  };
}

function fromExamples(
  context: PlanContext,
  { input, labels, source, isMixed }: SourceOptions & { readonly source: ExampleSource },
): BatchInput {
  const destination = { images: context.buffersOf(input).value, labels };
  const gathering = layoutGathering(context, source, destination);
  const mixing = isMixed ? layoutMixing(context, source, destination) : undefined;
  return {
    stage: {
      ...emptyStage,
      forward: [
        {
          kind: 'partitions',
          calls: ({ first, last }) => [...gathering.calls(first, last), ...(mixing?.calls(first, last) ?? [])],
        },
      ],
      scratchBytes: source.augmentation ? AUGMENT_SCRATCH_BYTES : 0,
    },
    take(batch) {
      if (!('indices' in batch)) throw new TypeError('expected examples of the source, got tensors');
      gathering.take(batch);
      mixing?.take(batch);
    },
  };
}

function fromTensors(context: PlanContext, { input, labels, classes }: SourceOptions): BatchInput {
  const [height, width, channels] = input.shape;
  const value = context.buffersOf(input).value;
  const { backend } = context.memory;
  const copy = (from: number, to: number, bytes: number): void => {
    backend.bytes(to, bytes).set(backend.bytes(from, bytes));
  };
  return {
    stage: emptyStage,
    take(batch) {
      if (!('x' in batch)) throw new TypeError('expected images and labels as tensors');
      copy(batch.x, value, batch.size * height * width * channels * 4);
      copy(batch.y, labels, batch.size * classes * 4);
    },
  };
}
