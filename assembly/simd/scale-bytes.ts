// Bytes 0 … 255 to float32 0 … 1, sixteen at a time. The division is the correctly rounded one, so a value equals
// f32(byte) / f32(255); a product with 1/255 would differ in the last bit for 126 of the 256 bytes.

/** Scales `count` bytes at `from` to float32 values at `to`. Neither needs alignment. */
export function scaleBytes(from: usize, to: usize, count: i32): void {
  const whole = f32x4.splat(255);
  const vectorEnd = from + (<usize>count & ~15);
  const end = from + <usize>count;
  for (; from < vectorEnd; from += 16, to += 64) {
    const bytes = v128.load(from);
    const low = i16x8.extend_low_i8x16_u(bytes);
    const high = i16x8.extend_high_i8x16_u(bytes);
    v128.store(to, f32x4.div(f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(low)), whole));
    v128.store(to, f32x4.div(f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(low)), whole), 16);
    v128.store(to, f32x4.div(f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(high)), whole), 32);
    v128.store(to, f32x4.div(f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(high)), whole), 48);
  }
  for (; from < end; from++, to += 4) store<f32>(to, <f32>load<u8>(from) / 255);
}
