// An image read as a vector: the same memory.
import { emptyStage, type StageLayout } from '../context.ts';
import type { Group } from '../fuse.ts';

/** Lays out a flattening. */
export function layoutFlatten(group: Group): StageLayout {
  return (context) => {
    context.shareBuffers(group.output, group.inputs[0]!);
    return () => emptyStage;
  };
}
