// Options that say what becomes of another data set than Fashion-MNIST, and what their text means. Not here: loading it (data.ts).
import { SelvedgeError } from '../core/errors.ts';
import { readClassNames } from '../data/class-names.ts';
import type { DataChoices } from '../data/other-data.ts';
import { type Preparation, sideLimits, usualPreparation } from '../data/preparation.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import type { CommandContext } from './command.ts';
import { wholeNumber } from './options.ts';

const MAX_SEED = 0xffff_ffff;
/** The study's own. */
const DEFAULT_SPLIT_SEED = 2023;

export const pictureOptions = {
  'image-size': {
    type: 'string',
    valueHint: 'pixels',
    description: 'Height and width that pictures of --data get (default: 28)',
  },
  colour: { type: 'boolean', description: 'Keep the colours of pictures (default: grey)' },
  fit: {
    type: 'enum',
    options: ['object', 'whole'] as ('object' | 'whole')[],
    description:
      'Show the object in a picture, light on dark, or the whole picture (default: object, of colours whole)',
  },
  classes: {
    type: 'string',
    valueHint: 'file',
    description: 'Names of the classes, one a line (default: classes.txt beside the data)',
  },
  'split-seed': {
    type: 'string',
    valueHint: 'number',
    description: 'Of the parts that --data does not give (default: 2023)',
  },
  'skip-unreadable': { type: 'boolean', description: 'Pass over files that are no pictures' },
  'keep-duplicates': { type: 'boolean', description: 'Take equal images in different parts' },
} as const;

export interface PictureArguments {
  readonly 'image-size'?: string | undefined;
  readonly colour?: boolean | undefined;
  readonly fit?: 'object' | 'whole' | undefined;
  readonly classes?: string | undefined;
  readonly 'split-seed'?: string | undefined;
  readonly 'skip-unreadable'?: boolean | undefined;
  readonly 'keep-duplicates'?: boolean | undefined;
}

/**
 * What the options choose; empty where none is given.
 *
 * @throws SelvedgeError `cli/usage`, `classes/…`
 */
export async function readChoices(args: PictureArguments, context: CommandContext): Promise<DataChoices> {
  const preparation = preparationOf(args);
  const splitSeed = wholeNumber('split-seed', args['split-seed'], 0, MAX_SEED);
  return {
    ...(args.classes === undefined ? {} : { classNames: await classNamesIn(args.classes, context) }),
    ...(preparation && { preparation }),
    ...(splitSeed === undefined ? {} : { splitSeed }),
    ...(args['skip-unreadable'] ? { skipUnreadable: true } : {}),
    ...(args['keep-duplicates'] ? { keepDuplicates: true } : {}),
  };
}

function preparationOf({ 'image-size': size, colour, fit }: PictureArguments): Preparation | undefined {
  if (size === undefined && !colour && fit === undefined) return undefined;
  if (colour && fit === 'object')
    throw usageError('Options "--colour" and "--fit object" exclude each other: an object is shown in grey');
  const side = wholeNumber('image-size', size, sideLimits.minimum, sideLimits.maximum) ?? usualPreparation.side;
  return { side, channels: colour ? 3 : 1, fit: fit ?? (colour ? 'whole' : 'object') };
}

/** The options that make these choices, as words; a file of names is not known any more. */
export function choiceWords({ preparation, splitSeed, skipUnreadable, keepDuplicates }: DataChoices): string[] {
  const { side, channels, fit } = preparation ?? usualPreparation;
  return [
    ...(side === usualPreparation.side ? [] : [`--image-size ${side}`]),
    ...(channels === 3 ? ['--colour'] : []),
    ...(fit === (channels === 3 ? 'whole' : 'object') ? [] : [`--fit ${fit}`]),
    ...(splitSeed === undefined || splitSeed === DEFAULT_SPLIT_SEED ? [] : [`--split-seed ${splitSeed}`]),
    ...(skipUnreadable ? ['--skip-unreadable'] : []),
    ...(keepDuplicates ? ['--keep-duplicates'] : []),
  ];
}

async function classNamesIn(file: string, context: CommandContext): Promise<string[]> {
  const path = platform.files.resolve(context.cwd, file);
  const status = await platform.files.status(path);
  if (status && !status.isFolder) return readClassNames(await platform.files.readBytes(path), file);
  throw new SelvedgeError(
    'classes/no-file',
    `Cannot read "${file}": expected a file of class names, one a line, got ${status ? 'a folder' : 'nothing'}`,
  );
}
