// Gradient of "+ bias, activation" in one pass: what flows on, and the bias's own gradient.
//
//   dy        f32 [rows, channels]
//   y         f32 [rows, channels]       outputs of the activation; not read where the code is 0
//   dz        f32 [rows, channels]       dy f'(y), f as simd/activation has it; written only where the code is not 0
//   partials  f32 [units][channels]      each the sum of its rows; sumPartials adds them in order
//
//   unit = rowsPerUnit rows: it follows from the shape alone, so the bits are the same for any number of threads.
import { backpropActivation, LINEAR, RELU } from './simd/activation';
import { loadColumns, storeColumns } from './simd/columns';

@unmanaged
class BiasActivationGradArgs {
  dy: u32;
  y: u32;
  dz: u32;
  partials: u32;
  rows: i32;
  channels: i32;
  rowsPerUnit: i32;
  code: i32;
  alpha: f32;
}

/** Sixteen channels: four sums in registers. */
@inline
function sumSixteen(code: i32, dy: usize, y: usize, dz: usize, partial: usize, rows: i32, pitch: usize, alpha: v128): void {
  let sum0 = f32x4.splat(0);
  let sum1 = sum0;
  let sum2 = sum0;
  let sum3 = sum0;
  const end = dy + (<usize>rows) * pitch;
  for (; dy < end; dy += pitch, y += pitch, dz += pitch) {
    sum0 = f32x4.add(sum0, passOn(code, dy, y, dz, alpha));
    sum1 = f32x4.add(sum1, passOn(code, dy + 16, y + 16, dz + 16, alpha));
    sum2 = f32x4.add(sum2, passOn(code, dy + 32, y + 32, dz + 32, alpha));
    sum3 = f32x4.add(sum3, passOn(code, dy + 48, y + 48, dz + 48, alpha));
  }
  v128.store(partial, sum0);
  v128.store(partial, sum1, 16);
  v128.store(partial, sum2, 32);
  v128.store(partial, sum3, 48);
}

/** What flows through the activation, stored too unless there is none. */
@inline
function passOn(code: i32, dy: usize, y: usize, dz: usize, alpha: v128): v128 {
  if (code == LINEAR) return v128.load(dy);
  const z = backpropActivation(code, v128.load(dy), v128.load(y), alpha);
  v128.store(dz, z);
  return z;
}

/** Up to four channels. */
function sumFew(
  code: i32,
  dy: usize,
  y: usize,
  dz: usize,
  partial: usize,
  rows: i32,
  pitch: usize,
  alpha: v128,
  columns: i32,
): void {
  let sum = f32x4.splat(0);
  const end = dy + (<usize>rows) * pitch;
  for (; dy < end; dy += pitch, y += pitch, dz += pitch) {
    let z = loadColumns(dy, columns);
    if (code != LINEAR) {
      z = backpropActivation(code, z, loadColumns(y, columns), alpha);
      storeColumns(dz, z, z, columns);
    }
    sum = f32x4.add(sum, z);
  }
  storeColumns(partial, sum, sum, columns);
}

export function biasActivationGrad(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<BiasActivationGradArgs>(args);
  const pitch = (<usize>a.channels) << 2;
  const alpha = f32x4.splat(a.alpha);
  for (let unit = start; unit < end; unit++) {
    const first = unit * a.rowsPerUnit;
    const rows = min(a.rowsPerUnit, a.rows - first);
    const offset = (<usize>first) * pitch;
    let dy = <usize>a.dy + offset;
    let y = <usize>a.y + offset;
    let dz = <usize>a.dz + offset;
    let partial = <usize>a.partials + (<usize>unit) * pitch;
    let channel = 0;
    while (channel < a.channels) {
      const left = a.channels - channel;
      const step = left >= 16 ? 16 : min(left, 4);
      if (step < 16) sumFew(a.code, dy, y, dz, partial, rows, pitch, alpha, step);
      else if (a.code == LINEAR) sumSixteen(LINEAR, dy, y, dz, partial, rows, pitch, alpha);
      else if (a.code == RELU) sumSixteen(RELU, dy, y, dz, partial, rows, pitch, alpha);
      else sumSixteen(a.code, dy, y, dz, partial, rows, pitch, alpha);
      channel += step;
      const bytes = (<usize>step) << 2;
      dy += bytes;
      y += bytes;
      dz += bytes;
      partial += bytes;
    }
  }
}
