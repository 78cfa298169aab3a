// Arguments of the kernels that slide a window over volumes, and which outputs read a pixel. Not a kernel: helpers of the gradients of
// convolution and max pooling in three dimensions, neither of which dilates.
//
//   along an axis, tap t of output o reads pixel o * stride + t - padding

@unmanaged
export class VolumeArgs {
  /** Input of the forward pass; the packed filter in the gradient of a convolution's input. */
  x: u32;
  /** Gradient of the output. */
  dy: u32;
  /** Gradient of the input, or partial gradients of the filter. */
  out: u32;
  batch: i32;
  channels: i32;
  inDepth: i32;
  inHeight: i32;
  inWidth: i32;
  /** Those of a pooling are `channels`. */
  outChannels: i32;
  outDepth: i32;
  outHeight: i32;
  outWidth: i32;
  strideDepth: i32;
  strideHeight: i32;
  strideWidth: i32;
  filterDepth: i32;
  filterHeight: i32;
  filterWidth: i32;
  padFront: i32;
  padTop: i32;
  padLeft: i32;
  /** Channels of a unit of pooling; images of a unit of the filter's gradient. */
  share: i32;
}

/** The output that reads a pixel by a tap: the position `shifted` is the pixel's plus the padding less the tap. -1 for none. */
@inline
export function outputOf(shifted: i32, stride: i32, outputs: i32): i32 {
  if (shifted < 0 || shifted % stride != 0) return -1;
  const output = shifted / stride;
  return output < outputs ? output : -1;
}

/** First output whose pixel `output * stride + offset` is not before the first. */
@inline
export function firstOutput(offset: i32, stride: i32): i32 {
  return offset >= 0 ? 0 : (stride - 1 - offset) / stride;
}

/** One past the last output whose pixel is inside. */
@inline
export function endOutput(offset: i32, stride: i32, size: i32, outputs: i32): i32 {
  const reach = size - 1 - offset;
  return reach < 0 ? 0 : min(outputs, reach / stride + 1);
}
