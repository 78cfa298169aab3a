// Matrix products C = A * B of a batch, A or its transpose against packed B (or B in place, where packing would cost more than it
// saves). Bias and clamping are part of the sum. Integer products wrap as the cpu backend's do.
//
//   batches   u32 [batch][3]          byte offsets of A's matrix, within the panels of B's matrix, and of C's matrix
//   A         f32 [rows][depth]       or [depth][rows] for matMulColumns
//   B         panels of 8 columns     see gemm.ts
//   C         f32 [rows][columns]
//
//   unit = one matrix x rowsPerUnit rows x panelsPerUnit panels. An output is summed over the depth in order, by one thread.
import { multiplyRows, padPairs } from './simd/multiply';
import { multiplyColumns } from './simd/multiply-columns';

@unmanaged
class MatMulArgs {
  batches: u32;
  rows: i32;
  columns: i32;
  depth: i32;
  /** Bytes between neighbours in the contiguous-first dimension of A, and in C. */
  aPitch: u32;
  outPitch: u32;
  rowsPerUnit: i32;
  panelCount: i32;
  panelsPerUnit: i32;
  /** Panel j starts at `panels + j * panelBytes`, its rows are `panelStep` apart; sums start from `init + j * initBytes`. */
  panels: u32;
  panelBytes: u32;
  panelStep: u32;
  init: u32;
  initBytes: u32;
  low: f32;
  high: f32;
}

/** A's rows are contiguous. */
export function matMulRows(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<MatMulArgs>(args);
  const panelBlocks = (a.panelCount + a.panelsPerUnit - 1) / a.panelsPerUnit;
  const rowBlocks = (a.rows + a.rowsPerUnit - 1) / a.rowsPerUnit;
  for (let unit = start; unit < end; unit++) {
    const block = unit / panelBlocks;
    const firstPanel = (unit - block * panelBlocks) * a.panelsPerUnit;
    const lastPanel = min(firstPanel + a.panelsPerUnit, a.panelCount);
    const batch = block / rowBlocks;
    const first = (block - batch * rowBlocks) * a.rowsPerUnit;
    const rows = min(a.rowsPerUnit, a.rows - first);
    const offsets = <usize>a.batches + (<usize>batch) * 12;
    let from = load<u32>(offsets) + first * a.aPitch;
    let to = load<u32>(offsets, 8) + first * a.outPitch;
    const matrix = <usize>load<u32>(offsets, 4);
    let pairs = scratch;
    for (let row = 0; row < rows; row++, pairs += 8) {
      store<u32>(pairs, from);
      store<u32>(pairs, to, 4);
      from += a.aPitch;
      to += a.outPitch;
    }
    padPairs(pairs);
    for (let panel = firstPanel; panel < lastPanel; panel++) {
      const b = <usize>a.panels + matrix + (<usize>panel) * a.panelBytes;
      const init = <usize>a.init + matrix + (<usize>panel) * a.initBytes;
      const columns = min(8, a.columns - (panel << 3));
      multiplyRows(
        scratch, rows, b, a.panelStep, 1, 1, a.depth, 0, 0, init, (<usize>panel) << 5, columns, false, a.low, a.high,
      );
    }
  }
}

/** A's columns are contiguous: the product of its transpose. */
export function matMulColumns(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<MatMulArgs>(args);
  const panelBlocks = (a.panelCount + a.panelsPerUnit - 1) / a.panelsPerUnit;
  const rowBlocks = (a.rows + a.rowsPerUnit - 1) / a.rowsPerUnit;
  for (let unit = start; unit < end; unit++) {
    const block = unit / panelBlocks;
    const firstPanel = (unit - block * panelBlocks) * a.panelsPerUnit;
    const lastPanel = min(firstPanel + a.panelsPerUnit, a.panelCount);
    const batch = block / rowBlocks;
    const first = (block - batch * rowBlocks) * a.rowsPerUnit;
    const last = min(first + a.rowsPerUnit, a.rows);
    const offsets = <usize>a.batches + (<usize>batch) * 12;
    const from = <usize>load<u32>(offsets);
    const matrix = <usize>load<u32>(offsets, 4);
    const out = <usize>load<u32>(offsets, 8);
    for (let panel = firstPanel; panel < lastPanel; panel++) {
      const b = <usize>a.panels + matrix + (<usize>panel) * a.panelBytes;
      const init = <usize>a.init + matrix + (<usize>panel) * a.initBytes;
      const columns = min(8, a.columns - (panel << 3));
      for (let row = first; row < last; row += 4) {
        const at = from + ((<usize>row) << 2);
        const to = out + (<usize>row) * a.outPitch + ((<usize>panel) << 5);
        multiplyColumns(
          min(4, last - row), at, b, 1, 1, a.depth, a.aPitch, 0, 0, a.panelStep, init, to, a.outPitch, columns,
          false, a.low, a.high,
        );
      }
    }
  }
}

@unmanaged
class MatMulInt32Args {
  batches: u32;
  rows: i32;
  columns: i32;
  depth: i32;
  /** Bytes between neighbours: A[row][k] along rows and k, B[k][column] along k and columns. */
  aRowStep: u32;
  aDepthStep: u32;
  bDepthStep: u32;
  bColumnStep: u32;
}

/** Plain integer products; a unit is a row of a matrix. The second word of `batches` is the byte offset of B's matrix. */
export function matMulInt32(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<MatMulInt32Args>(args);
  for (let unit = start; unit < end; unit++) {
    const batch = unit / a.rows;
    const row = unit - batch * a.rows;
    const offsets = <usize>a.batches + (<usize>batch) * 12;
    const aRow = <usize>load<u32>(offsets) + (<usize>row) * a.aRowStep;
    const out = <usize>load<u32>(offsets, 8) + ((<usize>(row * a.columns)) << 2);
    for (let column = 0; column < a.columns; column++) {
      let from = aRow;
      let b = <usize>load<u32>(offsets, 4) + (<usize>column) * a.bColumnStep;
      let sum = 0;
      for (let k = 0; k < a.depth; k++) {
        sum += load<i32>(from) * load<i32>(b);
        from += a.aDepthStep;
        b += a.bDepthStep;
      }
      store<i32>(out + ((<usize>column) << 2), sum);
    }
  }
}
