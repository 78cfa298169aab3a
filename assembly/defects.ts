// Draws a made defect into each picture of a garment, light on dark, and where it is. All of it is a function of (seed, id, kind, size)
// and the picture, in whole numbers: no rounding differs. Not here: what a defect looks like to a camera; these are drawings.
// Unit: one picture.
//
//   input   u8 [count, height, width]    levels; a garment is what is above GROUND
//   output  u8 [count, height, width]    another array
//   mask    u8 [count, height, width]    1 where a level changed by VISIBLE or more, else 0
//   kinds   u8 [count]                   HOLE … TONE
//   sizes   u8 [count]                   0 small, 1 medium, 2 large
//   ids     u32 [count]                  what tells the pictures apart
//   scratch u8 [64] random words, i32 [height + width + 2] pixels by how far out they lie
//
// Random words: counter (0, 3 * kind + size, id, 0), key (seed, stream).
//
//   word  0 place  1 direction  2 shape  3 pattern  4 dark or light
import { PHILOX_BYTES, storePhilox } from './simd/random';

@unmanaged
class DefectArgs {
  input: u32;
  output: u32;
  mask: u32;
  kinds: u32;
  sizes: u32;
  ids: u32;
  height: i32;
  width: i32;
  seed: u32;
  stream: u32;
}

const GROUND: i32 = 16;
const VISIBLE: i32 = 8;
/** Lengths are in sixteenths of a pixel of a picture of 28. */
const PART: i32 = 16;
const USUAL_SIDE: i32 = 28;

const HOLE: i32 = 0;
const STAIN: i32 = 1;
const SEAM: i32 = 2;
const MISSING: i32 = 3;
const PRINT: i32 = 4;

@inline
function bySize(size: i32, small: i32, medium: i32, large: i32): i32 {
  return size === 0 ? small : size === 1 ? medium : large;
}

@inline
function word(words: usize, index: i32): u32 {
  return load<u32>(words + ((<usize>index) << 2));
}

/** A whole number below `bound`. */
@inline
function below(words: usize, index: i32, bound: i32): i32 {
  return <i32>((<u64>(word(words, index) >> 8) * <u64>bound) >> 24);
}

/** First or second part of eight directions of length 5. */
@inline
function rightOf(direction: i32): i32 {
  const turn = direction & 3;
  const part = turn === 0 ? 5 : turn === 1 ? 4 : turn === 2 ? 3 : 0;
  return direction < 4 ? part : -part;
}

@inline
function downOf(direction: i32): i32 {
  const turn = direction & 3;
  return turn === 0 ? 0 : turn === 1 ? 3 : turn === 2 ? 4 : 5;
}

export function drawDefects(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<DefectArgs>(args);
  const pixels = a.height * a.width;
  for (let i = start; i < end; i++) {
    const at = <usize>i * <usize>pixels;
    const input = <usize>a.input + at;
    const output = <usize>a.output + at;
    const kind = <i32>load<u8>(<usize>a.kinds + <usize>i);
    const size = <i32>load<u8>(<usize>a.sizes + <usize>i);
    const id = load<u32>(<usize>a.ids + ((<usize>i) << 2));
    storePhilox(scratch, 0, <u32>(3 * kind + size), id, 0, a.seed, a.stream);
    memory.copy(output, input, <usize>pixels);
    const place = choosePlace(a, input, scratch);
    if (place >= 0) {
      if (kind <= STAIN) drawEllipse(a, kind, size, output, place, scratch);
      else if (kind === SEAM) drawSeam(a, size, output, place, scratch);
      else if (kind === MISSING) cutOff(a, size, input, output, scratch);
      else if (kind === PRINT) drawPrint(a, size, output, place, scratch);
      else changeTone(a, size, output, place, scratch);
    }
    const mask = <usize>a.mask + at;
    for (let p = 0; p < pixels; p++) {
      const change = abs<i32>(<i32>load<u8>(output + <usize>p) - <i32>load<u8>(input + <usize>p));
      store<u8>(mask + <usize>p, change >= VISIBLE ? 1 : 0);
    }
  }
}

