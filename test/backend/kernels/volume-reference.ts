// Plain loops that say what the gradients of convolution and max pooling in three dimensions are. Sums are float64.
// Not fast. Invariant: along an axis, tap t of output o reads pixel o * stride + t - padding, where that is inside.

export type Triple = [number, number, number];
type Shape5D = [number, number, number, number, number];

export interface VolumeWindow {
  /** [batch, depth, height, width, channels]. */
  readonly input: Shape5D;
  readonly output: Shape5D;
  readonly filter: Triple;
  readonly strides: Triple;
  readonly padding: Triple;
}

type Floats = ArrayLike<number>;

/** Positions along three axes, the last fastest. */
function* positions([depth, height, width]: Triple): Generator<Triple> {
  for (let d = 0; d < depth; d++) for (let h = 0; h < height; h++) for (let w = 0; w < width; w++) yield [d, h, w];
}

const sides = (shape: Shape5D): Triple => [shape[1], shape[2], shape[3]];

/** Pixels, without channels, before a position of a volume of a batch. */
const pixelsBefore = (shape: Shape5D, volume: number, [d, h, w]: Triple): number =>
  ((volume * shape[1] + d) * shape[2] + h) * shape[3] + w;

/** Each output and tap that are inside: pixels before the input's and the output's, and the tap's number. */
function* pairs({ input, output, filter, strides, padding }: VolumeWindow) {
  for (let volume = 0; volume < input[0]; volume++) {
    for (const at of positions(sides(output))) {
      const y = pixelsBefore(output, volume, at);
      let tap = 0;
      for (const offset of positions(filter)) {
        const pixel = at.map((o, axis) => o * strides[axis]! + offset[axis]! - padding[axis]!) as Triple;
        const isInside = pixel.every((place, axis) => place >= 0 && place < sides(input)[axis]!);
        if (isInside) yield { x: pixelsBefore(input, volume, pixel), y, tap };
        tap++;
      }
    }
  }
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((size, extent) => size * extent, 1);

/** Gradients of a convolution for its input and its filter. */
export function conv3dGradients(window: VolumeWindow, { x, filter, dy }: { x: Floats; filter: Floats; dy: Floats }) {
  const [channels, outChannels] = [window.input[4], window.output[4]];
  const dx = new Float64Array(sizeOf(window.input));
  const dw = new Float64Array(sizeOf(window.filter) * channels * outChannels);
  for (const { x: pixel, y, tap } of pairs(window)) {
    for (let c = 0; c < channels; c++) {
      for (let k = 0; k < outChannels; k++) {
        const weight = (tap * channels + c) * outChannels + k;
        const gradient = dy[y * outChannels + k]!;
        dx[pixel * channels + c]! += gradient * filter[weight]!;
        dw[weight]! += gradient * x[pixel * channels + c]!;
      }
    }
  }
  return { dx, dw };
}

/** Gradient of max pooling: to the last maximum of each window. */
export function maxPool3dGradient(window: VolumeWindow, { x, dy }: { x: Floats; dy: Floats }): Float64Array {
  const channels = window.input[4];
  const winners = new Map<number, number>();
  for (const { x: pixel, y } of pairs(window)) {
    for (let c = 0; c < channels; c++) {
      const from = pixel * channels + c;
      const before = winners.get(y * channels + c);
      if (x[from]! >= (before === undefined ? -Infinity : x[before]!)) winners.set(y * channels + c, from);
    }
  }
  const dx = new Float64Array(x.length);
  for (const [to, from] of winners) dx[from]! += dy[to]!;
  return dx;
}
