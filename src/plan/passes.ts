// The passes of a plan that has gradients: steps put together into phases, and where stages write the gradients of what they read.
// Not here: what is computed. Invariant: the first reader of a value, from the end, writes its gradient; others add, in their order.
import {
  floatsOf,
  type GradientTargets,
  PARTITION_IMAGES,
  partitionsOf,
  type Range,
  type Stage,
  type StageLayout,
  type Step,
} from './context.ts';
import type { Value } from './fuse.ts';
import type { PlanLayout } from './layout.ts';
import type { Call, Phase, PlanMemory } from './program.ts';

/** Neighbouring steps of partitions are one phase. */
export function phasesOf(memory: PlanMemory, steps: readonly Step[], batch: number): Phase[] {
  const phases: Phase[] = [];
  let pending: Step[] = [];
  const flush = (): void => {
    if (pending.length === 0) return;
    const jobs = partitions(batch).map((range) =>
      pending.flatMap((step) => (step.kind === 'partitions' ? step.calls(range) : [])),
    );
    phases.push(memory.phase(jobs));
    pending = [];
  };
  for (const step of steps) {
    if (step.kind === 'partitions') {
      pending.push(step);
      continue;
    }
    flush();
    phases.push(memory.phase([step.calls]));
  }
  flush();
  return phases;
}

/**
 * Stages for a batch of a size, in the order of the network.
 *
 * @param written Values whose gradients are there before the backward pass: outputs
 * @param capacity Images that the layout has room for
 */
export function stagesOf(
  layout: PlanLayout,
  stages: readonly ReturnType<StageLayout>[],
  { batch, capacity, written }: { batch: number; capacity: number; written: readonly Value[] },
): Stage[] {
  const gradients = gradientTargets(layout, capacity, written);
  return stages
    .toReversed()
    .map((stage) => stage(batch, gradients))
    .toReversed();
}

function gradientTargets(layout: PlanLayout, capacity: number, outputs: readonly Value[]): GradientTargets {
  const { memory } = layout;
  const written = new Set(outputs.map((output) => layout.buffersOf(output).gradient));
  return {
    target: (value, canAdd = false) => {
      const at = layout.buffersOf(value).gradient;
      const adds = written.has(at);
      written.add(at);
      if (!adds || canAdd) return { at, adds, after: () => [] };
      const floats = floatsOf(value);
      const other = memory.floats(capacity * floats);
      const args = memory.words([other, at, floats]);
      const add = ({ first: start, last: end }: Range): Call[] => [{ kernel: 'planAddTo', args, start, end }];
      return { at: other, adds: false, after: add };
    },
  };
}

const partitions = (batch: number): Range[] =>
  Array.from({ length: partitionsOf(batch) }, (_, i) => ({
    first: i * PARTITION_IMAGES,
    last: Math.min((i + 1) * PARTITION_IMAGES, batch),
  }));
