// Numbers of 16 bits as IEEE 754 has them (binary16), by integers alone: engines before 2025 have no Float16Array.
// Invariant: rounding is to the nearest, ties to even; every float16 comes back as it was.

const scratch = new DataView(new ArrayBuffer(4));

/** Float32 values as float16; beyond 65504 they become infinite. */
export function toFloat16(values: Float32Array): Uint16Array {
  return Uint16Array.from(values, halfOf);
}

/** Float16 values as float32; exact. */
export function fromFloat16(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, wideOf);
}

function halfOf(value: number): number {
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  const exponent = (magnitude >>> 23) - 112;
  if (exponent >= 31) return sign | 0x7c00;
  // Below 2^-14 the leading one is part of the digits, and there are fewer of them.
  const shift = exponent > 0 ? 13 : 14 - exponent;
  if (shift > 24) return sign;
  const digits = exponent > 0 ? magnitude - 0x38000000 : (magnitude & 0x7fffff) | 0x800000;
  const half = digits >>> shift;
  const rest = digits & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  const isUp = rest > middle || (rest === middle && (half & 1) === 1);
  return sign | (half + (isUp ? 1 : 0));
}

function wideOf(half: number): number {
  const exponent = (half >>> 10) & 31;
  const digits = half & 0x3ff;
  const sign = half & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * digits * 5.9604644775390625e-8;
  if (exponent === 31) return digits === 0 ? sign * Infinity : Number.NaN;
  scratch.setUint32(0, ((exponent + 112) << 23) | (digits << 13));
  return sign * scratch.getFloat32(0);
}
