// selvedge fingerprint: train for a moment and print the digest of the weights, which is the same everywhere.
import { kernelsDigest } from '../backend/index.ts';
import { SelvedgeError } from '../core/errors.ts';
import type { LoadedData } from '../data/sources.ts';
import { modelNames } from '../models/index.ts';
import { platform } from '../platform/index.ts';
import {
  describeExecution,
  FINGERPRINT_IMAGES,
  type Fingerprint,
  type FitState,
  fingerprintSettings,
  fingerprintTraining,
  openCheckpoints,
} from '../training/index.ts';
import { type CommandContext, command } from './command.ts';
import { loadData } from './data.ts';
import { dataOption, threadsOption, useEngine, wholeNumber } from './options.ts';
import { showTraining } from './progress.ts';

/** Updates between checkpoints, unless told otherwise. */
const CHECKPOINT_EVERY = 20;

export const fingerprint = command({
  name: 'fingerprint',
  description:
    'Train for a moment and print the digest of the weights: the same on every runtime and number of threads',
  endsItself: true,
  args: {
    model: { type: 'enum', options: [...modelNames], description: 'Network to train (default: each of them in turn)' },
    images: {
      type: 'string',
      valueHint: 'count',
      description: `First images of the data set to train on (default: ${FINGERPRINT_IMAGES})`,
    },
    unshared: { type: 'boolean', description: 'Use the unthreaded build, on unshared memory' },
    checkpoints: {
      type: 'string',
      valueHint: 'folder',
      description: 'Keep checkpoints there; a call that was killed goes on from them',
    },
    'checkpoint-every': {
      type: 'string',
      valueHint: 'updates',
      description: `Updates between checkpoints (default: ${CHECKPOINT_EVERY})`,
    },
    ...dataOption,
    ...threadsOption,
  },
  async run(args, context) {
    const images = wholeNumber('images', args.images) ?? FINGERPRINT_IMAGES;
    const checkpointEvery = wholeNumber('checkpoint-every', args['checkpoint-every']) ?? CHECKPOINT_EVERY;
    const engine = await useEngine(args.threads, false, args.unshared !== true);
    const loaded = await loadData(context, args.data);
    const folder = args.checkpoints && platform.files.resolve(context.cwd, args.checkpoints);
    const isVerbose = (args as { verbose?: boolean }).verbose === true;
    const fingerprints: Fingerprint[] = [];
    for (const model of args.model === undefined ? modelNames : [args.model]) {
      fingerprints.push(await take({ model, images, folder, checkpointEvery, isVerbose, loaded, context }));
    }
    const { runtime } = platform;
    const kernels = await kernelsDigest();
    const data = loaded.source.files.map(({ name, sha256 }) => ({ name, sha256 }));
    const where = `${runtime.name} ${runtime.version}, ${engine.build}, ${engine.threads} threads`;
    return {
      json: { runtime, engine, machine: platform.machine(), kernels, data, fingerprints },
      text: [...fingerprints.map(({ model, weights }) => `${weights}  ${model}`), where].join('\n'),
    };
  },
});

interface Taking {
  readonly model: string;
  readonly images: number;
  readonly folder: string | undefined;
  readonly checkpointEvery: number;
  readonly isVerbose: boolean;
  readonly loaded: LoadedData;
  readonly context: CommandContext;
}

async function take({ model, images, folder, checkpointEvery, ...rest }: Taking): Promise<Fingerprint> {
  const { isVerbose, loaded, context } = rest;
  const display = await showTraining(model, context);
  try {
    const taken = await fingerprintTraining({
      model,
      images,
      dataset: loaded.train,
      signal: context.signal,
      onStart: (execution) => {
        if (isVerbose) context.writeError(`${model} runs ${describeExecution(execution)}\n`);
      },
      onProgress: display.step,
      onEpoch: (record) => display.epoch(record, fingerprintSettings.epochs),
      ...(folder
        ? { checkpoints: openCheckpoints<FitState>(platform.files.join(folder, model)), checkpointEvery }
        : {}),
    });
    if (taken.updatesNow < taken.updates && taken.status === 'complete') {
      context.writeError(`${model} went on after update ${taken.updates - taken.updatesNow}\n`);
    }
    if (taken.status === 'complete') return taken;
    throw new SelvedgeError('cli/interrupted', `Interrupted after update ${taken.updates}`);
  } finally {
    display.stop();
  }
}
