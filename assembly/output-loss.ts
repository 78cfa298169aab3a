// Losses of any output against targets of its shape, weighted by row, and their gradients. Unit: one example. Cross-entropy of
// classifiers with what a regime adds to it is in weighted-cross-entropy.ts.
//
//   code   loss of a row of `channels`
//   0      softmax cross-entropy: sum of targets times log of the sum of e^x, less the sum of targets times x
//   1      mean of sigmoid cross-entropies: max(x, 0) - x target + log(1 + e^-|x|)
//   2      mean of squared errors: (x - target)^2
//   3      mean of Huber losses (Huber 1964): d = |x - target|; d^2 / 2 up to delta, delta (d - delta / 2) beyond
//
//   loss of an example = share times the mean over its rows of weight times loss; the gradient is that of the mean over the examples.
//   A row of weight 0 counts for nothing, whatever its output is.
//
//   outputs, targets, gradient   f32 [examples][rows][channels]
//   weights                      f32 [examples][rows], or 0: all are 1
//   losses                       f32 [examples]
//   hits                         f32 [examples]: share of rows of weight above 0 that are right: by the largest output (softmax), or
//                                all of its signs (sigmoid); 0 of the errors
import { logOf } from './scalar-math';
import { loadColumns, storeColumns } from './simd/columns';
import { exp, sigmoid } from './simd/exp';

const SOFTMAX: i32 = 0;
const SIGMOID: i32 = 1;
const SQUARED: i32 = 2;

@unmanaged
class OutputLossArgs {
  outputs: u32;
  targets: u32;
  weights: u32;
  losses: u32;
  gradient: u32;
  hits: u32;
  rows: i32;
  channels: i32;
  code: i32;
  /** Of this output in the loss. */
  share: f32;
  /** share / examples */
  scale: f32;
  delta: f32;
}

export function outputLoss(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<OutputLossArgs>(args);
  // Without weights, the mean over rows of means over channels is one mean.
  const isWhole = a.weights == 0 && a.code != SOFTMAX;
  for (let example = start; example < end; example++) {
    const loss = isWhole ? wholeExample(a, example) : rowsOfExample(a, example);
    store<f32>(<usize>a.losses + (<usize>example << 2), <f32>loss);
  }
}

function wholeExample(a: OutputLossArgs, example: i32): f64 {
  const count = a.rows * a.channels;
  const at = (<usize>example * <usize>count) << 2;
  const outputs = <usize>a.outputs + at;
  const targets = <usize>a.targets + at;
  const rowBytes = (<usize>a.channels) << 2;
  let hits = 0;
  if (a.code == SIGMOID) {
    for (let row = 0; row < a.rows; row++) {
      const place = <usize>row * rowBytes;
      if (areSignsRight(outputs + place, targets + place, a.channels)) hits++;
    }
  }
  store<f32>(<usize>a.hits + (<usize>example << 2), <f32>hits / <f32>a.rows);
  const scale = <f32>(<f64>a.scale / <f64>count);
  return (<f64>a.share * run(a, outputs, targets, <usize>a.gradient + at, count, scale)) / <f64>count;
}

function rowsOfExample(a: OutputLossArgs, example: i32): f64 {
  const rowBytes = (<usize>a.channels) << 2;
  const rows = <f64>a.rows;
  let loss: f64 = 0;
  let hits = 0;
  let counted = 0;
  for (let row = 0; row < a.rows; row++) {
    const index = <usize>(example * a.rows + row);
    const at = index * rowBytes;
    const weight = a.weights != 0 ? <f64>load<f32>(<usize>a.weights + (index << 2)) : 1;
    const outputs = <usize>a.outputs + at;
    const targets = <usize>a.targets + at;
    const gradient = <usize>a.gradient + at;
    if (weight == 0) {
      clear(gradient, a.channels);
      continue;
    }
    counted++;
    const scale = (weight * <f64>a.scale) / rows;
    if (a.code == SOFTMAX) {
      loss += weight * softmaxRow(outputs, targets, gradient, a.channels, <f32>scale);
      if (largestOf(outputs, a.channels) == largestOf(targets, a.channels)) hits++;
    } else {
      const channels = <f64>a.channels;
      loss += (weight * run(a, outputs, targets, gradient, a.channels, <f32>(scale / channels))) / channels;
      if (a.code == SIGMOID && areSignsRight(outputs, targets, a.channels)) hits++;
    }
  }
  store<f32>(<usize>a.hits + (<usize>example << 2), counted > 0 ? <f32>hits / <f32>counted : 0);
  return (<f64>a.share * loss) / rows;
}

@inline
function run(a: OutputLossArgs, x: usize, target: usize, gradient: usize, count: i32, scale: f32): f64 {
  if (a.code == SIGMOID) return elements(SIGMOID, x, target, gradient, count, scale, 0);
  if (a.code == SQUARED) return elements(SQUARED, x, target, gradient, count, scale, 0);
  return elements(3, x, target, gradient, count, scale, a.delta);
}