@inline
function isGarment(input: usize, place: i32): bool {
  return <i32>load<u8>(input + <usize>place) > GROUND;
}

/** Whether a pixel and the four beside it are of the garment. */
function isInside(a: DefectArgs, input: usize, place: i32): bool {
  const x = place % a.width;
  if (x === 0 || x === a.width - 1 || place < a.width || place >= a.width * (a.height - 1)) return false;
  return (
    isGarment(input, place) &&
    isGarment(input, place - 1) &&
    isGarment(input, place + 1) &&
    isGarment(input, place - a.width) &&
    isGarment(input, place + a.width)
  );
}

/** A pixel inside the garment, each as likely; -1 where there is none. */
function choosePlace(a: DefectArgs, input: usize, words: usize): i32 {
  const pixels = a.height * a.width;
  let inside: i32 = 0;
  for (let p = 0; p < pixels; p++) if (isInside(a, input, p)) inside++;
  if (inside === 0) return -1;
  let left = below(words, 0, inside);
  for (let p = 0; p < pixels; p++) {
    if (!isInside(a, input, p)) continue;
    if (left === 0) return p;
    left--;
  }
  return -1;
}

/** Sixteenths of a pixel here, of those in a picture of the usual side. */
@inline
function scaled(a: DefectArgs, length: i32): i32 {
  return max<i32>(1, (length * min(a.height, a.width)) / USUAL_SIDE);
}

/** A level away from another one: dark on light, light on dark, in the middle as the word says. */
function contrasting(level: i32, words: usize): i32 {
  const isDark = level > 160 || (level > 95 && (word(words, 4) & 1) === 1);
  return isDark ? level / 4 : 255 - (255 - level) / 4;
}

/** A hole, through which the ground is seen, or a stain, strongest in the middle; on the garment alone. */
function drawEllipse(a: DefectArgs, kind: i32, size: i32, output: usize, place: i32, words: usize): void {
  const radius = scaled(a, kind === HOLE ? bySize(size, 20, 30, 44) : bySize(size, 30, 46, 70));
  const long = <i64>radius;
  const short = <i64>max<i32>(1, (radius * (10 + below(words, 2, 7))) / 16);
  const direction = below(words, 1, 8);
  const dx = rightOf(direction);
  const dy = downOf(direction);
  const centreY = place / a.width;
  const centreX = place % a.width;
  const target = contrasting(<i32>load<u8>(output + <usize>place), words);
  // 25 for the length of a direction, twice.
  const whole = 25 * long * long * short * short;
  for (let y = 0; y < a.height; y++) {
    for (let x = 0; x < a.width; x++) {
      const p = y * a.width + x;
      if (!isGarment(output, p)) continue;
      const down = PART * (y - centreY);
      const right = PART * (x - centreX);
      const along = <i64>(right * dx + down * dy);
      const across = <i64>(down * dx - right * dy);
      const far = along * along * short * short + across * across * long * long;
      if (far > whole) continue;
      const level = <i32>load<u8>(output + <usize>p);
      if (kind === HOLE) {
        store<u8>(output + <usize>p, 0);
        continue;
      }
      const strength = 64 + <i32>((192 * (whole - far)) / whole);
      store<u8>(output + <usize>p, <u8>(level + ((target - level) * strength) / 256));
    }
  }
}

/** A thread or an open seam: a crooked line as wide as a pixel of the usual side, on the garment alone. */
function drawSeam(a: DefectArgs, size: i32, output: usize, place: i32, words: usize): void {
  const unit = max<i32>(1, min(a.height, a.width) / USUAL_SIDE);
  const direction = below(words, 1, 8);
  const dx = rightOf(direction);
  const dy = downOf(direction);
  const steps = bySize(size, 5, 9, 14) * unit;
  const target = contrasting(<i32>load<u8>(output + <usize>place), words);
  const bends = word(words, 3);
  let aside: i32 = 0;
  for (let step = -(steps / 2); step <= steps / 2; step++) {
    const turn = ((step + steps) / (2 * unit)) & 15;
    const bend = <i32>(bends >> (2 * turn)) & 3;
    if (step % (2 * unit) === 0) aside += bend === 0 ? 1 : bend === 1 ? -1 : 0;
    const y = place / a.width + (step * dy + aside * unit * dx) / 5;
    const x = (place % a.width) + (step * dx - aside * unit * dy) / 5;
    for (let i = 0; i < unit; i++) {
      for (let j = 0; j < unit; j++) {
        const row = y + i;
        const column = x + j;
        if (row < 0 || row >= a.height || column < 0 || column >= a.width) continue;
        const p = row * a.width + column;
        if (isGarment(output, p)) store<u8>(output + <usize>p, <u8>target);
      }
    }
  }
}

