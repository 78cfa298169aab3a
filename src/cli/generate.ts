// selvedge generate: new pictures of clothes, of a class or a mixture, from a picture, or between two; with --train, the training of a
// generator. Not here: how they are made (src/apps/generate). Invariant: the same command gives the same pictures on every engine.
import type { ClassMixture, Designs, Generator } from '../apps/generate/index.ts';
import { parseMixture } from '../apps/generate/parse-mixture.ts';
import { SelvedgeError } from '../core/errors.ts';
import { sha256 } from '../core/sha256.ts';
import type { Preparation } from '../data/preparation.ts';
import { usualPreparation } from '../data/preparation.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import { type CommandContext, type CommandOutput, command } from './command.ts';
import { checkPlace, writeDesigns } from './generate-output.ts';
import {
  checkThreads,
  dataOption,
  numberFromZero,
  runOption,
  threadsOption,
  useEngine,
  wholeNumber,
} from './options.ts';
import { readPictures } from './picture-files.ts';

/** Pictures between which an interruption is heard. */
const AT_ONCE = 64;

export const generate = command({
  name: 'generate',
  description: 'Make new pictures of clothes: of a class, of a mixture, from a picture, between two',
  endsItself: true,
  args: {
    class: {
      type: 'string',
      valueHint: 'names',
      description:
        'What to show: a class, or shares of several such as "dress:3,shirt:1" (of --from: default as it is)',
    },
    count: { type: 'string', valueHint: 'count', description: 'How many pictures (default: 16)' },
    seed: { type: 'string', valueHint: 'number', description: 'The same seed gives the same pictures (default: 1)' },
    out: {
      type: 'string',
      valueHint: 'path',
      description: 'A .png with all of them, or a folder for a file each (default: designs.png)',
    },
    from: { type: 'string', valueHint: 'file', description: 'Vary this picture' },
    to: { type: 'string', valueHint: 'file', description: 'Go from the picture of --from to this one' },
    'to-class': { type: 'string', valueHint: 'names', description: 'What --to shows (default: as it is)' },
    strength: {
      type: 'string',
      valueHint: 'share',
      description: 'How much of --from is made anew, 0 to 1 (default: .5)',
    },
    guidance: {
      type: 'string',
      valueHint: 'number',
      description: 'How typical of the class: 1 as varied as the data, up to 10 (default: 2.5)',
    },
    steps: { type: 'string', valueHint: 'count', description: 'Steps from noise to picture (default: 10)' },
    generator: {
      type: 'string',
      valueHint: 'file',
      description: 'A generator of --train (default: the one that ships)',
    },
    train: { type: 'string', valueHint: 'file', description: 'Train a generator, and write it to this file' },
    updates: {
      type: 'string',
      valueHint: 'count',
      description: 'Updates of --train (default: that of the one that ships)',
    },
    ...runOption,
    ...dataOption,
    ...threadsOption,
  },
  async run(args, context) {
    const request = readRequest(args);
    if (args.train !== undefined) {
      const { trainAndWrite } = await import('./generate-training.ts');
      return trainAndWrite({ ...args, file: args.train }, context);
    }
    return makeDesigns(request, args, context);
  },
});

interface Arguments {
  readonly class?: string | undefined;
  readonly count?: string | undefined;
  readonly seed?: string | undefined;
  readonly out?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly 'to-class'?: string | undefined;
  readonly strength?: string | undefined;
  readonly guidance?: string | undefined;
  readonly steps?: string | undefined;
  readonly generator?: string | undefined;
  readonly train?: string | undefined;
  readonly updates?: string | undefined;
  readonly threads?: string | undefined;
}

interface Request {
  readonly count: number;
  readonly seed: number;
  readonly settings: { readonly guidance?: number; readonly steps?: number };
  readonly strength: number | undefined;
}

/** @throws SelvedgeError `cli/usage` */
function readRequest(args: Arguments): Request {
  const { from, to, train } = args;
  const guidance = upTo('guidance', args.guidance, 10);
  const steps = wholeNumber('steps', args.steps, 1, 200);
  const strength = upTo('strength', args.strength, 1);
  checkThreads(args.threads);
  if (train !== undefined) {
    const other = (
      ['class', 'count', 'out', 'from', 'to', 'to-class', 'strength', 'guidance', 'steps', 'generator'] as const
    ).find((name) => args[name] !== undefined);
    if (other) throw usageError(`Options "--train" and "--${other}" exclude each other`);
  } else if (args.updates !== undefined) throw usageError('Option "--updates" needs "--train"');
  if (train === undefined && args.class === undefined && from === undefined)
    throw usageError('Missing --class: see selvedge generate --help');
  if (from === undefined && to !== undefined) throw usageError('Option "--to" needs "--from"');
  if (to === undefined && args['to-class'] !== undefined) throw usageError('Option "--to-class" needs "--to"');
  if (strength !== undefined && (from === undefined || to !== undefined))
    throw usageError('Option "--strength" needs "--from", without "--to"');
  for (const name of ['guidance', 'seed'] as const) {
    if (to !== undefined && args[name] !== undefined)
      throw usageError(`Options "--to" and "--${name}" exclude each other: the way between two pictures has none`);
  }
  return {
    count: wholeNumber('count', args.count, to === undefined ? 1 : 2, 65_536) ?? 16,
    seed: wholeNumber('seed', args.seed, 0, 0xffff_ffff) ?? 1,
    settings: { ...(guidance === undefined ? {} : { guidance }), ...(steps === undefined ? {} : { steps }) },
    strength,
  };
}

