// Stages of a plan that follow the backward pass: gradients of weights from what the whole batch left behind, and the forms of the
// updated weights that the next step reads. The update itself is an optimiser's kernel; see assembly/adam.ts.
//
//   unit of the Winograd stages = eight input channels; of planPackRows = a row of the weights
import { loadColumns } from '../simd/columns';
import { transposeIntoPanel } from '../simd/transpose';
import { LINES_BYTES, transformFilter, transformFilterGradient } from '../simd/winograd-tiles';

@unmanaged
class PlanWinogradWeights {
  weights: u32;
  gradient: u32;
  u: u32;
  ut: u32;
  tile: i32;
  inChannels: i32;
  outChannels: i32;
  panelBytesU: u32;
  panelBytesUt: u32;
  positionBytesU: u32;
  positionBytesUt: u32;
  /** f32 [positions][inChannels][outChannels]. */
  du: u32;
  positionBytesDu: u32;
}

/** dW = G^T dU G. Scratch: lines. */
export function planWinogradWeightGradient(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanWinogradWeights>(args);
  const pitch = (<usize>a.outChannels) << 2;
  const first = start << 3;
  const channels = min(end << 3, a.inChannels) - first;
  const from = <usize>a.du + <usize>first * pitch;
  const to = <usize>a.gradient + <usize>first * pitch;
  const vectors = (channels * a.outChannels) >> 2;
  transformFilterGradient(a.tile, from, a.positionBytesDu, to, <usize>a.inChannels * pitch, vectors, scratch);
}

/** U and Ut of the weights. Scratch: lines, nine taps of 4 x 8 transposed weights. */
export function planWinogradTransform(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanWinogradWeights>(args);
  const pitch = (<usize>a.outChannels) << 2;
  const tapBytes = <usize>a.inChannels * pitch;
  const block = scratch + LINES_BYTES;
  for (let unit = start; unit < end; unit++) {
    const first = unit << 3;
    const last = min(first + 8, a.inChannels);
    for (let channel = first; channel < last; channel++) {
      const from = <usize>a.weights + <usize>channel * pitch;
      let to = <usize>a.u + 32 + ((<usize>channel) << 5);
      for (let column = 0; column < a.outChannels; column += 8, to += a.panelBytesU) {
        const vectors = min(2, (a.outChannels - column) >> 2);
        transformFilter(
          a.tile, from + ((<usize>column) << 2), tapBytes, to, a.positionBytesU, vectors, scratch,
        );
      }
    }
    let to = <usize>a.ut + <usize>unit * a.panelBytesUt + 32;
    for (let column = 0; column < a.outChannels; column += 4, to += 128) {
      let from = <usize>a.weights + <usize>first * pitch + ((<usize>column) << 2);
      for (let tap: usize = 0; tap < 9; tap++, from += tapBytes) {
        transposeIntoPanel(from, pitch, block + (tap << 7));
        if (last - first == 8) transposeIntoPanel(from + (pitch << 2), pitch, block + (tap << 7) + 16);
        else zeroFour(block + (tap << 7) + 16);
      }
      transformFilter(a.tile, block, 128, to, a.positionBytesUt, 8, scratch);
    }
  }
}

@inline
function zeroFour(to: usize): void {
  const zero = f32x4.splat(0);
  v128.store(to, zero);
  v128.store(to, zero, 32);
  v128.store(to, zero, 64);
  v128.store(to, zero, 96);
}

@unmanaged
class PlanPackRows {
  weights: u32;
  panels: u32;
  columns: i32;
  panelBytes: u32;
}

/** Rows of weights [rows][columns] into panels of eight columns; the first row of a panel, zeros, is left alone. */
export function planPackRows(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanPackRows>(args);
  const pitch = (<usize>a.columns) << 2;
  for (let row = start; row < end; row++) {
    const from = <usize>a.weights + <usize>row * pitch;
    let to = <usize>a.panels + 32 + ((<usize>row) << 5);
    let column = 0;
    for (; column + 8 <= a.columns; column += 8, to += a.panelBytes) {
      const at = from + ((<usize>column) << 2);
      v128.store(to, v128.load(at));
      v128.store(to, v128.load(at, 16), 16);
    }
    if (column < a.columns) {
      const at = from + ((<usize>column) << 2);
      v128.store(to, loadColumns(at, a.columns - column));
      v128.store(to, loadColumns(at + 16, a.columns - column - 4), 16);
    }
  }
}
