// Float arguments of kernels travel as 32-bit words beside the integer ones.
const float = new Float32Array(1);
const word = new Int32Array(float.buffer);

/**
 * The bits of a number rounded to float32, as a signed 32-bit integer.
 *
 * @example
 * ```ts
 * import { float32Bits } from 'selvedge';
 * console.assert(float32Bits(1) === 0x3f800000);
 * ```
 */
export function float32Bits(value: number): number {
  float[0] = value;
  return word[0]!;
}
