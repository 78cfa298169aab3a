// Occlusion: how much the class's score falls when a black square covers a part of the image; a place has the mean over the squares
// that cover it. Source: M. Zeiler & R. Fergus, "Visualizing and understanding convolutional networks", 2014, section 4.2, there by
// probability; by the score here, which says more where the class is certain.
import type { DifferentiableModel } from './differentiable-model.ts';
import type { ExplainRequest } from './explanation.ts';

interface OcclusionOptions {
  /** Side of the square. */
  readonly window: number;
  /** Pixels between two places of it. */
  readonly stride: number;
}

/** One map an image. */
export function occlusionMaps(
  model: DifferentiableModel,
  { images, labels }: ExplainRequest,
  { window, stride }: OcclusionOptions,
): Float32Array[] {
  const [height, width, channels] = model.shape;
  const size = height * width * channels;
  const tops = placesOf(height, window, stride);
  const lefts = placesOf(width, window, stride);
  const whole = model.scores(images);
  return Array.from(labels, (label, image) => {
    const values = images.subarray(image * size, (image + 1) * size);
    const covered = new Float32Array(tops.length * lefts.length * size);
    const squares = tops.flatMap((top) => lefts.map((left) => ({ top, left })));
    squares.forEach(({ top, left }, square) => {
      covered.set(values, square * size);
      for (let y = top; y < top + window; y++) {
        const start = square * size + (y * width + left) * channels;
        covered.fill(0, start, start + window * channels);
      }
    });
    const scores = model.scores(covered);
    const falls = new Float64Array(height * width);
    const counts = new Uint32Array(height * width);
    squares.forEach(({ top, left }, square) => {
      const fall = whole[image * model.classes + label]! - scores[square * model.classes + label]!;
      for (let y = top; y < top + window; y++) {
        for (let x = left; x < left + window; x++) {
          falls[y * width + x]! += fall;
          counts[y * width + x]!++;
        }
      }
    });
    return Float32Array.from(falls, (fall, place) => (counts[place] === 0 ? 0 : fall / counts[place]!));
  });
}

/** From one edge to the other: the last square ends at the edge, whatever the stride. */
function placesOf(extent: number, window: number, stride: number): number[] {
  const places: number[] = [];
  for (let place = 0; place < extent - window; place += stride) places.push(place);
  return [...places, extent - window];
}
