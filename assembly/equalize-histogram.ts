// Histogram equalisation: each level of a channel becomes the share of its pixels that are no brighter, stretched so that the darkest
// level becomes 0 and the brightest 255. A channel of one level stays as it is. Unit: one image.
//
//   input    u8 [images, pixels, channels]
//   output   u8 [images, pixels, channels]   another array
//   scratch  u32 [256]                       pixels of a level, then pixels up to it
//
// Source: R. Gonzalez, R. Woods, Digital Image Processing, section 3.3.1.

@unmanaged
class EqualizeArgs {
  input: u32;
  output: u32;
  pixels: i32;
  channels: i32;
}

const LEVELS: i32 = 256;
/** Bytes of scratch. */
const TABLE_BYTES: usize = 1024;

export function equalizeHistogram(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<EqualizeArgs>(args);
  const channels = <usize>a.channels;
  const values = <usize>a.pixels * channels;
  for (let image = start; image < end; image++) {
    const input = <usize>a.input + <usize>image * values;
    const output = <usize>a.output + <usize>image * values;
    for (let channel: usize = 0; channel < channels; channel++) {
      equalizeChannel(input + channel, output + channel, values - channel, channels, scratch);
    }
  }
}

function equalizeChannel(input: usize, output: usize, extent: usize, channels: usize, table: usize): void {
  memory.fill(table, 0, TABLE_BYTES);
  for (let at: usize = 0; at < extent; at += channels) {
    const cell = table + (<usize>load<u8>(input + at) << 2);
    store<u32>(cell, load<u32>(cell) + 1);
  }
  let sum: u32 = 0;
  let darkest: u32 = 0;
  for (let level = 0; level < LEVELS; level++) {
    const cell = table + ((<usize>level) << 2);
    sum += load<u32>(cell);
    if (darkest === 0) darkest = sum;
    store<u32>(cell, sum);
  }
  const range = <u64>(sum - darkest);
  for (let at: usize = 0; at < extent; at += channels) {
    const level = load<u8>(input + at);
    const rank = <u64>(load<u32>(table + (<usize>level << 2)) - darkest);
    // Rounded half up, in whole numbers.
    store<u8>(output + at, range === 0 ? level : <u8>((510 * rank + range) / (2 * range)));
  }
}
