// What follows the backward pass of a plan: gradients of weights, their clipping where that is asked for, and the updates.
// Not here: what a stage's jobs are. Invariant: no update begins before the norm of all gradients is known, where they are clipped.
import { factorWords, scaleWords, squaresBytes, squaresUnits, squaresWords } from '../backend/kernels/clip-gradient.ts';
import type { Stage } from './context.ts';
import type { Call, Job, Phase, PlanMemory } from './program.ts';

/** Bytes from the sums of squares to the factor: a line of its own. */
const FACTOR_BYTES = 64;

export interface Clipping {
  /**
   * Calls that clip elements [first, last) of a gradient.
   *
   * @param index Of the gradient, in the order of sizes
   * @param at Its byte offset
   * @param elementsPerUnit Of which first and last are multiples
   */
  scale(index: number, at: number, elementsPerUnit: number): (first: number, last: number) => readonly Call[];
  /** What comes between gradients and updates. */
  phases(): Phase[];
}

/**
 * Lays out the clipping of gradients by their common norm.
 *
 * @param sizes Elements of each gradient
 */
export function layoutClipping(memory: PlanMemory, limit: number, sizes: readonly number[]): Clipping {
  const sumsBytes = squaresBytes(sizes);
  const sums = memory.reserve(sumsBytes + FACTOR_BYTES);
  const factor = sums + sumsBytes;
  const places = new Map<number, number>();
  return {
    scale(index, at, elementsPerUnit) {
      places.set(index, at);
      const args = memory.words(scaleWords({ values: at, scaled: at, factor }, sizes[index]!, elementsPerUnit));
      return (first, last) => [
        { kernel: 'scaleBy', args, start: first / elementsPerUnit, end: Math.ceil(last / elementsPerUnit) },
      ];
    },
    phases() {
      let units = 0;
      const jobs: Job[] = [];
      sizes.forEach((size, index) => {
        const at = places.get(index);
        if (at === undefined) return;
        const args = memory.words(squaresWords(at, size, sums, units));
        for (let unit = 0; unit < squaresUnits(size); unit++) {
          jobs.push([{ kernel: 'sumSquares', args, start: unit, end: unit + 1 }]);
        }
        units += squaresUnits(size);
      });
      const args = memory.words(factorWords(sums, units, limit, factor));
      return [memory.phase(jobs), memory.phase([[{ kernel: 'clipFactor', args, start: 0, end: 1 }]])];
    },
  };
}

/**
 * The phases of the updates of stages. The jobs of a round, dear ones first, so that no thread is left with one at the end.
 *
 * @param clipping Where there is one, all gradients are made before it, and all updates after
 */
export function updatePhases(memory: PlanMemory, stages: readonly Stage[], clipping?: Clipping): Phase[] {
  const rounds = Array.from({ length: Math.max(...stages.map(({ updates }) => updates.length)) }, (_, round) =>
    stages.flatMap(({ updates }) => updates[round] ?? []).toSorted((a, b) => b.cost - a.cost),
  );
  if (!clipping) {
    return rounds.map((jobs) => memory.phase(jobs.map(({ gradient, update }) => [...gradient, ...update])));
  }
  const made = rounds.map((jobs) => jobs.map(({ gradient }) => gradient).filter(hasCalls));
  const updated = rounds.flatMap((jobs) => jobs.map(({ update }) => update)).filter(hasCalls);
  return [...made.filter(hasCalls).map((jobs) => memory.phase(jobs)), ...clipping.phases(), memory.phase(updated)];
}

const hasCalls = ({ length }: readonly unknown[]): boolean => length > 0;
