// Loads, stores and copies of up to eight columns, and runs of floats of any length. Not kernels: other files inline or call them.
// Invariant: nothing beyond the given number of floats is read or written, so the last row of a tensor may end its memory.

/** Stores the first `columns` (1 to 8) of the eight floats in `low`, `high`. */
export function storeColumns(at: usize, low: v128, high: v128, columns: i32): void {
  if (columns >= 4) {
    v128.store(at, low);
    if (columns == 8) {
      v128.store(at, high, 16);
      return;
    }
    low = high;
    at += 16;
    columns -= 4;
  }
  if (columns & 2) {
    v128.store64_lane(at, low, 0);
    low = i64x2.shuffle(low, low, 1, 1);
    at += 8;
  }
  if (columns & 1) v128.store32_lane(at, low, 0);
}

/** The first `columns` of four floats, zero beyond; `columns` may be anything. */
export function loadColumns(at: usize, columns: i32): v128 {
  if (columns >= 4) return v128.load(at);
  let floats = f32x4.splat(0);
  if (columns > 0) floats = v128.load32_lane(at, floats, 0);
  if (columns > 1) floats = v128.load32_lane(at, floats, 1, 4);
  if (columns > 2) floats = v128.load32_lane(at, floats, 2, 8);
  return floats;
}

/** Copies `bytes` (a multiple of 4); several times faster than a bulk copy for the short runs that convolutions need. */
export function copyFloats(to: usize, from: usize, bytes: usize): void {
  const end = to + bytes;
  for (; to + 16 <= end; to += 16, from += 16) v128.store(to, v128.load(from));
  for (; to < end; to += 4, from += 4) store<u32>(to, load<u32>(from));
}

/** Zeroes `bytes` (a multiple of 4). */
export function zeroFloats(at: usize, bytes: usize): void {
  const zero = i32x4.splat(0);
  const end = at + bytes;
  for (; at + 16 <= end; at += 16) v128.store(at, zero);
  for (; at < end; at += 4) store<u32>(at, 0);
}
