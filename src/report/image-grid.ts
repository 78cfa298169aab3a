// Grids of small grey pictures with names: samples of each class, predictions, augmentation.
// Invariant: a picture keeps its aspect and its pixels stay square blocks; colour never carries meaning alone.
import { colours } from './palette.ts';
import { type GrayImage, pngDataUri } from './png.ts';
import { type Drawing, round, svgText } from './svg.ts';

const WIDTH = 520;
const GAP = 4;

/** A picture whose pixels stay square blocks. */
export function picture(image: GrayImage, x: number, y: number, side: number): string {
  return (
    `<image x="${round(x)}" y="${round(y)}" width="${round(side)}" height="${round(side)}" image-rendering="pixelated" ` +
    `href="${pngDataUri(image)}"/>`
  );
}

/** Some samples of one class. */
export interface ClassSamples {
  readonly name: string;
  readonly images: readonly GrayImage[];
}

/**
 * The first samples of each class, two classes a row: with four samples of ten classes the study's 5x8 grid.
 *
 * @param classes Samples of each class; all get as many columns as the class with most
 */
export function sampleGrid(classes: readonly ClassSamples[]): Drawing {
  const columns = Math.max(1, ...classes.map(({ images }) => images.length));
  const between = 16;
  const side = (WIDTH - between - 2 * (columns - 1) * GAP) / (2 * columns);
  const rowHeight = side + 34;
  const parts = classes.flatMap(({ name, images }, index) => {
    const left = (index % 2) * (columns * (side + GAP) - GAP + between);
    const top = Math.floor(index / 2) * rowHeight;
    return [
      svgText(name, left, top + 15, { size: 13, weight: 600 }),
      ...images.map((image, column) => picture(image, left + column * (side + GAP), top + 21, side)),
    ];
  });
  const rows = Math.ceil(classes.length / 2);
  return { width: WIDTH, height: Math.max(1, Math.round(rows * rowHeight - 12)), body: parts.join('') };
}

/** One prediction, with names. */
export interface PredictedImage {
  readonly image: GrayImage;
  readonly trueName: string;
  readonly predictedName: string;
  readonly isRight: boolean;
  /** Of the predicted class, 0 to 1. */
  readonly probability: number;
}

/**
 * Predictions, four a row: the true class, and below it the predicted one with a tick or a cross and its probability.
 *
 * @param predictions In the order to be shown
 */
export function predictionGrid(predictions: readonly PredictedImage[]): Drawing {
  const columns = 4;
  const cell = WIDTH / columns;
  const side = 92;
  const rowHeight = side + 50;
  const parts = predictions.flatMap(({ image, trueName, predictedName, isRight, probability }, index) => {
    const centre = ((index % columns) + 0.5) * cell;
    const top = Math.floor(index / columns) * rowHeight;
    const verdict = `${isRight ? '✓' : '✗'} ${predictedName} ${confidenceText(probability)}`;
    return [
      picture(image, centre - side / 2, top, side),
      svgText(trueName, centre, top + side + 16, { anchor: 'middle', weight: 600 }),
      svgText(verdict, centre, top + side + 32, { anchor: 'middle', fill: isRight ? colours.good : colours.bad }),
    ];
  });
  const rows = Math.ceil(predictions.length / columns);
  return { width: WIDTH, height: Math.max(1, rows * rowHeight - 12), body: parts.join('') };
}

/** Whole per cent, but never "100%" for what is not certain. */
export function confidenceText(probability: number): string {
  const percent = Math.round(probability * 100);
  return percent === 100 && probability < 0.9995 ? '>99%' : `${percent}%`;
}

/** A picture and what augmentation made of it. */
export interface AugmentedImages {
  readonly name: string;
  readonly original: GrayImage;
  readonly augmented: readonly GrayImage[];
}

/**
 * Originals, each with its augmented versions beside it.
 *
 * @param rows One a row
 */
export function augmentationGrid(rows: readonly AugmentedImages[]): Drawing {
  const columns = Math.max(1, ...rows.map(({ augmented }) => augmented.length));
  const labels = 84;
  const between = 16;
  const side = Math.min(64, (WIDTH - labels - between - columns * GAP) / (columns + 1));
  const firstAugmented = labels + side + between;
  const head = [
    svgText('Original', labels, 13, { fill: colours.muted }),
    svgText('Augmented', firstAugmented, 13, { fill: colours.muted }),
  ];
  const parts = rows.flatMap(({ name, original, augmented }, row) => {
    const top = 22 + row * (side + GAP);
    return [
      svgText(name, labels - 8, top + side / 2 + 4, { anchor: 'end', weight: 600 }),
      picture(original, labels, top, side),
      ...augmented.map((image, column) => picture(image, firstAugmented + column * (side + GAP), top, side)),
    ];
  });
  return { width: WIDTH, height: Math.round(22 + rows.length * (side + GAP)), body: [...head, ...parts].join('') };
}
