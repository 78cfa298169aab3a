// Transposes of four vectors of four 32-bit lanes. Not kernels: packing and random numbers use them.

/** Stores lane 0 of the four vectors, then lane 1, and so on, `step` bytes apart. */
@inline
export function storeTransposed(to: usize, step: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab0 = i32x4.shuffle(a, b, 0, 4, 1, 5);
  const ab1 = i32x4.shuffle(a, b, 2, 6, 3, 7);
  const cd0 = i32x4.shuffle(c, d, 0, 4, 1, 5);
  const cd1 = i32x4.shuffle(c, d, 2, 6, 3, 7);
  v128.store(to, i64x2.shuffle(ab0, cd0, 0, 2));
  v128.store(to + step, i64x2.shuffle(ab0, cd0, 1, 3));
  v128.store(to + 2 * step, i64x2.shuffle(ab1, cd1, 0, 2));
  v128.store(to + 3 * step, i64x2.shuffle(ab1, cd1, 1, 3));
}

/** Four rows of four floats, `pitch` bytes apart, to four columns in rows of a panel, 32 bytes apart. */
@inline
export function transposeIntoPanel(from: usize, pitch: usize, to: usize): void {
  storeTransposed(
    to, 32, v128.load(from), v128.load(from + pitch), v128.load(from + 2 * pitch), v128.load(from + 3 * pitch),
  );
}
