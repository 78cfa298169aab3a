// Depthwise convolution of NHWC images and its gradient for the input: each channel has filters of its own.
// Multiplier 1 (each channel one output) runs on vectors of 4 channels; any other runs one output at a time.
// An output is one sum in the order (filter row, filter column), plus the bias, whatever the tiling: units and threads do not
// show in the bits.
//
//   x      f32 [batch, inHeight, inWidth, channels]
//   filter f32 [filterHeight, filterWidth, channels, multiplier]
//   y      f32 [batch, outHeight, outWidth, channels * multiplier]
//   bias   f32 [channels * multiplier], one number, or absent (offset 0)

import { DepthwiseArgs, endTap, firstTap } from './window';

/** A unit is one output row of one image. */
export function depthwiseConv2d(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<DepthwiseArgs>(args);
  const inPixel = <usize>a.channels << 2;
  const outPixel = inPixel * <usize>a.multiplier;
  const rowBytes = inPixel * <usize>a.inWidth;
  for (let unit = start; unit < end; unit++) {
    const image = <usize>a.x + <usize>(unit / a.outHeight) * rowBytes * <usize>a.inHeight;
    const top = (unit % a.outHeight) * a.strideHeight - a.padTop;
    const first = firstTap(top, a.dilationHeight);
    const taps = max(0, endTap(top, a.dilationHeight, a.inHeight, a.filterHeight) - first);
    const row = image + <usize>max(0, top + first * a.dilationHeight) * rowBytes;
    const filter = <usize>a.filter + <usize>(first * a.filterWidth) * outPixel;
    const y = <usize>a.y + <usize>(unit * a.outWidth) * outPixel;
    if (a.multiplier == 1) convolveRow(a, row, filter, y, taps);
    else convolveRowWithMultiplier(a, row, filter, y, taps);
  }
}

@inline
function finish(a: DepthwiseArgs, sum: v128, channelBytes: usize): v128 {
  if (a.bias) {
    const bias = <usize>a.bias;
    sum = f32x4.add(sum, a.biasStep ? v128.load(bias + channelBytes) : v128.load32_splat(bias));
  }
  // In this order of operands NaN stays NaN.
  return f32x4.pmin(f32x4.pmax(sum, f32x4.splat(a.low)), f32x4.splat(a.high));
}

@inline
function finishLane(a: DepthwiseArgs, sum: f32, channelBytes: usize): f32 {
  if (a.bias) sum += load<f32>(<usize>a.bias + (a.biasStep ? channelBytes : 0));
  const raised = sum < a.low ? a.low : sum;
  return a.high < raised ? a.high : raised;
}

/** Columns [inside, insideEnd) have every filter column inside the image: four of them share each filter load. */
function convolveRow(a: DepthwiseArgs, row: usize, filter: usize, y: usize, taps: i32): void {
  const pixel = <usize>a.channels << 2;
  const vectorBytes = pixel & ~15;
  const reach = (a.filterWidth - 1) * a.dilationWidth;
  const inside = min(a.outWidth, (a.padLeft + a.strideWidth - 1) / a.strideWidth);
  const lastCorner = a.inWidth - 1 - reach + a.padLeft;
  const insideEnd = lastCorner < 0 ? inside : max(inside, min(a.outWidth, lastCorner / a.strideWidth + 1));
  let column = 0;
  while (column < a.outWidth) {
    const left = column * a.strideWidth - a.padLeft;
    if (column >= inside && column + 4 <= insideEnd) {
      const x = row + <usize>left * pixel;
      for (let c: usize = 0; c < vectorBytes; c += 16) fourPixels(a, x + c, filter + c, y + c, taps, c);
      for (let c = vectorBytes; c < pixel; c += 4) {
        for (let k: usize = 0; k < 4; k++) {
          const from = x + c + k * <usize>a.strideWidth * pixel;
          store<f32>(y + c + k * pixel, finishLane(a, oneLane(a, from, filter + c, taps, a.filterWidth), c));
        }
      }
      column += 4;
      y += 4 * pixel;
      continue;
    }
    const first = firstTap(left, a.dilationWidth);
    const columns = max(0, endTap(left, a.dilationWidth, a.inWidth, a.filterWidth) - first);
    const x = row + <usize>max(0, left + first * a.dilationWidth) * pixel;
    const w = filter + <usize>first * pixel;
    for (let c: usize = 0; c < vectorBytes; c += 16) {
      v128.store(y + c, finish(a, onePixel(a, x + c, w + c, taps, columns), c));
    }
    for (let c = vectorBytes; c < pixel; c += 4) {
      store<f32>(y + c, finishLane(a, oneLane(a, x + c, w + c, taps, columns), c));
    }
    column++;
    y += pixel;
  }
}

