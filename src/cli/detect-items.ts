// selvedge detect: which items pictures show, and where. Not here: how they are found (src/apps/detect), what is drawn (src/report).
// Invariant: a picture that cannot be read is an error of its own; the others are answered all the same. One without items is no error.
import type { Detector } from '../apps/detect/detector.ts';
import type { FoundItems } from '../apps/detect/find-items.ts';
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { averageAreas } from '../data/average-areas.ts';
import { decodeImage } from '../data/image-codecs.ts';
import type { RawImage } from '../data/image-decoder.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import { type CommandContext, command, exitCodes, showError } from './command.ts';
import { detectorFile } from './detect-train.ts';
import { checkThreads, threadsOption, useEngine, wholeNumber } from './options.ts';

/** Longest side of a picture in a figure. */
const FIGURE_SIDE = 640;
const MOST_SIDE = 4096;

interface Answer extends FoundItems {
  readonly file: string;
  readonly image: RawImage;
}

export const detect = command({
  name: 'detect',
  description: 'Find the items in pictures of any size: a box, a class and a score each',
  takesList: true,
  args: {
    image: { type: 'positional', required: true, description: 'Picture files, one or more' },
    threshold: {
      type: 'string',
      valueHint: 'score',
      description: 'Leave out items of a lower score, above 0 and below 1 (default: .5)',
    },
    side: { type: 'string', valueHint: 'pixels', description: 'Longest side that is looked at (default: 640)' },
    out: { type: 'string', valueHint: 'file', description: 'Draw the boxes: .svg, or .png without names' },
    run: {
      type: 'string',
      valueHint: 'name',
      description: 'The detector of a run of detect-train (default: the one that ships)',
    },
    ...threadsOption,
  },
  async run(args, context) {
    const threshold = readThreshold(args.threshold);
    const side = wholeNumber('side', args.side, 32, MOST_SIDE);
    if (args.out !== undefined && !/\.(svg|png)$/i.test(args.out)) {
      throw usageError(`Option "--out" got "${args.out}": expected a file that ends in .svg or .png`);
    }
    const isPng = args.out !== undefined && /\.png$/i.test(args.out);
    if (isPng && args._.length > 1) {
      throw usageError(
        `Option "--out" got "${args.out}" for ${args._.length} pictures: a .png holds one, an .svg any number`,
      );
    }
    checkThreads(args.threads);
    const apps = await import('../apps/detect/index.ts');
    const file = args.run === undefined ? undefined : detectorFile(context, args.run);
    const model = file === undefined ? await apps.loadShippedDetector() : await readDetector(file, args.run!);
    await useEngine(args.threads);
    const detector = apps.openDetector(model);
    try {
      const find = (image: RawImage): FoundItems =>
        apps.findItems(detector, image, { ...(threshold && { threshold }), ...(side && { side }) });
      const verbose = (args as { verbose?: boolean }).verbose === true;
      const { answers, failures } = await findAll(args._, find, context, verbose);
      const out =
        args.out !== undefined && answers.length > 0 ? platform.files.resolve(context.cwd, args.out) : undefined;
      if (out !== undefined) await writeFigure(out, answers, detector);
      const { classNames, training } = detector.description;
      return {
        json: {
          model: { ...(file === undefined ? { name: 'detect' } : { file }), training },
          threshold: threshold ?? apps.DEFAULT_THRESHOLD,
          images: answers.map((answer) => toJson(answer, classNames)),
          failures,
          ...(out === undefined ? {} : { figure: out }),
        },
        text: [
          ...answers.flatMap((answer) => describe(answer, classNames)),
          ...(out === undefined ? [] : [`Figure: ${out}`]),
        ].join('\n'),
        exitCode: failures.length > 0 ? exitCodes.failure : exitCodes.ok,
      };
    } finally {
      detector.dispose();
    }
  },
});

function readThreshold(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (value > 0 && value < 1 && text.trim() === text) return value;
  throw usageError(`Option "--threshold" got "${text}": expected a number above 0 and below 1`);
}

async function readDetector(file: string, run: string) {
  const { decodeDetector } = await import('../apps/detect/index.ts');
  if (!(await platform.files.status(file))) {
    throw new SelvedgeError(
      'detect/no-detector',
      `Cannot find the detector of run "${run}": expected "${file}"; train it first: npx selvedge detect-train --run ${run}`,
    );
  }
  return decodeDetector(await platform.files.readBytes(file), file);
}

interface Failure {
  readonly file: string;
  readonly code: string;
  readonly message: string;
}

