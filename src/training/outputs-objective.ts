// The objective of a model of any inputs and outputs: a loss an output. Not of classifiers with what a regime adds (objective.ts).
import { currentBackend } from '../backend/index.ts';
import type { VariableUpdate } from '../backend/kernels/optimizer-update.ts';
import type { OutputLoss } from '../backend/kernels/output-loss.ts';
import * as tf from '../backend/tfjs.ts';
import { disposeTargets, type TakenTargets, type TargetExamples, takeTargets } from '../data/target-batch.ts';
import {
  type BatchLoss,
  compileTraining,
  endingOfLoss,
  type PlannedBatch,
  type TrainingPlan,
  type Unsupported,
} from '../plan/index.ts';
import type { FitOptions } from './fit-options.ts';
import { createNetworkForward, type ForwardContext, type NetworkForward } from './forward.ts';
import type { Objective, OpByOpBatch } from './objective.ts';
import { lossOfOutput } from './operations.ts';
import { checkOutputLosses } from './output-losses.ts';
import type { BatchRequest } from './training-batches.ts';
import type { Validation } from './validation.ts';

/**
 * The objective of a model by the losses of its outputs.
 *
 * @param losses One an output
 * @throws SelvedgeError `training/unsupported-model`, `training/settings`
 */
export function outputsObjective(model: tf.LayersModel, options: FitOptions, losses: readonly OutputLoss[]): Objective {
  checkOutputLosses(model, losses);
  return new OutputsObjective(model, options, losses);
}

const INFERENCE: ForwardContext = { training: false, seed: 0, step: 0 };

class OutputsObjective implements Objective {
  readonly #model: tf.LayersModel;
  readonly #options: FitOptions;
  readonly #losses: readonly OutputLoss[];
  readonly #forward: NetworkForward;

  constructor(model: tf.LayersModel, options: FitOptions, losses: readonly OutputLoss[]) {
    this.#model = model;
    this.#options = options;
    this.#losses = losses;
    this.#forward = createNetworkForward(model, losses.map(endingOfLoss));
  }

  compile(updates: readonly VariableUpdate[]): TrainingPlan | Unsupported {
    const { training, settings } = this.#options;
    return compileTraining(this.#model, {
      batchSize: Math.min(settings.batchSize, training.count),
      seed: settings.seed,
      losses: this.#losses,
      clipNorm: settings.clipNorm,
      updates,
    });
  }

  #take({ positions, epoch }: Pick<BatchRequest, 'positions'> & { readonly epoch?: number }): TakenTargets {
    return takeTargets(this.#options.training, positions, this.#model, epoch);
  }

  withPlanned<T>(request: BatchRequest, use: (batch: PlannedBatch) => T): T {
    const taken = this.#take(request);
    try {
      const backend = currentBackend();
      const placesOf = (tensors: readonly (tf.Tensor | undefined)[]) =>
        tensors.map((tensor) => (tensor ? backend.offset(tensor) : undefined));
      return use({
        inputs: placesOf(taken.inputs) as number[],
        targets: placesOf(taken.targets) as number[],
        weights: placesOf(taken.weights),
        size: request.positions.length,
      });
    } finally {
      disposeTargets(taken);
    }
  }

  takeOpByOp(request: BatchRequest, step: number): OpByOpBatch {
    const { inputs, targets, weights } = this.#take(request);
    return { inputs, targets, extras: weights, step };
  }

  disposeOpByOp({ inputs, targets, extras: weights }: OpByOpBatch): void {
    disposeTargets({ inputs, targets, weights });
  }

  lossOpByOp({ inputs, targets, extras, step }: OpByOpBatch, onResult: (loss: BatchLoss) => void): tf.Scalar {
    const { seed } = this.#options.settings;
    return this.#lossOf(this.#forward(inputs, { training: true, seed, step }), targets, extras, onResult);
  }

  #lossOf(
    outputs: readonly tf.Tensor[],
    targets: readonly tf.Tensor[],
    weights: readonly (tf.Tensor | undefined)[],
    onResult: (loss: BatchLoss) => void,
  ): tf.Scalar {
    const found: BatchLoss[] = [];
    const losses = outputs.map((output, i) =>
      lossOfOutput(output, targets[i]!, this.#losses[i]!, (loss) => found.push(loss), weights[i]),
    );
    const sums = found.map(({ lossSum }) => lossSum);
    const hits = found.reduce((all, loss) => all + loss.hits, 0) / found.length;
    onResult({ lossSum: sums.reduce((all, sum) => all + sum, 0), hits, outputs: sums });
    return losses.reduce((sum, loss) => tf.add(sum, loss));
  }

  validation(): Validation | undefined {
    const { validation, settings } = this.#options;
    return validation && { measure: () => this.#measure(validation, settings.batchSize), dispose() {} };
  }

  #measure(examples: TargetExamples, batchSize: number): ReturnType<Validation['measure']> {
    let [lossSum, hits] = [0, 0];
    for (let start = 0; start < examples.count; start += batchSize) {
      const length = Math.min(batchSize, examples.count - start);
      const positions = Int32Array.from({ length }, (_, i) => start + i);
      const taken = takeTargets(examples, positions, this.#model);
      tf.tidy(() => {
        this.#lossOf(this.#forward(taken.inputs, INFERENCE), taken.targets, taken.weights, (loss) => {
          lossSum += loss.lossSum;
          hits += loss.hits;
        });
      });
      disposeTargets(taken);
    }
    return { loss: lossSum / examples.count, accuracy: hits / examples.count };
  }

  observe(request: BatchRequest, step: number): void {
    const taken = this.#take(request);
    const { seed } = this.#options.settings;
    tf.tidy(() => {
      this.#forward(taken.inputs, { training: true, seed, step });
    });
    disposeTargets(taken);
  }

  dispose(): void {}
}
