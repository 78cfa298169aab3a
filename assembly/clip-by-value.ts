// Clips to [low, high]: above `high` becomes `high`, else below `low` becomes `low`; NaN stays. A unit is a run of `unitLength`
// floats.

@unmanaged
class ClipArgs {
  x: u32;
  y: u32;
  length: i32;
  unitLength: i32;
  low: f32;
  high: f32;
}

/** The operands are in the order in which pmax and pmin keep NaN, and -0 where a bound is 0. */
@inline
function clip(value: v128, low: v128, high: v128): v128 {
  return f32x4.pmin(f32x4.pmax(value, low), high);
}

export function clipByValue(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<ClipArgs>(args);
  const last = min(end * a.unitLength, a.length);
  const low = f32x4.splat(a.low);
  const high = f32x4.splat(a.high);
  let i = start * a.unitLength;
  for (; i + 16 <= last; i += 16) {
    const x = <usize>a.x + (<usize>i << 2);
    const y = <usize>a.y + (<usize>i << 2);
    v128.store(y, clip(v128.load(x), low, high));
    v128.store(y, clip(v128.load(x, 16), low, high), 16);
    v128.store(y, clip(v128.load(x, 32), low, high), 32);
    v128.store(y, clip(v128.load(x, 48), low, high), 48);
  }
  for (; i < last; i++) {
    const at = <usize>i << 2;
    const value = load<f32>(<usize>a.x + at);
    store<f32>(<usize>a.y + at, value > a.high ? a.high : value < a.low ? a.low : value);
  }
}
