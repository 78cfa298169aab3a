// Both ends of a training plan: how a batch comes in, and what is minimised. A classifier's, with all that a regime may add to its
// cross-entropy, or any model's, with targets and weights for each output. Not stages of the model.
import type { OutputLoss } from '../../backend/kernels/output-loss.ts';
import { emptyStage, floatsOf, type PlanContext, type Stage } from '../context.ts';
import type { FusedGraph, Value } from '../fuse.ts';
import type { BatchLoss, TrainingPlanOptions } from '../training-plan.ts';
import { layoutLoss } from './loss.ts';
import { layoutOutputLoss, type OutputPlaces } from './output-losses.ts';
import { layoutSource, type PlannedBatch } from './source.ts';

export interface BatchEnds {
  /** Brings the images of a batch in. */
  readonly stage: Stage;
  /** Tells the kernels which examples come next. */
  take(batch: PlannedBatch): void;
  /** Called once, when the stages of the model are laid out. */
  layoutLoss(): void;
  /** Stages of the losses, for a batch of a size. */
  loss(batch: number): readonly Stage[];
  /** Asks for what a teacher says of the batch that came in. */
  askTeacher(size: number): void;
  /** Of the batch that ran last. */
  readLoss(size: number): BatchLoss;
}

type Ends = Pick<FusedGraph, 'inputs' | 'outputs'>;

/** Lays out both ends of a network. */
export function layoutBatchEnds(context: PlanContext, network: Ends, options: TrainingPlanOptions): BatchEnds {
  return options.losses ? new AnyEnds(context, network, options.losses) : new ClassifierEnds(context, network, options);
}

class ClassifierEnds implements BatchEnds {
  readonly stage: Stage;
  readonly take: BatchEnds['take'];
  readonly #context: PlanContext;
  readonly #options: TrainingPlanOptions;
  readonly #logits: Value;
  readonly #labels: number;
  readonly #losses: number;
  readonly #hits: number;
  /** Byte offsets of the images of a batch, and of what a teacher says of them. */
  readonly #images: number;
  readonly #taught: number;
  #loss: ((batch: number) => Stage) | undefined;

  constructor(context: PlanContext, network: Ends, options: TrainingPlanOptions) {
    const [input, logits] = [network.inputs[0]!, network.outputs[0]!];
    const { memory, capacity } = context;
    const classes = logits.shape[2];
    this.#context = context;
    this.#options = options;
    this.#logits = logits;
    this.#losses = memory.floats(capacity);
    this.#hits = memory.floats(capacity);
    this.#labels = memory.floats(capacity * classes);
    this.#images = context.buffersOf(input).value;
    this.#taught = options.teacher ? memory.floats(capacity * classes) : 0;
    const { source, isMixed = false } = options;
    const batchInput = layoutSource(context, { input, labels: this.#labels, classes, source, isMixed });
    this.stage = batchInput.stage;
    this.take = batchInput.take;
  }

  layoutLoss(): void {
    const places = {
      logits: this.#logits,
      labels: this.#labels,
      losses: this.#losses,
      hits: this.#hits,
      teacher: this.#taught,
    };
    this.#loss = layoutLoss(this.#context, places, this.#options.loss ?? {});
  }

  loss(batch: number): readonly Stage[] {
    return [this.#loss!(batch)];
  }

  askTeacher(size: number): void {
    const probabilities = this.#options.teacher?.(this.#images, size);
    if (!probabilities) return;
    const { buffer, byteOffset, length } = probabilities;
    this.#context.memory.view(this.#taught, length).set(new Int32Array(buffer, byteOffset, length));
  }

  readLoss(size: number): BatchLoss {
    const { memory } = this.#context;
    const losses = floatsAt(memory, this.#losses, size);
    const hits = memory.view(this.#hits, size);
    let lossSum = 0;
    let hitSum = 0;
    for (let i = 0; i < size; i++) {
      lossSum += losses[i]!;
      hitSum += hits[i]!;
    }
    return { lossSum, hits: hitSum };
  }
}

/** Batches are tensors, weights are 1 unless a batch has some. */
class AnyEnds implements BatchEnds {
  readonly stage = emptyStage;
  readonly #context: PlanContext;
  readonly #inputs: readonly Value[];
  readonly #losses: readonly OutputLoss[];
  readonly #places: readonly OutputPlaces[];
  #stages: readonly ((batch: number) => Stage)[] = [];

  constructor(context: PlanContext, { inputs, outputs }: Ends, losses: readonly OutputLoss[]) {
    const { memory, capacity } = context;
    this.#context = context;
    this.#inputs = inputs;
    this.#losses = losses;
    this.#places = outputs.map((output) => ({
      output,
      targets: memory.floats(capacity * floatsOf(output)),
      weights: memory.floats(capacity * rowsOf(output)),
      losses: memory.floats(capacity),
      hits: memory.floats(capacity),
    }));
  }

  take(batch: PlannedBatch): void {
    if (!('inputs' in batch)) throw new TypeError('expected inputs and targets, got a batch of a classifier');
    const { backend } = this.#context.memory;
    const copy = (from: number, to: number, floats: number): void => {
      backend.bytes(to, floats * 4).set(backend.bytes(from, floats * 4));
    };
    const { size } = batch;
    this.#inputs.forEach((input, i) => {
      copy(batch.inputs[i]!, this.#context.buffersOf(input).value, size * floatsOf(input));
    });
    this.#places.forEach(({ output, targets, weights }, i) => {
      copy(batch.targets[i]!, targets, size * floatsOf(output));
      const given = batch.weights?.[i];
      if (given === undefined) floatsAt(this.#context.memory, weights, size * rowsOf(output)).fill(1);
      else copy(given, weights, size * rowsOf(output));
    });
  }

  layoutLoss(): void {
    this.#stages = this.#places.map((places, i) => layoutOutputLoss(this.#context, places, this.#losses[i]!));
  }

  loss(batch: number): readonly Stage[] {
    return this.#stages.map((stage) => stage(batch));
  }

  askTeacher(): void {}

  readLoss(size: number): BatchLoss {
    const sum = (at: number): number => floatsAt(this.#context.memory, at, size).reduce((all, value) => all + value, 0);
    const outputs = this.#places.map(({ losses }) => sum(losses));
    const hits = this.#places.reduce((all, place) => all + sum(place.hits), 0);
    return { lossSum: outputs.reduce((all, loss) => all + loss, 0), hits: hits / outputs.length, outputs };
  }
}

const rowsOf = ({ shape: [height, width] }: Value): number => height * width;

function floatsAt(memory: PlanContext['memory'], byteOffset: number, length: number): Float32Array {
  return new Float32Array(memory.view(byteOffset, length).buffer, byteOffset, length);
}
