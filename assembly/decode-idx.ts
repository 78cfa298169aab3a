// The values of IDX files straight into tensors: images to float32 from 0 to 1, labels to one-hot rows.
// The headers are not read here: the caller has checked them and every label, and passes where the values begin.
import { storeOneHot } from './one-hot';
import { scaleBytes } from './simd/scale-bytes';

// Unit: a run of 4,096 bytes.
//
//   bytes  u8  [count]    values of the file, row-major
//   x      f32 [count]    byte / 255, correctly rounded

@unmanaged
class ImageArgs {
  bytes: u32;
  x: u32;
  count: i32;
}

const BYTES_PER_UNIT: i32 = 4096;

export function decodeIdxImages(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<ImageArgs>(args);
  const first = start * BYTES_PER_UNIT;
  const last = min(end * BYTES_PER_UNIT, a.count);
  scaleBytes(<usize>a.bytes + <usize>first, <usize>a.x + ((<usize>first) << 2), last - first);
}

// Unit: a run of 256 labels.
//
//   labels  u8  [count]             each below classes
//   y       f32 [count, classes]

@unmanaged
class LabelArgs {
  labels: u32;
  y: u32;
  count: i32;
  classes: i32;
}

const LABELS_PER_UNIT: i32 = 256;

export function decodeIdxLabels(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<LabelArgs>(args);
  const classes = a.classes;
  const last = min(end * LABELS_PER_UNIT, a.count);
  for (let example = start * LABELS_PER_UNIT; example < last; example++) {
    const row = <usize>a.y + (<usize>(example * classes) << 2);
    storeOneHot(row, load<u8>(<usize>a.labels + <usize>example), classes);
  }
}
