// What becomes of a graph that only infers: batch normalisation goes into the weights of the convolution or dense layer before it.
// Not here: the arithmetic of it, see stages/moving-averages.ts. Invariant: the graph computes the same values, up to rounding.
import type * as tf from '../backend/tfjs.ts';
import type { Graph, Operation } from './graph.ts';
import type { BatchNormalization } from './read-model.ts';

/** A batch normalisation that is gone, and where it went. */
export interface Fold {
  readonly batchNormalization: BatchNormalization;
  /** Weights to be scaled, a column a channel. */
  readonly kernel: tf.LayerVariable;
  /** Bias that there was. */
  readonly bias: tf.LayerVariable | undefined;
  /** The variable by which the graph names the bias that there is now. */
  readonly shift: tf.LayerVariable;
  readonly channels: number;
}

type Weighted = Extract<Operation, { kind: 'convolution' | 'depthwise' | 'dense' }>;

/** Folds batch normalisations that nothing but a layer with weights comes before. */
export function foldBatchNormalizations(graph: Graph): { graph: Graph; folds: Fold[] } {
  const folds: Fold[] = [];
  /** Values that are gone, and what they are now. */
  const renamed = new Map<number, number>();
  const operations: Operation[] = [];
  const readers = (id: number): number =>
    graph.operations.flatMap(({ inputs }) => inputs).filter((input) => input === id).length +
    (graph.outputs.includes(id) ? 1 : 0);
  for (const original of graph.operations) {
    const operation = { ...original, inputs: original.inputs.map((id) => renamed.get(id) ?? id) };
    const at = operations.findIndex(({ output }) => output === original.inputs[0]);
    const before = operations[at];
    if (operation.kind !== 'batchNormalization' || !isWeighted(before) || readers(before.output) > 1) {
      operations.push(operation);
      continue;
    }
    const { kernel, bias } = before;
    // Without a bias, the layer gets the shift as one, under the name of an average that nobody else reads.
    const shift = bias ?? operation.movingMean;
    operations[at] = { ...before, bias: shift };
    folds.push({ batchNormalization: operation, kernel, bias, shift, channels: before.shape[2] });
    renamed.set(operation.output, before.output);
  }
  const outputs = graph.outputs.map((id) => renamed.get(id) ?? id);
  return { graph: { ...graph, operations, outputs }, folds };
}

const isWeighted = (operation: Operation | undefined): operation is Weighted =>
  operation !== undefined && ['convolution', 'depthwise', 'dense'].includes(operation.kind);
