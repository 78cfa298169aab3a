// Outputs of a Winograd tile that see nothing but zeros. Direct convolution gives exactly 0 there; the transforms give what the rest of
// the tile leaves of rounding, and relu's gradient would pass where it must not. Flat black ground and dead channels make many of them.
// Not kernels. Invariant: a pixel counts as zero if all its channels are 0 or -0; NaN does not.
//
//   bit 8 y + x of a tile's word: output (y, x) is dead, y and x below m <= 6

/** Dead outputs of a tile of m + 2 by m + 2 inputs. */
export function deadOutputs(m: i32, from: usize, rowBytes: usize, pixelBytes: usize): u64 {
  const size = m + 2;
  let seen: u64 = 0;
  for (let y = 0; y < size; y++, from += rowBytes) {
    let pixel = from;
    for (let x = 0; x < size; x++, pixel += pixelBytes) {
      if (!isZero(pixel, pixelBytes)) seen |= (<u64>1) << (8 * y + x);
    }
  }
  // An output sees three pixels of three lines.
  seen |= (seen >> 1) | (seen >> 2);
  seen |= (seen >> 8) | (seen >> 16);
  const line = ((<u64>1) << m) - 1;
  const lines = (<u64>0x0101010101010101) & (((<u64>1) << (8 * m)) - 1);
  return ~seen & (line * lines);
}

/** Whether all channels of a pixel, a multiple of four, are zero. */
@inline
function isZero(at: usize, pixelBytes: usize): bool {
  const magnitude = i32x4.splat(0x7fffffff);
  const end = at + pixelBytes;
  for (; at < end; at += 16) {
    if (v128.any_true(v128.and(v128.load(at), magnitude))) return false;
  }
  return true;
}

/** Stores `bytes` of zeros to each dead output of a tile. */
export function zeroDead(dead: u64, to: usize, rowBytes: usize, pixelBytes: usize, bytes: usize): void {
  const zero = f32x4.splat(0);
  for (; dead != 0; dead &= dead - 1) {
    const bit = <usize>ctz(dead);
    let at = to + (bit >> 3) * rowBytes + (bit & 7) * pixelBytes;
    for (const end = at + bytes; at < end; at += 16) v128.store(at, zero);
  }
}

/** Stores what an output of zero becomes to each dead output of a tile: clamp(bias), see `outputTile`. */
export function biasDead(
  dead: u64, to: usize, rowBytes: usize, pixelBytes: usize, bias: usize, biasStep: usize, low: f32, high: f32,
): void {
  const minimum = f32x4.splat(low);
  const maximum = f32x4.splat(high);
  for (; dead != 0; dead &= dead - 1) {
    const bit = <usize>ctz(dead);
    let at = to + (bit >> 3) * rowBytes + (bit & 7) * pixelBytes;
    let added = f32x4.splat(0);
    if (bias != 0) added = v128.load32_splat(bias);
    let channels = bias;
    for (const end = at + pixelBytes; at < end; at += 16) {
      if (biasStep != 0) {
        added = v128.load(channels);
        channels += 16;
      }
      v128.store(at, f32x4.pmin(f32x4.pmax(added, minimum), maximum));
    }
  }
}
