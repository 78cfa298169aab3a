// Draws of what a kernel can be called with: odd, empty and one-pixel shapes, every type, windows larger than what they move over.
// Not here: which kernels (calls.ts), what is compared (sweep.test.ts). Invariant: a draw is a function of its seed.
import * as tf from '@tensorflow/tfjs';
import { createPhilox, type Philox } from '../../../src/core/philox.ts';

export type Shape = readonly number[];
/** Makes the same tensor on whatever backend is current. */
export type Make<T extends tf.Tensor = tf.Tensor> = () => T;
type NumberType = 'float32' | 'int32' | 'bool';

const EXTENTS = [0, 1, 1, 1, 2, 2, 3, 4, 5, 7, 8, 13, 16, 17] as const;

export class Draw {
  readonly #draws: Philox;

  constructor(seed: number, substream: number) {
    this.#draws = createPhilox({ seed, stream: 99, substream: [substream] });
  }

  /** A whole number from `from` to `to`, both included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.#draws.nextUniform() * (to - from + 1));
  }

  number(from: number, to: number): number {
    return from + this.#draws.nextUniform() * (to - from);
  }

  pick<T>(options: readonly T[]): T {
    return options[this.int(0, options.length - 1)]!;
  }

  chance(probability = 0.5): boolean {
    return this.#draws.nextUniform() < probability;
  }

  /** One in fourteen is 0. */
  extent(from = 0): number {
    return Math.max(from, this.pick(EXTENTS));
  }

  shape(rank: number, from = 0): number[] {
    return Array.from({ length: rank }, () => this.extent(from));
  }

  /** A rank from 0 to 4, and extents. */
  anyShape(maxRank = 4, minRank = 0): number[] {
    return this.shape(this.int(minRank, maxRank));
  }

  /** An axis of a rank, negative ones too. */
  axis(rank: number): number {
    return this.int(-rank, rank - 1);
  }

  /** Two shapes that broadcast. */
  broadcast(): [number[], number[]] {
    const whole = this.anyShape();
    const thin = whole
      .map((extent) => (this.chance(0.3) ? 1 : extent))
      .slice(this.chance(0.3) ? this.int(0, whole.length) : 0);
    return this.chance() ? [whole, thin] : [thin, whole];
  }

  type(...types: NumberType[]): NumberType {
    return this.pick(types.length > 0 ? types : (['float32', 'int32', 'bool'] as const));
  }

  /** Values from -4 to 4 for float32, whole ones for int32, or within a range. */
  tensor<R extends tf.Rank = tf.Rank>(
    shape: Shape,
    dtype: NumberType = 'float32',
    [from, to]: readonly [number, number] = [-4, 4],
  ): Make<tf.Tensor<R>> {
    const size = tf.util.sizeFromShape([...shape]);
    const values = Array.from({ length: size }, () => {
      if (dtype === 'bool') return this.int(0, 1);
      return dtype === 'int32' ? this.int(Math.ceil(from), Math.floor(to)) : this.number(from, to);
    });
    return () => tf.tensor(values, shape as tf.ShapeMap[R], dtype);
  }
}
