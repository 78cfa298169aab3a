// Gradients of weights from what the whole batch left behind: C = A^T B, one or many of them. Dense layers have one, convolutions
// by Winograd's algorithm one a position.
//
//   A   f32 [matrix][depth][rows]       B   f32 [matrix][depth][columns]       C   f32 [matrix][rows][columns]
//
//   unit = rowsPerUnit rows of C of one matrix. An output is summed over the depth in order; where a tile is not whole, by passes,
//   which are part of the numerical definition.
import { HIGHEST, LOWEST } from '../simd/multiply';
import { multiplyColumns, multiplyTransposedBlock } from '../simd/multiply-columns';

@unmanaged
class PlanTransposedProduct {
  a: u32;
  b: u32;
  c: u32;
  aPitch: u32;
  bPitch: u32;
  cPitch: u32;
  aMatrix: u32;
  bMatrix: u32;
  cMatrix: u32;
  depth: i32;
  rows: i32;
  columns: i32;
  rowsPerUnit: i32;
  /** Rows of A and B that a pass takes: what a column of products reads of them stays in the first-level cache. */
  depthPerPass: i32;
}

/** Scratch: eight zeros. */
export function planTransposedProduct(args: usize, start: i32, end: i32, scratch: usize): void {
  const p = changetype<PlanTransposedProduct>(args);
  memory.fill(scratch, 0, 32);
  const blocks = (p.rows + p.rowsPerUnit - 1) / p.rowsPerUnit;
  for (let unit = start; unit < end; unit++) {
    const matrix = unit / blocks;
    const first = (unit - matrix * blocks) * p.rowsPerUnit;
    const last = min(first + p.rowsPerUnit, p.rows);
    const c = <usize>p.c + <usize>matrix * p.cMatrix;
    for (let k = 0; k < p.depth; k += p.depthPerPass) {
      const depth = min(p.depthPerPass, p.depth - k);
      const a = <usize>p.a + <usize>matrix * p.aMatrix + <usize>k * p.aPitch;
      const b = <usize>p.b + <usize>matrix * p.bMatrix + <usize>k * p.bPitch;
      for (let column = 0; column < p.columns; column += 8) {
        const at = (<usize>column) << 2;
        const columns = min(8, p.columns - column);
        for (let row = first; row < last; row += 4) {
          const from = a + ((<usize>row) << 2);
          const to = c + <usize>row * p.cPitch + at;
          if (columns == 8 && row + 4 <= last) {
            multiplyTransposedBlock(from, p.aPitch, b + at, p.bPitch, depth, to, p.cPitch, k != 0);
          } else {
            multiplyColumns(
              min(4, last - row), from, b + at, 1, 1, depth, p.aPitch, 0, 0, p.bPitch, scratch, to, p.cPitch, columns,
              k != 0, LOWEST, HIGHEST,
            );
          }
        }
      }
    }
  }
}
