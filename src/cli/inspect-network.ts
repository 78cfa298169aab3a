// selvedge inspect-network: train the network that inspects, on anomalies made in the training images; an unfinished training goes on where it
// stopped. Not here: how (src/apps/inspect/anomaly-network.ts). Invariant: the file that it writes is whole, and a function of data and options.
import { SelvedgeError } from '../core/errors.ts';
import { subsetOf } from '../data/dataset.ts';
import { splitTrainValidation } from '../data/split.ts';
import { edgeKernelsDigest } from '../edge/index.ts';
import { compileEngineFile, platform } from '../platform/index.ts';
import { openCheckpoints } from '../training/index.ts';
import { type CommandContext, command, exitCodes } from './command.ts';
import { loadData } from './data.ts';
import { checkThreads, dataOption, runFolder, runOption, threadsOption, useEngine, wholeNumber } from './options.ts';
import { studySplit } from './training.ts';

/** Updates between lines of progress. */
const TELL_EVERY = 50;

export const inspectNetwork = command({
  name: 'inspect-network',
  description: 'Train the network that inspects; an unfinished training goes on where it stopped',
  endsItself: true,
  args: {
    ...runOption,
    epochs: { type: 'string', valueHint: 'count', description: 'Default: as the network that ships' },
    seed: { type: 'string', valueHint: 'number', description: 'Of weights and anomalies (default: 1)' },
    ...dataOption,
    ...threadsOption,
  },
  async run(args, context, rawArgs) {
    const [epochs, seed] = [wholeNumber('epochs', args.epochs, 1), wholeNumber('seed', args.seed, 0, 0xffff_ffff)];
    checkThreads(args.threads);
    const folder = runFolder(context, args.run, 'inspector');
    const file = platform.files.join(folder, 'inspect.selvedge');
    const { anomalyDefaults, exportAnomalyNetwork, trainAnomalyNetwork } = await import(
      '../apps/inspect/anomaly-network.ts'
    );
    const [data] = await Promise.all([loadData(context, args.data), useEngine(args.threads)]);
    const { train } = data;
    if (train.height !== 28 || train.width !== 28 || train.channels !== 1) {
      throw new SelvedgeError(
        'inspect/other-images',
        `Cannot train the network: expected grey images of 28x28, got ${train.height}x${train.width}x${train.channels}`,
      );
    }
    const split = data.split ?? splitTrainValidation(train.count, studySplit);
    const settings = { ...anomalyDefaults, ...(epochs && { epochs }), ...(seed !== undefined && { seed }) };
    const model = await trainAnomalyNetwork(subsetOf(train, split.train, 'to make anomalies in').images, {
      settings,
      checkpoints: openCheckpoints(folder),
      signal: context.signal,
      onProgress: tell(context),
    });
    if (!model) {
      const resume = ['npx selvedge inspect-network', ...rawArgs].join(' ');
      return {
        json: { status: 'interrupted', folder, resume },
        text: `Stopped; the same command goes on from there: ${resume}`,
        exitCode: exitCodes.interrupted,
      };
    }
    try {
      const kernels = edgeKernelsDigest(await compileEngineFile('edge.wasm'));
      const bytes = await exportAnomalyNetwork(model, {
        kernels,
        settings: { ...settings, examples: split.train.length },
      });
      await platform.files.write(file, bytes);
      return {
        json: { status: 'complete', file, bytes: bytes.length, settings },
        text: `Trained for ${settings.epochs} epochs: ${file}, ${Math.round(bytes.length / 1024)} KiB`,
      };
    } finally {
      model.dispose();
    }
  },
});

const tell =
  ({ writeError }: CommandContext) =>
  ({
    epoch,
    epochs,
    step,
    steps,
    loss,
  }: {
    epoch: number;
    epochs: number;
    step: number;
    steps: number;
    loss: number;
  }) => {
    if (step % TELL_EVERY !== 0 && step !== steps) return;
    writeError(`Epoch ${epoch} of ${epochs}, update ${step} of ${steps}: loss ${loss.toFixed(4)}\n`);
  };
