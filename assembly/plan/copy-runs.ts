// Copies parts of images into parts of images: channels of a concatenation, the inside of a padded image, and back. Unit: image.
//
//   row of `from`   | run . . . | run . . . | …     `runs` of `runBytes`, a multiple of 4, `fromRunBytes` apart
//   row of `to`     | run . | run . | …             `toRunBytes` apart
import { copyFloats, zeroFloats } from '../simd/columns';

@unmanaged
class PlanCopyRuns {
  from: u32;
  to: u32;
  rows: i32;
  runs: i32;
  runBytes: u32;
  fromRunBytes: u32;
  fromRowBytes: u32;
  fromImageBytes: u32;
  toRunBytes: u32;
  toRowBytes: u32;
  toImageBytes: u32;
  /** Not 0: the images of `to` are zeroed before. */
  clears: i32;
}

export function planCopyRuns(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanCopyRuns>(args);
  const bytes = <usize>a.runBytes;
  for (let image = start; image < end; image++) {
    let fromRow = <usize>a.from + <usize>image * a.fromImageBytes;
    let toRow = <usize>a.to + <usize>image * a.toImageBytes;
    if (a.clears != 0) zeroFloats(toRow, a.toImageBytes);
    for (let row = 0; row < a.rows; row++, fromRow += a.fromRowBytes, toRow += a.toRowBytes) {
      let from = fromRow;
      let to = toRow;
      for (let run = 0; run < a.runs; run++, from += a.fromRunBytes, to += a.toRunBytes) copyFloats(to, from, bytes);
    }
  }
}
