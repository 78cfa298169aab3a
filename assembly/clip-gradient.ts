// Clips gradients by the norm of all of them together (Pascanu et al. 2013): sums of squares over fixed parts of each, their sum in a
// fixed order, and a factor that each gradient is multiplied by. As PyTorch's clip_grad_norm_: min(1, limit / (norm + 1e-6)).

@unmanaged
class SquaresArgs {
  values: u32;
  elements: i32;
  elementsPerUnit: i32;
  /** f64 [units]. */
  sums: u32;
}

/** Unit: `elementsPerUnit` elements, a multiple of four. Four sums of every fourth element, added in order. */
export function sumSquares(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<SquaresArgs>(args);
  for (let unit = start; unit < end; unit++) {
    const first = unit * a.elementsPerUnit;
    const last = min(first + a.elementsPerUnit, a.elements);
    const vectors = (last - first) & ~3;
    let at = <usize>a.values + (<usize>first << 2);
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    const vectorEnd = at + (<usize>vectors << 2);
    for (; at < vectorEnd; at += 16) {
      const values = v128.load(at);
      const front = f64x2.promote_low_f32x4(values);
      const back = f64x2.promote_low_f32x4(i32x4.shuffle(values, values, 2, 3, 2, 3));
      low = f64x2.add(low, f64x2.mul(front, front));
      high = f64x2.add(high, f64x2.mul(back, back));
    }
    let sum =
      f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1) + f64x2.extract_lane(high, 0) + f64x2.extract_lane(high, 1);
    for (let i = first + vectors; i < last; i++, at += 4) {
      const value = <f64>load<f32>(at);
      sum += value * value;
    }
    store<f64>(<usize>a.sums + (<usize>unit << 3), sum);
  }
}

@unmanaged
class FactorArgs {
  /** f64 [count]. */
  sums: u32;
  count: i32;
  limit: f32;
  /** f32, where the factor goes. */
  factor: u32;
}

/** Unit: all of it. */
export function clipFactor(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<FactorArgs>(args);
  let sum: f64 = 0;
  for (let i = 0; i < a.count; i++) sum += load<f64>(<usize>a.sums + (<usize>i << 3));
  store<f32>(<usize>a.factor, <f32>Math.min(1, <f64>a.limit / (Math.sqrt(sum) + 1e-6)));
}

@unmanaged
class ScaleArgs {
  values: u32;
  scaled: u32;
  elements: i32;
  elementsPerUnit: i32;
  /** f32. */
  factor: u32;
}

/** Unit: `elementsPerUnit` elements. In place or not; a factor of 1 changes nothing. */
export function scaleBy(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<ScaleArgs>(args);
  const first = start * a.elementsPerUnit;
  const last = min(end * a.elementsPerUnit, a.elements);
  const factor = load<f32>(<usize>a.factor);
  const from = <usize>a.values + (<usize>first << 2);
  const to = <usize>a.scaled + (<usize>first << 2);
  if (factor == 1 && from == to) return;
  const factors = f32x4.splat(factor);
  const vectors = (last - first) & ~3;
  for (let i = 0; i < vectors; i += 4) {
    const at = <usize>i << 2;
    v128.store(to + at, f32x4.mul(factors, v128.load(from + at)));
  }
  for (let i = vectors; i < last - first; i++) {
    const at = <usize>i << 2;
    store<f32>(to + at, factor * load<f32>(from + at));
  }
}
