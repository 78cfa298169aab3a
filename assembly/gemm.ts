// Packing of the right side of a product: any matrix, or its transpose, as panels of eight columns. The products themselves
// are in simd/multiply.ts. Invariant: columns beyond the last are zero, so tiles of eight may always be read.
//
//   panel j of matrix m, at `panels + (m * panelCount + j) * panelBytes`:
//
//     [ bias of the 8 columns, or zeros ]   row that sums start from
//     [ B[0][8j .. 8j+8)                ]
//     [ B[1][8j .. 8j+8)                ]   B[k][n] is read at matrix + k * rowStep + n * columnStep
//     …                                     one of the two steps is 4 bytes
//     [ B[depth-1][8j .. 8j+8)          ]
import { loadColumns } from './simd/columns';
import { transposeIntoPanel } from './simd/transpose';

@unmanaged
class PackArgs {
  source: u32;
  panels: u32;
  depth: i32;
  columns: i32;
  panelCount: i32;
  panelBytes: u32;
  rowStep: u32;
  columnStep: u32;
  matrixStep: u32;
  /** Byte offset of the bias, or 0. */
  bias: u32;
  /** 4, or 0 for one bias for all columns. */
  biasStep: u32;
}

/** Eight columns whose neighbours lie side by side. */
function packContiguous(to: usize, from: usize, depth: i32, rowStep: usize, columns: i32): void {
  const end = to + ((<usize>depth) << 5);
  if (columns >= 8) {
    for (; to < end; to += 32, from += rowStep) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
    }
  } else {
    for (; to < end; to += 32, from += rowStep) {
      v128.store(to, loadColumns(from, columns));
      v128.store(to, loadColumns(from + 16, columns - 4), 16);
    }
  }
}

/** Eight columns that each lie contiguous along the depth. */
function packTransposed(to: usize, from: usize, depth: i32, columnStep: usize, columns: i32): void {
  let k = 0;
  if (columns >= 8) {
    for (; k + 4 <= depth; k += 4, to += 128, from += 16) {
      transposeIntoPanel(from, columnStep, to);
      transposeIntoPanel(from + 4 * columnStep, columnStep, to + 16);
    }
  }
  for (; k < depth; k++, to += 32, from += 4) {
    for (let n = 0; n < 8; n++) {
      const value = n < columns ? load<f32>(from + (<usize>n) * columnStep) : 0;
      store<f32>(to + ((<usize>n) << 2), value);
    }
  }
}

/** Packs panels [start, end) of all matrices, counted through. */
export function packPanels(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PackArgs>(args);
  for (let unit = start; unit < end; unit++) {
    const matrix = unit / a.panelCount;
    const first = (unit - matrix * a.panelCount) << 3;
    const columns = min(8, a.columns - first);
    const to = <usize>a.panels + (<usize>unit) * a.panelBytes;
    const from = <usize>a.source + (<usize>matrix) * a.matrixStep + (<usize>first) * a.columnStep;
    for (let n = 0; n < 8; n++) {
      const value = a.bias != 0 && n < columns ? load<f32>(<usize>a.bias + (<usize>(first + n)) * a.biasStep) : 0;
      store<f32>(to + ((<usize>n) << 2), value);
    }
    if (a.columnStep == 4) packContiguous(to + 32, from, a.depth, a.rowStep, columns);
    else packTransposed(to + 32, from, a.depth, a.columnStep, columns);
  }
}
