// Histograms of oriented gradients: a cell's gradients by direction in nine bins of 20 degrees, without sign, weighted by their length;
// a block of cells is brought to length 1, cut off at 0.2, and brought to length 1 again. Where there are several channels, the one with
// the longest gradient counts. Unit: one image.
//
//   input    u8  [images, height, width, channels]
//   output   f32 [images, blocks down, blocks across, block * block * 9]   by row of the block, column, bin
//   scratch  f64 [cells down, cells across, 9]
//
// Source: N. Dalal, B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005; as scikit-image has it: votes are not
// shared between bins or cells.

@unmanaged
class GradientArgs {
  input: u32;
  output: u32;
  height: i32;
  width: i32;
  channels: i32;
  /** Pixels of a side of a cell. */
  cell: i32;
  /** Cells of a side of a block. */
  block: i32;
}

const BINS: i32 = 9;
const LIMIT: f64 = 0.2;
const EPSILON_SQUARED: f64 = 1e-10;

export function orientedGradients(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<GradientArgs>(args);
  const down = a.height / a.cell;
  const across = a.width / a.cell;
  const blocksDown = down - a.block + 1;
  const blocksAcross = across - a.block + 1;
  const blockValues = a.block * a.block * BINS;
  const imageBytes = <usize>(a.height * a.width * a.channels);
  for (let image = start; image < end; image++) {
    sumCells(a, <usize>a.input + <usize>image * imageBytes, scratch, down, across);
    let output = <usize>a.output + ((<usize>image * <usize>(blocksDown * blocksAcross * blockValues)) << 2);
    for (let y = 0; y < blocksDown; y++) {
      for (let x = 0; x < blocksAcross; x++) {
        normalise(a, scratch + (<usize>((y * across + x) * BINS) << 3), across, output);
        output += (<usize>blockValues) << 2;
      }
    }
  }
}

function sumCells(a: GradientArgs, input: usize, cells: usize, down: i32, across: i32): void {
  memory.fill(cells, 0, (<usize>(down * across * BINS)) << 3);
  const share: f64 = 1 / <f64>(a.cell * a.cell);
  for (let y = 0; y < down * a.cell; y++) {
    for (let x = 0; x < across * a.cell; x++) {
      let best: i32 = -1;
      let bestDown: i32 = 0;
      let bestRight: i32 = 0;
      for (let channel = 0; channel < a.channels; channel++) {
        const at = input + <usize>((y * a.width + x) * a.channels + channel);
        const toDown = y === 0 || y === a.height - 1 ? 0 : difference(at, a.width * a.channels);
        const toRight = x === 0 || x === a.width - 1 ? 0 : difference(at, a.channels);
        const squared = toDown * toDown + toRight * toRight;
        if (squared <= best) continue;
        best = squared;
        bestDown = toDown;
        bestRight = toRight;
      }
      if (best === 0) continue;
      const cell = (y / a.cell) * across + x / a.cell;
      const bin = cells + (<usize>(cell * BINS + binOf(bestDown, bestRight)) << 3);
      store<f64>(bin, load<f64>(bin) + sqrt<f64>(<f64>best) * share);
    }
  }
}

@inline
function difference(at: usize, step: i32): i32 {
  return <i32>load<u8>(at + <usize>step) - <i32>load<u8>(at - <usize>step);
}

/** Bins passed by a direction between 0 and 180 degrees: bin i begins where right / down is the cotangent of 20 i degrees. */
function binOf(down: i32, right: i32): i32 {
  if (down === 0) return 0;
  const length = <f64>(down < 0 ? -down : down);
  const x = <f64>(down < 0 ? -right : right);
  let bin: i32 = 0;
  if (x <= length * 2.7474774194546222) bin++;
  if (x <= length * 1.19175359259421) bin++;
  if (x <= length * 0.5773502691896258) bin++;
  if (x <= length * 0.17632698070846498) bin++;
  if (x <= length * -0.17632698070846498) bin++;
  if (x <= length * -0.5773502691896258) bin++;
  if (x <= length * -1.19175359259421) bin++;
  if (x <= length * -2.7474774194546222) bin++;
  return bin;
}

function normalise(a: GradientArgs, first: usize, across: i32, output: usize): void {
  const run = a.block * BINS;
  const pitch = (<usize>(across * BINS)) << 3;
  let squares: f64 = 0;
  for (let row = 0; row < a.block; row++) {
    for (let i = 0; i < run; i++) {
      const value = load<f64>(first + <usize>row * pitch + ((<usize>i) << 3));
      squares += value * value;
    }
  }
  const length = sqrt<f64>(squares + EPSILON_SQUARED);
  let cutSquares: f64 = 0;
  for (let row = 0; row < a.block; row++) {
    for (let i = 0; i < run; i++) {
      const value = min(load<f64>(first + <usize>row * pitch + ((<usize>i) << 3)) / length, LIMIT);
      cutSquares += value * value;
    }
  }
  const cutLength = sqrt<f64>(cutSquares + EPSILON_SQUARED);
  for (let row = 0; row < a.block; row++) {
    for (let i = 0; i < run; i++) {
      const value = min(load<f64>(first + <usize>row * pitch + ((<usize>i) << 3)) / length, LIMIT);
      store<f32>(output + (<usize>(row * run + i) << 2), <f32>(value / cutLength));
    }
  }
}
