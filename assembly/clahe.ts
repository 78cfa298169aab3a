// Contrast-limited adaptive histogram equalisation: a table from levels to levels for each tile, of its histogram with no bin above a
// limit, and between the middles of four tiles the bilinear mean of theirs. A channel of one level stays as it is. Unit: one image.
//
//   input    u8 [images, height, width, channels]
//   output   u8 [images, height, width, channels]   another array
//   scratch  u8 [256]                bin of a level
//            i32 [256]               histogram of a tile
//            u16 [tiles down, tiles across, 256]    what bins become, from 0 to 16383
//            u16 [height, width]     the same of pixels
//
// Source: K. Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV, 1994; rounding, padding and what becomes
// of pixels above the limit as in scikit-image 0.19's equalize_adapthist.

@unmanaged
class ClaheArgs {
  input: u32;
  output: u32;
  height: i32;
  width: i32;
  channels: i32;
  /** Pixels of a side of a tile. */
  tile: i32;
  /** Pixels that a bin of a tile holds at most, from 1. */
  limit: i32;
}

const BINS: i32 = 256;
const BRIGHTEST: i32 = 16383;
/** Levels of 16384 that share a bin. */
const BIN_LEVELS: i32 = 65;
const HISTOGRAM_AT: usize = 256;
const TABLES_AT: usize = HISTOGRAM_AT + 1024;

export function clahe(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<ClaheArgs>(args);
  const imageBytes = <usize>(a.height * a.width * a.channels);
  for (let image = start; image < end; image++) {
    for (let channel = 0; channel < a.channels; channel++) {
      const at = <usize>image * imageBytes + <usize>channel;
      equalizeTiles(a, <usize>a.input + at, <usize>a.output + at, scratch);
    }
  }
}

function equalizeTiles(a: ClaheArgs, input: usize, output: usize, scratch: usize): void {
  const pixels = a.height * a.width;
  let darkest: i32 = 255;
  let brightest: i32 = 0;
  for (let i = 0; i < pixels; i++) {
    const level = <i32>load<u8>(input + <usize>(i * a.channels));
    darkest = min(darkest, level);
    brightest = max(brightest, level);
  }
  const range = <f64>(brightest - darkest);
  for (let level = darkest; level <= brightest; level++) {
    const stretched = <i32>nearest<f64>((<f64>(level - darkest) / range) * <f64>BRIGHTEST);
    store<u8>(scratch + <usize>level, range === 0 ? 0 : <u8>(stretched / BIN_LEVELS));
  }
  const down = (a.height + a.tile - 1) / a.tile;
  const across = (a.width + a.tile - 1) / a.tile;
  for (let row = 0; row < down; row++) {
    for (let column = 0; column < across; column++) {
      const table = scratch + TABLES_AT + ((<usize>((row * across + column) * BINS)) << 1);
      makeTable(a, input, row * a.tile, column * a.tile, scratch, table);
    }
  }
  const found = scratch + TABLES_AT + ((<usize>(down * across * BINS)) << 1);
  let lowest: i32 = BRIGHTEST;
  let highest: i32 = 0;
  for (let y = 0; y < a.height; y++) {
    for (let x = 0; x < a.width; x++) {
      const bin = load<u8>(scratch + <usize>load<u8>(input + <usize>((y * a.width + x) * a.channels)));
      const value = interpolate(a, scratch + TABLES_AT, down, across, y, x, bin);
      lowest = min(lowest, value);
      highest = max(highest, value);
      store<u16>(found + (<usize>(y * a.width + x) << 1), <u16>value);
    }
  }
  const span = highest - lowest;
  for (let i = 0; i < pixels; i++) {
    const value = <i32>load<u16>(found + ((<usize>i) << 1)) - lowest;
    const at = <usize>(i * a.channels);
    // Rounded half up, in whole numbers.
    store<u8>(output + at, span === 0 ? load<u8>(input + at) : <u8>((510 * value + span) / (2 * span)));
  }
}

/** Position of a pixel outside of the image, mirrored at its border pixels. */
function mirrored(position: i32, extent: i32): i32 {
  if (extent === 1) return 0;
  const period = 2 * (extent - 1);
  const inside = position % period;
  return inside < extent ? inside : period - inside;
}

