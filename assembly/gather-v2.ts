// Copies slices of a tensor that indices name along one of its axes. Any type: bytes are copied.
// Indices must lie in [0, dim): the caller looks at them first.
//
//   x        [batch, outer, dim, slice]
//   indices  i32 [batch, indices]
//   y        [batch, outer, indices, slice]
//
//   unit = rowsPerUnit slices of y, of which the last unit may have fewer
import { copyFloats } from './simd/columns';

/** Bytes from which on the engine's bulk copy is faster than a loop. */
const BULK_BYTES: i32 = 512;

@unmanaged
class GatherArgs {
  x: u32;
  indices: u32;
  y: u32;
  /** batch * outer * indices. */
  rows: i32;
  rowsPerUnit: i32;
  outer: i32;
  dim: i32;
  indicesPerBatch: i32;
  sliceBytes: i32;
}

export function gatherV2(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<GatherArgs>(args);
  const bytes = <usize>a.sliceBytes;
  const isBulk = a.sliceBytes >= BULK_BYTES || (a.sliceBytes & 3) != 0;
  const last = min(end * a.rowsPerUnit, a.rows);
  for (let row = start * a.rowsPerUnit; row < last; row++) {
    const line = row / a.indicesPerBatch;
    const position = row - line * a.indicesPerBatch;
    const batch = line / a.outer;
    const index = load<i32>(<usize>a.indices + (<usize>(batch * a.indicesPerBatch + position) << 2));
    const from = <usize>a.x + (<usize>line * <usize>a.dim + <usize>index) * bytes;
    const to = <usize>a.y + <usize>row * bytes;
    if (a.sliceBytes == 4) store<u32>(to, load<u32>(from));
    else if (isBulk) memory.copy(to, from, bytes);
    else copyFloats(to, from, bytes);
  }
}
