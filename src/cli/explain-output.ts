// What `selvedge explain` tells of pictures: as text, as JSON and as figures. Not here: how it was found out.
import { SelvedgeError } from '../core/errors.ts';
import type { PreparedPicture } from '../data/preparation.ts';
import { type Explanation, type PerturbationCurves, paintMap } from '../explain/index.ts';
import { platform } from '../platform/index.ts';
import { explanationMosaic } from '../report/explanation-figure.ts';
import { explanationFigure, type ReportExplainedImage, renderExplanationPage } from '../report/explanation-page.ts';
import { encodeGrayPng } from '../report/png.ts';
import { standaloneSvg } from '../report/svg.ts';

/** A picture and what each method says of it. */
export interface ExplainedPicture {
  readonly file: string;
  readonly image: Pick<PreparedPicture, 'pixels'> & Partial<PreparedPicture>;
  /** Of a test image: the class that it is labelled as. */
  readonly truth?: string;
  readonly height: number;
  readonly width: number;
  readonly class: string;
  readonly probability: number;
  readonly explainedClass: string;
  readonly explainedProbability: number;
  readonly explanations: readonly (Explanation & { readonly curves: PerturbationCurves })[];
  /** Means of places in orders at random. */
  readonly random: Pick<PerturbationCurves, 'deletionArea' | 'insertionArea'>;
}

/** Six digits: what single precision holds. */
export const short = (value: number): number => Number(value.toPrecision(6));

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;

export function toJson({ file, image, explanations, random, width, ...picture }: ExplainedPicture): object {
  return {
    file,
    ...(picture.truth === undefined ? {} : { truth: picture.truth }),
    class: picture.class,
    probability: picture.probability,
    explained: { class: picture.explainedClass, probability: picture.explainedProbability },
    ...(image.ground && { ground: image.ground }),
    box: image.box,
    explanations: explanations.map(({ method, layer, isSigned, values, completeness, curves }) => ({
      method,
      ...(layer === undefined ? {} : { layer }),
      isSigned,
      map: rowsOf(Array.from(values, short), width),
      ...(completeness === undefined ? {} : { completeness }),
      deletion: { area: curves.deletionArea, probabilities: curves.deletion },
      insertion: { area: curves.insertionArea, probabilities: curves.insertion },
    })),
    random: { deletion: { area: random.deletionArea }, insertion: { area: random.insertionArea } },
  };
}

const rowsOf = (values: readonly number[], width: number): number[][] =>
  Array.from({ length: values.length / width }, (_, row) => values.slice(row * width, (row + 1) * width));

/** Lines for people; of one picture and one method, the map too. */
export function describePictures(pictures: readonly ExplainedPicture[]): string[] {
  const isSingle = pictures.length === 1 && pictures[0]!.explanations.length === 1;
  return pictures.flatMap((picture) => [
    `${picture.file}  ${picture.class} ${percent(picture.probability)}${labelledAs(picture)}${explainedInstead(picture)}`,
    ...(isSingle ? ['', ...drawMap(picture.explanations[0]!), ''] : []),
    ...picture.explanations.map((explanation) => describe(explanation)),
    `  at random: deletion ${picture.random.deletionArea.toFixed(3)}, insertion ${picture.random.insertionArea.toFixed(3)}`,
  ]);
}

const labelledAs = ({ truth }: ExplainedPicture): string => (truth === undefined ? '' : `, labelled ${truth}`);

const explainedInstead = ({ class: likeliest, explainedClass, explainedProbability }: ExplainedPicture): string =>
  likeliest === explainedClass ? '' : `; explained: ${explainedClass} ${percent(explainedProbability)}`;

function describe(explanation: ExplainedPicture['explanations'][number]): string {
  const { method, layer, completeness, curves, values } = explanation;
  // Where all weighed features are below zero, Grad-CAM has nothing to show.
  const isBlank = values.every((value) => value === 0);
  const of = `${layer === undefined ? '' : ` of ${layer}`}${isBlank ? ' (nothing speaks for the class)' : ''}`;
  const adds = completeness
    ? `, adds up to ${completeness.sum.toFixed(2)} of ${completeness.difference.toFixed(2)}`
    : '';
  return `  ${method}${of}: deletion ${curves.deletionArea.toFixed(3)}, insertion ${curves.insertionArea.toFixed(3)}${adds}`;
}

/** From nothing to the most that speaks for the class. */
const SHADES = ' .:-=+*#%@';

/** Two rows a line, since letters are twice as high as wide. What speaks against the class is left blank. */
function drawMap({ values, height, width }: Explanation): string[] {
  const most = values.reduce((highest, value) => Math.max(highest, value), 0);
  return Array.from({ length: Math.ceil(height / 2) }, (_, line) =>
    Array.from({ length: width }, (_, x) => {
      const rows = [2 * line, 2 * line + 1].filter((row) => row < height);
      const mean = rows.reduce((sum, row) => sum + values[row * width + x]!, 0) / rows.length;
      const share = most === 0 ? 0 : Math.max(0, mean) / most;
      return SHADES[Math.min(SHADES.length - 1, Math.floor(share * SHADES.length))];
    })
      .join('')
      .trimEnd(),
  );
}

/**
 * Writes a figure in the format that the name of the file ends in.
 *
 * @throws SelvedgeError `explain/too-many`
 */
export async function writeFigure(
  path: string,
  { model, pictures }: { readonly model: string; readonly pictures: readonly ExplainedPicture[] },
): Promise<void> {
  const input = { model, images: pictures.map(toReport) };
  const { files } = platform;
  if (/\.html$/i.test(path)) return files.write(path, renderExplanationPage(input));
  if (/\.svg$/i.test(path)) return files.write(path, standaloneSvg(explanationFigure(input)));
  const mosaic = explanationMosaic(input.images);
  if (mosaic) return files.write(path, encodeGrayPng(mosaic));
  throw new SelvedgeError(
    'explain/too-many',
    `Cannot write "${path}": expected pictures that fit into 1024 pixels, got ${pictures.length}; an .svg or .html holds any number`,
  );
}

function toReport(picture: ExplainedPicture): ReportExplainedImage {
  const { file, image, height, width, explanations, random, explainedClass, explainedProbability } = picture;
  return {
    file,
    labels: [explainedClass, percent(explainedProbability)],
    image: { width, height, channels: image.pixels.length / (width * height), pixels: image.pixels },
    overlays: explanations.map(({ values }) => ({ colours: paintMap(values) })),
    predictedName: picture.class,
    probability: picture.probability,
    explainedName: explainedClass,
    explainedProbability,
    explanations: explanations.map(({ method, curves, completeness }) => ({
      method,
      deletionArea: curves.deletionArea,
      insertionArea: curves.insertionArea,
      ...(completeness === undefined ? {} : { completeness }),
    })),
    random,
  };
}
