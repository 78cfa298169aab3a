// Splits examples into training and validation parts, index for index as scikit-learn's `train_test_split` with shuffling.
// Not here: the examples themselves; the result is two index lists. Invariant: the parts are disjoint and cover 0 to count - 1.
import { SelvedgeError } from '../core/errors.ts';
import { createMersenneTwister } from '../core/mersenne-twister.ts';

export interface SplitOptions {
  /** Share of the examples to validate on, above 0 and below 1, or an integer number of examples. */
  readonly testSize?: number;
  /** NumPy seed, an integer from 0 to 2^32 - 1. */
  readonly randomState?: number;
}

export interface Split {
  /** Indices to train on, in scikit-learn's order. */
  readonly train: Int32Array;
  /** Indices to validate on, in scikit-learn's order. */
  readonly validation: Int32Array;
}

/**
 * The indices of scikit-learn's `train_test_split(range(count), test_size=…, random_state=…)`.
 *
 * Source: `ShuffleSplit` of scikit-learn: `ceil(test_size * n)` examples validate and open the permutation, the rest train.
 *
 * @param count Number of examples, at least 2
 * @param options `testSize` (default 0.2: a share below 1, a number of examples from 1 on) and `randomState` (default 2023)
 * @returns The two index lists; both have at least one index
 * @throws SelvedgeError `split/bad-count`, `split/bad-test-size`, `split/empty-part` or `random/bad-seed`
 * @example
 * ```ts
 * import { splitTrainValidation } from 'selvedge';
 * const { train, validation } = splitTrainValidation(60000);
 * console.assert(train.length === 48000 && validation.length === 12000);
 * ```
 */
export function splitTrainValidation(count: number, options: SplitOptions = {}): Split {
  const { testSize = 0.2, randomState = 2023 } = options;
  const validationCount = countValidation(count, testSize);
  const order = createMersenneTwister(randomState).permutation(count);
  return { train: order.slice(validationCount), validation: order.slice(0, validationCount) };
}

/**
 * Test images in two halves, for what a model needs that was trained on all training images: it is fitted on the first and measured on
 * the second. Split as `splitTrainValidation` does.
 */
export function testHalves(count: number): readonly [Int32Array, Int32Array] {
  const { train, validation } = splitTrainValidation(count, { testSize: count >> 1 });
  return [validation, train];
}

function countValidation(count: number, testSize: number): number {
  if (!Number.isInteger(count) || count < 1 || count > 0x80000000) {
    throw new SelvedgeError(
      'split/bad-count',
      `Cannot split ${count} examples: expected an integer from 1 to 2147483648`,
    );
  }
  const isShare = testSize > 0 && testSize < 1;
  const isNumber = Number.isInteger(testSize) && testSize >= 1 && testSize < count;
  if (!isShare && !isNumber) {
    throw new SelvedgeError(
      'split/bad-test-size',
      `Cannot split ${count} examples with test size ${testSize}: ` +
        `expected a share above 0 and below 1, or an integer from 1 to ${count - 1}`,
    );
  }
  const validationCount = isShare ? Math.ceil(testSize * count) : testSize;
  if (validationCount === count) {
    throw new SelvedgeError(
      'split/empty-part',
      `Cannot split ${count} examples with test size ${testSize}: all ${count} would validate and none train; ` +
        'use a smaller test size or more examples',
    );
  }
  return validationCount;
}