function fourPixels(a: DepthwiseArgs, x: usize, w: usize, y: usize, taps: i32, channelBytes: usize): void {
  const pixel = <usize>a.channels << 2;
  const step = <usize>a.strideWidth * pixel;
  const tapStep = <usize>a.dilationWidth * pixel;
  const rowStep = <usize>a.dilationHeight * <usize>a.inWidth * pixel;
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  for (let r = 0; r < taps; r++) {
    let from = x;
    for (let k = 0; k < a.filterWidth; k++) {
      const weight = v128.load(w);
      s0 = f32x4.add(s0, f32x4.mul(v128.load(from), weight));
      s1 = f32x4.add(s1, f32x4.mul(v128.load(from + step), weight));
      s2 = f32x4.add(s2, f32x4.mul(v128.load(from + 2 * step), weight));
      s3 = f32x4.add(s3, f32x4.mul(v128.load(from + 3 * step), weight));
      from += tapStep;
      w += pixel;
    }
    x += rowStep;
  }
  v128.store(y, finish(a, s0, channelBytes));
  v128.store(y + pixel, finish(a, s1, channelBytes));
  v128.store(y + 2 * pixel, finish(a, s2, channelBytes));
  v128.store(y + 3 * pixel, finish(a, s3, channelBytes));
}

/** Sum over `taps` filter rows and `columns` filter columns of 4 channels. */
function onePixel(a: DepthwiseArgs, x: usize, w: usize, taps: i32, columns: i32): v128 {
  const pixel = <usize>a.channels << 2;
  const tapStep = <usize>a.dilationWidth * pixel;
  const rowStep = <usize>a.dilationHeight * <usize>a.inWidth * pixel;
  const filterRow = <usize>a.filterWidth * pixel;
  let sum = f32x4.splat(0);
  for (let r = 0; r < taps; r++) {
    let from = x;
    let weight = w;
    for (let k = 0; k < columns; k++) {
      sum = f32x4.add(sum, f32x4.mul(v128.load(from), v128.load(weight)));
      from += tapStep;
      weight += pixel;
    }
    x += rowStep;
    w += filterRow;
  }
  return sum;
}

/** The same for one output channel; the pixels of x are `channels` apart, those of w `channels * multiplier`. */
function oneLane(a: DepthwiseArgs, x: usize, w: usize, taps: i32, columns: i32): f32 {
  const inPixel = <usize>a.channels << 2;
  const outPixel = inPixel * <usize>a.multiplier;
  const tapStep = <usize>a.dilationWidth * inPixel;
  const rowStep = <usize>a.dilationHeight * <usize>a.inWidth * inPixel;
  const filterRow = <usize>a.filterWidth * outPixel;
  let sum: f32 = 0;
  for (let r = 0; r < taps; r++) {
    let from = x;
    let weight = w;
    for (let k = 0; k < columns; k++) {
      sum += load<f32>(from) * load<f32>(weight);
      from += tapStep;
      weight += outPixel;
    }
    x += rowStep;
    w += filterRow;
  }
  return sum;
}

