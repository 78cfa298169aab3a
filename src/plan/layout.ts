// The memory of a plan: buffers of values, argument words, and the words among them that hold places of weights.
// Not here: what is computed, and when. Invariant: a word that names a weight follows it when its tensor moves.

import type * as tf from '../backend/tfjs.ts';
import { type Buffers, floatsOf, type PlanContext, type Weight } from './context.ts';
import type { Value } from './fuse.ts';
import { type PlanHeap, PlanMemory } from './program.ts';

export interface LayoutOptions {
  /** Images that the buffers have room for. */
  readonly capacity: number;
  /** Nobody asks for their gradients. */
  readonly inputs: readonly Value[];
  readonly isTraining: boolean;
  readonly seed: number;
  /** Values that no weight which trains comes before: nobody asks for their gradients. */
  readonly fixed?: ReadonlySet<number>;
}

export class PlanLayout {
  readonly memory: PlanMemory;
  /** Argument words of dropout masks. */
  readonly maskArgs = new Set<number>();
  readonly #backend: PlanHeap;
  readonly #options: LayoutOptions;
  readonly #buffers = new Map<number, Buffers>();
  /** Argument words that hold the place of a weight. */
  readonly #weightWords: { readonly variable: tf.LayerVariable; readonly at: number }[] = [];
  readonly #variables = new Set<tf.LayerVariable>();
  readonly #dataIds = new Map<tf.LayerVariable, object>();
  readonly #substitutes = new Map<tf.LayerVariable, number>();

  constructor(backend: PlanHeap, options: LayoutOptions) {
    this.#backend = backend;
    this.#options = options;
    this.memory = new PlanMemory(backend);
  }

  get byteLength(): number {
    return this.memory.byteLength;
  }

  /** What stages see. */
  context(own: Pick<PlanContext, 'weight' | 'writesVariable'>): PlanContext {
    const { capacity, seed, isTraining } = this.#options;
    return {
      ...own,
      memory: this.memory,
      capacity,
      seed,
      isTraining,
      maskArgs: this.maskArgs,
      buffersOf: (value) => this.buffersOf(value),
      shareBuffers: (value, other) => {
        this.#buffers.set(value.id, this.buffersOf(other));
      },
      shareGradient: (value, other) => {
        const { gradient } = this.buffersOf(other);
        // What is made of fixed values may need a gradient of its own.
        if (gradient === 0) return;
        this.#buffers.set(value.id, { value: this.#room(value), gradient });
      },
      needsGradient: (value) => this.buffersOf(value).gradient !== 0,
      args: (words, weights = {}) => this.args(words, weights),
    };
  }

  #room(value: Value): number {
    return this.memory.floats(this.#options.capacity * floatsOf(value));
  }

  buffersOf(value: Value): Buffers {
    const known = this.#buffers.get(value.id);
    if (known) return known;
    const { isTraining, inputs, fixed } = this.#options;
    const isInput = inputs.some(({ id }) => id === value.id);
    const hasGradient = isTraining && !isInput && !fixed?.has(value.id);
    const made = {
      value: this.#room(value),
      gradient: hasGradient ? this.#room(value) : 0,
    };
    this.#buffers.set(value.id, made);
    return made;
  }

  /** See `PlanContext.args`. */
  args(words: readonly number[], weights: Readonly<Record<number, tf.LayerVariable>> = {}): number {
    const args = this.memory.words(words);
    for (const [index, variable] of Object.entries(weights)) {
      const substitute = this.#substitutes.get(variable);
      if (substitute !== undefined) {
        this.memory.setWord(args, Number(index), substitute);
        continue;
      }
      const at = args + Number(index) * 4;
      this.#weightWords.push({ variable, at });
      this.#variables.add(variable);
      // Arguments made later, for another batch size, need the place that is already known.
      if (this.#dataIds.has(variable)) this.memory.setWord(at, 0, this.#backend.offset(variable.read()));
    }
    return args;
  }

  /** Lets argument words that are made from now on name memory of the plan instead of a variable. */
  substitute(variable: tf.LayerVariable, byteOffset: number): void {
    this.#substitutes.set(variable, byteOffset);
  }

  /** Notices weights that moved or were replaced, and tells whether there are any: what is derived from weights is then outdated. */
  followWeights(): boolean {
    let isMoved = false;
    for (const variable of this.#variables) {
      const { dataId } = variable.read();
      if (this.#dataIds.get(variable) === dataId) continue;
      this.#dataIds.set(variable, dataId);
      isMoved = true;
    }
    if (!isMoved) return false;
    for (const { variable, at } of this.#weightWords) {
      this.memory.setWord(at, 0, this.#backend.offset(variable.read()));
    }
    return true;
  }

  dispose(): void {
    this.memory.dispose();
  }
}

/** A weight that stays as it is. */
export const frozenWeight = (variable: tf.LayerVariable): Weight => ({
  variable,
  size: sizeOfVariable(variable),
  gradient: undefined,
  update: () => [],
});

export const sizeOfVariable = (variable: tf.LayerVariable): number =>
  variable.shape.reduce<number>((product, extent) => product * extent!, 1);