function upTo(option: string, text: string | undefined, most: number): number | undefined {
  const value = numberFromZero(option, text);
  if (value === undefined || value <= most) return value;
  throw usageError(`Option "--${option}" got "${text}": expected a number from 0 to ${most}`);
}

/** "dress", or "dress:3,shirt:1". */
function readMixture(option: string, text: string): ClassMixture {
  const mixture = parseMixture(text);
  if (mixture) return mixture;
  throw usageError(`Option "--${option}" got "${text}": expected a class, or shares such as "dress:3,shirt:1"`);
}

async function makeDesigns(request: Request, args: Arguments, context: CommandContext): Promise<CommandOutput> {
  const { openGenerator } = await import('../apps/generate/index.ts');
  await useEngine(args.threads);
  const generator = await openGenerator(await fileOf(args.generator, context));
  try {
    const out = platform.files.resolve(context.cwd, args.out ?? 'designs.png');
    await checkPlace(out, request.count, generator.description.shape.side);
    const { designs, made } = await makeThem(generator, request, args, context);
    const files = await writeDesigns(out, designs);
    const json = {
      generator: generator.description,
      ...made,
      count: designs.count,
      side: designs.side,
      sha256: await sha256(designs.images),
      files,
    };
    const text = `${designs.count} ${designs.count === 1 ? 'picture' : 'pictures'} of ${describe(made.classes)}: ${out}`;
    return { json, text };
  } finally {
    generator.dispose();
  }
}

const describe = (classes: ClassMixture): string =>
  Object.entries(classes)
    .map(([name, share], _, all) => (all.length === 1 ? name : `${name} (${share})`))
    .join(', ');

async function fileOf(file: string | undefined, context: CommandContext): Promise<Uint8Array | undefined> {
  if (file === undefined) return undefined;
  const path = platform.files.resolve(context.cwd, file);
  const status = await platform.files.status(path);
  if (status && !status.isFolder) return platform.files.readBytes(path);
  throw new SelvedgeError(
    'generate/no-file',
    `Cannot read "${file}": expected a generator of "selvedge generate --train", got ${status ? 'a folder' : 'nothing'}`,
  );
}

interface Made {
  readonly designs: Designs;
  /** What was asked for, for the JSON. */
  readonly made: { readonly classes: ClassMixture } & Readonly<Record<string, unknown>>;
}

async function makeThem(
  generator: Generator,
  { count, seed, settings, strength }: Request,
  args: Arguments,
  context: CommandContext,
): Promise<Made> {
  const { designDefaults } = await import('../apps/generate/index.ts');
  const { from, to } = args;
  const used = { steps: designDefaults.steps, ...settings };
  if (from === undefined) {
    const classes = readMixture('class', args.class!);
    const designs = await inParts(count, context, (part) => generator.design({ classes, seed, ...settings, ...part }));
    return { designs, made: { classes, seed, guidance: designDefaults.guidance, ...used } };
  }
  const first = await readEnd(generator, 'class', from, args.class, context);
  if (to === undefined) {
    const { classes, picture } = first;
    const vary = { classes, picture, seed, ...settings, strength: strength ?? designDefaults.strength };
    const designs = await inParts(count, context, (part) => generator.vary({ ...vary, ...part }));
    const made = { classes, from, strength: vary.strength, seed, guidance: designDefaults.guidance, ...used };
    return { designs, made };
  }
  const second = await readEnd(generator, 'to-class', to, args['to-class'], context);
  const designs = generator.between({ first, second, count, ...settings });
  return { designs, made: { classes: first.classes, toClasses: second.classes, from, to, ...used } };
}

/** Makes pictures some at a time, so that Ctrl-C is heard. */
async function inParts(
  count: number,
  { signal }: CommandContext,
  make: (part: { readonly first: number; readonly count: number }) => Designs,
): Promise<Designs> {
  const parts: Designs[] = [];
  for (let first = 0; first < count; first += AT_ONCE) {
    await platform.giveWay();
    if (signal.aborted) throw new SelvedgeError('cli/interrupted', `Interrupted after ${first} of ${count} pictures`);
    parts.push(make({ first, count: Math.min(AT_ONCE, count - first) }));
  }
  const images = new Uint8Array(parts.reduce((sum, part) => sum + part.images.length, 0));
  let at = 0;
  for (const part of parts) {
    images.set(part.images, at);
    at += part.images.length;
  }
  return { images, count, side: parts[0]!.side };
}

interface End {
  readonly picture: ArrayLike<number>;
  readonly classes: ClassMixture;
}

/** A picture, and what it shows: as told, or as the small classifier that ships sees it. */
async function readEnd(
  { description }: Generator,
  option: 'class' | 'to-class',
  file: string,
  told: string | undefined,
  context: CommandContext,
): Promise<End> {
  const { side } = description.shape;
  const preparation: Preparation = { ...usualPreparation, side, channels: 1 };
  const { pictures } = await readPictures([file], 'generate', { context, verbose: false, preparation });
  const picture = pictures[0]?.image.pixels;
  if (!picture) throw new SelvedgeError('generate/no-picture', `Cannot generate from "${file}": it is no picture`);
  if (told !== undefined) return { picture, classes: readMixture(option, told) };
  const { seenClasses } = await import('../apps/generate/index.ts');
  return { picture, classes: await seenClasses(picture, description) };
}
