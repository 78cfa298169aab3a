// Sums over rows by channel for batch normalisation: single precision within a block of rows, double between blocks.
// Not kernels. Invariant: blocks are fixed, so a sum is the same whoever takes it.
//
//   scratch   f64 [2][16]      two kinds of sums of up to sixteen channels

/** Rows that are summed in single precision. */
export const BLOCK_ROWS: i32 = 64;
/** Bytes from the first kind of sums to the second. */
export const SECOND: usize = 128;

@inline
export function clearSums(scratch: usize): void {
  const zero = f64x2.splat(0);
  for (let at: usize = 0; at < 2 * SECOND; at += 16) v128.store(scratch + at, zero);
}

/** Adds single-precision sums of four channels. */
@inline
export function addToSums(at: usize, sums: v128): void {
  v128.store(at, f64x2.add(v128.load(at), f64x2.promote_low_f32x4(sums)));
  const high = f64x2.promote_low_f32x4(i64x2.shuffle(sums, sums, 1, 1));
  v128.store(at, f64x2.add(v128.load(at, 16), high), 16);
}

/** Stores the sums of `columns` channels as floats: the first kind at `first`, the second at `second`. */
export function storeSums(scratch: usize, first: usize, second: usize, columns: i32): void {
  for (let i = 0; i < columns; i++) {
    const at = <usize>i;
    store<f32>(first + (at << 2), <f32>load<f64>(scratch + (at << 3)));
    store<f32>(second + (at << 2), <f32>load<f64>(scratch + (at << 3), SECOND));
  }
}

@inline
export function chunksOf(rows: i32, rowsPerChunk: i32): i32 {
  return (rows + rowsPerChunk - 1) / rowsPerChunk;
}
