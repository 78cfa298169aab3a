// Sums rows of x into the segments that their ids name; ids outside [0, segments) are dropped. The gradient of a gather.
// A unit is a block of columns, which it zeroes and owns, so each output sums its rows in their order on any number of threads.
//
//   x   f32 [rows, columns]
//   ids i32 [rows]
//   y   f32 [segments, columns]

@unmanaged
class SegmentArgs {
  x: u32;
  ids: u32;
  y: u32;
  rows: i32;
  columns: i32;
  segments: i32;
  columnsPerUnit: i32;
}

export function unsortedSegmentSum(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<SegmentArgs>(args);
  const first = start * a.columnsPerUnit;
  const columns = min(end * a.columnsPerUnit, a.columns) - first;
  const pitch = <usize>a.columns << 2;
  const bytes = <usize>columns << 2;
  const vectorBytes = bytes & ~15;
  const y = <usize>a.y + (<usize>first << 2);
  for (let segment = 0; segment < a.segments; segment++) memory.fill(y + <usize>segment * pitch, 0, bytes);
  let x = <usize>a.x + (<usize>first << 2);
  for (let row = 0; row < a.rows; row++) {
    const id = load<i32>(<usize>a.ids + (<usize>row << 2));
    if (<u32>id < <u32>a.segments) {
      const to = y + <usize>id * pitch;
      let c: usize = 0;
      for (; c < vectorBytes; c += 16) v128.store(to + c, f32x4.add(v128.load(to + c), v128.load(x + c)));
      for (; c < bytes; c += 4) store<f32>(to + c, load<f32>(to + c) + load<f32>(x + c));
    }
    x += pitch;
  }
}
