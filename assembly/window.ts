// Which taps of a sliding window lie inside the image, and the arguments of the kernels that slide one. Not a kernel: helpers
// of pooling and depthwise convolution.
// A tap k reads pixel corner + k * dilation of [0, size); corner is negative in the padding.

/** First tap inside. */
@inline
export function firstTap(corner: i32, dilation: i32): i32 {
  return corner >= 0 ? 0 : (dilation - 1 - corner) / dilation;
}

/** One past the last tap inside; not above `taps`, and not above `firstTap` where none is inside. */
@inline
export function endTap(corner: i32, dilation: i32, size: i32, taps: i32): i32 {
  const inside = size - corner;
  // All of them, as a rule: without the division.
  if (inside > (taps - 1) * dilation) return taps;
  return inside <= 0 ? 0 : min(taps, (inside + dilation - 1) / dilation);
}

/** Arguments of both pooling kernels. */
@unmanaged
export class PoolArgs {
  x: u32;
  /** Output of the forward pass; gradient of the output in the backward pass. */
  y: u32;
  /** Gradient of the input; unused in the forward pass. */
  dx: u32;
  channels: i32;
  inHeight: i32;
  inWidth: i32;
  outHeight: i32;
  outWidth: i32;
  strideHeight: i32;
  strideWidth: i32;
  dilationHeight: i32;
  dilationWidth: i32;
  filterHeight: i32;
  filterWidth: i32;
  padTop: i32;
  padLeft: i32;
  /** Channels of a unit of the backward pass. */
  blockChannels: i32;
  /** Whether x comes of a rectifier that the gradient goes through, too: it is multiplied by the step of x. */
  isRectified: i32;
}

/** Arguments of the depthwise kernels. */
@unmanaged
export class DepthwiseArgs {
  x: u32;
  filter: u32;
  /** Output of the forward pass; gradient of the output in the backward passes. */
  y: u32;
  /** Gradient of the input, or partial gradients of the filter. */
  out: u32;
  /** 0 for none. */
  bias: u32;
  /** 1 for a bias per channel, 0 for one number. */
  biasStep: i32;
  /** Outputs are clamped to [low, high]. */
  low: f32;
  high: f32;
  batch: i32;
  channels: i32;
  /** Outputs of each channel. */
  multiplier: i32;
  inHeight: i32;
  inWidth: i32;
  outHeight: i32;
  outWidth: i32;
  strideHeight: i32;
  strideWidth: i32;
  dilationHeight: i32;
  dilationWidth: i32;
  filterHeight: i32;
  filterWidth: i32;
  padTop: i32;
  padLeft: i32;
  /** Images of a partial sum of the filter's gradient. */
  imagesPerChunk: i32;
}
