// Two-dimensional transforms of Winograd's minimal filtering F(m x m, 3 x 3), for four channels of one tile: lines, then columns.
// Not kernels: winograd-tiles.ts applies them to all channels. The one-dimensional ones are in winograd-f2-f4.ts and winograd-f5-f6.ts.
// Source: A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.
//
//   values          fromRow, fromColumn bytes apart
//   `lines`         a line's results stand in a column: what the second pass reads lies side by side
//   results         toRow, toColumn bytes apart
//
// Invariant: which transform is a type, F2 to F6, never a number: asc folds no constants through inlined functions, and its
// optimiser takes minutes to fold what would be left to it.

/** d -> B^T d B. */
@inline
export function inputFour<F>(
  from: usize, fromRow: usize, fromColumn: usize, to: usize, toRow: usize, toColumn: usize, lines: usize,
): void {
  const f = changetype<F>(0);
  const ins = f.m + 2;
  const lineBytes = (<usize>ins) << 4;
  let line = lines;
  for (let row = 0; row < ins; row++, from += fromRow, line += 16) f.input(from, fromColumn, line, lineBytes);
  line = lines;
  for (let column = 0; column < ins; column++, line += lineBytes, to += toColumn) f.input(line, 16, to, toRow);
}

/** y -> A y A^T. */
@inline
export function outputGradientFour<F>(
  from: usize, fromRow: usize, fromColumn: usize, to: usize, toRow: usize, toColumn: usize, lines: usize,
): void {
  const f = changetype<F>(0);
  const ins = f.m;
  const outs = f.m + 2;
  const lineBytes = (<usize>ins) << 4;
  let line = lines;
  for (let row = 0; row < ins; row++, from += fromRow, line += 16) f.outputGradient(from, fromColumn, line, lineBytes);
  line = lines;
  for (let column = 0; column < outs; column++, line += lineBytes, to += toColumn) f.outputGradient(line, 16, to, toRow);
}

/** p -> A^T p A. */
@inline
export function outputFour<F>(
  from: usize, fromRow: usize, fromColumn: usize, to: usize, toRow: usize, toColumn: usize, lines: usize,
): void {
  const f = changetype<F>(0);
  const ins = f.m + 2;
  const outs = f.m;
  const lineBytes = (<usize>ins) << 4;
  let line = lines;
  for (let row = 0; row < ins; row++, from += fromRow, line += 16) f.output(from, fromColumn, line, lineBytes);
  line = lines;
  for (let column = 0; column < outs; column++, line += lineBytes, to += toColumn) f.output(line, 16, to, toRow);
}

/** v -> B v B^T, added to what is there. */
@inline
export function inputGradientFour<F>(
  from: usize, fromRow: usize, fromColumn: usize, to: usize, toRow: usize, toColumn: usize, lines: usize,
): void {
  const f = changetype<F>(0);
  const ins = f.m + 2;
  const lineBytes = (<usize>ins) << 4;
  let line = lines;
  for (let row = 0; row < ins; row++, from += fromRow, line += 16) f.inputGradient(false, from, fromColumn, line, lineBytes);
  line = lines;
  for (let column = 0; column < ins; column++, line += lineBytes, to += toColumn) f.inputGradient(true, line, 16, to, toRow);
}

/** g -> G g G^T. */
@inline
export function filterFour<F>(
  from: usize, fromRow: usize, fromColumn: usize, to: usize, toRow: usize, toColumn: usize, lines: usize,
): void {
  const f = changetype<F>(0);
  const ins = 3;
  const outs = f.m + 2;
  const lineBytes = (<usize>ins) << 4;
  let line = lines;
  for (let row = 0; row < ins; row++, from += fromRow, line += 16) f.filter(from, fromColumn, line, lineBytes);
  line = lines;
  for (let column = 0; column < outs; column++, line += lineBytes, to += toColumn) f.filter(line, 16, to, toRow);
}

/** u -> G^T u G. */
@inline
export function filterGradientFour<F>(
  from: usize, fromRow: usize, fromColumn: usize, to: usize, toRow: usize, toColumn: usize, lines: usize,
): void {
  const f = changetype<F>(0);
  const ins = f.m + 2;
  const outs = 3;
  const lineBytes = (<usize>ins) << 4;
  let line = lines;
  for (let row = 0; row < ins; row++, from += fromRow, line += 16) f.filterGradient(from, fromColumn, line, lineBytes);
  line = lines;
  for (let column = 0; column < outs; column++, line += lineBytes, to += toColumn) f.filterGradient(line, 16, to, toRow);
}
