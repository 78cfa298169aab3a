// Rows of a table by number: embeddings of classes and time steps. See assembly/plan/embedding.ts.
// Invariant: each job owns the rows of the table that it makes the gradient of.
import type * as tf from '../../backend/tfjs.ts';
import { emptyStage, floatsOf, type StageLayout, type UpdateJob } from '../context.ts';
import type { Group } from '../fuse.ts';
import { ofImages } from './image-calls.ts';

/** Rows of an update job times their channels is a multiple of four, as updates need it. */
const JOB_ROWS = 64;

/** Lays out an embedding of whole numbers `[batch, length]`. */
export function layoutEmbedding(group: Group, table: tf.LayerVariable): StageLayout {
  return (context) => {
    const input = group.inputs[0]!;
    const [rows, channels] = table.shape as [number, number];
    const length = floatsOf(input);
    const numbers = context.buffersOf(input).value;
    const y = context.buffersOf(group.output);
    const words = [numbers, 0, y.value, length, rows, channels];
    const forward = ofImages('planEmbedding', context.args(words, { 1: table }));
    const weight = context.weight(table);
    return (batch) => {
      const { gradient } = weight;
      if (gradient === undefined) return { ...emptyStage, forward };
      const args = context.args([numbers, y.gradient, gradient, batch * length, rows, channels]);
      const updates = Array.from({ length: Math.ceil(rows / JOB_ROWS) }, (_, job): UpdateJob => {
        const [start, end] = [job * JOB_ROWS, Math.min((job + 1) * JOB_ROWS, rows)];
        return {
          gradient: [{ kernel: 'planEmbeddingGradient', args, start, end }],
          update: weight.update(start * channels, end * channels),
          cost: batch * length * channels,
        };
      });
      return { ...emptyStage, forward, updates: [updates] };
    };
  };
}
