// Converts elements between float32, int32 and bool as JavaScript's typed arrays do: floats beyond the integers wrap, NaN is 0.
// To bool: whether the number is not zero, so NaN is true.
//
//   x, y  [elements], of 4 bytes a number and 1 byte a boolean
//
//   unit = elementsPerUnit elements (a multiple of 4), of which the last unit may have fewer

@unmanaged
class CastArgs {
  x: u32;
  y: u32;
  elements: i32;
  elementsPerUnit: i32;
  code: i32;
}

const FLOAT_TO_INT: i32 = 0;
const FLOAT_TO_BOOL: i32 = 1;
const INT_TO_FLOAT: i32 = 2;
const INT_TO_BOOL: i32 = 3;
const BOOL_TO_FLOAT: i32 = 4;
const BOOL_TO_INT: i32 = 5;

/** Beyond, a float has no bits below 2^32 left. */
const WRAPS_TO_ZERO: f32 = 9223372036854775808.0;

function floatToInt(x: usize, y: usize, count: i32): void {
  const limit = f32x4.splat(2147483648.0);
  for (; count >= 4; count -= 4, x += 16, y += 16) {
    const floats = v128.load(x);
    if (v128.any_true(f32x4.ge(f32x4.abs(floats), limit))) {
      for (let lane: usize = 0; lane < 16; lane += 4) store<i32>(y + lane, wrap(load<f32>(x + lane)));
    } else {
      v128.store(y, i32x4.trunc_sat_f32x4_s(floats));
    }
  }
  for (; count > 0; count--, x += 4, y += 4) store<i32>(y, wrap(load<f32>(x)));
}

@inline
function wrap(float: f32): i32 {
  return abs(float) < WRAPS_TO_ZERO ? <i32>(<i64>float) : 0;
}

/** Whether each of sixteen numbers is not zero, as bytes of 0 and 1, of masks of those that are. */
@inline
function storeIsNotZero(y: usize, a: v128, b: v128, c: v128, d: v128): void {
  const isZero = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
  v128.store(y, i8x16.add(isZero, i8x16.splat(1)));
}

function floatToBool(x: usize, y: usize, count: i32): void {
  const zero = f32x4.splat(0);
  for (const end = y + <usize>(count & ~15); y < end; x += 64, y += 16) {
    const a = f32x4.eq(v128.load(x), zero);
    const b = f32x4.eq(v128.load(x, 16), zero);
    const c = f32x4.eq(v128.load(x, 32), zero);
    storeIsNotZero(y, a, b, c, f32x4.eq(v128.load(x, 48), zero));
  }
  for (count &= 15; count > 0; count--, x += 4, y++) store<u8>(y, load<f32>(x) != 0 ? 1 : 0);
}

function intToBool(x: usize, y: usize, count: i32): void {
  const zero = i32x4.splat(0);
  for (const end = y + <usize>(count & ~15); y < end; x += 64, y += 16) {
    const a = i32x4.eq(v128.load(x), zero);
    const b = i32x4.eq(v128.load(x, 16), zero);
    const c = i32x4.eq(v128.load(x, 32), zero);
    storeIsNotZero(y, a, b, c, i32x4.eq(v128.load(x, 48), zero));
  }
  for (count &= 15; count > 0; count--, x += 4, y++) store<u8>(y, load<i32>(x) != 0 ? 1 : 0);
}

function intToFloat(x: usize, y: usize, count: i32): void {
  for (; count >= 16; count -= 16, x += 64, y += 64) {
    v128.store(y, f32x4.convert_i32x4_s(v128.load(x)));
    v128.store(y, f32x4.convert_i32x4_s(v128.load(x, 16)), 16);
    v128.store(y, f32x4.convert_i32x4_s(v128.load(x, 32)), 32);
    v128.store(y, f32x4.convert_i32x4_s(v128.load(x, 48)), 48);
  }
  for (; count >= 4; count -= 4, x += 16, y += 16) v128.store(y, f32x4.convert_i32x4_s(v128.load(x)));
  for (; count > 0; count--, x += 4, y += 4) store<f32>(y, <f32>load<i32>(x));
}

@inline
function widened(code: i32, words: v128): v128 {
  return code == BOOL_TO_FLOAT ? f32x4.convert_i32x4_s(words) : words;
}

@inline
function widenSixteen(code: i32, x: usize, y: usize): void {
  const bytes = v128.load(x);
  const low = i16x8.extend_low_i8x16_u(bytes);
  const high = i16x8.extend_high_i8x16_u(bytes);
  v128.store(y, widened(code, i32x4.extend_low_i16x8_u(low)));
  v128.store(y, widened(code, i32x4.extend_high_i16x8_u(low)), 16);
  v128.store(y, widened(code, i32x4.extend_low_i16x8_u(high)), 32);
  v128.store(y, widened(code, i32x4.extend_high_i16x8_u(high)), 48);
}

@inline
function boolToWords(code: i32, x: usize, y: usize, count: i32): void {
  for (const end = x + <usize>(count & ~31); x < end; x += 32, y += 128) {
    widenSixteen(code, x, y);
    widenSixteen(code, x + 16, y + 64);
  }
  for (count &= 31; count > 0; count--, x++, y += 4) {
    if (code == BOOL_TO_FLOAT) store<f32>(y, <f32>load<u8>(x));
    else store<i32>(y, load<u8>(x));
  }
}

// Functions of their own, since the optimiser merges loops of one function that differ in a constant alone.
function boolToFloat(x: usize, y: usize, count: i32): void {
  boolToWords(BOOL_TO_FLOAT, x, y, count);
}

function boolToInt(x: usize, y: usize, count: i32): void {
  boolToWords(BOOL_TO_INT, x, y, count);
}

export function cast(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<CastArgs>(args);
  const first = start * a.elementsPerUnit;
  const count = min(end * a.elementsPerUnit, a.elements) - first;
  const fromBool = a.code >= BOOL_TO_FLOAT;
  const toBool = a.code == FLOAT_TO_BOOL || a.code == INT_TO_BOOL;
  const x = <usize>a.x + (<usize>first << (fromBool ? 0 : 2));
  const y = <usize>a.y + (<usize>first << (toBool ? 0 : 2));
  if (a.code == FLOAT_TO_INT) floatToInt(x, y, count);
  else if (a.code == FLOAT_TO_BOOL) floatToBool(x, y, count);
  else if (a.code == INT_TO_FLOAT) intToFloat(x, y, count);
  else if (a.code == INT_TO_BOOL) intToBool(x, y, count);
  else if (a.code == BOOL_TO_FLOAT) boolToFloat(x, y, count);
  else boolToInt(x, y, count);
}