/** Cuts off what lies farthest to a side, as a sleeve, or to a lower corner, as a heel: a share of the garment. */
function cutOff(a: DefectArgs, size: i32, input: usize, output: usize, words: usize): void {
  const counts = words + <usize>PHILOX_BYTES;
  const reach = a.height + a.width;
  memory.fill(counts, 0, (<usize>(reach + 2)) << 2);
  const direction = below(words, 1, 4);
  const pixels = a.height * a.width;
  let garment: i32 = 0;
  for (let p = 0; p < pixels; p++) {
    if (!isGarment(input, p)) continue;
    garment++;
    const cell = counts + ((<usize>outwards(a, direction, p)) << 2);
    store<i32>(cell, load<i32>(cell) + 1);
  }
  const wanted = max<i32>(1, (garment * bySize(size, 4, 8, 14)) / 100);
  let from = reach;
  let cut: i32 = 0;
  while (from > 0 && cut < wanted) {
    from--;
    cut += load<i32>(counts + ((<usize>from) << 2));
  }
  for (let p = 0; p < pixels; p++) {
    if (isGarment(input, p) && outwards(a, direction, p) >= from) store<u8>(output + <usize>p, 0);
  }
}

/** How far a pixel lies to the left, to the right, to the lower left or to the lower right. */
@inline
function outwards(a: DefectArgs, direction: i32, place: i32): i32 {
  const x = place % a.width;
  const aside = (direction & 1) === 0 ? a.width - 1 - x : x;
  return direction < 2 ? aside : aside + place / a.width;
}

/** A print: blocks of two levels in a square, on the garment alone. */
function drawPrint(a: DefectArgs, size: i32, output: usize, place: i32, words: usize): void {
  const side = max<i32>(2, (scaled(a, PART * bySize(size, 4, 6, 9))) / PART);
  const block = max<i32>(1, (scaled(a, PART * 2)) / PART);
  const top = place / a.width - side / 2;
  const left = (place % a.width) - side / 2;
  const near = <i32>load<u8>(output + <usize>place);
  const other = contrasting(near, words);
  const half = (near + other) / 2;
  const pattern = word(words, 3) | 1;
  for (let y = max<i32>(0, top); y < min(a.height, top + side); y++) {
    for (let x = max<i32>(0, left); x < min(a.width, left + side); x++) {
      const p = y * a.width + x;
      if (!isGarment(output, p)) continue;
      const bit = (((y - top) / block) * 5 + (x - left) / block) & 31;
      store<u8>(output + <usize>p, <u8>((pattern >> bit) & 1 ? other : half));
    }
  }
}

/** A part of another tone: what lies on one side of a line through the place, darker or lighter. */
function changeTone(a: DefectArgs, size: i32, output: usize, place: i32, words: usize): void {
  const direction = below(words, 1, 8);
  const dx = rightOf(direction);
  const dy = downOf(direction);
  const left = bySize(size, 75, 60, 45);
  const isDark = (word(words, 4) & 1) === 1;
  for (let y = 0; y < a.height; y++) {
    for (let x = 0; x < a.width; x++) {
      const p = y * a.width + x;
      if (!isGarment(output, p)) continue;
      if ((x - (place % a.width)) * dx + (y - place / a.width) * dy < 0) continue;
      const level = <i32>load<u8>(output + <usize>p);
      store<u8>(output + <usize>p, <u8>(isDark ? (level * left) / 100 : 255 - ((255 - level) * left) / 100));
    }
  }
}
