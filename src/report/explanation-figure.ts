// Pictures with the maps of a model laid over them: grids for a page or a file of its own, and as one PNG without words.
// Not here: what a map is, and its colours. Invariant: a picture keeps its aspect, and its pixels stay square blocks.
import { colours } from './palette.ts';
import { type GrayImage, pngDataUri } from './png.ts';
import { type Drawing, estimateTextWidth, round, svgText } from './svg.ts';

/** A layer over a picture of the same size. */
export interface Overlay {
  /** Red, green, blue and opacity from 0 to 255 of each pixel. */
  readonly colours: ArrayLike<number>;
}

/** A picture and what is laid over it, one a method. */
export interface ExplainedImage {
  /** In front of it, at most two lines. */
  readonly labels: readonly string[];
  readonly image: GrayImage;
  readonly overlays: readonly Overlay[];
}

/** A picture in colour, with a layer over it if there is one. */
export function layOver({ width, height, channels = 1, pixels }: GrayImage, overlay?: Overlay): GrayImage {
  const mixed = new Uint8ClampedArray(3 * width * height);
  for (let place = 0; place < width * height; place++) {
    const opacity = (overlay?.colours[4 * place + 3] ?? 0) / 255;
    for (let i = 0; i < 3; i++) {
      const level = pixels[place * channels + (channels === 3 ? i : 0)]!;
      mixed[3 * place + i] = level * (1 - opacity) + (overlay?.colours[4 * place + i] ?? 0) * opacity;
    }
  }
  return { width, height, channels: 3, pixels: mixed };
}

interface GridOptions {
  /** Names of the overlays, in their order. */
  readonly methods: readonly string[];
  /** Side of a picture in the drawing, in pixels. */
  readonly side?: number;
}

const GAP = 4;
const HEAD = 22;

/**
 * A row a picture: its labels, the picture as it is, and with each map over it.
 *
 * @param rows Each with as many overlays as there are methods
 */
export function explanationGrid(rows: readonly ExplainedImage[], { methods, side = 112 }: GridOptions): Drawing {
  const longest = Math.max(0, ...rows.flatMap(({ labels }) => labels.map((label) => estimateTextWidth(label, 12))));
  const left = rows.some(({ labels }) => labels.length > 0) ? Math.ceil(longest) + 12 : 0;
  const leftOf = (column: number): number => left + column * (side + GAP);
  const head = ['Picture', ...methods].map((name, column) =>
    svgText(name, leftOf(column) + side / 2, 13, { size: 11, fill: colours.muted, anchor: 'middle' }),
  );
  const parts = rows.flatMap(({ labels, image, overlays }, row) => {
    const top = HEAD + row * (side + GAP);
    const firstLine = top + side / 2 + 4 - (labels.length - 1) * 8;
    return [
      ...labels.map((label, line) =>
        svgText(label, left - 8, firstLine + 16 * line, {
          anchor: 'end',
          ...(line === 0 ? { weight: 600 } : { fill: colours.muted }),
        }),
      ),
      ...[undefined, ...overlays].map((overlay, column) => picture(layOver(image, overlay), leftOf(column), top, side)),
    ];
  });
  const columns = methods.length + 1;
  const width = Math.round(leftOf(columns) - GAP);
  return { width, height: Math.round(HEAD + rows.length * (side + GAP) - GAP), body: [...head, ...parts].join('') };
}

/** Pictures of one class, each explained. */
export interface ExplainedClass {
  readonly name: string;
  /** As many of each class. */
  readonly images: readonly (Omit<ExplainedImage, 'labels'> & {
    /** What the model says it is, and what is explained. */
    readonly predictedName: string;
  })[];
}

const CLASS_WIDTH = 520;
const CLASS_LABELS = 88;
const BETWEEN = 14;

/**
 * A row a class: its name, what the model says where it is wrong, and its pictures side by side, each with its maps behind it.
 *
 * @param methods Names of the overlays, in their order, short
 */