function makeTable(a: ClaheArgs, input: usize, top: i32, left: i32, scratch: usize, table: usize): void {
  const histogram = scratch + HISTOGRAM_AT;
  memory.fill(histogram, 0, 1024);
  for (let y = top; y < top + a.tile; y++) {
    const row = mirrored(y, a.height) * a.width;
    for (let x = left; x < left + a.tile; x++) {
      const level = load<u8>(input + <usize>((row + mirrored(x, a.width)) * a.channels));
      add(histogram, load<u8>(scratch + <usize>level), 1);
    }
  }
  clip(histogram, a.limit);
  const scale = <f64>BRIGHTEST / <f64>(a.tile * a.tile);
  let sum: i32 = 0;
  for (let bin = 0; bin < BINS; bin++) {
    sum += count(histogram, bin);
    store<u16>(table + ((<usize>bin) << 1), <u16>min(<f64>sum * scale, <f64>BRIGHTEST));
  }
}

@inline
function count(histogram: usize, bin: i32): i32 {
  return load<i32>(histogram + ((<usize>bin) << 2));
}

@inline
function setCount(histogram: usize, bin: i32, value: i32): void {
  store<i32>(histogram + ((<usize>bin) << 2), value);
}

@inline
function add(histogram: usize, bin: i32, value: i32): void {
  setCount(histogram, bin, count(histogram, bin) + value);
}

/** Spreads what is above the limit evenly over the bins, then one by one over those below the limit. */
function clip(histogram: usize, limit: i32): void {
  let excess: i32 = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const above = count(histogram, bin) - limit;
    if (above <= 0) continue;
    excess += above;
    setCount(histogram, bin, limit);
  }
  const increment = excess / BINS;
  const upper = limit - increment;
  for (let bin = 0; bin < BINS; bin++) {
    if (count(histogram, bin) >= upper) continue;
    add(histogram, bin, increment);
    excess -= increment;
  }
  // Those that were just raised to near the limit, too.
  for (let bin = 0; bin < BINS; bin++) {
    const had = count(histogram, bin);
    if (had < upper || had >= limit) continue;
    excess -= limit - had;
    setCount(histogram, bin, limit);
  }
  while (excess > 0) {
    const before = excess;
    for (let index = 0; index < BINS && excess > 0; index++) {
      const step = max(1, countBelow(histogram, limit) / excess);
      for (let bin = index; bin < BINS; bin += step) {
        if (count(histogram, bin) >= limit) continue;
        add(histogram, bin, 1);
        excess--;
      }
    }
    if (excess === before) return;
  }
}

function countBelow(histogram: usize, limit: i32): i32 {
  let below: i32 = 0;
  for (let bin = 0; bin < BINS; bin++) if (count(histogram, bin) < limit) below++;
  return below;
}

/** The tables of the four tiles around a pixel; at the border some of them are the same. */
function interpolate(a: ClaheArgs, tables: usize, down: i32, across: i32, y: i32, x: i32, bin: u8): i32 {
  const row = y + a.tile / 2;
  const column = x + a.tile / 2;
  const lower = row / a.tile;
  const right = column / a.tile;
  const toLower = <f64>(row % a.tile) / <f64>a.tile;
  const toRight = <f64>(column % a.tile) / <f64>a.tile;
  const top = max(lower - 1, 0) * across;
  const bottom = min(lower, down - 1) * across;
  const before = max(right - 1, 0);
  const after = min(right, across - 1);
  let sum: f32 = <f32>(mapped(tables, top + before, bin) * ((1 - toRight) * (1 - toLower)));
  sum += <f32>(mapped(tables, top + after, bin) * (toRight * (1 - toLower)));
  sum += <f32>(mapped(tables, bottom + before, bin) * ((1 - toRight) * toLower));
  sum += <f32>(mapped(tables, bottom + after, bin) * (toRight * toLower));
  return <i32>sum;
}

@inline
function mapped(tables: usize, tile: i32, bin: u8): f64 {
  return <f64>load<u16>(tables + (<usize>(tile * BINS + <i32>bin) << 1));
}
