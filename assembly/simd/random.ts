// Philox4x32-10, counter-based random words: the same as src/core/philox.ts gives, four blocks at a time.
// Source: J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
//
//   lane of a vector  0           1           2           3
//   counter           (c0, …)     (c0+1, …)   (c0+2, …)   (c0+3, …)
//   stored words      0 … 3       4 … 7       8 … 11      12 … 15
import { storeTransposed } from './transpose';

/** Bytes that `storePhilox` writes. */
export const PHILOX_BYTES: i32 = 64;

/** Stores the 16 words of the counters (c0 … c0 + 3, c1, c2, c3) under the key (k0, k1) at `out`, block after block. */
export function storePhilox(out: usize, c0: u32, c1: u32, c2: u32, c3: u32, k0: u32, k1: u32): void {
  const m0 = i32x4.splat(0xd2511f53);
  const m1 = i32x4.splat(0xcd9e8d57);
  let x0 = i32x4.add(i32x4.splat(c0), i32x4(0, 1, 2, 3));
  let x1 = i32x4.splat(c1);
  let x2 = i32x4.splat(c2);
  let x3 = i32x4.splat(c3);
  for (let round = 0; round < 10; round++) {
    const low0 = i64x2.extmul_low_i32x4_u(x0, m0);
    const high0 = i64x2.extmul_high_i32x4_u(x0, m0);
    const low1 = i64x2.extmul_low_i32x4_u(x2, m1);
    const high1 = i64x2.extmul_high_i32x4_u(x2, m1);
    x0 = v128.xor(v128.xor(i32x4.shuffle(low1, high1, 1, 3, 5, 7), x1), i32x4.splat(k0));
    x1 = i32x4.shuffle(low1, high1, 0, 2, 4, 6);
    x2 = v128.xor(v128.xor(i32x4.shuffle(low0, high0, 1, 3, 5, 7), x3), i32x4.splat(k1));
    x3 = i32x4.shuffle(low0, high0, 0, 2, 4, 6);
    k0 += 0x9e3779b9;
    k1 += 0xbb67ae85;
  }
  storeTransposed(out, 16, x0, x1, x2, x3);
}
