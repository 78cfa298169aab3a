// Scalar reference of assembly/augment.ts, step by step as it is described there. Not a test: augmentation.test.ts compares with it.
// Doubles throughout, rounded to float32 where the kernel stores: the results must be equal to the bit.
import { philox4x32, randomStreams } from '../../src/core/philox.ts';
import type { AugmentationSettings } from '../../src/data/augmentation.ts';

const { fround } = Math;

interface ImageShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

interface Draw {
  readonly seed: number;
  readonly epoch: number;
  readonly id: number;
}

function randomWords(count: number, purpose: number, { seed, epoch, id }: Draw): Uint32Array {
  const words = new Uint32Array(Math.ceil(count / 4) * 4);
  for (let block = 0; block < words.length / 4; block++) {
    const out = words.subarray(block * 4, block * 4 + 4);
    philox4x32(out, block, epoch, id, purpose, seed, randomStreams.augmentation);
  }
  return words;
}

/** One image `[height, width, channels]` as the kernel would change it. */
export function augmentReference(
  image: Float32Array,
  shape: ImageShape,
  draw: Draw,
  settings: AugmentationSettings,
): Float32Array {
  const words = randomWords(20, 0, draw);
  const uniform = (index: number): number => (words[index]! >>> 8) / 0x1000000;
  const happens = (index: number, probability: number): boolean => uniform(index) < fround(probability);
  const { flip } = settings;
  const first = randomWords(4, 0, { ...draw, epoch: 0 });
  const isFirstMirrored = (first[0]! >>> 8) / 0x1000000 < fround(flip.probability);
  const isMirrored = flip.alternating ? isFirstMirrored !== (draw.epoch % 2 === 1) : happens(0, flip.probability);
  const output = resampleReference(image, shape, isMirrored, uniform, happens, settings);
  if (happens(8, settings.noise.probability)) addNoiseReference(output, draw, settings.noise.standardDeviation);
  if (happens(9, settings.erase.probability)) eraseReference(output, shape, uniform, settings.erase);
  return output;
}

function resampleReference(
  image: Float32Array,
  { height, width, channels }: ImageShape,
  isMirrored: boolean,
  uniform: (index: number) => number,
  happens: (index: number, probability: number) => boolean,
  { shift, rotate, scale }: AugmentationSettings,
): Float32Array {
  const side = isMirrored ? -1 : 1;
  const whole = (index: number): number => Math.floor(uniform(index) * (2 * shift.pixels + 1)) - shift.pixels;
  const [moveX, moveY] = happens(1, shift.probability) ? [whole(2), whole(3)] : [0, 0];
  const greatest = fround((rotate.degrees * Math.PI) / 180);
  const angle = happens(4, rotate.probability) ? (2 * uniform(5) - 1) * greatest : 0;
  const [from, to] = [fround(scale.minimum), fround(scale.maximum)];
  const inverse = happens(6, scale.probability) ? 1 / (from + uniform(7) * (to - from)) : 1;
  const sineOfHalf = (angle / 2) * series(angle / 2, 20);
  const cosineOfHalf = series(angle / 2, 21);
  const cosine = (1 - 2 * sineOfHalf * sineOfHalf) * inverse;
  const sine = 2 * sineOfHalf * cosineOfHalf * inverse;
  const pixel = (row: number, column: number, channel: number): number =>
    row < 0 || column < 0 || row >= height || column >= width ? 0 : image[(row * width + column) * channels + channel]!;
  return image.map((_, index) => {
    const channel = index % channels;
    const column = Math.floor(index / channels) % width;
    const row = Math.floor(index / channels / width);
    const x = column - (width - 1) / 2 - moveX;
    const y = row - (height - 1) / 2 - moveY;
    const fromX = side * (cosine * x + sine * y) + (width - 1) / 2;
    const fromY = cosine * y - sine * x + (height - 1) / 2;
    const [left, top] = [Math.floor(fromX), Math.floor(fromY)];
    const [right, down] = [fromX - left, fromY - top];
    const above = pixel(top, left, channel) * (1 - right) + pixel(top, left + 1, channel) * right;
    const below = pixel(top + 1, left, channel) * (1 - right) + pixel(top + 1, left + 1, channel) * right;
    return above * (1 - down) + below * down;
  });
}

/** Taylor series in nested form; `last` 20 gives (sin x) / x and 21 gives cos x. */
function series(x: number, last: number): number {
  let sum = 1;
  for (let n = last; n >= 1; n -= 2) sum = 1 - (x * x * sum) / (n * (n + 1));
  return sum;
}

function addNoiseReference(output: Float32Array, draw: Draw, standardDeviation: number): void {
  const words = randomWords(output.length, 1, draw);
  const bytes = new Uint8Array(words.buffer);
  const factor = fround(standardDeviation) / Math.sqrt((4 * (256 * 256 - 1)) / 12);
  for (let i = 0; i < output.length; i++) {
    const sum = bytes[4 * i]! + bytes[4 * i + 1]! + bytes[4 * i + 2]! + bytes[4 * i + 3]!;
    output[i] = Math.min(1, Math.max(0, output[i]! + (sum - 510) * factor));
  }
}

function eraseReference(
  output: Float32Array,
  { height, width, channels }: ImageShape,
  uniform: (index: number) => number,
  erase: AugmentationSettings['erase'],
): void {
  const [from, to] = [fround(erase.minimumArea), fround(erase.maximumArea)];
  const area = (from + uniform(10) * (to - from)) * (height * width);
  const aspect = 1 + uniform(11) * (fround(erase.maximumAspect) - 1);
  const sides = [Math.sqrt(area * aspect), Math.sqrt(area / aspect)];
  if (uniform(12) >= 0.5) sides.reverse();
  const erasedHeight = Math.min(height, Math.max(1, Math.floor(sides[0]! + 0.5)));
  const erasedWidth = Math.min(width, Math.max(1, Math.floor(sides[1]! + 0.5)));
  const left = Math.floor(uniform(13) * (width - erasedWidth + 1));
  const top = Math.floor(uniform(14) * (height - erasedHeight + 1));
  if (erase.fill === 'copy') {
    const before = output.slice();
    const fromLeft = Math.floor(uniform(16) * (width - erasedWidth + 1));
    const fromTop = Math.floor(uniform(17) * (height - erasedHeight + 1));
    for (let row = 0; row < erasedHeight; row++) {
      const from = ((fromTop + row) * width + fromLeft) * channels;
      output.set(before.subarray(from, from + erasedWidth * channels), ((top + row) * width + left) * channels);
    }
    return;
  }
  for (let row = top; row < top + erasedHeight; row++) {
    output.fill(erase.fill, (row * width + left) * channels, (row * width + left + erasedWidth) * channels);
  }
}
