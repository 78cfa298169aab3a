// A model compiled to predict: one dispatch a batch, no memory asked for in a call. Parts of the batch go through the whole network
// one after the other in lanes, buffers for a few images that stay in the cache of the thread that has them.
// Not here: models that a plan does not know, see predictor.ts. Invariant: probabilities of an image are a function of the image and
// the weights: neither its batch nor its lane nor the number of threads shows. Weights are the model's own; who changes them is noticed.

import { currentBackend, type SelvedgeBackend } from '../backend/index.ts';
import { writesInPlace } from '../backend/kernels/optimizer-update.ts';
import type * as tf from '../backend/tfjs.ts';
import type { ExampleSource } from '../data/index.ts';
import { PARTITION_IMAGES } from './context.ts';
import { InferenceBatches } from './inference-batches.ts';
import { type InferenceNetwork, inferenceNetworkOf, layoutNetwork } from './inference-network.ts';
import { PlanLayout } from './layout.ts';
import { type Phase, runPhase } from './program.ts';
import type { Unsupported } from './read-model.ts';
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
  /** Gives back its memory; the model stays. */
  dispose(): void;
}

/**
 * Compiles an inference plan.
 *
 * @param model One input of images, one output that ends in a softmax; it stays the caller's
 * @returns The plan, which the caller disposes, or the reason why the model must run op by op
 */
export function compileInference(model: tf.LayersModel, options: InferencePlanOptions): InferencePlan | Unsupported {
  const network = inferenceNetworkOf(model);
  return 'reason' in network ? network : new CompiledInference(network, options);
}

/** More lanes than threads, so that a thread that is held up does not hold up all; more than this leave the cache. */
const LANES_PER_THREAD = 2;

class CompiledInference implements InferencePlan {
  readonly batchSize: number;
  readonly classes: number;
  readonly #backend: SelvedgeBackend;
  readonly #layout: PlanLayout;
  readonly #batches: InferenceBatches;
  readonly #scratchBytes: number;
  readonly #derive: readonly Phase[];
  #writesSeen = -1;

  constructor(network: InferenceNetwork, { batchSize }: InferencePlanOptions) {
    const [input, logits] = [network.inputs[0]!, network.outputs[0]!];
    const backend = currentBackend();
    const { threads } = backend.pool;
    this.#backend = backend;
    this.batchSize = batchSize;
    this.classes = logits.shape[2];
    const lanes = Math.min(Math.ceil(batchSize / PARTITION_IMAGES), LANES_PER_THREAD * threads);
    const capacity = lanes * PARTITION_IMAGES;
    this.#layout = new PlanLayout(backend, { capacity, inputs: [input], isTraining: false, seed: 0 });
    try {
      const { derivations, scratchBytes, calls } = layoutNetwork(this.#layout, network, capacity);
      this.#scratchBytes = scratchBytes;
      this.#derive = derivations.map((jobs) => this.#layout.memory.phase(jobs));
      this.#batches = new InferenceBatches(this.#layout, { input, logits, batchSize, lanes, threads, through: calls });
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
}
