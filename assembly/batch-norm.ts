// Batch normalisation over the last axis in training, by the statistics of the whole batch.
// Source: Ioffe & Szegedy 2015, algorithm 1; deviations by blocks as in Chan, Golub & LeVeque 1979. In inference scale and shift follow
// from the moving averages, and `batchNormApply` alone is needed. Invariant: sums run over fixed blocks of fixed chunks in order,
// and over the chunks in order, so threads do not show.
//
//   x, y         f32 [rows, channels]           rows = batch x height x width
//   partials     f32 [chunks][2][channels]      of chunks of rowsPerChunk rows, of which the last may have fewer
//   statistics   f32 [5][channels]              mean, biased variance, 1/sqrt(variance + epsilon), scale, shift
//
//   batchNormMoments, batchNormCombine, batchNormApply: y = f(scale x + shift), f as simd/activation has it
import { activate, LINEAR, RELU } from './simd/activation';
import { BLOCK_ROWS, chunksOf, clearSums, SECOND, storeSums } from './simd/channel-sums';
import { loadColumns, storeColumns } from './simd/columns';

@unmanaged
class BatchNormMomentsArgs {
  x: u32;
  partials: u32;
  rows: i32;
  channels: i32;
  rowsPerChunk: i32;
}

/**
 * Joins mean and squared deviations of `rows` rows of sixteen channels to those of the `before` rows in scratch.
 *
 * One pass: d is the distance from the first row, and the sum of squared deviations is sum d^2 - (sum d)^2 / n. As one d is 0, that
 * is at least 1/n of sum d^2, so rounding is magnified by no more than the block's length, and by about 2 as a rule.
 */
function joinSixteen(x: usize, rows: i32, pitch: usize, before: i32, scratch: usize): void {
  const end = x + (<usize>rows) * pitch;
  const first0 = v128.load(x);
  const first1 = v128.load(x, 16);
  const first2 = v128.load(x, 32);
  const first3 = v128.load(x, 48);
  let sum0 = f32x4.splat(0);
  let sum1 = sum0;
  let sum2 = sum0;
  let sum3 = sum0;
  let square0 = sum0;
  let square1 = sum0;
  let square2 = sum0;
  let square3 = sum0;
  for (let at = x + pitch; at < end; at += pitch) {
    let d = f32x4.sub(v128.load(at), first0);
    sum0 = f32x4.add(sum0, d);
    square0 = f32x4.add(square0, f32x4.mul(d, d));
    d = f32x4.sub(v128.load(at, 16), first1);
    sum1 = f32x4.add(sum1, d);
    square1 = f32x4.add(square1, f32x4.mul(d, d));
    d = f32x4.sub(v128.load(at, 32), first2);
    sum2 = f32x4.add(sum2, d);
    square2 = f32x4.add(square2, f32x4.mul(d, d));
    d = f32x4.sub(v128.load(at, 48), first3);
    sum3 = f32x4.add(sum3, d);
    square3 = f32x4.add(square3, f32x4.mul(d, d));
  }
  joinFour(first0, sum0, square0, rows, before, scratch);
  joinFour(first1, sum1, square1, rows, before, scratch + 32);
  joinFour(first2, sum2, square2, rows, before, scratch + 64);
  joinFour(first3, sum3, square3, rows, before, scratch + 96);
}

/** The same of up to four channels. */
function joinFew(x: usize, rows: i32, pitch: usize, before: i32, scratch: usize, columns: i32): void {
  const end = x + (<usize>rows) * pitch;
  const first = loadColumns(x, columns);
  let sum = f32x4.splat(0);
  let square = sum;
  for (let at = x + pitch; at < end; at += pitch) {
    const d = f32x4.sub(loadColumns(at, columns), first);
    sum = f32x4.add(sum, d);
    square = f32x4.add(square, f32x4.mul(d, d));
  }
  joinFour(first, sum, square, rows, before, scratch);
}

