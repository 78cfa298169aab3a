// A model compiled to predict: one dispatch a batch, no memory asked for in a call. Parts of the batch go through the whole network
// one after the other in lanes, buffers for a few images that stay in the cache of the thread that has them.
// Not here: models that a plan does not know, see predictor.ts. Invariant: probabilities of an image are a function of the image and
// the weights: neither its batch nor its lane nor the number of threads shows. Weights are the model's own; who changes them is noticed.

import { currentBackend, type SelvedgeBackend } from '../backend/index.ts';
import { writesInPlace } from '../backend/kernels/optimizer-update.ts';
import type * as tf from '../backend/tfjs.ts';
import type { ExampleSource } from '../data/index.ts';
import { type GradientTargets, PARTITION_IMAGES, type Range, type Stage, type StageLayout } from './context.ts';
import { fuse, type Value } from './fuse.ts';
import { graphOf, type Unsupported } from './graph.ts';
import { InferenceBatches } from './inference-batches.ts';
import { type Fold, foldBatchNormalizations } from './inference-graph.ts';
import { frozenWeight, PlanLayout, sizeOfVariable } from './layout.ts';
import { type Call, type Job, type Phase, runPhase } from './program.ts';
import { layoutOf } from './stages/index.ts';
import { movingAverages } from './stages/moving-averages.ts';
import type { BatchLoss } from './training-plan.ts';

export interface InferencePlanOptions {
  /** Images of the largest batch. */
  readonly batchSize: number;
}

/** Images `[size, height, width, channels]` from 0 to 1: an array of JavaScript, float32 in wasm memory, or examples by position. */
export type InferenceBatch =
  | { readonly images: Float32Array }
  | { readonly byteOffset: number; readonly size: number }
  | { readonly source: ExampleSource; readonly positions: Int32Array };

export interface InferencePlan {
  readonly batchSize: number;
  readonly classes: number;
  /** Bytes that the plan holds besides weights. */
  readonly byteLength: number;
  /**
   * Probabilities `[size, classes]`.
   *
   * @returns A view of the plan's memory, valid until its next call and until any tensor is made
   * @throws SelvedgeError `plan/batch` where the batch is empty, too large or of other images
   */
  predict(batch: InferenceBatch): Float32Array;
  /**
   * How far the predictions for examples are from their labels.
   *
   * @throws SelvedgeError `plan/batch`
   */
  measure(source: ExampleSource, positions: Int32Array): BatchLoss;
  dispose(): void;
}

/**
 * Compiles an inference plan.
 *
 * @param model One input of images, one output that ends in a softmax; it stays the caller's
 * @returns The plan, which the caller disposes, or the reason why the model must run op by op
 */
export function compileInference(model: tf.LayersModel, options: InferencePlanOptions): InferencePlan | Unsupported {
  const read = graphOf(model, false);
  if ('reason' in read) return read;
  const { graph, folds } = foldBatchNormalizations(read);
  const { groups, input, logits } = fuse(graph);
  const layouts = groups.map(layoutOf);
  const unknown = layouts.find((layout): layout is Unsupported => 'reason' in layout);
  if (unknown) return unknown;
  return new CompiledInference(layouts as StageLayout[], { input, logits, folds }, options);
}

/** More lanes than threads, so that a thread that is held up does not hold up all; more than this leave the cache. */
const LANES_PER_THREAD = 2;

const noGradients: GradientTargets = {
  target: () => {
    throw new TypeError('a plan that only infers has no gradients');
  },
};

class CompiledInference implements InferencePlan {
  readonly batchSize: number;
  readonly classes: number;
  readonly #backend: SelvedgeBackend;
  readonly #layout: PlanLayout;
  readonly #batches: InferenceBatches;
  readonly #stages: readonly Stage[];
  readonly #scratchBytes: number;
  /** Folded weights, then what stages make of weights. */
  readonly #derive: readonly Phase[];
  #writesSeen = -1;

  constructor(
    layouts: readonly StageLayout[],
    { input, logits, folds }: { input: Value; logits: Value; folds: readonly Fold[] },
    { batchSize }: InferencePlanOptions,
  ) {
    const backend = currentBackend();
    this.#backend = backend;
    this.batchSize = batchSize;
    this.classes = logits.shape[2];
    const lanes = Math.min(Math.ceil(batchSize / PARTITION_IMAGES), LANES_PER_THREAD * backend.pool.threads);
    const capacity = lanes * PARTITION_IMAGES;
    this.#layout = new PlanLayout(backend, { capacity, input, isTraining: false, seed: 0 });
    try {
      const context = this.#layout.context({
        weight: frozenWeight,
        writesVariable: (variable) => {
          throw new TypeError(`nobody writes ${variable.name} where a plan only infers`);
        },
      });
      const folding = folds.map((fold) => layoutFold(this.#layout, fold));
      this.#stages = layouts.map((layout) => layout(context)).map((stage) => stage(capacity, noGradients));
      this.#scratchBytes = Math.max(...this.#stages.map(({ scratchBytes }) => scratchBytes));
      const derivations = this.#stages.flatMap((stage) => stage.derivations);
      this.#derive = [folding, derivations].map((jobs) => this.#layout.memory.phase(jobs));
      this.#batches = new InferenceBatches(this.#layout, {
        input,
        logits,
        batchSize,
        lanes,
        threads: backend.pool.threads,
        through: (range) => this.#callsOf(range),
      });
    } catch (error) {
      this.#layout.dispose();
      throw error;
    }
  }

  get byteLength(): number {
    return this.#layout.byteLength + this.#batches.byteLength;
  }

  predict(batch: InferenceBatch): Float32Array {
    const size = this.#batches.take(batch, 'probabilities');
    this.#run();
    return this.#batches.probabilities(size);
  }

  measure(source: ExampleSource, positions: Int32Array): BatchLoss {
    this.#batches.take({ source, positions }, 'loss');
    this.#run();
    return this.#batches.loss(positions.length);
  }

  #run(): void {
    const writes = writesInPlace();
    if (this.#layout.followWeights() || writes !== this.#writesSeen) {
      for (const phase of this.#derive) runPhase(this.#backend, phase, this.#scratchBytes);
      this.#writesSeen = writes;
    }
    runPhase(this.#backend, this.#batches.phase, this.#scratchBytes);
  }

  dispose(): void {
    this.#batches.dispose();
    this.#layout.dispose();
  }

  /** All stages for images of a lane. */
  #callsOf(range: Range): Call[] {
    return this.#stages.flatMap(({ forward }) =>
      forward.flatMap((step) => {
        if (step.kind === 'once') throw new TypeError('a plan that only infers waits for no whole batch');
        return step.calls(range);
      }),
    );
  }
}

/** Places a folded kernel and its bias: stages that are laid out from now on read them. */
function layoutFold(layout: PlanLayout, fold: Fold): Job {
  const { kernel, bias, channels, batchNormalization } = fold;
  const { memory } = layout;
  const size = sizeOfVariable(kernel);
  const [scale, shift, scaled] = [channels, channels, size].map((floats) => memory.floats(floats)) as [
    number,
    number,
    number,
  ];
  const averages = movingAverages(layout, batchNormalization, { channels, scale, shift, bias });
  const args = layout.args([0, scaled, scale, channels], { 0: kernel });
  layout.substitute(kernel, scaled);
  layout.substitute(fold.shift, shift);
  return [averages, { kernel: 'planScaleColumns', args, start: 0, end: size / channels }];
}
