// Test-time augmentation: an image is predicted as several views of it, mirrored and shifted, whose probabilities are averaged.
// Not here: predicting. Invariant: sums and products alone, so that the average has the same bits on every engine.
import { SelvedgeError } from '../core/errors.ts';

/** One view: whole pixels to the right and down that it is moved by, and whether it is mirrored before. */
interface View {
  readonly right: number;
  readonly down: number;
  readonly isMirrored: boolean;
  readonly weight: number;
}

const both = (right: number, down: number, weight: number): View[] =>
  [false, true].map((isMirrored) => ({ right, down, isMirrored, weight }));

/**
 * Views by name: `single` is the image as it is; `mirrored` adds its mirror image; `shifted` adds both of them moved by a pixel along
 * the diagonal, either way, with half the weight of those that stay (airbench's second level).
 */
export const viewsOf = {
  single: [{ right: 0, down: 0, isMirrored: false, weight: 1 }],
  mirrored: both(0, 0, 0.5),
  shifted: [...both(0, 0, 0.25), ...both(1, 1, 0.125), ...both(-1, -1, 0.125)],
} as const satisfies Readonly<Record<string, readonly View[]>>;

export type ViewsName = keyof typeof viewsOf;
export const viewsNames = Object.keys(viewsOf) as readonly ViewsName[];

/**
 * Predicts images by several views of each.
 *
 * @param images `[count, height, width, channels]`
 * @param shape Height, width and channels of one
 * @param views Name of the views
 * @param predict Gives probabilities `[count, classes]` of images of that shape
 * @returns Probabilities `[count, classes]`
 * @throws SelvedgeError `evaluation/views`
 * @example
 * ```ts
 * import { predictViews } from 'selvedge';
 * // The probability of the first class is the left pixel.
 * const predict = (images: Float32Array) => images.map((value, i) => (i % 2 === 0 ? value : 1 - images[i - 1]!));
 * const found = predictViews(Float32Array.of(1, 0), [1, 2, 1], 'mirrored', predict);
 * console.assert(found.join() === '0.5,0.5');
 * ```
 */
export function predictViews<Images extends Float32Array | Uint8Array>(
  images: Images,
  shape: readonly [height: number, width: number, channels: number],
  views: ViewsName,
  predict: (images: Images) => Float32Array,
): Float32Array {
  if (!Object.hasOwn(viewsOf, views)) {
    throw new SelvedgeError(
      'evaluation/views',
      `Cannot predict views "${views}": expected one of ${viewsNames.join(', ')}`,
    );
  }
  if (views === 'single') return predict(images);
  let sums: Float64Array | undefined;
  for (const view of viewsOf[views]) {
    const probabilities = predict(viewOf(images, shape, view));
    sums ??= new Float64Array(probabilities.length);
    for (let i = 0; i < sums.length; i++) sums[i]! += view.weight * probabilities[i]!;
  }
  return Float32Array.from(sums!);
}

/** What moves in from outside is 0. */
function viewOf<Images extends Float32Array | Uint8Array>(
  images: Images,
  [height, width, channels]: readonly [number, number, number],
  { right, down, isMirrored }: View,
): Images {
  const size = height * width * channels;
  const seen = images.slice().fill(0) as Images;
  for (let start = 0; start < images.length; start += size) {
    for (let y = Math.max(0, down); y < Math.min(height, height + down); y++) {
      for (let x = Math.max(0, right); x < Math.min(width, width + right); x++) {
        const fromX = isMirrored ? width - 1 - (x - right) : x - right;
        const from = start + ((y - down) * width + fromX) * channels;
        const to = start + (y * width + x) * channels;
        for (let channel = 0; channel < channels; channel++) seen[to + channel] = images[from + channel]!;
      }
    }
  }
  return seen;
}
