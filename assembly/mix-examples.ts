// Mixes each example of a batch with a partner: all of both images (mixup, Zhang et al. 2018) or a rectangle of the partner's (CutMix,
// Yun et al. 2019), and their labels by the same shares. Unit: one example.
//
//   images, partnerImages, mixedImages  f32 [examples, height, width, channels]
//   labels, partnerLabels, mixedLabels  f32 [examples, classes]
//   partners                            i32 [examples], or 0: which row the partner of each is; 0: the same row
//
// An example may be mixed in its own place, but not where another reads it as a partner.

/** What `kind` may be. */
const NOTHING = 0;
const MIXUP = 1;

@unmanaged
class MixArgs {
  images: u32;
  partnerImages: u32;
  mixedImages: u32;
  labels: u32;
  partnerLabels: u32;
  mixedLabels: u32;
  partners: u32;
  width: i32;
  channels: i32;
  imageFloats: i32;
  classes: i32;
  // From here on another value each batch.
  /** Nothing, mixup, CutMix. */
  kind: i32;
  /** What of the label, and by mixup of the image, is the example's own. */
  share: f32;
  /** The partner's part: rows [top, bottom), columns [left, right). Of CutMix alone. */
  top: i32;
  left: i32;
  bottom: i32;
  right: i32;
}

export function mixExamples(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<MixArgs>(args);
  const own = a.share;
  const rest: f32 = 1 - own;
  for (let row = start; row < end; row++) {
    const partner = a.partners ? load<i32>(<usize>a.partners + (<usize>row << 2)) : row;
    const image = <usize>a.images + floats(row, a.imageFloats);
    const other = <usize>a.partnerImages + floats(partner, a.imageFloats);
    const mixed = <usize>a.mixedImages + floats(row, a.imageFloats);
    const label = <usize>a.labels + floats(row, a.classes);
    const mixedLabel = <usize>a.mixedLabels + floats(row, a.classes);
    if (a.kind == MIXUP) {
      blend(image, other, mixed, a.imageFloats, own, rest);
    } else {
      if (mixed != image) memory.copy(mixed, image, <usize>a.imageFloats << 2);
      if (a.kind != NOTHING) paste(a, other, mixed);
    }
    if (a.kind != NOTHING) {
      blend(label, <usize>a.partnerLabels + floats(partner, a.classes), mixedLabel, a.classes, own, rest);
    } else if (mixedLabel != label) {
      memory.copy(mixedLabel, label, <usize>a.classes << 2);
    }
  }
}

@inline
function floats(row: i32, length: i32): usize {
  return <usize>(row * length) << 2;
}

function blend(own: usize, other: usize, to: usize, count: i32, share: f32, rest: f32): void {
  const shares = f32x4.splat(share);
  const rests = f32x4.splat(rest);
  const vectors = count & ~3;
  for (let i = 0; i < vectors; i += 4) {
    const at = <usize>i << 2;
    v128.store(to + at, f32x4.add(f32x4.mul(shares, v128.load(own + at)), f32x4.mul(rests, v128.load(other + at))));
  }
  for (let i = vectors; i < count; i++) {
    const at = <usize>i << 2;
    store<f32>(to + at, share * load<f32>(own + at) + rest * load<f32>(other + at));
  }
}

function paste(a: MixArgs, from: usize, to: usize): void {
  const bytes = <usize>((a.right - a.left) * a.channels) << 2;
  for (let row = a.top; row < a.bottom; row++) {
    const at = <usize>((row * a.width + a.left) * a.channels) << 2;
    memory.copy(to + at, from + at, bytes);
  }
}
