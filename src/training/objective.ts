// What a training minimises and how its batches come in: by a plan, and op by op. Not the loop (fit.ts).
// Invariant: both roads see the same batches, to the bit.
import { currentBackend } from '../backend/index.ts';
import type { VariableUpdate } from '../backend/kernels/optimizer-update.ts';
import type { LossOptions } from '../backend/kernels/weighted-cross-entropy.ts';
import * as tf from '../backend/tfjs.ts';
import type { Examples } from '../data/batches.ts';
import { type BatchShape, batchShapeOf, checkSource } from '../data/take-batch.ts';
import {
  type BatchLoss,
  compileTraining,
  type PlannedBatch,
  type TrainingPlan,
  type Unsupported,
} from '../plan/index.ts';
import type { FitOptions } from './fit-options.ts';
import { createForward, type Forward } from './forward.ts';
import { lossOf } from './loss.ts';
import { crossEntropy } from './operations.ts';
import { createTeacher, rememberAnswers, type Teacher } from './teacher.ts';
import { type BatchRequest, createTrainingBatches, type TrainingBatches } from './training-batches.ts';
import { createValidation, type Validation } from './validation.ts';

export interface Objective {
  /** The plan of the updates, which the caller disposes, or the reason why there is none. */
  compile(updates: readonly VariableUpdate[]): TrainingPlan | Unsupported;
  /** What measures the validation examples, which the caller disposes, if there are any. */
  validation(): Validation | undefined;
  /** Lends a batch to a plan. */
  withPlanned<T>(request: BatchRequest, use: (batch: PlannedBatch) => T): T;
  /** The mean loss of a batch, on tfjs's tape; the caller's scope disposes of what it makes. */
  lossOpByOp(batch: OpByOpBatch, onResult: (loss: BatchLoss) => void): tf.Scalar;
  /** The batch that `lossOpByOp` takes, which the caller disposes by `disposeOpByOp`. */
  takeOpByOp(request: BatchRequest, step: number): OpByOpBatch;
  disposeOpByOp(batch: OpByOpBatch): void;
  /** The forward pass of a batch alone, as in training. */
  observe(request: BatchRequest, step: number): void;
  /** Gives back what it holds; the model and the examples stay. */
  dispose(): void;
}

/** A batch on its way through a model op by op. */
export interface OpByOpBatch {
  readonly inputs: readonly tf.Tensor[];
  readonly targets: readonly tf.Tensor[];
  /** Of the rows of each target; or a teacher's probabilities. */
  readonly extras: readonly (tf.Tensor | undefined)[];
  readonly step: number;
}

/**
 * The objective of a classifier: cross-entropy, and what a regime adds to it.
 *
 * @throws SelvedgeError `training/unsupported-model`, `training/settings`, `training/teacher`, `dataset/bad-batch`
 */
export const classifierObjective = (model: tf.LayersModel, options: FitOptions): Objective =>
  new ClassifierObjective(model, options);

class ClassifierObjective implements Objective {
  readonly #model: tf.LayersModel;
  readonly #options: FitOptions;
  readonly #forward: Forward;
  readonly #batches: TrainingBatches;
  readonly #classes: number;
  readonly #loss: LossOptions;
  readonly #teacher: Teacher | undefined;
  /** Of the batch that comes next. */
  #positions: Int32Array = new Int32Array();

  constructor(model: tf.LayersModel, options: FitOptions) {
    this.#model = model;
    this.#options = options;
    this.#forward = createForward(model);
    const [training, validation] = [options.training, options.validation] as [Examples, Examples | undefined];
    const shape = batchShapeOf(model);
    checkSource(training, shape);
    if (validation) checkSource(validation, shape);
    this.#batches = createTrainingBatches({ training, settings: options.settings }, shape);
    this.#classes = model.outputs[0]!.shape.at(-1)!;
    this.#loss = lossOf(options.settings, training, this.#classes);
    this.#teacher = this.#createTeacher(shape);
  }

  #createTeacher(shape: BatchShape): Teacher | undefined {
    const { teacher, training, settings } = this.#options;
    if (!teacher) return undefined;
    const made = createTeacher(teacher, shape, Math.min(settings.batchSize, training.count));
    if (!settings.distillation?.once) return made;
    return rememberAnswers(made, training as Examples, this.#classes, () => this.#positions);
  }

  compile(updates: readonly VariableUpdate[]): TrainingPlan | Unsupported {
    const { training, settings } = this.#options;
    return compileTraining(this.#model, {
      batchSize: Math.min(settings.batchSize, training.count),
      seed: settings.seed,
      loss: this.#loss,
      clipNorm: settings.clipNorm,
      teacher: this.#teacher?.probabilities,
      source: training.source,
      isMixed: settings.mixing !== undefined,
      updates,
    });
  }

  validation(): Validation | undefined {
    const { opByOp = false } = this.#options;
    const validation = this.#options.validation as Examples | undefined;
    return validation && createValidation(this.#model, validation, { forward: this.#forward, opByOp });
  }

  withPlanned<T>(request: BatchRequest, use: (batch: PlannedBatch) => T): T {
    this.#positions = request.positions;
    return this.#batches.withPlanned(request, use);
  }

  takeOpByOp(request: BatchRequest, step: number): OpByOpBatch {
    this.#positions = request.positions;
    const { x, y } = this.#batches.tensors(request);
    const probabilities = this.#teacher?.probabilities(currentBackend().offset(x), request.positions.length);
    const taught = probabilities && tf.tensor2d(probabilities.slice(), y.shape);
    return { inputs: [x], targets: [y], extras: [taught], step };
  }

  disposeOpByOp({ inputs, targets, extras }: OpByOpBatch): void {
    tf.dispose([...inputs, ...targets, ...extras.filter((extra) => extra !== undefined)]);
  }

  lossOpByOp({ inputs, targets, extras, step }: OpByOpBatch, onResult: (loss: BatchLoss) => void): tf.Scalar {
    const { seed } = this.#options.settings;
    const logits = this.#forward(inputs[0]!, { training: true, seed, step });
    return crossEntropy(logits, targets[0] as tf.Tensor2D, onResult, this.#loss, extras[0] as tf.Tensor2D | undefined);
  }

  observe(request: BatchRequest, step: number): void {
    const { seed } = this.#options.settings;
    tf.tidy(() => {
      this.#forward(this.#batches.tensors(request).x, { training: true, seed, step });
    });
  }

  dispose(): void {
    this.#teacher?.dispose();
  }
}
