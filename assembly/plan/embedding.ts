// Stages of a plan for rows of a table by their number: embeddings of classes and time steps, and the table's gradient.
// Invariant: a number that is none of a row makes a row of NaN, which the loss shows; gradients are added in the order of the batch.
//
//   numbers    f32 [batch][length]             whole: fractions are cut off
//   table      f32 [rows][channels]
//   y, dy      f32 [batch][length][channels]
import { copyFloats, zeroFloats } from '../simd/columns';

@unmanaged
class PlanEmbedding {
  numbers: u32;
  table: u32;
  y: u32;
  length: i32;
  rows: i32;
  channels: i32;
}

@inline
function rowOf(at: usize, rows: i32): i32 {
  const number = load<f32>(at);
  return number >= 0 && number < <f32>rows ? <i32>number : -1;
}

/** Unit: image. */
export function planEmbedding(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanEmbedding>(args);
  const bytes = (<usize>a.channels) << 2;
  for (let i = start * a.length; i < end * a.length; i++) {
    const row = rowOf(<usize>a.numbers + ((<usize>i) << 2), a.rows);
    const y = <usize>a.y + <usize>i * bytes;
    if (row >= 0) copyFloats(y, <usize>a.table + <usize>row * bytes, bytes);
    else for (let at: usize = 0; at < bytes; at += 4) store<f32>(y + at, <f32>NaN);
  }
}

@unmanaged
class PlanEmbeddingGradient {
  numbers: u32;
  dy: u32;
  /** f32 [rows][channels] */
  gradient: u32;
  /** All of the batch. */
  count: i32;
  rows: i32;
  channels: i32;
}

/** Unit: row of the table. */
export function planEmbeddingGradient(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanEmbeddingGradient>(args);
  const bytes = (<usize>a.channels) << 2;
  zeroFloats(<usize>a.gradient + <usize>start * bytes, <usize>(end - start) * bytes);
  for (let i = 0; i < a.count; i++) {
    const row = rowOf(<usize>a.numbers + ((<usize>i) << 2), a.rows);
    if (row < start || row >= end) continue;
    let to = <usize>a.gradient + <usize>row * bytes;
    let from = <usize>a.dy + <usize>i * bytes;
    let left = a.channels;
    for (; left >= 4; left -= 4, to += 16, from += 16) v128.store(to, f32x4.add(v128.load(to), v128.load(from)));
    for (; left > 0; left--, to += 4, from += 4) store<f32>(to, load<f32>(to) + load<f32>(from));
  }
}