async function findAll(
  files: readonly string[],
  find: (image: RawImage) => FoundItems,
  context: CommandContext,
  verbose: boolean,
): Promise<{ readonly answers: Answer[]; readonly failures: Failure[] }> {
  const answers: Answer[] = [];
  const failures: Failure[] = [];
  for (const file of files) {
    try {
      const image = await readPicture(file, context);
      answers.push({ file, image, ...find(image) });
    } catch (error) {
      showError(error, context, verbose);
      failures.push({
        file,
        code: error instanceof SelvedgeError ? error.code : 'unexpected',
        message: messageOf(error),
      });
    }
  }
  return { answers, failures };
}

async function readPicture(file: string, context: CommandContext): Promise<RawImage> {
  const path = platform.files.resolve(context.cwd, file);
  const status = await platform.files.status(path);
  if (!status || status.isFolder) {
    throw new SelvedgeError(
      'detect/no-file',
      `Cannot read "${file}": expected a PNG, JPEG or WebP file, got ${status ? 'a folder' : 'nothing'}`,
    );
  }
  return decodeImage(await platform.files.readBytes(path), { name: file });
}

const short = (value: number): number => Number(value.toFixed(4));

function toJson({ file, image: { width, height }, ground, items }: Answer, classNames: readonly string[]): object {
  return {
    file,
    width,
    height,
    ground,
    items: items.map(({ label, score, box: [left, top, right, bottom] }) => ({
      class: classNames[label],
      score: short(score),
      box: { left: short(left), top: short(top), width: short(right - left), height: short(bottom - top) },
    })),
  };
}

/** A line a picture and one an item. */
function describe({ file, items }: Answer, classNames: readonly string[]): string[] {
  if (items.length === 0) return [`${file}  no items found`];
  return [
    `${file}  ${items.length} ${items.length === 1 ? 'item' : 'items'}`,
    ...items.map(({ label, score, box: [left, top, right, bottom] }) => {
      const size = `${Math.round(right - left)} x ${Math.round(bottom - top)} at ${Math.round(left)}, ${Math.round(top)}`;
      return `  ${classNames[label]} ${(100 * score).toFixed(1)}%, ${size}`;
    }),
  ];
}

/** Draws each picture, made smaller where it is large, one below the other. */
async function writeFigure(path: string, answers: readonly Answer[], { description }: Detector): Promise<void> {
  const [{ framedItems, itemsDrawing }, { encodeGrayPng }, { frame, standaloneSvg }] = await Promise.all([
    import('../report/detected-items.ts'),
    import('../report/png.ts'),
    import('../report/svg.ts'),
  ]);
  const pictures = answers.map(({ image, items }) => {
    const reduction = Math.max(1, Math.max(image.width, image.height) / FIGURE_SIDE);
    const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round(side / reduction)));
    const drawn = items.map(({ box, label, score }) => ({
      box: box.map((edge) => edge / reduction) as [number, number, number, number],
      label,
      text: `${description.classNames[label]} ${(100 * score).toFixed(0)}%`,
    }));
    return { image: { width: width!, height: height!, channels: 3, pixels: coloursOf(image, width!, height!) }, drawn };
  });
  const { files } = platform;
  if (/\.png$/i.test(path)) {
    return files.write(path, encodeGrayPng(framedItems(pictures[0]!.image, pictures[0]!.drawn)));
  }
  const drawings = pictures.map(({ image, drawn }) => itemsDrawing(image, drawn));
  let height = 0;
  const body = drawings.map((drawing) => {
    const group = `<g transform="translate(0 ${height})">${drawing.body}</g>`;
    height += drawing.height + 12;
    return group;
  });
  const total = { width: Math.max(...drawings.map(({ width }) => width)), height: height - 12, body: body.join('') };
  const description_ = answers.map(({ file, items }) => `${file}: ${items.length} items`).join('; ');
  return files.write(
    path,
    standaloneSvg(frame(total, { name: 'detected', title: 'Items found', description: description_ })),
  );
}

/** Red, green and blue of each pixel, on white, scaled. */
function coloursOf({ width, height, data }: RawImage, toWidth: number, toHeight: number): Uint8Array {
  const pixels = new Uint8Array(toWidth * toHeight * 3);
  for (let channel = 0; channel < 3; channel++) {
    const levels = averageAreas(
      (y, left, into) => {
        for (let i = 0, at = (y * width + left) * 4; i < into.length; i++, at += 4) {
          const alpha = data[at + 3]!;
          into[i] = (data[at + channel]! * alpha + 255 * (255 - alpha)) / 255;
        }
      },
      { left: 0, top: 0, width, height },
      toWidth,
      toHeight,
    );
    for (let i = 0; i < levels.length; i++) pixels[3 * i + channel] = Math.round(levels[i]!);
  }
  return pixels;
}
