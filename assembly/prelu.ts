// x where it is not below zero, alpha * x where it is; NaN stays. A unit is a run of `unitLength` floats.
//
//   x, y  f32 [length]
//   alpha f32 [alphaLength]      element i of x takes alpha[i % alphaLength]: one number, a value per channel, or one for each

@unmanaged
class PreluArgs {
  x: u32;
  alpha: u32;
  y: u32;
  length: i32;
  alphaLength: i32;
  unitLength: i32;
}

export function prelu(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PreluArgs>(args);
  const last = min(end * a.unitLength, a.length);
  let i = start * a.unitLength;
  if (a.alphaLength == 1) {
    preluRun(<usize>a.x, a.alpha, <usize>a.y, i, last, true);
    return;
  }
  while (i < last) {
    const column = i % a.alphaLength;
    const runEnd = min(last, i - column + a.alphaLength);
    // Element i meets alpha[column]: alpha is addressed as if it began at element i - column.
    preluRun(<usize>a.x, <usize>a.alpha - (<usize>(i - column) << 2), <usize>a.y, i, runEnd, false);
    i = runEnd;
  }
}

@inline
function preluRun(x: usize, alpha: usize, y: usize, i: i32, end: i32, isScalar: bool): void {
  const zero = f32x4.splat(0);
  for (; i + 4 <= end; i += 4) {
    const at = <usize>i << 2;
    const value = v128.load(x + at);
    const slope = isScalar ? v128.load32_splat(alpha) : v128.load(alpha + at);
    v128.store(y + at, v128.bitselect(f32x4.mul(slope, value), value, f32x4.lt(value, zero)));
  }
  for (; i < end; i++) {
    const at = <usize>i << 2;
    const value = load<f32>(x + at);
    const slope = load<f32>(isScalar ? alpha : alpha + at);
    store<f32>(y + at, value < 0 ? slope * value : value);
  }
}
