// The hot kernels as one would write them without SIMD, threads or tiles: loops over Float32Array, in the order that lets an
// optimising compiler do well. What the guard holds the kernels' speed against; results are checked elsewhere too.
// Each is a function of its own loops: loops shared by callbacks are as fast as the engine's guess of who calls.

/** Sizes of a valid convolution of stride 1. */
export interface ScalarConvolution {
  readonly batch: number;
  readonly side: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly filter: number;
}

type Floats = Float32Array<ArrayBufferLike>;

/** `[batch, out, out, outChannels]`; filters are `[filter, filter, inChannels, outChannels]`. */
export function convolution(s: ScalarConvolution, x: Floats, w: Floats): Floats {
  const { batch, side, inChannels, outChannels, filter } = s;
  const out = side - filter + 1;
  const y = new Float32Array(batch * out * out * outChannels);
  for (let n = 0; n < batch; n++) {
    for (let row = 0; row < out; row++) {
      for (let column = 0; column < out; column++) {
        const yAt = ((n * out + row) * out + column) * outChannels;
        for (let i = 0; i < filter; i++) {
          for (let j = 0; j < filter; j++) {
            const xAt = ((n * side + row + i) * side + column + j) * inChannels;
            for (let c = 0; c < inChannels; c++) {
              const wAt = ((i * filter + j) * inChannels + c) * outChannels;
              const value = x[xAt + c]!;
              for (let o = 0; o < outChannels; o++) y[yAt + o]! += value * w[wAt + o]!;
            }
          }
        }
      }
    }
  }
  return y;
}

/** Gradient of the filter. */
export function filterGradient(s: ScalarConvolution, x: Floats, dy: Floats): Floats {
  const { batch, side, inChannels, outChannels, filter } = s;
  const out = side - filter + 1;
  const dw = new Float32Array(filter * filter * inChannels * outChannels);
  for (let n = 0; n < batch; n++) {
    for (let row = 0; row < out; row++) {
      for (let column = 0; column < out; column++) {
        const yAt = ((n * out + row) * out + column) * outChannels;
        for (let i = 0; i < filter; i++) {
          for (let j = 0; j < filter; j++) {
            const xAt = ((n * side + row + i) * side + column + j) * inChannels;
            for (let c = 0; c < inChannels; c++) {
              const wAt = ((i * filter + j) * inChannels + c) * outChannels;
              const value = x[xAt + c]!;
              for (let o = 0; o < outChannels; o++) dw[wAt + o]! += value * dy[yAt + o]!;
            }
          }
        }
      }
    }
  }
  return dw;
}

/** Gradient of the input. */
export function inputGradient(s: ScalarConvolution, dy: Floats, w: Floats): Floats {
  const { batch, side, inChannels, outChannels, filter } = s;
  const out = side - filter + 1;
  const dx = new Float32Array(batch * side * side * inChannels);
  for (let n = 0; n < batch; n++) {
    for (let row = 0; row < out; row++) {
      for (let column = 0; column < out; column++) {
        const yAt = ((n * out + row) * out + column) * outChannels;
        for (let i = 0; i < filter; i++) {
          for (let j = 0; j < filter; j++) {
            const xAt = ((n * side + row + i) * side + column + j) * inChannels;
            for (let c = 0; c < inChannels; c++) {
              const wAt = ((i * filter + j) * inChannels + c) * outChannels;
              let sum = 0;
              for (let o = 0; o < outChannels; o++) sum += dy[yAt + o]! * w[wAt + o]!;
              dx[xAt + c]! += sum;
            }
          }
        }
      }
    }
  }
  return dx;
}

/** Steps through A and B as their transposes say; C is `[rows, columns]`. */
export function product(
  size: { readonly rows: number; readonly depth: number; readonly columns: number },
  a: Floats,
  b: Floats,
  { transposeA = false, transposeB = false }: { readonly transposeA?: boolean; readonly transposeB?: boolean } = {},
): Floats {
  const { rows, depth, columns } = size;
  const c = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < depth; k++) {
      const value = transposeA ? a[k * rows + row]! : a[row * depth + k]!;
      for (let column = 0; column < columns; column++) {
        c[row * columns + column]! += value * (transposeB ? b[column * depth + k]! : b[k * columns + column]!);
      }
    }
  }
  return c;
}

/** Maxima of windows of 2x2, and their places in x. */
export function maxPool2(
  [batch, side, channels]: readonly [number, number, number],
  x: Floats,
): { y: Floats; places: Int32Array } {
  const out = side >> 1;
  const y = new Float32Array(batch * out * out * channels);
  const places = new Int32Array(y.length);
  let to = 0;
  for (let n = 0; n < batch; n++) {
    for (let row = 0; row < out; row++) {
      for (let column = 0; column < out; column++) {
        for (let c = 0; c < channels; c++) {
          const first = ((n * side + 2 * row) * side + 2 * column) * channels + c;
          let place = first;
          for (const at of [first + channels, first + side * channels, first + (side + 1) * channels]) {
            if (x[at]! > x[place]!) place = at;
          }
          places[to] = place;
          y[to++] = x[place]!;
        }
      }
    }
  }
  return { y, places };
}

export function maxPool2Gradient(places: Int32Array, dy: Floats, dx: Floats): Floats {
  // Into memory that stays: fresh memory in each call takes the loop's time two or three times over, now and then.
  dx.fill(0);
  for (let i = 0; i < places.length; i++) dx[places[i]!]! += dy[i]!;
  return dx;
}

/** Bytes to floats of the examples at these indices, `size` values each. */
export function gather(images: Uint8Array, indices: Int32Array, size: number): Floats {
  const x = new Float32Array(indices.length * size);
  for (let i = 0; i < indices.length; i++) {
    for (let j = 0; j < size; j++) x[i * size + j] = images[indices[i]! * size + j]! / 255;
  }
  return x;
}

/** One update by Adam, in place. */
export function adam(
  { weights, gradient, first, second }: Readonly<Record<'weights' | 'gradient' | 'first' | 'second', Floats>>,
  stepSize: number,
): Floats {
  for (let i = 0; i < weights.length; i++) {
    const g = gradient[i]!;
    first[i] = 0.9 * first[i]! + 0.1 * g;
    second[i] = 0.999 * second[i]! + 0.001 * g * g;
    weights[i]! -= (stepSize * first[i]!) / (Math.sqrt(second[i]!) + 1e-7);
  }
  return weights;
}