function clear(at: usize, floats: i32): void {
  for (; floats > 0; floats--, at += 4) store<f32>(at, 0);
}

/** The sum of the losses of some outputs. */
@inline
function elements(code: i32, x: usize, target: usize, gradient: usize, count: i32, scale: f32, delta: f32): f64 {
  const factor = f32x4.splat(scale);
  const bound = f32x4.splat(delta);
  let sum: f64 = 0;
  for (; count > 0; count -= 4, x += 16, target += 16, gradient += 16) {
    const isWhole = count >= 4;
    const value = isWhole ? v128.load(x) : loadColumns(x, count);
    const wanted = isWhole ? v128.load(target) : loadColumns(target, count);
    let loss: v128;
    let slope: v128;
    if (code == SIGMOID) {
      const e = exp(f32x4.neg(f32x4.abs(value)));
      const above = f32x4.pmax(value, f32x4.splat(0));
      loss = f32x4.add(f32x4.sub(above, f32x4.mul(value, wanted)), log1p(e));
      slope = f32x4.sub(sigmoid(value), wanted);
    } else {
      const error = f32x4.sub(value, wanted);
      if (code == SQUARED) {
        loss = f32x4.mul(error, error);
        slope = f32x4.add(error, error);
      } else {
        // d within the bound, and what is beyond it.
        const size = f32x4.abs(error);
        slope = f32x4.pmax(f32x4.pmin(error, bound), f32x4.neg(bound));
        const within = f32x4.mul(f32x4.mul(error, error), f32x4.splat(0.5));
        const beyond = f32x4.mul(bound, f32x4.sub(size, f32x4.mul(bound, f32x4.splat(0.5))));
        loss = v128.bitselect(beyond, within, f32x4.gt(size, bound));
      }
    }
    const scaled = f32x4.mul(slope, factor);
    if (isWhole) v128.store(gradient, scaled);
    else storeColumns(gradient, scaled, scaled, count);
    sum += <f64>f32x4.extract_lane(loss, 0);
    if (count > 1) sum += <f64>f32x4.extract_lane(loss, 1);
    if (count > 2) sum += <f64>f32x4.extract_lane(loss, 2);
    if (count > 3) sum += <f64>f32x4.extract_lane(loss, 3);
  }
  return sum;
}

/** log(1 + u) for u from 0 to 1: 2 atanh(u / (2 + u)), a series whose next term is below 1e-9. */
function log1p(u: v128): v128 {
  const s = f32x4.div(u, f32x4.add(u, f32x4.splat(2)));
  const z = f32x4.mul(s, s);
  let p = f32x4.splat(1.0 / 15);
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(1.0 / 13));
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(1.0 / 11));
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(1.0 / 9));
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(1.0 / 7));
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(1.0 / 5));
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(1.0 / 3));
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(1));
  return f32x4.mul(f32x4.add(s, s), p);
}

function softmaxRow(x: usize, target: usize, gradient: usize, count: i32, scale: f32): f64 {
  let largest = load<f32>(x);
  for (let k = 1; k < count; k++) {
    const value = load<f32>(x + ((<usize>k) << 2));
    // NaN is taken, and spreads.
    if (!(value <= largest)) largest = value;
  }
  const shift = f32x4.splat(largest);
  let sum: f64 = 0;
  let targets: f64 = 0;
  let product: f64 = 0;
  for (let k = 0; k < count; k += 4) {
    const at = (<usize>k) << 2;
    const columns = min(4, count - k);
    const e = exp(f32x4.sub(loadColumns(x + at, columns), shift));
    storeColumns(gradient + at, e, e, columns);
    for (let i = 0; i < columns; i++) {
      const place = at + ((<usize>i) << 2);
      const wanted = <f64>load<f32>(target + place);
      sum += <f64>load<f32>(gradient + place);
      targets += wanted;
      if (wanted != 0) product += wanted * (<f64>load<f32>(x + place) - <f64>largest);
    }
  }
  const factor = f32x4.splat(<f32>(targets / sum));
  const weight = f32x4.splat(scale);
  for (let k = 0; k < count; k += 4) {
    const at = (<usize>k) << 2;
    const columns = min(4, count - k);
    const p = f32x4.mul(loadColumns(gradient + at, columns), factor);
    const slope = f32x4.mul(f32x4.sub(p, loadColumns(target + at, columns)), weight);
    storeColumns(gradient + at, slope, slope, columns);
  }
  return targets * logOf(sum) - product;
}

/** Position of the largest value, the first of equals. */
function largestOf(row: usize, count: i32): i32 {
  let largest = 0;
  for (let k = 1; k < count; k++) {
    if (load<f32>(row + ((<usize>k) << 2)) > load<f32>(row + ((<usize>largest) << 2))) largest = k;
  }
  return largest;
}

function areSignsRight(x: usize, target: usize, count: i32): bool {
  for (let k = 0; k < count; k++) {
    const at = (<usize>k) << 2;
    if ((load<f32>(x + at) > 0) != (load<f32>(target + at) > 0.5)) return false;
  }
  return true;
}
