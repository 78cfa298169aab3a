// Four channels at a time of a line of values that lie `step` bytes apart. Not kernels: Winograd's transforms are written in these.

@inline
export function take(from: usize, step: usize, index: usize): v128 {
  return v128.load(from + index * step);
}

@inline
export function put(to: usize, step: usize, index: usize, value: v128): void {
  v128.store(to + index * step, value);
}

/** Stores results `index` and `index` + 1, of a point and of its negative: they differ in the sign of the odd powers. */
@inline
export function putPair(to: usize, step: usize, index: usize, even: v128, odd: v128): void {
  put(to, step, index, plus(even, odd));
  put(to, step, index + 1, minus(even, odd));
}

/** Stores a result, or adds it to what is there. */
@inline
export function give(adds: bool, to: usize, step: usize, index: usize, value: v128): void {
  if (adds) value = plus(take(to, step, index), value);
  put(to, step, index, value);
}

@inline
export function times(a: v128, factor: f32): v128 {
  return f32x4.mul(a, f32x4.splat(factor));
}

@inline
export function plus(a: v128, b: v128): v128 {
  return f32x4.add(a, b);
}

@inline
export function minus(a: v128, b: v128): v128 {
  return f32x4.sub(a, b);
}
