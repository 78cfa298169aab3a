// Repeats blocks along one axis. Any type: bytes are copied. Several axes are repeated one after another, from the last on.
//
//   x  [outer, block]
//   y  [outer, repeats, block]
//
//   unit = rowsPerUnit blocks of y, of which the last unit may have fewer
import { copyFloats } from './simd/columns';

/** Bytes from which on the engine's bulk copy is faster than a loop. */
const BULK_BYTES: i32 = 512;

@unmanaged
class TileArgs {
  x: u32;
  y: u32;
  /** outer * repeats. */
  rows: i32;
  rowsPerUnit: i32;
  repeats: i32;
  blockBytes: i32;
}

export function tile(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<TileArgs>(args);
  const bytes = <usize>a.blockBytes;
  const isBulk = a.blockBytes >= BULK_BYTES || (a.blockBytes & 3) != 0;
  const last = min(end * a.rowsPerUnit, a.rows);
  let row = start * a.rowsPerUnit;
  let to = <usize>a.y + <usize>row * bytes;
  while (row < last) {
    const outer = row / a.repeats;
    const stop = min(last, (outer + 1) * a.repeats);
    const from = <usize>a.x + <usize>outer * bytes;
    if (a.blockBytes == 4) {
      const word = load<u32>(from);
      for (; row < stop; row++, to += 4) store<u32>(to, word);
    } else if (isBulk) {
      for (; row < stop; row++, to += bytes) memory.copy(to, from, bytes);
    } else {
      for (; row < stop; row++, to += bytes) copyFloats(to, from, bytes);
    }
  }
}