function convolveRowWithMultiplier(a: DepthwiseArgs, row: usize, filter: usize, y: usize, taps: i32): void {
  const inPixel = <usize>a.channels << 2;
  const outPixel = inPixel * <usize>a.multiplier;
  for (let column = 0; column < a.outWidth; column++) {
    const left = column * a.strideWidth - a.padLeft;
    const first = firstTap(left, a.dilationWidth);
    const columns = max(0, endTap(left, a.dilationWidth, a.inWidth, a.filterWidth) - first);
    const x = row + <usize>max(0, left + first * a.dilationWidth) * inPixel;
    const w = filter + <usize>first * outPixel;
    let output: usize = 0;
    for (let channel: usize = 0; channel < inPixel; channel += 4) {
      for (let m = 0; m < a.multiplier; m++) {
        store<f32>(y + output, finishLane(a, oneLane(a, x + channel, w + output, taps, columns), output));
        output += 4;
      }
    }
    y += outPixel;
  }
}

/** A unit is one row of the input of one image: each tap adds the outputs that read it. `y` holds dy, `out` dx. */
export function depthwiseConv2dBackpropInput(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<DepthwiseArgs>(args);
  const inPixel = <usize>a.channels << 2;
  const outPixel = inPixel * <usize>a.multiplier;
  for (let unit = start; unit < end; unit++) {
    const image = unit / a.inHeight;
    const dx = <usize>a.out + <usize>(unit * a.inWidth) * inPixel;
    memory.fill(dx, 0, <usize>a.inWidth * inPixel);
    for (let r = 0; r < a.filterHeight; r++) {
      const reach = (unit % a.inHeight) + a.padTop - r * a.dilationHeight;
      if (reach < 0 || reach % a.strideHeight != 0) continue;
      const outRow = reach / a.strideHeight;
      if (outRow >= a.outHeight) continue;
      const dy = <usize>a.y + <usize>((image * a.outHeight + outRow) * a.outWidth) * outPixel;
      for (let k = 0; k < a.filterWidth; k++) {
        const offset = k * a.dilationWidth - a.padLeft;
        const first = offset >= 0 ? 0 : (a.strideWidth - 1 - offset) / a.strideWidth;
        const last = a.inWidth - 1 - offset;
        const count = last < 0 ? 0 : min(a.outWidth, last / a.strideWidth + 1) - first;
        if (count <= 0) continue;
        const from = dy + <usize>first * outPixel;
        const to = dx + <usize>(first * a.strideWidth + offset) * inPixel;
        const w = <usize>a.filter + <usize>(r * a.filterWidth + k) * outPixel;
        if (a.multiplier == 1) addTap(a, from, w, to, count);
        else addTapWithMultiplier(a, from, w, to, count);
      }
    }
  }
}

function addTap(a: DepthwiseArgs, dy: usize, w: usize, dx: usize, count: i32): void {
  const pixel = <usize>a.channels << 2;
  const step = <usize>a.strideWidth * pixel;
  const vectorBytes = pixel & ~15;
  for (let c: usize = 0; c < vectorBytes; c += 16) {
    const weight = v128.load(w + c);
    let from = dy + c;
    let to = dx + c;
    for (let i = 0; i < count; i++) {
      v128.store(to, f32x4.add(v128.load(to), f32x4.mul(v128.load(from), weight)));
      from += pixel;
      to += step;
    }
  }
  for (let c = vectorBytes; c < pixel; c += 4) {
    const weight = load<f32>(w + c);
    let from = dy + c;
    let to = dx + c;
    for (let i = 0; i < count; i++) {
      store<f32>(to, load<f32>(to) + load<f32>(from) * weight);
      from += pixel;
      to += step;
    }
  }
}

function addTapWithMultiplier(a: DepthwiseArgs, dy: usize, w: usize, dx: usize, count: i32): void {
  const inPixel = <usize>a.channels << 2;
  const step = <usize>a.strideWidth * inPixel;
  for (let i = 0; i < count; i++) {
    let weight = w;
    for (let channel: usize = 0; channel < inPixel; channel += 4) {
      let sum: f32 = 0;
      for (let m = 0; m < a.multiplier; m++) {
        sum += load<f32>(dy) * load<f32>(weight);
        dy += 4;
        weight += 4;
      }
      store<f32>(dx + channel, load<f32>(dx + channel) + sum);
    }
    dx += step;
  }
}
