// A model's network on one layout: what inference plans and exported models have in common.
// Not here: batches, memory, threads. Invariant: calls for an image are the same whatever heap the layout is of, but for addresses.
import type * as tf from '../backend/tfjs.ts';
import type { GradientTargets, Range, StageLayout } from './context.ts';
import { fuse, type Value } from './fuse.ts';
import { type Graph, graphOf, type Operation } from './graph.ts';
import { type Fold, foldBatchNormalizations } from './inference-graph.ts';
import { frozenWeight, type PlanLayout, sizeOfVariable } from './layout.ts';
import type { Call, Job } from './program.ts';
import type { Unsupported } from './read-model.ts';
import { layoutOf } from './stages/index.ts';
import { movingAverages } from './stages/moving-averages.ts';

/** A network, not laid out yet. */
export interface InferenceNetwork {
  readonly stages: readonly StageLayout[];
  readonly folds: readonly Fold[];
  readonly operations: readonly Operation[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** A network with places for all that it computes. */
export interface LaidOutNetwork {
  /** Jobs that make what is derived from weights: folded weights, then what stages make of weights. */
  readonly derivations: readonly (readonly Job[])[];
  readonly scratchBytes: number;
  /** All stages for images of a partition. */
  calls(range: Range): Call[];
}

/**
 * Reads a model.
 *
 * @param model One input of images, one output that ends in a softmax; it stays the caller's
 * @returns Its network, or the reason why it must run op by op
 */
export function inferenceNetworkOf(model: tf.LayersModel): InferenceNetwork | Unsupported {
  const read = graphOf(model, false);
  if ('reason' in read) return read;
  return networkOf(read);
}

/** The network of a graph without what only training does, or why there is none. */
export function networkOf(read: Graph): InferenceNetwork | Unsupported {
  const { graph, folds } = foldBatchNormalizations(read);
  const { groups, inputs, outputs } = fuse(graph);
  const stages = groups.map(layoutOf);
  const unknown = stages.find((stage): stage is Unsupported => 'reason' in stage);
  if (unknown) return unknown;
  return { stages: stages as StageLayout[], folds, operations: graph.operations, inputs, outputs };
}

const noGradients: GradientTargets = {
  target: () => {
    throw new TypeError('a plan that only infers has no gradients');
  },
};

/**
 * Gives a network its places.
 *
 * @param capacity Images that the layout has room for
 */
export function layoutNetwork(
  layout: PlanLayout,
  { stages: layouts, folds }: InferenceNetwork,
  capacity: number,
): LaidOutNetwork {
  const context = layout.context({
    weight: frozenWeight,
    writesVariable: (variable) => {
      throw new TypeError(`nobody writes ${variable.name} where a plan only infers`);
    },
  });
  // Stages that are laid out after it read folded weights.
  const folding = folds.map((fold) => layoutFold(layout, fold));
  const stages = layouts.map((each) => each(context)).map((stage) => stage(capacity, noGradients));
  return {
    derivations: [folding, stages.flatMap((stage) => stage.derivations)],
    scratchBytes: Math.max(...stages.map((stage) => stage.scratchBytes)),
    calls: (range) =>
      stages.flatMap(({ forward }) =>
        forward.flatMap((step) => {
          if (step.kind === 'once') throw new TypeError('a plan that only infers waits for no whole batch');
          return step.calls(range);
        }),
      ),
  };
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
