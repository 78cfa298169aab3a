// y = (x - mean) * factor + offset, channel by channel: batch normalisation by statistics that are given.
// Not here: the statistics of a batch (batch-norm.ts). Invariant: lane by lane, so bits do not depend on where a unit begins.
//
//   x, y                  f32 [rows, channels]
//   mean, factor, offset  f32 [channels]
//
//   unit = rowsPerUnit rows, of which the last unit may have fewer
import { loadColumns, storeColumns } from './simd/columns';

@unmanaged
class FusedBatchNormArgs {
  x: u32;
  y: u32;
  mean: u32;
  factor: u32;
  offset: u32;
  rows: i32;
  channels: i32;
  rowsPerUnit: i32;
}

@inline
function normalize(x: v128, mean: v128, factor: v128, offset: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.sub(x, mean), factor), offset);
}

export function fusedBatchNorm(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<FusedBatchNormArgs>(args);
  const pitch = <usize>a.channels << 2;
  const first = <usize>(start * a.rowsPerUnit) * pitch;
  const bytes = <usize>(min(end * a.rowsPerUnit, a.rows) - start * a.rowsPerUnit) * pitch;
  const wide: usize = pitch & ~15;
  const rest = a.channels & 3;
  let x = <usize>a.x + first;
  let y = <usize>a.y + first;
  const last = y + bytes;
  for (; y < last; y += pitch, x += pitch) {
    for (let at: usize = 0; at < wide; at += 16) {
      const mean = v128.load(<usize>a.mean + at);
      const factor = v128.load(<usize>a.factor + at);
      v128.store(y + at, normalize(v128.load(x + at), mean, factor, v128.load(<usize>a.offset + at)));
    }
    if (rest > 0) {
      const mean = loadColumns(<usize>a.mean + wide, rest);
      const factor = loadColumns(<usize>a.factor + wide, rest);
      const offset = loadColumns(<usize>a.offset + wide, rest);
      const row = normalize(loadColumns(x + wide, rest), mean, factor, offset);
      storeColumns(y + wide, row, row, rest);
    }
  }
}
