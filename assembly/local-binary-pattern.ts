// Local binary patterns of eight points on a circle of radius 1: bit i of a pixel's code is whether point i is at least as bright as
// the pixel. Points between pixels are interpolated bilinearly; outside of the image it is black. Unit: one image.
//
//   input   u8 [images, height, width, channels]
//   output  u8 [images, height, width, channels]   another array; codes from 0 to 255
//
//   3 2 1
//   4 . 0
//   5 6 7
//
// Source: T. Ojala, M. Pietikäinen, T. Mäenpää, "Multiresolution gray-scale and rotation invariant texture classification with local
// binary patterns", PAMI 2002; the arithmetic is that of scikit-image's method "default", in double precision.

@unmanaged
class PatternArgs {
  input: u32;
  output: u32;
  height: i32;
  width: i32;
  channels: i32;
}

/** sin and cos of 45 degrees, to five places. */
const DIAGONAL: f64 = 0.70711;

export function localBinaryPattern(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PatternArgs>(args);
  const values = <usize>a.height * <usize>a.width * <usize>a.channels;
  for (let image = start; image < end; image++) {
    const input = <usize>a.input + <usize>image * values;
    const output = <usize>a.output + <usize>image * values;
    for (let y = 0; y < a.height; y++) {
      for (let x = 0; x < a.width; x++) {
        for (let channel = 0; channel < a.channels; channel++) {
          const at = <usize>((y * a.width + x) * a.channels + channel);
          store<u8>(output + at, codeOf(a, input + <usize>channel, y, x));
        }
      }
    }
  }
}

function codeOf(a: PatternArgs, input: usize, y: i32, x: i32): u8 {
  const centre = pixel(a, input, y, x);
  const up = -DIAGONAL;
  let code: u8 = 0;
  if (pixel(a, input, y, x + 1) >= centre) code |= 1;
  if (between(a, input, y, x, up, DIAGONAL) >= centre) code |= 2;
  if (pixel(a, input, y - 1, x) >= centre) code |= 4;
  if (between(a, input, y, x, up, up) >= centre) code |= 8;
  if (pixel(a, input, y, x - 1) >= centre) code |= 16;
  if (between(a, input, y, x, DIAGONAL, up) >= centre) code |= 32;
  if (pixel(a, input, y + 1, x) >= centre) code |= 64;
  if (between(a, input, y, x, DIAGONAL, DIAGONAL) >= centre) code |= 128;
  return code;
}

function between(a: PatternArgs, input: usize, y: i32, x: i32, down: f64, right: f64): f64 {
  const row = <f64>y + down;
  const column = <f64>x + right;
  const top = <i32>floor(row);
  const left = <i32>floor(column);
  const dy = row - <f64>top;
  const dx = column - <f64>left;
  const upper = (1 - dx) * pixel(a, input, top, left) + dx * pixel(a, input, top, left + 1);
  const lower = (1 - dx) * pixel(a, input, top + 1, left) + dx * pixel(a, input, top + 1, left + 1);
  return (1 - dy) * upper + dy * lower;
}

@inline
function pixel(a: PatternArgs, input: usize, y: i32, x: i32): f64 {
  if (y < 0 || x < 0 || y >= a.height || x >= a.width) return 0;
  return <f64>load<u8>(input + <usize>((y * a.width + x) * a.channels));
}
