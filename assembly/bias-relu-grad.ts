// Gradient of "+ bias, relu" in one pass: what flows on, and the bias's own gradient.
//
//   dy        f32 [rows, channels]
//   y         f32 [rows, channels]       outputs of relu; ignored where there is none
//   dz        f32 [rows, channels]       dy where y > 0, else 0; written only where there is a relu
//   partials  f32 [units][channels]      each the sum of its rows; sumPartials adds them in order
//
//   unit = rowsPerUnit rows: it follows from the shape alone, so the bits are the same for any number of threads.
import { loadColumns, storeColumns } from './simd/columns';

@unmanaged
class BiasReluGradArgs {
  dy: u32;
  y: u32;
  dz: u32;
  partials: u32;
  rows: i32;
  channels: i32;
  rowsPerUnit: i32;
}

/** Sixteen channels: four sums in registers. */
function sumSixteen(dy: usize, y: usize, dz: usize, partial: usize, rows: i32, pitch: usize): void {
  const zero = f32x4.splat(0);
  let sum0 = zero;
  let sum1 = zero;
  let sum2 = zero;
  let sum3 = zero;
  const end = dy + (<usize>rows) * pitch;
  if (y != 0) {
    for (; dy < end; dy += pitch, y += pitch, dz += pitch) {
      const z0 = v128.and(v128.load(dy), f32x4.gt(v128.load(y), zero));
      const z1 = v128.and(v128.load(dy, 16), f32x4.gt(v128.load(y, 16), zero));
      const z2 = v128.and(v128.load(dy, 32), f32x4.gt(v128.load(y, 32), zero));
      const z3 = v128.and(v128.load(dy, 48), f32x4.gt(v128.load(y, 48), zero));
      v128.store(dz, z0);
      v128.store(dz, z1, 16);
      v128.store(dz, z2, 32);
      v128.store(dz, z3, 48);
      sum0 = f32x4.add(sum0, z0);
      sum1 = f32x4.add(sum1, z1);
      sum2 = f32x4.add(sum2, z2);
      sum3 = f32x4.add(sum3, z3);
    }
  } else {
    for (; dy < end; dy += pitch) {
      sum0 = f32x4.add(sum0, v128.load(dy));
      sum1 = f32x4.add(sum1, v128.load(dy, 16));
      sum2 = f32x4.add(sum2, v128.load(dy, 32));
      sum3 = f32x4.add(sum3, v128.load(dy, 48));
    }
  }
  v128.store(partial, sum0);
  v128.store(partial, sum1, 16);
  v128.store(partial, sum2, 32);
  v128.store(partial, sum3, 48);
}

/** Up to four channels. */
function sumFew(dy: usize, y: usize, dz: usize, partial: usize, rows: i32, pitch: usize, columns: i32): void {
  const zero = f32x4.splat(0);
  let sum = zero;
  const end = dy + (<usize>rows) * pitch;
  for (; dy < end; dy += pitch) {
    let z = loadColumns(dy, columns);
    if (y != 0) {
      z = v128.and(z, f32x4.gt(loadColumns(y, columns), zero));
      storeColumns(dz, z, zero, columns);
      y += pitch;
      dz += pitch;
    }
    sum = f32x4.add(sum, z);
  }
  storeColumns(partial, sum, zero, columns);
}

export function biasReluGrad(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<BiasReluGradArgs>(args);
  const pitch = (<usize>a.channels) << 2;
  for (let unit = start; unit < end; unit++) {
    const first = unit * a.rowsPerUnit;
    const rows = min(a.rowsPerUnit, a.rows - first);
    const offset = (<usize>first) * pitch;
    let dy = <usize>a.dy + offset;
    let y = a.y != 0 ? <usize>a.y + offset : 0;
    let dz = <usize>a.dz + offset;
    let partial = <usize>a.partials + (<usize>unit) * pitch;
    let channel = 0;
    while (channel < a.channels) {
      const left = a.channels - channel;
      const step = left >= 16 ? 16 : min(left, 4);
      if (step == 16) sumSixteen(dy, y, dz, partial, rows, pitch);
      else sumFew(dy, y, dz, partial, rows, pitch, step);
      channel += step;
      const bytes = (<usize>step) << 2;
      dy += bytes;
      if (y != 0) y += bytes;
      dz += bytes;
      partial += bytes;
    }
  }
}
