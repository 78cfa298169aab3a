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

export function clipByValue(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<ClipArgs>(args);
  const last = min(end * a.unitLength, a.length);
  const low = f32x4.splat(a.low);
  const high = f32x4.splat(a.high);
  let i = start * a.unitLength;
  for (; i + 4 <= last; i += 4) {
    const at = <usize>i << 2;
    const value = v128.load(<usize>a.x + at);
    const raised = v128.bitselect(low, value, f32x4.lt(value, low));
    v128.store(<usize>a.y + at, v128.bitselect(high, raised, f32x4.gt(value, high)));
  }
  for (; i < last; i++) {
    const at = <usize>i << 2;
    const value = load<f32>(<usize>a.x + at);
    store<f32>(<usize>a.y + at, value > a.high ? a.high : value < a.low ? a.low : value);
  }
}
