// One row times a matrix: c[n] = bias[n] + sum over k of a[k] B[k][n], clamped. Sums lie in c and B is read along its rows, once.
// Invariant: a sum is in the order of k, as in simd/multiply.ts, so the bits are those of a product with more rows.
//
//   a f32 [depth]   B f32 [depth, columns]   bias f32 [columns], one number, or none   c f32 [columns]
//
//   unit = columnsPerUnit columns, of which the last unit may have fewer

@unmanaged
class RowArgs {
  a: u32;
  b: u32;
  c: u32;
  /** 0 for none; biasStep bytes apart, 0 for one number. */
  bias: u32;
  biasStep: u32;
  depth: i32;
  columns: i32;
  columnsPerUnit: i32;
  low: f32;
  high: f32;
}

@inline
function madd(sum: v128, a: v128, b: v128): v128 {
  return f32x4.add(sum, f32x4.mul(a, b));
}

/** Adds four rows of B, times a[0] to a[3], to the sums at c. */
function addFourRows(c: usize, b: usize, pitch: usize, a: usize, columns: i32): void {
  const a0 = v128.load32_splat(a);
  const a1 = v128.load32_splat(a, 4);
  const a2 = v128.load32_splat(a, 8);
  const a3 = v128.load32_splat(a, 12);
  let b1 = b + pitch;
  let b2 = b1 + pitch;
  let b3 = b2 + pitch;
  for (; columns >= 8; columns -= 8) {
    let low = madd(v128.load(c), a0, v128.load(b));
    let high = madd(v128.load(c, 16), a0, v128.load(b, 16));
    low = madd(low, a1, v128.load(b1));
    high = madd(high, a1, v128.load(b1, 16));
    low = madd(low, a2, v128.load(b2));
    high = madd(high, a2, v128.load(b2, 16));
    v128.store(c, madd(low, a3, v128.load(b3)));
    v128.store(c, madd(high, a3, v128.load(b3, 16)), 16);
    b += 32;
    b1 += 32;
    b2 += 32;
    b3 += 32;
    c += 32;
  }
  for (; columns > 0; columns--) {
    let sum = load<f32>(c) + load<f32>(a) * load<f32>(b);
    sum += load<f32>(a, 4) * load<f32>(b1);
    sum += load<f32>(a, 8) * load<f32>(b2);
    store<f32>(c, sum + load<f32>(a, 12) * load<f32>(b3));
    b += 4;
    b1 += 4;
    b2 += 4;
    b3 += 4;
    c += 4;
  }
}

function addRow(c: usize, b: usize, a: usize, columns: i32): void {
  const factor = v128.load32_splat(a);
  for (; columns >= 4; columns -= 4, b += 16, c += 16) v128.store(c, madd(v128.load(c), factor, v128.load(b)));
  for (; columns > 0; columns--, b += 4, c += 4) store<f32>(c, load<f32>(c) + load<f32>(a) * load<f32>(b));
}

export function rowTimesMatrix(args: usize, start: i32, end: i32, scratch: usize): void {
  const own = changetype<RowArgs>(args);
  const pitch = <usize>own.columns << 2;
  const first = start * own.columnsPerUnit;
  const columns = min(end * own.columnsPerUnit, own.columns) - first;
  const c = <usize>own.c + (<usize>first << 2);
  let bias = <usize>own.bias + <usize>first * own.biasStep;
  for (let n = 0; n < columns; n++, bias += own.biasStep) {
    store<f32>(c + (<usize>n << 2), own.bias ? load<f32>(bias) : 0);
  }
  let a = <usize>own.a;
  let b = <usize>own.b + (<usize>first << 2);
  let k = 0;
  for (; k + 4 <= own.depth; k += 4, a += 16, b += 4 * pitch) addFourRows(c, b, pitch, a, columns);
  for (; k < own.depth; k++, a += 4, b += pitch) addRow(c, b, a, columns);
  const low = f32x4.splat(own.low);
  const high = f32x4.splat(own.high);
  for (let n = 0; n < columns; n++) {
    const at = c + (<usize>n << 2);
    // The operands are in the order in which pmax and pmin keep NaN.
    const clamped = f32x4.pmin(f32x4.pmax(v128.load32_splat(at), low), high);
    store<f32>(at, f32x4.extract_lane(clamped, 0));
  }
}