export function explanationClassGrid(classes: readonly ExplainedClass[], methods: readonly string[]): Drawing {
  const groups = Math.max(1, ...classes.map(({ images }) => images.length));
  const columns = methods.length + 1;
  const side = (CLASS_WIDTH - CLASS_LABELS - (groups - 1) * BETWEEN - groups * (columns - 1) * 2) / (groups * columns);
  const leftOf = (group: number, column: number): number =>
    CLASS_LABELS + group * (columns * side + (columns - 1) * 2 + BETWEEN) + column * (side + 2);
  const head = Array.from({ length: groups }, (_, group) =>
    ['picture', ...methods].map((name, column) =>
      svgText(name, leftOf(group, column) + side / 2, 13, { size: 9, fill: colours.muted, anchor: 'middle' }),
    ),
  ).flat();
  const rows = classes.flatMap(({ name, images }, row) => {
    const top = HEAD + row * (side + GAP);
    const isWrong = images.some(({ predictedName }) => predictedName !== name);
    const said = images.map(({ predictedName }) => (predictedName === name ? '✓' : `✗ ${predictedName}`));
    return [
      svgText(name, CLASS_LABELS - 8, top + side / 2 + (isWrong ? -12 : 4), { anchor: 'end', weight: 600 }),
      ...(isWrong ? said : []).map((text, line) =>
        svgText(text, CLASS_LABELS - 8, top + side / 2 + 4 + 14 * line, {
          size: 10,
          anchor: 'end',
          fill: text === '✓' ? colours.good : colours.bad,
        }),
      ),
      ...images.flatMap(({ image, overlays }, group) =>
        [undefined, ...overlays].map((overlay, column) =>
          picture(layOver(image, overlay), leftOf(group, column), top, side),
        ),
      ),
    ];
  });
  const height = Math.round(HEAD + classes.length * (side + GAP) - GAP);
  return { width: CLASS_WIDTH, height: Math.max(1, height), body: [...head, ...rows].join('') };
}

function picture(image: GrayImage, x: number, y: number, side: number): string {
  return (
    `<image x="${round(x)}" y="${round(y)}" width="${round(side)}" height="${round(side)}" image-rendering="pixelated" ` +
    `href="${pngDataUri(image)}"/>`
  );
}

/** Longest side of a file, in pixels. */
const LONGEST = 1024;
/** Most pixels of the file, in a row, for one of the picture. */
const ENLARGEMENT = 8;
/** Between pictures. */
const SPACE = 8;
const GROUND = 255;

/**
 * The same without words, as pixels of a file: each picture enlarged by a whole number, as far as all of them find room.
 *
 * @returns Undefined where they find none
 */
export function explanationMosaic(rows: readonly Omit<ExplainedImage, 'labels'>[]): GrayImage | undefined {
  const { image: first } = rows[0]!;
  const columns = Math.max(...rows.map(({ overlays }) => overlays.length)) + 1;
  const room = (count: number, side: number): number => Math.floor(((LONGEST + SPACE) / count - SPACE) / side);
  const enlargement = Math.min(ENLARGEMENT, room(columns, first.width), room(rows.length, first.height));
  if (enlargement < 1) return undefined;
  const [cellWidth, cellHeight] = [first.width * enlargement, first.height * enlargement];
  const width = columns * (cellWidth + SPACE) - SPACE;
  const height = rows.length * (cellHeight + SPACE) - SPACE;
  const pixels = new Uint8ClampedArray(3 * width * height).fill(GROUND);
  rows.forEach(({ image, overlays }, row) => {
    [undefined, ...overlays].forEach((overlay, column) => {
      const cell = layOver(image, overlay);
      for (let y = 0; y < cellHeight; y++) {
        for (let x = 0; x < cellWidth; x++) {
          const from = 3 * (Math.floor(y / enlargement) * image.width + Math.floor(x / enlargement));
          const to = 3 * ((row * (cellHeight + SPACE) + y) * width + column * (cellWidth + SPACE) + x);
          for (let i = 0; i < 3; i++) pixels[to + i] = cell.pixels[from + i]!;
        }
      }
    });
  });
  return { width, height, channels: 3, pixels };
}
