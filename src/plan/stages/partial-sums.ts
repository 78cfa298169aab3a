// The gradient of a weight as sums over partitions, made in the backward pass while their inputs are in cache, and added in the
// order of the partitions when the weight is updated. Not a stage.
import { type PlanContext, partitionsOf, type Weight } from '../context.ts';
import type { Call } from '../program.ts';

/** Sums of partitions lie this much further apart than they are long: those of one element fall on different sets of a cache. */
const SPARE_FLOATS = 16;
/** Floats of a unit of the kernel that adds. */
const UNIT_FLOATS = 4;

export interface PartialSums {
  /** Byte offset of the sums of a partition, f32 of the weight's shape. */
  of(partition: number): number;
  /** Calls that make the gradient of elements [first, last) for batches of a size; multiples of four but for the end. */
  add(batch: number): (first: number, last: number) => readonly Call[];
}

/** Lays out the sums of a weight that is trained. */
export function layoutPartialSums(context: PlanContext, weight: Weight): PartialSums {
  const pitch = Math.ceil(weight.size / UNIT_FLOATS) * UNIT_FLOATS + SPARE_FLOATS;
  const partials = context.memory.floats(partitionsOf(context.capacity) * pitch);
  return {
    of: (partition) => partials + partition * pitch * 4,
    add: (batch) => {
      const args = context.args([partials, weight.gradient ?? 0, pitch, partitionsOf(batch), UNIT_FLOATS]);
      return (first, last) => [
        { kernel: 'sumPartials', args, start: first / UNIT_FLOATS, end: Math.ceil(last / UNIT_FLOATS) },
      ];
    },
  };
}
