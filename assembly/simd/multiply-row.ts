// One row times panels of eight columns: what predicting a single image comes down to. Four panels at a time, so that eight sums are
// in the making: one tile of `multiplyBlock` would wait for each addition.
// Not a kernel. Invariant: sums run over the depth in order, as in simd/multiply.ts: the bits are the same.
import { storeColumns } from './columns';

@inline
function madd(sum: v128, a: v128, b: v128): v128 {
  return f32x4.add(sum, f32x4.mul(a, b));
}

/**
 * @param a Floats of the row
 * @param panel First row of the first panel, `panelBytes` before that of the next
 * @param c Where the row of `columns` floats goes
 */
export function multiplyRow(a: usize, depth: i32, panel: usize, panelBytes: usize, c: usize, columns: i32): void {
  const bytes = (<usize>depth) << 5;
  for (; columns > 24; columns -= 32, panel += 4 * panelBytes, c += 128) {
    const panel1 = panel + panelBytes;
    const panel2 = panel1 + panelBytes;
    const panel3 = panel2 + panelBytes;
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let s4 = s0;
    let s5 = s0;
    let s6 = s0;
    let s7 = s0;
    let from = a;
    for (let at: usize = 0; at < bytes; at += 32, from += 4) {
      const x = v128.load32_splat(from);
      s0 = madd(s0, x, v128.load(panel + at));
      s1 = madd(s1, x, v128.load(panel + at, 16));
      s2 = madd(s2, x, v128.load(panel1 + at));
      s3 = madd(s3, x, v128.load(panel1 + at, 16));
      s4 = madd(s4, x, v128.load(panel2 + at));
      s5 = madd(s5, x, v128.load(panel2 + at, 16));
      s6 = madd(s6, x, v128.load(panel3 + at));
      s7 = madd(s7, x, v128.load(panel3 + at, 16));
    }
    v128.store(c, s0);
    v128.store(c, s1, 16);
    v128.store(c, s2, 32);
    v128.store(c, s3, 48);
    v128.store(c, s4, 64);
    v128.store(c, s5, 80);
    storeColumns(c + 96, s6, s7, min(8, columns - 24));
  }
  for (; columns > 0; columns -= 8, panel += panelBytes, c += 32) {
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let from = a;
    for (let at: usize = 0; at < bytes; at += 32, from += 4) {
      const x = v128.load32_splat(from);
      s0 = madd(s0, x, v128.load(panel + at));
      s1 = madd(s1, x, v128.load(panel + at, 16));
    }
    storeColumns(c, s0, s1, min(8, columns));
  }
}
