// Counts whole numbers from 0 on, or adds up their weights; what is not below `size` counts nowhere. One thread: sums are in order.
//
//   x        i32 [length]
//   weights  f32 or i32 [length], or none
//   y        f32 or i32 [size], zeros on entry
//   signs    i32, negative on return if a number of x is

@unmanaged
class BincountArgs {
  x: u32;
  /** 0 for none. */
  weights: u32;
  y: u32;
  signs: u32;
  length: i32;
  size: u32;
  isFloat: i32;
}

export function bincount(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<BincountArgs>(args);
  const y = <usize>a.y;
  const size = a.size;
  let signs: u32 = 0;
  const last = <usize>a.x + (<usize>a.length << 2);
  let weight = <usize>a.weights;
  if (!weight) {
    for (let x = <usize>a.x; x < last; x += 4) {
      const value = load<u32>(x);
      signs |= value;
      if (value >= size) continue;
      const bin = y + (<usize>value << 2);
      store<i32>(bin, load<i32>(bin) + 1);
    }
    store<u32>(a.signs, signs);
    if (!a.isFloat) return;
    for (let bin = y; bin < y + (<usize>size << 2); bin += 4) store<f32>(bin, <f32>load<i32>(bin));
    return;
  }
  for (let x = <usize>a.x; x < last; x += 4, weight += 4) {
    const value = load<u32>(x);
    signs |= value;
    if (value >= size) continue;
    const bin = y + (<usize>value << 2);
    if (a.isFloat) store<f32>(bin, load<f32>(bin) + load<f32>(weight));
    else store<i32>(bin, load<i32>(bin) + load<i32>(weight));
  }
  store<u32>(a.signs, signs);
}
