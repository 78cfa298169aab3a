// selvedge generate --train: trains the generator on the study's training images, with checkpoints in the run's folder. Not here: how
// (src/apps/generate/train.ts). Invariant: a killed training goes on to the same file.
import {
  encodeGenerator,
  generatorDefaults,
  openGeneratorCheckpoints,
  shippedShape,
  trainGenerator,
} from '../apps/generate/index.ts';
import { SelvedgeError } from '../core/errors.ts';
import { sha256 } from '../core/sha256.ts';
import { subsetOf } from '../data/dataset.ts';
import { splitTrainValidation } from '../data/split.ts';
import { platform } from '../platform/index.ts';
import type { CommandContext, CommandOutput } from './command.ts';
import { loadData } from './data.ts';
import { runFolder, useEngine, wholeNumber } from './options.ts';

/** Updates between lines of progress. */
const LINE_EVERY = 100;

interface TrainingArguments {
  readonly file: string;
  readonly updates?: string | undefined;
  readonly seed?: string | undefined;
  readonly run: string;
  readonly data?: string | undefined;
  readonly threads?: string | undefined;
}

export async function trainAndWrite(args: TrainingArguments, context: CommandContext): Promise<CommandOutput> {
  const settings = {
    ...generatorDefaults,
    updates: wholeNumber('updates', args.updates) ?? generatorDefaults.updates,
    seed: wholeNumber('seed', args.seed, 0, 0xffff_ffff) ?? generatorDefaults.seed,
  };
  const folder = runFolder(context, args.run, 'generator');
  const [data] = await Promise.all([loadData(context, args.data), useEngine(args.threads)]);
  const { train, source } = data;
  const { side } = shippedShape;
  if (train.height !== side || train.width !== side || train.channels !== 1) {
    throw new SelvedgeError(
      'generate/examples',
      `Cannot train a generator: expected grey pictures of ${side}x${side} pixels, got ${train.height}x${train.width}x${train.channels}`,
    );
  }
  const split = data.split ?? splitTrainValidation(train.count);
  const examples = subsetOf(train, split.train, 'training');
  const shape = { ...shippedShape, classes: train.classNames.length };
  /** Since the last line, which may have been of another call. */
  let losses: number[] = [];
  const trained = await trainGenerator(examples, {
    shape,
    settings,
    checkpoints: openGeneratorCheckpoints(folder),
    signal: context.signal,
    onProgress({ updates, loss }) {
      losses.push(loss);
      if (updates % LINE_EVERY !== 0) return;
      const mean = losses.reduce((sum, each) => sum + each, 0) / losses.length;
      context.writeError(`generator ${updates} of ${settings.updates} updates, loss ${mean.toFixed(4)}\n`);
      losses = [];
    },
  });
  if (!trained.isFinished) {
    const at = `${trained.updates} of ${settings.updates} updates`;
    throw new SelvedgeError('cli/interrupted', `Interrupted after ${at}; the same command goes on from there`);
  }
  const training = { ...settings, examples: examples.count, data: source.files.map(({ sha256: digest }) => digest) };
  const bytes = await encodeGenerator({
    description: { shape, classNames: train.classNames, training },
    weights: trained.weights,
  });
  const path = platform.files.resolve(context.cwd, args.file);
  await platform.files.write(path, bytes);
  return {
    json: { file: path, bytes: bytes.length, sha256: await sha256(bytes), updates: trained.updates },
    text: `Generator after ${trained.updates} updates: ${path}, ${Math.round(bytes.length / 1024)} KB`,
  };
}
