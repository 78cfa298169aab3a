// Gradients of weights from what the whole batch left behind: C = A^T B, one or many of them. Dense layers have one, convolutions
// by Winograd's algorithm one a position.
//
//   A   f32 [matrix][depth][rows]       B   f32 [matrix][depth][columns]       C   f32 [matrix][rows][columns]
//
//   unit = rowsPerUnit rows of C of one matrix. An output is summed over the depth in order; where a tile is not whole, by passes,
//   which are part of the numerical definition.
import { HIGHEST, LOWEST } from '../simd/multiply';
import { multiplyColumns, multiplyTransposedBlock } from '../simd/multiply-columns';

const LINE_BYTES: usize = 64;

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

/**
 * Reads a word of each cache line of a pass, in the order of memory: what the whole batch left behind comes from far, and products, which
 * read a few columns at a time, would wait for each line. A quarter of their time where memory is the main one.
 */
function fetch(at: usize, bytes: usize, pitch: usize, rows: i32, to: usize): void {
  let words = i32x4.splat(0);
  for (let row = 0; row < rows; row++, at += pitch) {
    for (let line: usize = 0; line < bytes; line += LINE_BYTES) words = v128.or(words, v128.load32_zero(at + line));
  }
  // Stored, so that no compiler leaves the reading out.
  v128.store(to, words);
}

/** Scratch: eight zeros, and a vector. */
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
      fetch(a + ((<usize>first) << 2), (<usize>(last - first)) << 2, p.aPitch, depth, scratch + 32);
      fetch(b, (<usize>p.columns) << 2, p.bPitch, depth, scratch + 32);
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
