// A batch from a data set that lies in memory as bytes: chosen images to float32 from 0 to 1, their labels to one-hot rows.
// Unit: one example. The caller has checked indices and labels.
//
//   images   u8  [examples, imageBytes]
//   labels   u8  [examples]
//   indices  i32 [batch]                 which example goes to each row
//   x        f32 [batch, imageBytes]     byte / 255, correctly rounded
//   y        f32 [batch, classes]
import { storeOneHot } from './one-hot';
import { scaleBytes } from './simd/scale-bytes';

@unmanaged
class GatherArgs {
  images: u32;
  labels: u32;
  indices: u32;
  x: u32;
  y: u32;
  imageBytes: i32;
  classes: i32;
}

export function gatherBatch(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<GatherArgs>(args);
  const imageBytes = <usize>a.imageBytes;
  const classes = a.classes;
  for (let row = start; row < end; row++) {
    const example = <usize>load<i32>(<usize>a.indices + ((<usize>row) << 2));
    scaleBytes(<usize>a.images + example * imageBytes, <usize>a.x + ((<usize>row * imageBytes) << 2), a.imageBytes);
    storeOneHot(<usize>a.y + (<usize>(row * classes) << 2), load<u8>(<usize>a.labels + example), classes);
  }
}