/** Four channels of a block, from its first row and the sums of distances from it. */
function joinFour(first: v128, sum: v128, square: v128, rows: i32, before: i32, scratch: usize): void {
  joinTwo(first, sum, square, rows, before, scratch);
  first = i64x2.shuffle(first, first, 1, 1);
  sum = i64x2.shuffle(sum, sum, 1, 1);
  square = i64x2.shuffle(square, square, 1, 1);
  joinTwo(first, sum, square, rows, before, scratch + 16);
}

/** Chan's formula for the low two channels, in double precision. */
@inline
function joinTwo(first: v128, sum: v128, square: v128, rows: i32, before: i32, scratch: usize): void {
  const total = <f64>(before + rows);
  const distance = f64x2.promote_low_f32x4(sum);
  const meanDistance = f64x2.div(distance, f64x2.splat(<f64>rows));
  const deviations = f64x2.sub(f64x2.promote_low_f32x4(square), f64x2.mul(distance, meanDistance));
  const old = v128.load(scratch);
  const step = f64x2.sub(f64x2.add(f64x2.promote_low_f32x4(first), meanDistance), old);
  const between = f64x2.mul(f64x2.mul(step, step), f64x2.splat((<f64>rows * <f64>before) / total));
  v128.store(scratch, f64x2.add(old, f64x2.mul(step, f64x2.splat(<f64>rows / total))));
  v128.store(scratch, f64x2.add(f64x2.add(v128.load(scratch, SECOND), deviations), between), SECOND);
}

/** Unit: a chunk. Means and sums of squared deviations from them, by channel. Scratch: 256 bytes. */
export function batchNormMoments(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<BatchNormMomentsArgs>(args);
  const pitch = (<usize>a.channels) << 2;
  for (let chunk = start; chunk < end; chunk++) {
    const first = chunk * a.rowsPerChunk;
    const rows = min(a.rowsPerChunk, a.rows - first);
    const partial = <usize>a.partials + 2 * (<usize>chunk) * pitch;
    for (let channel = 0, step = 0; channel < a.channels; channel += step) {
      const left = a.channels - channel;
      step = left >= 16 ? 16 : min(left, 4);
      const column = (<usize>channel) << 2;
      let at = <usize>a.x + (<usize>first) * pitch + column;
      clearSums(scratch);
      for (let row = 0; row < rows; row += BLOCK_ROWS) {
        const block = min(BLOCK_ROWS, rows - row);
        if (step == 16) joinSixteen(at, block, pitch, row, scratch);
        else joinFew(at, block, pitch, row, scratch, step);
        at += (<usize>BLOCK_ROWS) * pitch;
      }
      storeSums(scratch, partial + column, partial + pitch + column, step);
    }
  }
}

@unmanaged
class BatchNormCombineArgs {
  partials: u32;
  statistics: u32;
  /** 0: none, taken as 1. */
  gamma: u32;
  /** 0: none, taken as 0. */
  beta: u32;
  /** Both updated in place; 0: none. */
  movingMean: u32;
  movingVariance: u32;
  rows: i32;
  channels: i32;
  rowsPerChunk: i32;
  epsilon: f32;
  /** 1 - momentum: what an average moves of the way to its new value. */
  decay: f32;
}

/** Unit: a channel. Joins the chunks in order, in double precision. */
export function batchNormCombine(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<BatchNormCombineArgs>(args);
  const pitch = (<usize>a.channels) << 2;
  const partialsEnd = <usize>a.partials + 2 * pitch * <usize>chunksOf(a.rows, a.rowsPerChunk);
  for (let channel = start; channel < end; channel++) {
    const column = (<usize>channel) << 2;
    // The mean of all first, then each chunk's squared deviations from its own mean and that mean's from the mean of all:
    // Chan's formula for many blocks, without a division for each.
    let sum: f64 = 0;
    let left = a.rows;
    for (let at = <usize>a.partials + column; at < partialsEnd; at += 2 * pitch, left -= a.rowsPerChunk) {
      sum += <f64>min(left, a.rowsPerChunk) * <f64>load<f32>(at);
    }
    const mean = sum / <f64>a.rows;
    let deviations: f64 = 0;
    left = a.rows;
    for (let at = <usize>a.partials + column; at < partialsEnd; at += 2 * pitch, left -= a.rowsPerChunk) {
      const step = <f64>load<f32>(at) - mean;
      deviations += <f64>load<f32>(at + pitch) + <f64>min(left, a.rowsPerChunk) * (step * step);
    }
    storeStatistics(a, channel, mean, deviations / <f64>a.rows);
  }
}

