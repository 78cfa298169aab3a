// Preprocessing of images by name: contrast, standardisation, texture. The same for training, validation and prediction; no chance in it.
// The arithmetic is in assembly/. Not here: standardisation by the data set, which is a layer of the model (models/standardize-input.ts).
// Invariant: a name changes an image in the same way in every release; an output image depends on its input alone.
import { currentBackend } from '../backend/index.ts';
import * as kernels from '../backend/kernels/preprocess.ts';
import { SelvedgeError } from '../core/errors.ts';
import type { Dataset } from './dataset.ts';

export type { ClaheValues, GradientValues, ImageBytes } from '../backend/kernels/preprocess.ts';

/** Names that `preprocessImages` takes. */
export const preprocessingNames = ['equalize', 'clahe', 'standardize', 'standardize-image', 'lbp', 'hog'] as const;
export type PreprocessingName = (typeof preprocessingNames)[number];

/** Tiles of a quarter of the side of the study's images; a bin holds at most a twelfth of a tile. */
export const claheDefaults: kernels.ClaheValues = { tile: 7, limit: 4 };
/** Cells of a seventh of the side of the study's images. */
export const gradientDefaults: kernels.GradientValues = { cell: 4, block: 2 };

/** What a standardised value is: (level / 255 - mean) / deviation. */
export interface InputStatistics {
  readonly mean: number;
  readonly deviation: number;
}

/** Those of the levels that `standardize-image` makes: see assembly/standardize.ts. */
const IMAGE_STATISTICS: InputStatistics = { mean: 64 / 255, deviation: 16 / 255 };

/**
 * Refuses what is no name of a preprocessing.
 *
 * @throws SelvedgeError `preprocessing/unknown`
 */
export function checkPreprocessing(name: unknown): PreprocessingName {
  const known: readonly unknown[] = preprocessingNames;
  if (known.includes(name)) return name as PreprocessingName;
  throw new SelvedgeError(
    'preprocessing/unknown',
    `Cannot preprocess by ${JSON.stringify(name)}: expected one of ${preprocessingNames.join(', ')}`,
  );
}

/**
 * Whether a preprocessed image, mirrored or moved, is still what an image may be: black stays ground, pixels stay pixels.
 *
 * @param name One of `preprocessingNames`
 */
export const keepsPictures = (name: PreprocessingName): boolean => !['standardize-image', 'lbp', 'hog'].includes(name);

/**
 * The shape of an image after preprocessing.
 *
 * @param shape Height, width, channels
 * @throws SelvedgeError `preprocessing/size` if the image is too small
 */
export function preprocessedShape(
  name: PreprocessingName,
  [height, width, channels]: readonly [number, number, number],
): [height: number, width: number, channels: number] {
  if (name !== 'hog') return [height, width, channels];
  const shape = kernels.shapeOfGradients({ height, width }, gradientDefaults);
  if (Math.min(...shape) >= 1) return shape;
  const least = gradientDefaults.cell * gradientDefaults.block;
  throw new SelvedgeError(
    'preprocessing/size',
    `Cannot preprocess by "hog": expected images of ${least}x${least} pixels or more, got ${height}x${width}`,
  );
}

/**
 * Preprocesses images, on all threads of the running backend.
 *
 * @param from Images of bytes, one or more
 * @param name One of `preprocessingNames`: `equalize`, a histogram equalised; `clahe`, the same by tiles and with limited contrast;
 *   `standardize-image`, by mean and deviation of the image, coded in bytes; `lbp`, local binary patterns; `hog`, histograms of oriented
 *   gradients, 255 for 1; `standardize` leaves them as they are, since the model standardises
 * @returns New images
 * @throws SelvedgeError `preprocessing/unknown`, `preprocessing/size`, `preprocessing/images`, `backend/not-started`
 * @example
 * ```ts
 * import { preprocessImages, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const dim = { images: Uint8Array.of(10, 10, 20, 30), count: 1, height: 2, width: 2, channels: 1 };
 * console.assert(preprocessImages(dim, 'equalize').images.join() === '0,0,128,255');
 * await engine.stop();
 * ```
 */
export function preprocessImages(from: kernels.ImageBytes, name: PreprocessingName): kernels.ImageBytes {
  checkPreprocessing(name);
  checkImages(from);
  const [height, width, channels] = preprocessedShape(name, [from.height, from.width, from.channels]);
  return { images: changed(from, name), count: from.count, height, width, channels };
}

function changed(from: kernels.ImageBytes, name: PreprocessingName): Uint8Array {
  const backend = currentBackend();
  switch (name) {
    case 'equalize':
      return kernels.equalizeHistogram(backend, from);
    case 'clahe':
      return kernels.clahe(backend, from, claheDefaults);
    case 'standardize':
      return from.images;
    case 'standardize-image':
      return kernels.standardizeImages(backend, from);
    case 'lbp':
      return kernels.localBinaryPattern(backend, from);
    case 'hog':
      return Uint8Array.from(kernels.orientedGradients(backend, from, gradientDefaults), (value) =>
        Math.floor(255 * value + 0.5),
      );
  }
}

