// Gradient of batch normalisation in training, through the statistics too. `batch-norm` has the layouts and the invariant.
//
//   dy, y, x, dx   f32 [rows, channels]           dy is first multiplied by f'(y), f the activation after the normalisation; where f is
//                                                 relu and y is 0, the sign of y is found anew from x, as `batchNormApply` did
//   partials       f32 [chunks][2][channels]      sums of dy and of dy xhat, xhat = (x - mean) / sqrt(variance + epsilon)
//   coefficients   f32 [2][channels]              slope, offset
//
//   batchNormGradMoments, batchNormGradCombine, batchNormGrad: dx = scale dy + slope x + offset
import { backpropActivation, LINEAR, RELU } from './simd/activation';
import { addToSums, BLOCK_ROWS, chunksOf, clearSums, SECOND, storeSums } from './simd/channel-sums';
import { loadColumns, storeColumns } from './simd/columns';

/** Code of a relu whose outputs are not read: they would be a third of the memory. */
const RELU_OF_X: i32 = -1;

@unmanaged
class BatchNormGradMomentsArgs {
  dy: u32;
  /** Outputs of the activation; not read where the code is 0; 0 of a relu: its outputs follow from x. */
  y: u32;
  x: u32;
  statistics: u32;
  partials: u32;
  rows: i32;
  channels: i32;
  rowsPerChunk: i32;
  code: i32;
  alpha: f32;
}

/** Sums of dy and of dy (x - mean) over a block, of four channels, added to those in scratch. */
@inline
function addFour(
  code: i32,
  dy: usize,
  y: usize,
  x: usize,
  rows: i32,
  pitch: usize,
  mean: v128,
  alpha: v128,
  columns: i32,
  scale: v128,
  shift: v128,
  scratch: usize,
): void {
  let sum = f32x4.splat(0);
  let product = sum;
  const end = dy + (<usize>rows) * pitch;
  for (; dy < end; dy += pitch, y += pitch, x += pitch) {
    const value = loadColumns(x, columns);
    const g = gradientAt(code, dy, y, value, scale, shift, alpha, columns);
    sum = f32x4.add(sum, g);
    product = f32x4.add(product, f32x4.mul(g, f32x4.sub(value, mean)));
  }
  addToSums(scratch, sum);
  addToSums(scratch + SECOND, product);
}

@inline
function gradientAt(
  code: i32, dy: usize, y: usize, x: v128, scale: v128, shift: v128, alpha: v128, columns: i32,
): v128 {
  const g = loadColumns(dy, columns);
  if (code == RELU_OF_X) return v128.and(g, f32x4.gt(f32x4.add(f32x4.mul(x, scale), shift), f32x4.splat(0)));
  return code == LINEAR ? g : backpropActivation(code, g, loadColumns(y, columns), alpha);
}

/** The same of eight channels: with sixteen, sums, means and loads would be more than the registers. */
@inline
function addEight(
  code: i32,
  dy: usize,
  y: usize,
  x: usize,
  rows: i32,
  pitch: usize,
  mean: usize,
  scale: usize,
  alpha: v128,
  scratch: usize,
): void {
  const mean0 = v128.load(mean);
  const mean1 = v128.load(mean, 16);
  const shift = scale + pitch;
  const scale0 = code == RELU_OF_X ? v128.load(scale) : mean0;
  const scale1 = code == RELU_OF_X ? v128.load(scale, 16) : mean0;
  const shift0 = code == RELU_OF_X ? v128.load(shift) : mean0;
  const shift1 = code == RELU_OF_X ? v128.load(shift, 16) : mean0;
  let sum0 = f32x4.splat(0);
  let sum1 = sum0;
  let product0 = sum0;
  let product1 = sum0;
  const end = dy + (<usize>rows) * pitch;
  for (; dy < end; dy += pitch, y += pitch, x += pitch) {
    const x0 = v128.load(x);
    const g0 = gradientAt(code, dy, y, x0, scale0, shift0, alpha, 4);
    sum0 = f32x4.add(sum0, g0);
    product0 = f32x4.add(product0, f32x4.mul(g0, f32x4.sub(x0, mean0)));
    const x1 = v128.load(x, 16);
    const g1 = gradientAt(code, dy + 16, y + 16, x1, scale1, shift1, alpha, 4);
    sum1 = f32x4.add(sum1, g1);
    product1 = f32x4.add(product1, f32x4.mul(g1, f32x4.sub(x1, mean1)));
  }
  addToSums(scratch, sum0);
  addToSums(scratch + 32, sum1);
  addToSums(scratch + SECOND, product0);
  addToSums(scratch + SECOND + 32, product1);
}

