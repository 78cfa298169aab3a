// What the data kernels are held against: the same work as a plain loop over typed arrays, as one would write it at first.
// Not references for results: random changes are drawn from Math.random, and edges are what the loop finds simplest.

/** Images `[count, side, side]` of one channel. */
export interface PlainImages {
  readonly count: number;
  readonly side: number;
}

/** Bytes as floats from 0 to 1. */
export function scaleBytes(bytes: Uint8Array, to: Float32Array): void {
  for (let i = 0; i < bytes.length; i++) to[i] = bytes[i]! / 255;
}

/** Predicted class of each row, counted against its label; counts are `[true class][predicted class]`. */
export function countConfusions(scores: Float32Array, labels: Uint8Array, classes: number, counts: Int32Array): void {
  counts.fill(0);
  for (let sample = 0; sample < labels.length; sample++) {
    let best = 0;
    for (let label = 1; label < classes; label++) {
      if (scores[sample * classes + label]! > scores[sample * classes + best]!) best = label;
    }
    counts[labels[sample]! * classes + best]!++;
  }
}

/** How likely each change is: those of the default augmentation. */
const PROBABILITIES = { flip: 0.5, shift: 0.5, rotate: 0.5, scale: 0.5, noise: 0.25, erase: 0.25 };

/** Flips, moves, turns and scales by bilinear interpolation, then adds noise and erases a rectangle. */
export function augmentPlainly(x: Float32Array, y: Float32Array, { count, side }: PlainImages): void {
  const area = side * side;
  for (let image = 0; image < count; image++) {
    const from = x.subarray(image * area, (image + 1) * area);
    const to = y.subarray(image * area, (image + 1) * area);
    moveImage(from, to, side);
    if (Math.random() < PROBABILITIES.noise) addNoise(to);
    if (Math.random() < PROBABILITIES.erase) eraseRectangle(to, side);
  }
}

const chance = (probability: number, least: number, most: number): number | undefined =>
  Math.random() < probability ? least + (most - least) * Math.random() : undefined;

function moveImage(from: Float32Array, to: Float32Array, side: number): void {
  const mirror = Math.random() < PROBABILITIES.flip ? -1 : 1;
  const right = Math.round(chance(PROBABILITIES.shift, -2, 2) ?? 0);
  const down = Math.round(chance(PROBABILITIES.shift, -2, 2) ?? 0);
  const angle = ((chance(PROBABILITIES.rotate, -8, 8) ?? 0) * Math.PI) / 180;
  const factor = 1 / (chance(PROBABILITIES.scale, 0.9, 1.1) ?? 1);
  const cosine = Math.cos(angle) * factor;
  const sine = Math.sin(angle) * factor;
  const centre = (side - 1) / 2;
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const dx = mirror * (column - centre - right);
      const dy = row - centre - down;
      to[row * side + column] = sampleAt(
        from,
        side,
        centre + sine * dx + cosine * dy,
        centre + cosine * dx - sine * dy,
      );
    }
  }
}

function sampleAt(image: Float32Array, side: number, row: number, column: number): number {
  const top = Math.floor(row);
  const left = Math.floor(column);
  const down = row - top;
  const right = column - left;
  const at = (y: number, x: number): number => (y < 0 || x < 0 || y >= side || x >= side ? 0 : image[y * side + x]!);
  const above = at(top, left) * (1 - right) + at(top, left + 1) * right;
  const below = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right;
  return above * (1 - down) + below * down;
}

/** Box and Muller's transform, 3% of the range. */
function addNoise(image: Float32Array): void {
  for (let i = 0; i < image.length; i++) {
    const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
    const noise = 0.03 * radius * Math.cos(2 * Math.PI * Math.random());
    image[i] = Math.min(1, Math.max(0, image[i]! + noise));
  }
}

function eraseRectangle(image: Float32Array, side: number): void {
  const height = 1 + Math.floor((side / 3) * Math.random());
  const width = 1 + Math.floor((side / 3) * Math.random());
  const top = Math.floor((side - height) * Math.random());
  const left = Math.floor((side - width) * Math.random());
  for (let row = top; row < top + height; row++) image.fill(0, row * side + left, row * side + left + width);
}