/**
 * Preprocesses the images of a data set.
 *
 * @param name See `preprocessImages`
 * @returns A data set of the same labels; the given one stays as it is
 * @throws SelvedgeError as `preprocessImages`
 */
export function preprocessDataset(dataset: Dataset, name: PreprocessingName): Dataset {
  return dataset.count === 0 ? dataset : { ...dataset, ...preprocessImages(dataset, name) };
}

/**
 * What a model's input layer subtracts and divides by after this preprocessing, if it does.
 *
 * @param name One of `preprocessingNames`
 * @param dataset The preprocessed training set
 * @param indices Which of its images are trained on
 * @throws SelvedgeError `preprocessing/images` if there are none
 */
export function inputStatistics(
  name: PreprocessingName,
  dataset: Dataset,
  indices: ArrayLike<number>,
): InputStatistics | undefined {
  if (name === 'standardize-image') return IMAGE_STATISTICS;
  if (name !== 'standardize') return undefined;
  if (indices.length === 0) throw imagesError('at least one image', 'none');
  const imageBytes = dataset.height * dataset.width * dataset.channels;
  // Whole numbers below 2^53: exact.
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < indices.length; i++) {
    const start = indices[i]! * imageBytes;
    for (let at = start; at < start + imageBytes; at++) {
      const level = dataset.images[at]!;
      sum += level;
      squares += level * level;
    }
  }
  const count = indices.length * imageBytes;
  const mean = sum / count;
  const variance = squares / count - mean * mean;
  return { mean: mean / 255, deviation: variance > 0 ? Math.sqrt(variance) / 255 : 1 };
}

/**
 * Histograms of oriented gradients as features of a classifier of one's own.
 *
 * @param from Images of bytes
 * @param settings Pixels of a cell's side and cells of a block's; default: `gradientDefaults`
 * @returns `[count, blocks down, blocks across, block * block * 9]`, each block of length 1 or 0
 * @throws SelvedgeError `preprocessing/settings`, `preprocessing/size`, `preprocessing/images`
 * @see N. Dalal, B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005
 * @example
 * ```ts
 * import { orientedGradients, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const images = Uint8Array.from({ length: 64 }, (_, i) => 30 * (i % 8));
 * const features = orientedGradients({ images, count: 1, height: 8, width: 8, channels: 1 });
 * console.assert(features.length === 36 && features[0] === features[9]);
 * await engine.stop();
 * ```
 */
export function orientedGradients(
  from: kernels.ImageBytes,
  settings: kernels.GradientValues = gradientDefaults,
): Float32Array {
  checkImages(from);
  checkCounts(settings);
  const [down, across] = kernels.shapeOfGradients(from, settings);
  if (down < 1 || across < 1) {
    const least = settings.cell * settings.block;
    throw imagesError(`images of ${least}x${least} pixels or more`, `${from.height}x${from.width}`);
  }
  return kernels.orientedGradients(currentBackend(), from, settings);
}

/**
 * Contrast-limited adaptive histogram equalisation with settings of one's own.
 *
 * @param from Images of bytes; channels are equalised each by itself
 * @param settings Pixels of a tile's side, and pixels that a bin holds at most; default: `claheDefaults`
 * @returns Images of the same shape
 * @throws SelvedgeError `preprocessing/settings`, `preprocessing/images`
 * @example
 * ```ts
 * import { equalizeTiles, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const images = Uint8Array.from({ length: 64 }, (_, i) => i);
 * const changed = equalizeTiles({ images, count: 1, height: 8, width: 8, channels: 1 }, { tile: 4, limit: 2 });
 * console.assert(changed[0] === 0 && changed[63] === 255);
 * await engine.stop();
 * ```
 */
export function equalizeTiles(from: kernels.ImageBytes, settings: kernels.ClaheValues = claheDefaults): Uint8Array {
  checkImages(from);
  checkCounts(settings);
  return kernels.clahe(currentBackend(), from, settings);
}

function checkImages({ images, count, height, width, channels }: kernels.ImageBytes): void {
  const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1;
  if (![count, height, width, channels].every(isCount)) {
    throw imagesError('counts from 1', `${count} images of ${height}x${width}x${channels}`);
  }
  const expected = count * height * width * channels;
  if (images.length !== expected) throw imagesError(`${expected} bytes`, `${images.length}`);
}

/** A number that a kernel divides by. */
function checkCounts(settings: object): void {
  for (const [name, value] of Object.entries(settings)) {
    if (Number.isInteger(value) && value >= 1 && value <= 65_536) continue;
    throw new SelvedgeError(
      'preprocessing/settings',
      `Cannot preprocess with ${name} = ${value}: expected a whole number from 1 to 65536`,
    );
  }
}

const imagesError = (expected: string, got: string): SelvedgeError =>
  new SelvedgeError('preprocessing/images', `Cannot preprocess: expected ${expected}, got ${got}`);