@inline
function gradMomentsOf(code: i32, a: BatchNormGradMomentsArgs, chunk: i32, scratch: usize): void {
  const alpha = f32x4.splat(a.alpha);
  const pitch = (<usize>a.channels) << 2;
  const first = chunk * a.rowsPerChunk;
  const rows = min(a.rowsPerChunk, a.rows - first);
  const partial = <usize>a.partials + 2 * (<usize>chunk) * pitch;
  for (let channel = 0, step = 0; channel < a.channels; channel += step) {
    const left = a.channels - channel;
    step = left >= 8 ? 8 : min(left, 4);
    const column = (<usize>channel) << 2;
    const mean = <usize>a.statistics + column;
    const scale = mean + 3 * pitch;
    clearSums(scratch);
    for (let row = 0; row < rows; row += BLOCK_ROWS) {
      const block = min(BLOCK_ROWS, rows - row);
      const offset = (<usize>(first + row)) * pitch + column;
      const dy = <usize>a.dy + offset;
      const y = <usize>a.y + offset;
      const x = <usize>a.x + offset;
      if (step == 8) addEight(code, dy, y, x, block, pitch, mean, scale, alpha, scratch);
      else {
        const factors = loadColumns(scale, step);
        const offsets = loadColumns(scale + pitch, step);
        addFour(code, dy, y, x, block, pitch, loadColumns(mean, step), alpha, step, factors, offsets, scratch);
      }
    }
    const reciprocal = mean + 2 * pitch;
    for (let i = 0; i < step; i++) {
      const at = scratch + SECOND + ((<usize>i) << 3);
      store<f64>(at, load<f64>(at) * <f64>load<f32>(reciprocal + ((<usize>i) << 2)));
    }
    storeSums(scratch, partial + column, partial + pitch + column, step);
  }
}

/** Unit: a chunk. Sums of dy and of dy (x - mean) / sqrt(variance + epsilon), by channel. Scratch: 256 bytes. */
export function batchNormGradMoments(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<BatchNormGradMomentsArgs>(args);
  for (let chunk = start; chunk < end; chunk++) {
    if (a.code == LINEAR) gradMomentsOf(LINEAR, a, chunk, scratch);
    else if (a.code == RELU && a.y == 0) gradMomentsOf(RELU_OF_X, a, chunk, scratch);
    else if (a.code == RELU) gradMomentsOf(RELU, a, chunk, scratch);
    else gradMomentsOf(a.code, a, chunk, scratch);
  }
}

@unmanaged
class BatchNormGradCombineArgs {
  partials: u32;
  statistics: u32;
  coefficients: u32;
  /** Written; 0: none. */
  dGamma: u32;
  /** Written; 0: none. */
  dBeta: u32;
  rows: i32;
  channels: i32;
  rowsPerChunk: i32;
}

