// Exponential and logarithm of one double from arithmetic alone, so that every engine gives the same bits.
// Not the standard library's: that one keeps tables in static data, which our modules must not have.
// Both are within 2 units in the last place of a double over the ranges below; results round to the right float32.

const LN2_HIGH: f64 = 0.6931471803691238;
const LN2_LOW: f64 = 1.9082149292705877e-10;
const LOG2_E: f64 = 1.4426950408889634;

/** e to the x: 0 below -708, infinity above 709. Range reduction by ln 2, then the Taylor series to degree 13. */
export function expOf(x: f64): f64 {
  if (x != x) return x;
  if (x < -708) return 0;
  if (x > 709) return Infinity;
  const k = nearest(x * LOG2_E);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  let sum: f64 = 1;
  for (let n: f64 = 13; n > 0; n--) sum = 1 + (r / n) * sum;
  return sum * reinterpret<f64>((<i64>k + 1023) << 52);
}

/** Natural logarithm of a positive, normal x: log(m 2^e) = e ln 2 + 2 atanh((m - 1) / (m + 1)). */
export function logOf(x: f64): f64 {
  if (x != x || x == Infinity) return x;
  if (x <= 0) return x == 0 ? -Infinity : NaN;
  let bits = reinterpret<i64>(x);
  let exponent = <i32>(bits >> 52) - 1023;
  let m = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    exponent++;
  }
  const f = (m - 1) / (m + 1);
  const s = f * f;
  let sum: f64 = 0;
  for (let n: f64 = 21; n > 0; n -= 2) sum = sum * s + 1 / n;
  return <f64>exponent * LN2_HIGH + (2 * f * sum + <f64>exponent * LN2_LOW);
}