function storeStatistics(a: BatchNormCombineArgs, channel: i32, mean: f64, variance: f64): void {
  const pitch = (<usize>a.channels) << 2;
  const column = (<usize>channel) << 2;
  const at = <usize>a.statistics + column;
  const reciprocal = 1 / sqrt(variance + <f64>a.epsilon);
  const gamma: f64 = a.gamma != 0 ? <f64>load<f32>(<usize>a.gamma + column) : 1;
  const beta: f64 = a.beta != 0 ? <f64>load<f32>(<usize>a.beta + column) : 0;
  const scale = <f32>(gamma * reciprocal);
  store<f32>(at, <f32>mean);
  store<f32>(at + pitch, <f32>variance);
  store<f32>(at + 2 * pitch, <f32>reciprocal);
  store<f32>(at + 3 * pitch, scale);
  store<f32>(at + 4 * pitch, <f32>(beta - mean * <f64>scale));
  if (a.movingMean != 0) moveAverage(<usize>a.movingMean + column, <f32>mean, a.decay);
  if (a.movingVariance != 0) moveAverage(<usize>a.movingVariance + column, <f32>variance, a.decay);
}

/** As the layer of tfjs does it, in single precision. */
@inline
function moveAverage(at: usize, value: f32, decay: f32): void {
  const average = load<f32>(at);
  store<f32>(at, average - (average - value) * decay);
}

@unmanaged
class BatchNormApplyArgs {
  x: u32;
  /** May be x. */
  y: u32;
  scale: u32;
  shift: u32;
  rows: i32;
  channels: i32;
  rowsPerUnit: i32;
  /** Of the activation; 0: none. */
  code: i32;
  alpha: f32;
}

@inline
function applyRows(code: i32, a: BatchNormApplyArgs, first: i32, last: i32): void {
  const alpha = f32x4.splat(a.alpha);
  const pitch = (<usize>a.channels) << 2;
  const whole = (<usize>(a.channels & ~3)) << 2;
  const scale = <usize>a.scale;
  const shift = <usize>a.shift;
  let x = <usize>a.x + (<usize>first) * pitch;
  let y = <usize>a.y + (<usize>first) * pitch;
  const columns = a.channels & 3;
  for (let row = first; row < last; row++, x += pitch, y += pitch) {
    for (let at: usize = 0; at < whole; at += 16) {
      const scaled = f32x4.mul(v128.load(x + at), v128.load(scale + at));
      v128.store(y + at, activate(code, f32x4.add(scaled, v128.load(shift + at)), alpha));
    }
    if (columns > 0) {
      const scaled = f32x4.mul(loadColumns(x + whole, columns), loadColumns(scale + whole, columns));
      const sum = f32x4.add(scaled, loadColumns(shift + whole, columns));
      storeColumns(y + whole, activate(code, sum, alpha), sum, columns);
    }
  }
}

/** Unit: rowsPerUnit rows. */
export function batchNormApply(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<BatchNormApplyArgs>(args);
  const first = start * a.rowsPerUnit;
  const last = min(end * a.rowsPerUnit, a.rows);
  if (a.code == LINEAR) applyRows(LINEAR, a, first, last);
  else if (a.code == RELU) applyRows(RELU, a, first, last);
  else applyRows(a.code, a, first, last);
}
