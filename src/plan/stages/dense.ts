// Dense layers: products with packed weights, see assembly/plan/dense.ts.

import { packedSize } from '../../backend/kernels/gemm.ts';
import type * as tf from '../../backend/tfjs.ts';
import { PARTITION_IMAGES, type PlanContext, type StageLayout, type UpdateJob } from '../context.ts';
import type { Group } from '../fuse.ts';
import type { Call, Job } from '../program.ts';
import { layoutBias } from './bias.ts';
import { layoutFinish } from './finish.ts';
import { transposedProducts } from './transposed-product.ts';

/** Rows of the weights that one update job owns: whole panels of the transposed weights. */
const BLOCK_ROWS = 64;

/** Lays out a dense layer. */
export function layoutDense(
  group: Group,
  head: { readonly kernel: tf.LayerVariable; readonly bias: tf.LayerVariable | undefined },
): StageLayout {
  return (context) => {
    const { memory, capacity } = context;
    const input = group.inputs[0]!;
    const depth = input.shape[2];
    const units = group.sumsShape[2];
    const forward = packedSize(depth, units);
    const backward = packedSize(units, depth);
    const needsGradient = context.needsGradient(input);
    const panels = memory.reserve(forward.matrixBytes);
    const transposed = needsGradient ? memory.reserve(backward.matrixBytes) : 0;
    const sums = memory.floats(capacity * units);
    const finish = layoutFinish(context, group, { bias: head.bias });
    const bias = layoutBias(context, head.bias);
    const x = context.buffersOf(input).value;
    const product = context.args([x, panels, sums, depth, units, forward.panelBytes, depth * 4, units * 4, 1]);
    const finishArgs = context.args([finish.args, sums, 1, 1, bias.partials, PARTITION_IMAGES, 0]);
    const weights = layoutWeights(context, { head, depth, units, x, sums, panels, transposed });
    return (batch, gradients) => {
      const target = needsGradient ? gradients.target(input) : undefined;
      const backProduct = target
        ? context.args([sums, transposed, target.at, units, depth, backward.panelBytes, units * 4, depth * 4, 1])
        : 0;
      const made = weights(batch);
      return {
        forward: [
          {
            kind: 'partitions',
            calls: ({ first: start, last: end }) => [
              ...finish.draw({ first: start, last: end }),
              { kernel: 'planProduct', args: product, start, end },
              { kernel: 'planFinish', args: finishArgs, start, end },
            ],
          },
        ],
        backward: [
          {
            kind: 'partitions',
            calls: ({ first: start, last: end }) => [
              { kernel: 'planUnfinish', args: finishArgs, start, end },
              ...(target ? [{ kernel: 'planProduct', args: backProduct, start, end }] : []),
              ...(target?.after({ first: start, last: end }) ?? []),
            ],
          },
        ],
        updates: [[...made.updates, ...bias.update(batch)]],
        derivations: made.derivations,
        scratchBytes: 64,
      };
    };
  };
}

function layoutWeights(
  context: PlanContext,
  at: {
    head: { readonly kernel: tf.LayerVariable };
    depth: number;
    units: number;
    x: number;
    sums: number;
    panels: number;
    transposed: number;
  },
): (batch: number) => { updates: UpdateJob[]; derivations: Job[] } {
  const { depth, units, head } = at;
  const weight = context.weight(head.kernel);
  const forward = packedSize(depth, units);
  const backward = packedSize(units, depth);
  const blocks = Math.ceil(depth / BLOCK_ROWS);
  const pack = context.args([0, at.panels, units, forward.panelBytes], { 0: head.kernel });
  // Panels of eight rows of the weights, transposed: see PackArgs in assembly/gemm.ts.
  const transpose = context.args(
    [0, at.transposed, units, depth, Math.ceil(depth / 8), backward.panelBytes, 4, units * 4, 0, 0, 0],
    { 0: head.kernel },
  );
  const derive = (block: number): Call[] => {
    const first = block * BLOCK_ROWS;
    const last = Math.min(first + BLOCK_ROWS, depth);
    return [
      { kernel: 'planPackRows', args: pack, start: first, end: last },
      ...(at.transposed ? [{ kernel: 'packPanels', args: transpose, start: first / 8, end: Math.ceil(last / 8) }] : []),
    ];
  };
  return (batch) => {
    const { gradient } = weight;
    const updates: UpdateJob[] = [];
    if (gradient !== undefined) {
      const product = transposedProducts(context, {
        a: { at: at.x, pitch: depth * 4, matrix: 0, columns: depth },
        b: { at: at.sums, pitch: units * 4, matrix: 0, columns: units },
        c: { at: gradient, matrix: 0 },
        depth: batch,
        rowsPerUnit: BLOCK_ROWS,
      });
      for (let block = 0; block < blocks; block++) {
        const first = block * BLOCK_ROWS;
        const last = Math.min(first + BLOCK_ROWS, depth);
        const update = [...weight.update(first * units, last * units), ...derive(block)];
        updates.push({ gradient: [product(block)], update, cost: batch * (last - first) * units });
      }
    }
    return { updates, derivations: Array.from({ length: blocks }, (_, block) => derive(block)) };
  };
}
