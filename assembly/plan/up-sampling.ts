// Stages of a plan for images made larger by whole factors, and for the way back. Unit: image.
// Invariant: contributions to a pixel are added in the order of the rows and columns that they come from.
//
//   x, dx     f32 [batch][height][width][channels]
//   y, dy     f32 [batch][height * rows][width * columns][channels]
//
//   nearest:  y[i, j] = x[i / rows, j / columns]
//   bilinear: y[i, j] between the four pixels around (i / rows, j / columns), the last one repeated: corners are not aligned, and
//             pixels are points, as tfjs has it in UpSampling2D
import { copyFloats, loadColumns, storeColumns, zeroFloats } from '../simd/columns';

@unmanaged
class PlanUpSampling {
  /** x, dx */
  small: u32;
  /** y, dy */
  large: u32;
  height: i32;
  width: i32;
  channels: i32;
  rows: i32;
  columns: i32;
  isBilinear: i32;
  /** Of the way back: whether gradients are added to what is there. */
  adds: i32;
}

export function planUpSampling(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanUpSampling>(args);
  const pixel = (<usize>a.channels) << 2;
  const line = <usize>a.width * pixel;
  const outWidth = a.width * a.columns;
  const outHeight = a.height * a.rows;
  for (let image = start; image < end; image++) {
    const x = <usize>a.small + <usize>(image * a.height) * line;
    let y = <usize>a.large + <usize>(image * outHeight * outWidth) * pixel;
    for (let i = 0; i < outHeight; i++) {
      const top = i / a.rows;
      const above = x + <usize>top * line;
      const below = x + <usize>min(top + 1, a.height - 1) * line;
      const down = <f32>(i % a.rows) / <f32>a.rows;
      for (let j = 0; j < outWidth; j++, y += pixel) {
        const left = j / a.columns;
        const near = <usize>left * pixel;
        if (a.isBilinear == 0) {
          copyFloats(y, above + near, pixel);
          continue;
        }
        const far = <usize>min(left + 1, a.width - 1) * pixel;
        const across = <f32>(j % a.columns) / <f32>a.columns;
        blend(above + near, above + far, below + near, below + far, y, across, down, a.channels);
      }
    }
  }
}

@inline
function between(from: v128, to: v128, share: v128): v128 {
  return f32x4.add(from, f32x4.mul(f32x4.sub(to, from), share));
}

function blend(
  topLeft: usize, topRight: usize, bottomLeft: usize, bottomRight: usize, to: usize, across: f32, down: f32, channels: i32,
): void {
  const x = f32x4.splat(across);
  const y = f32x4.splat(down);
  let at: usize = 0;
  for (; channels >= 4; channels -= 4, at += 16) {
    const top = between(v128.load(topLeft + at), v128.load(topRight + at), x);
    const bottom = between(v128.load(bottomLeft + at), v128.load(bottomRight + at), x);
    v128.store(to + at, between(top, bottom, y));
  }
  if (channels > 0) {
    const top = between(loadColumns(topLeft + at, channels), loadColumns(topRight + at, channels), x);
    const bottom = between(loadColumns(bottomLeft + at, channels), loadColumns(bottomRight + at, channels), x);
    storeColumns(to + at, between(top, bottom, y), x, channels);
  }
}

export function planUpSamplingGradient(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanUpSampling>(args);
  const pixel = (<usize>a.channels) << 2;
  const line = <usize>a.width * pixel;
  const outWidth = a.width * a.columns;
  const outHeight = a.height * a.rows;
  for (let image = start; image < end; image++) {
    const dx = <usize>a.small + <usize>(image * a.height) * line;
    let dy = <usize>a.large + <usize>(image * outHeight * outWidth) * pixel;
    if (a.adds == 0) zeroFloats(dx, <usize>a.height * line);
    for (let i = 0; i < outHeight; i++) {
      const top = i / a.rows;
      const above = dx + <usize>top * line;
      const below = dx + <usize>min(top + 1, a.height - 1) * line;
      const down = <f32>(i % a.rows) / <f32>a.rows;
      for (let j = 0; j < outWidth; j++, dy += pixel) {
        const left = j / a.columns;
        const near = <usize>left * pixel;
        if (a.isBilinear == 0) {
          addTo(above + near, dy, 1, a.channels);
          continue;
        }
        const far = <usize>min(left + 1, a.width - 1) * pixel;
        const across = <f32>(j % a.columns) / <f32>a.columns;
        addTo(above + near, dy, (1 - across) * (1 - down), a.channels);
        if (across != 0) addTo(above + far, dy, across * (1 - down), a.channels);
        if (down == 0) continue;
        addTo(below + near, dy, (1 - across) * down, a.channels);
        if (across != 0) addTo(below + far, dy, across * down, a.channels);
      }
    }
  }
}

function addTo(to: usize, from: usize, share: f32, channels: i32): void {
  const factor = f32x4.splat(share);
  for (; channels >= 4; channels -= 4, to += 16, from += 16) {
    v128.store(to, f32x4.add(v128.load(to), f32x4.mul(v128.load(from), factor)));
  }
  for (; channels > 0; channels--, to += 4, from += 4) store<f32>(to, load<f32>(to) + share * load<f32>(from));
}
