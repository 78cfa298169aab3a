// Sums of values: see assembly/plan/add.ts. Those with a normalised value are the business of batch normalisation.
import { emptyStage, type StageLayout } from '../context.ts';
import type { Group } from '../fuse.ts';
import { layoutSums } from './sums.ts';

/** Lays out a sum of two or more values. */
export function layoutAdd(group: Group): StageLayout {
  return (context) => {
    const sums = layoutSums(context, group);
    return (_, gradients) => {
      const { forward, backward } = sums(gradients);
      return {
        ...emptyStage,
        forward: [{ kind: 'partitions', calls: forward }],
        backward: [{ kind: 'partitions', calls: backward }],
      };
    };
  };
}
