// Normalisation of each example over all its positions and channels, scaled and shifted by a row of its own, then SiLU; and the gradient.
// With z = (x - mean) / sqrt(variance + epsilon) * (1 + scale) + shift, y = z sigmoid(z). Unit: one example, so the bits do not depend on the
// number of threads. Group norm of one group (Wu & He 2018) with the modulation of FiLM (Perez et al. 2018).
//
//   x, y, dy, dx   f32 [examples, positions, channels]   channels: a multiple of 4; dx may not be the memory of x or dy
//   modulation     f32 [examples, 2, channels]           scales, then shifts
//   dModulation    f32 [examples, 2, channels]
//   statistics     f32 [examples, 2]                     mean, 1 / sqrt(variance + epsilon)
import { applyExponential, SIGMOID } from './simd/exp-negative';

@unmanaged
class ModulatedNormArgs {
  x: u32;
  modulation: u32;
  y: u32;
  statistics: u32;
  positions: i32;
  channels: i32;
  epsilon: f32;
}

@unmanaged
class ModulatedNormGradArgs {
  dy: u32;
  x: u32;
  modulation: u32;
  statistics: u32;
  dx: u32;
  dModulation: u32;
  positions: i32;
  channels: i32;
}

/** Sum of four floats of two f64x2, in a fixed order. */
@inline
function total(low: v128, high: v128): f64 {
  const both = f64x2.add(low, high);
  return f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1);
}

@inline
function highHalf(x: v128): v128 {
  return i32x4.shuffle(x, x, 2, 3, 2, 3);
}

function meanOf(x: usize, count: i32): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  const end = x + (<usize>count << 2);
  for (let at = x; at < end; at += 16) {
    const four = v128.load(at);
    low = f64x2.add(low, f64x2.promote_low_f32x4(four));
    high = f64x2.add(high, f64x2.promote_low_f32x4(highHalf(four)));
  }
  return total(low, high) / <f64>count;
}

/** Of the squares of what is left when the mean is taken away. */
function varianceOf(x: usize, count: i32, mean: f32): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  const means = f32x4.splat(mean);
  const end = x + (<usize>count << 2);
  for (let at = x; at < end; at += 16) {
    const centred = f32x4.sub(v128.load(at), means);
    const square = f32x4.mul(centred, centred);
    low = f64x2.add(low, f64x2.promote_low_f32x4(square));
    high = f64x2.add(high, f64x2.promote_low_f32x4(highHalf(square)));
  }
  return total(low, high) / <f64>count;
}

export function modulatedNorm(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<ModulatedNormArgs>(args);
  const count = a.positions * a.channels;
  const rowBytes = <usize>a.channels << 2;
  const one = f32x4.splat(1);
  for (let example = start; example < end; example++) {
    let x = <usize>a.x + (<usize>(example * count) << 2);
    let y = <usize>a.y + (<usize>(example * count) << 2);
    const scales = <usize>a.modulation + <usize>example * 2 * rowBytes;
    const mean = <f32>meanOf(x, count);
    const inverse = <f32>(1 / sqrt<f64>(varianceOf(x, count, mean) + <f64>a.epsilon));
    const statistics = <usize>a.statistics + (<usize>example << 3);
    store<f32>(statistics, mean);
    store<f32>(statistics, inverse, 4);
    const means = f32x4.splat(mean);
    const inverses = f32x4.splat(inverse);
    for (let position = 0; position < a.positions; position++) {
      for (let at: usize = 0; at < rowBytes; at += 16) {
        const normal = f32x4.mul(f32x4.sub(v128.load(x + at), means), inverses);
        const scale = f32x4.add(v128.load(scales + at), one);
        const z = f32x4.add(f32x4.mul(normal, scale), v128.load(scales + rowBytes + at));
        v128.store(y + at, f32x4.mul(z, applyExponential(SIGMOID, z)));
      }
      x += rowBytes;
      y += rowBytes;
    }
  }
}

export function modulatedNormGrad(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<ModulatedNormGradArgs>(args);
  for (let example = start; example < end; example++) gradOfExample(a, example);
}

function gradOfExample(a: ModulatedNormGradArgs, example: i32): void {
  const positions = a.positions;
  const rowBytes = <usize>a.channels << 2;
  const imageBytes = <usize>(positions * a.channels) << 2;
  const x = <usize>a.x + <usize>example * imageBytes;
  const dy = <usize>a.dy + <usize>example * imageBytes;
  const dx = <usize>a.dx + <usize>example * imageBytes;
  const scales = <usize>a.modulation + <usize>example * 2 * rowBytes;
  const dScales = <usize>a.dModulation + <usize>example * 2 * rowBytes;
  const statistics = <usize>a.statistics + (<usize>example << 3);
  const means = f32x4.splat(load<f32>(statistics));
  const inverses = f32x4.splat(load<f32>(statistics, 4));
  const one = f32x4.splat(1);
  memory.fill(dScales, 0, 2 * rowBytes);
  for (let row: usize = 0; row < imageBytes; row += rowBytes) {
    for (let at: usize = 0; at < rowBytes; at += 16) {
      const normal = f32x4.mul(f32x4.sub(v128.load(x + row + at), means), inverses);
      const scale = f32x4.add(v128.load(scales + at), one);
      const z = f32x4.add(f32x4.mul(normal, scale), v128.load(scales + rowBytes + at));
      const s = applyExponential(SIGMOID, z);
      // d(z s) / dz = s (1 + z (1 - s)).
      const slope = f32x4.mul(s, f32x4.add(one, f32x4.mul(z, f32x4.sub(one, s))));
      const dz = f32x4.mul(v128.load(dy + row + at), slope);
      v128.store(dScales + at, f32x4.add(v128.load(dScales + at), f32x4.mul(dz, normal)));
      v128.store(dScales + rowBytes + at, f32x4.add(v128.load(dScales + rowBytes + at), dz));
      v128.store(dx + row + at, f32x4.mul(dz, scale));
    }
  }
  // Means over the example of the gradient of the normalised values, and of that times them.
  let ofGradient: f64 = 0;
  let ofProduct: f64 = 0;
  for (let at: usize = 0; at < rowBytes; at += 4) {
    const scale = <f64>load<f32>(scales + at) + 1;
    ofGradient += scale * <f64>load<f32>(dScales + rowBytes + at);
    ofProduct += scale * <f64>load<f32>(dScales + at);
  }
  const count = <f64>(positions * a.channels);
  const gradients = f32x4.splat(<f32>(ofGradient / count));
  const products = f32x4.splat(<f32>(ofProduct / count));
  for (let at: usize = 0; at < imageBytes; at += 16) {
    const normal = f32x4.mul(f32x4.sub(v128.load(x + at), means), inverses);
    const rest = f32x4.sub(f32x4.sub(v128.load(dx + at), gradients), f32x4.mul(normal, products));
    v128.store(dx + at, f32x4.mul(rest, inverses));
  }
}