/** Unit: a channel. Adds the chunks in order, in double precision. */
export function batchNormGradCombine(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<BatchNormGradCombineArgs>(args);
  const pitch = (<usize>a.channels) << 2;
  const partialsEnd = <usize>a.partials + 2 * pitch * <usize>chunksOf(a.rows, a.rowsPerChunk);
  for (let channel = start; channel < end; channel++) {
    const column = (<usize>channel) << 2;
    let dBeta: f64 = 0;
    let dGamma: f64 = 0;
    for (let at = <usize>a.partials + column; at < partialsEnd; at += 2 * pitch) {
      dBeta += <f64>load<f32>(at);
      dGamma += <f64>load<f32>(at + pitch);
    }
    if (a.dBeta != 0) store<f32>(<usize>a.dBeta + column, <f32>dBeta);
    if (a.dGamma != 0) store<f32>(<usize>a.dGamma + column, <f32>dGamma);
    // dx = scale (dy - mean(dy) - xhat mean(dy xhat)) with xhat = (x - mean) reciprocal, by powers of x.
    const statistics = <usize>a.statistics + column;
    const mean = <f64>load<f32>(statistics);
    const reciprocal = <f64>load<f32>(statistics + 2 * pitch);
    const scale = <f64>load<f32>(statistics + 3 * pitch);
    const slope = <f32>((-scale * reciprocal * dGamma) / <f64>a.rows);
    const coefficients = <usize>a.coefficients + column;
    store<f32>(coefficients, slope);
    store<f32>(coefficients + pitch, <f32>((-scale * dBeta) / <f64>a.rows - <f64>slope * mean));
  }
}

@unmanaged
class BatchNormGradArgs {
  dy: u32;
  /** As in the moments. */
  y: u32;
  x: u32;
  /** May be dy, y or x. */
  dx: u32;
  /** Shifts follow. */
  scale: u32;
  coefficients: u32;
  rows: i32;
  channels: i32;
  rowsPerUnit: i32;
  code: i32;
  alpha: f32;
}

@inline
function gradRows(code: i32, a: BatchNormGradArgs, first: i32, last: i32): void {
  const alpha = f32x4.splat(a.alpha);
  const pitch = (<usize>a.channels) << 2;
  const offset = (<usize>first) * pitch;
  let dy = <usize>a.dy + offset;
  let y = <usize>a.y + offset;
  let x = <usize>a.x + offset;
  let dx = <usize>a.dx + offset;
  const scale = <usize>a.scale;
  const forwardShift = scale + pitch;
  const slope = <usize>a.coefficients;
  const shift = slope + pitch;
  const whole = (<usize>(a.channels & ~3)) << 2;
  const columns = a.channels & 3;
  for (let row = first; row < last; row++, dy += pitch, y += pitch, x += pitch, dx += pitch) {
    for (let at: usize = 0; at < whole; at += 16) {
      const factors = v128.load(scale + at);
      const value = v128.load(x + at);
      const offsets = code == RELU_OF_X ? v128.load(forwardShift + at) : factors;
      const g = gradientAt(code, dy + at, y + at, value, factors, offsets, alpha, 4);
      const scaled = f32x4.add(f32x4.mul(g, factors), f32x4.mul(value, v128.load(slope + at)));
      v128.store(dx + at, f32x4.add(scaled, v128.load(shift + at)));
    }
    if (columns > 0) {
      const factors = loadColumns(scale + whole, columns);
      const value = loadColumns(x + whole, columns);
      const offsets = code == RELU_OF_X ? loadColumns(forwardShift + whole, columns) : factors;
      const g = gradientAt(code, dy + whole, y + whole, value, factors, offsets, alpha, columns);
      const scaled = f32x4.add(f32x4.mul(g, factors), f32x4.mul(value, loadColumns(slope + whole, columns)));
      storeColumns(dx + whole, f32x4.add(scaled, loadColumns(shift + whole, columns)), scaled, columns);
    }
  }
}

/** Unit: rowsPerUnit rows. */
export function batchNormGrad(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<BatchNormGradArgs>(args);
  const first = start * a.rowsPerUnit;
  const last = min(end * a.rowsPerUnit, a.rows);
  if (a.code == LINEAR) gradRows(LINEAR, a, first, last);
  else if (a.code == RELU && a.y == 0) gradRows(RELU_OF_X, a, first, last);
  else if (a.code == RELU) gradRows(RELU, a, first, last);
  else gradRows(a.code, a, first, last);
}
