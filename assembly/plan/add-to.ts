// Sums of gradients of a value that several stages read. Unit: image.
//
//   from, to   f32 [batch][floats]

@unmanaged
class PlanAddTo {
  from: u32;
  to: u32;
  floats: i32;
}

/** to += from */
export function planAddTo(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanAddTo>(args);
  let from = <usize>a.from + ((<usize>(start * a.floats)) << 2);
  let to = <usize>a.to + ((<usize>(start * a.floats)) << 2);
  let left = (end - start) * a.floats;
  for (; left >= 4; left -= 4, from += 16, to += 16) v128.store(to, f32x4.add(v128.load(to), v128.load(from)));
  for (; left > 0; left--, from += 4, to += 4) store<f32>(to, load<f32>(to) + load<f32>(from));
}
