// Standardisation of each image by its own mean and standard deviation, as bytes: 64 is the mean, and 16 levels are one standard deviation.
// An image of one level is all mean. Unit: one image.
//
//   input   u8 [images, values]   all channels of an image together
//   output  u8 [images, values]   another array; from 4 deviations below the mean to 11.9 above it

@unmanaged
class StandardizeArgs {
  input: u32;
  output: u32;
  values: i32;
}

const MEAN: f64 = 64;
const DEVIATION: f64 = 16;

export function standardizeImages(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<StandardizeArgs>(args);
  const values = <usize>a.values;
  for (let image = start; image < end; image++) {
    const input = <usize>a.input + <usize>image * values;
    const output = <usize>a.output + <usize>image * values;
    let sum: u64 = 0;
    let squares: u64 = 0;
    for (let i: usize = 0; i < values; i++) {
      const level = <u64>load<u8>(input + i);
      sum += level;
      squares += level * level;
    }
    const mean = <f64>sum / <f64>values;
    const variance = <f64>squares / <f64>values - mean * mean;
    const scale = variance > 0 ? DEVIATION / sqrt<f64>(variance) : 0;
    for (let i: usize = 0; i < values; i++) {
      const level = floor<f64>((<f64>load<u8>(input + i) - mean) * scale + MEAN + 0.5);
      store<u8>(output + i, <u8>min(max(level, 0), 255));
    }
  }
}
