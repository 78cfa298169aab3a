// All cases of `selvedge bench operations`. Invariant, tested: every kernel that our backend registers has a case, or a reason here.
import { type CaseSizes, MEASURED_SIZES, type OperationCase } from './case.ts';
import { elementwiseCases } from './elementwise.ts';
import { imageCases } from './images.ts';
import { shapeCases } from './shapes.ts';
import { sumCases } from './sums.ts';
import { textCases } from './text.ts';

export type { OperationCase, Outputs } from './case.ts';

/** Kernels without a case, and why. */
export const unmeasuredKernels: Readonly<Record<string, string>> = {
  Draw: 'draws on a canvas, which only a browser has',
};

/**
 * Makes all cases; their inputs are made when one is prepared.
 *
 * @param sizes Default: about a million elements each
 */
export function operationCases(sizes: CaseSizes = MEASURED_SIZES): OperationCase[] {
  return [elementwiseCases, shapeCases, sumCases, imageCases, textCases].flatMap((make) => make(sizes));
}
