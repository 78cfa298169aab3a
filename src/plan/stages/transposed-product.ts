// Arguments of planTransposedProduct, C = A^T B: the gradients of weights. Not a stage of its own.
import type { PlanContext } from '../context.ts';
import type { Call } from '../program.ts';

/** Rows of A and B in a pass: what a column of products reads of them stays in the first-level cache. */
const PASS_ROWS = 64;

/** Matrices `[depth][columns]`: place, bytes between rows, bytes between matrices. */
export interface Matrices {
  readonly at: number;
  readonly pitch: number;
  readonly matrix: number;
  readonly columns: number;
}

/**
 * Lays out products.
 *
 * @param options.c Where `[a.columns][b.columns]` go, and bytes between matrices
 * @param options.rowsPerUnit Rows of C of a unit, a multiple of four
 * @returns The call of a unit: blocks of rows of the first matrix, of the second, …
 */
export function transposedProducts(
  context: PlanContext,
  options: {
    a: Matrices;
    b: Matrices;
    c: { readonly at: number; readonly matrix: number };
    depth: number;
    rowsPerUnit: number;
  },
): (unit: number) => Call {
  const { a, b, c, depth, rowsPerUnit } = options;
  const pitches = [a.pitch, b.pitch, b.columns * 4, a.matrix, b.matrix, c.matrix];
  const args = context.args([a.at, b.at, c.at, ...pitches, depth, a.columns, b.columns, rowsPerUnit, PASS_ROWS]);
  return (unit) => ({ kernel: 'planTransposedProduct', args, start: unit, end: unit + 1 });
}
