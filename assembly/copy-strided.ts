// Copies elements from one walk over memory to another: slices, reversals, joins, splits, blocks, broadcasts. Bytes are copied, of any type.
// Not here: which axes a walk has (src/backend/kernels/copy-strided.ts). Invariant: no two places of y are the same.
//
//   x, y      first elements of the walks; steps are in bytes, may be negative, and 0 in x
//   axes      [size, step in x, step in y], from the outermost on; OUTER_AXES of them, those that are not needed of size 1
//   columns   the innermost axis, xStep and yStep apart
//
//   piece = up to pieceColumns columns of one row;   unit = piecesPerUnit pieces, of which the last unit may have fewer
import { copyFloats } from './simd/columns';

/** Bytes from which on the engine's bulk copy is faster than a loop. */
const BULK_BYTES: i32 = 512;
const OUTER_AXES: i32 = 7;

@unmanaged
class CopyArgs {
  x: u32;
  y: u32;
  elementBytes: i32;
  columns: i32;
  xStep: i32;
  yStep: i32;
  pieces: i32;
  piecesPerUnit: i32;
  pieceColumns: i32;
  piecesPerRow: i32;
  /** The first of OUTER_AXES triples. */
  axes: i32;
}

function copyWords(x: usize, y: usize, xStep: usize, yStep: usize, count: i32): void {
  for (; count >= 4; count -= 4) {
    const first = load<u32>(x);
    const second = load<u32>(x + xStep);
    const third = load<u32>(x + 2 * xStep);
    store<u32>(y, first);
    store<u32>(y + yStep, second);
    store<u32>(y + 2 * yStep, third);
    store<u32>(y + 3 * yStep, load<u32>(x + 3 * xStep));
    x += 4 * xStep;
    y += 4 * yStep;
  }
  for (; count > 0; count--, x += xStep, y += yStep) store<u32>(y, load<u32>(x));
}

/** Every other word. */
function copyEvenWords(x: usize, y: usize, count: i32): void {
  // The last vector would read one word too many.
  for (; count > 4; count -= 4, x += 32, y += 16) {
    v128.store(y, i32x4.shuffle(v128.load(x), v128.load(x, 16), 0, 2, 4, 6));
  }
  for (; count > 0; count--, x += 8, y += 4) store<u32>(y, load<u32>(x));
}

/** `x` is the last word that is copied in memory, the first in y. */
function copyWordsBackwards(x: usize, y: usize, count: i32): void {
  for (; count >= 4; count -= 4, x -= 16, y += 16) {
    const words = v128.load(x - 12);
    v128.store(y, i32x4.shuffle(words, words, 3, 2, 1, 0));
  }
  for (; count > 0; count--, x -= 4, y += 4) store<u32>(y, load<u32>(x));
}

function repeatWord(x: usize, y: usize, count: i32): void {
  const words = v128.load32_splat(x);
  for (; count >= 4; count -= 4, y += 16) v128.store(y, words);
  for (; count > 0; count--, y += 4) store<u32>(y, load<u32>(x));
}

/** Four rows whose neighbours are adjacent in x, as the columns of one row are in y: a transposition. */
function copyFourRows(x: usize, y: usize, xStep: usize, yStep: usize, columns: i32): void {
  for (; columns >= 4; columns -= 4, x += 4 * xStep, y += 16) {
    const a = v128.load(x);
    const b = v128.load(x + xStep);
    const c = v128.load(x + 2 * xStep);
    const d = v128.load(x + 3 * xStep);
    const abLow = i32x4.shuffle(a, b, 0, 4, 1, 5);
    const abHigh = i32x4.shuffle(a, b, 2, 6, 3, 7);
    const cdLow = i32x4.shuffle(c, d, 0, 4, 1, 5);
    const cdHigh = i32x4.shuffle(c, d, 2, 6, 3, 7);
    v128.store(y, i64x2.shuffle(abLow, cdLow, 0, 2));
    v128.store(y + yStep, i64x2.shuffle(abLow, cdLow, 1, 3));
    v128.store(y + 2 * yStep, i64x2.shuffle(abHigh, cdHigh, 0, 2));
    v128.store(y + 3 * yStep, i64x2.shuffle(abHigh, cdHigh, 1, 3));
  }
  for (; columns > 0; columns--, x += xStep, y += 4) {
    store<u32>(y, load<u32>(x));
    store<u32>(y + yStep, load<u32>(x, 4));
    store<u32>(y + 2 * yStep, load<u32>(x, 8));
    store<u32>(y + 3 * yStep, load<u32>(x, 12));
  }
}

function copyColumns(a: CopyArgs, x: usize, y: usize, count: i32): void {
  const xStep = a.xStep;
  const yStep = a.yStep;
  if (xStep == a.elementBytes && yStep == a.elementBytes) {
    const bytes = count * a.elementBytes;
    if (bytes >= BULK_BYTES || (bytes & 3) != 0) memory.copy(y, x, bytes);
    else copyFloats(y, x, bytes);
  } else if (a.elementBytes == 4) {
    if (yStep != 4) copyWords(x, y, xStep, yStep, count);
    else if (xStep == 8) copyEvenWords(x, y, count);
    else if (xStep == -4) copyWordsBackwards(x, y, count);
    else if (xStep == 0) repeatWord(x, y, count);
    else copyWords(x, y, xStep, 4, count);
  } else if (xStep == 0 && yStep == 1) {
    memory.fill(y, load<u8>(x), count);
  } else {
    for (; count > 0; count--, x += xStep, y += yStep) store<u8>(y, load<u8>(x));
  }
}

export function copyStrided(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<CopyArgs>(args);
  const axes = args + offsetof<CopyArgs>('axes');
  const last = min(end * a.piecesPerUnit, a.pieces);
  let piece = start * a.piecesPerUnit;
  let row = piece / a.piecesPerRow;
  let part = piece - row * a.piecesPerRow;
  while (piece < last) {
    let x = <usize>a.x;
    let y = <usize>a.y;
    let rest = row;
    for (let axis = OUTER_AXES - 1; axis >= 0 && rest > 0; axis--) {
      const at = axes + <usize>axis * 12;
      const size = load<i32>(at);
      if (size == 1) continue;
      const outer = rest / size;
      const index = rest - outer * size;
      x += index * load<i32>(at, 4);
      y += index * load<i32>(at, 8);
      rest = outer;
    }
    // Neighbours along the innermost outer axis without a division each.
    const inner = axes + <usize>(OUTER_AXES - 1) * 12;
    const size = load<i32>(inner);
    const stepX = load<i32>(inner, 4);
    const stepY = load<i32>(inner, 8);
    let left = size - (row % size);
    if (a.piecesPerRow == 1) {
      left = min(left, last - piece);
      piece += left;
      row += left;
      if (a.elementBytes == 4 && stepX == 4 && a.yStep == 4 && a.xStep != 4) {
        for (; left >= 4; left -= 4, x += 16, y += 4 * stepY) copyFourRows(x, y, a.xStep, stepY, a.columns);
      }
      for (; left > 0; left--, x += stepX, y += stepY) copyColumns(a, x, y, a.columns);
    } else {
      // Neighbouring pieces of a row are one copy.
      const parts = min(a.piecesPerRow - part, last - piece);
      const first = part * a.pieceColumns;
      copyColumns(a, x + first * a.xStep, y + first * a.yStep, min(parts * a.pieceColumns, a.columns - first));
      piece += parts;
      part += parts;
      if (part == a.piecesPerRow) {
        part = 0;
        row++;
      }
    }
  }
}
