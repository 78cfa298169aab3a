// selvedge detect-train: train a detector on scenes composed from the training images; an unfinished training goes on where it stopped.
// Not here: how (src/apps/detect). Invariant: the file that it writes is whole, and a function of data, options and the number of updates.
import type { DetectorEvaluation } from '../apps/detect/evaluate-detector.ts';
import type { DetectorProgress } from '../apps/detect/train-detector.ts';
import { type Dataset, subsetOf } from '../data/dataset.ts';
import { splitTrainValidation } from '../data/split.ts';
import { platform } from '../platform/index.ts';
import { type CommandContext, command, exitCodes } from './command.ts';
import { loadData } from './data.ts';
import {
  checkThreads,
  dataOption,
  positiveNumber,
  runFolder,
  runOption,
  threadsOption,
  useEngine,
  wholeNumber,
} from './options.ts';
import { studySplit } from './training.ts';

const MAX_SEED = 0xffff_ffff;
/** Updates between lines of progress. */
const TELL_EVERY = 50;
const VALIDATION_SCENES = 100;
const VALIDATION_SEED = 1;

/** Where the detector of a run is. */
export const detectorFile = (context: CommandContext, run: string): string =>
  runFolder(context, run, 'detector', 'detector.selvedge');

export const detectTrain = command({
  name: 'detect-train',
  description: 'Train a detector of items in pictures; an unfinished training goes on where it stopped',
  endsItself: true,
  args: {
    ...runOption,
    steps: { type: 'string', valueHint: 'count', description: 'Updates (default: as the detector that ships)' },
    'batch-size': { type: 'string', valueHint: 'count', description: 'Scenes an update (default: 16)' },
    'learning-rate': {
      type: 'string',
      valueHint: 'number',
      description: 'Greatest learning rate of AdamW (default: .0025)',
    },
    seed: { type: 'string', valueHint: 'number', description: 'Of weights and scenes (default: 1)' },
    ...dataOption,
    ...threadsOption,
  },
  async run(args, context, rawArgs) {
    const choices = {
      steps: wholeNumber('steps', args.steps),
      batch: wholeNumber('batch-size', args['batch-size'], 1, 1024),
      learningRate: positiveNumber('learning-rate', args['learning-rate']),
      seed: wholeNumber('seed', args.seed, 0, MAX_SEED),
    };
    checkThreads(args.threads);
    const file = detectorFile(context, args.run);
    const folder = runFolder(context, args.run, 'detector');
    const { describeDetection } = await import('./measures/detection.ts');
    const { detectorTrainingDefaults, encodeDetector, trainDetector } = await import('../apps/detect/index.ts');
    const [data] = await Promise.all([loadData(context, args.data), useEngine(args.threads)]);
    const chosen = Object.fromEntries(Object.entries(choices).filter(([, value]) => value !== undefined));
    const training = { ...detectorTrainingDefaults, ...chosen };
    const split = data.split ?? splitTrainValidation(data.train.count, studySplit);
    const tell = teller(context);
    let last: DetectorProgress | undefined;
    const model = await trainDetector({
      items: subsetOf(data.train, split.train, 'items to train on'),
      training,
      folder,
      signal: context.signal,
      onProgress: (progress) => {
        last = progress;
        tell(progress);
      },
    });
    if (!model) {
      const resume = ['npx selvedge detect-train', ...rawArgs].join(' ');
      return {
        json: { status: 'interrupted', folder, updates: last?.step ?? 0, resume },
        text: `Stopped after update ${last?.step ?? 0}; the same command goes on from there: ${resume}`,
        exitCode: exitCodes.interrupted,
      };
    }
    const bytes = await encodeDetector(model);
    await platform.files.write(file, bytes);
    const evaluation = await validate(bytes, subsetOf(data.train, split.validation, 'items to validate on'));
    return {
      json: {
        status: 'complete',
        file,
        bytes: bytes.length,
        steps: training.steps,
        ...(last && { last }),
        validation: evaluation,
      },
      text: `Trained for ${training.steps} updates: ${file}, ${Math.round(bytes.length / 1024)} KiB\nOn validation images:\n${describeDetection(evaluation)}`,
    };
  },
});

/** Of the detector as it is in the file, on scenes of validation images. */
async function validate(bytes: Uint8Array, items: Dataset): Promise<DetectorEvaluation> {
  const { decodeDetector, evaluateDetector, openDetector, openScenes } = await import('../apps/detect/index.ts');
  const detector = openDetector(await decodeDetector(bytes, 'the detector'));
  const scenes = openScenes(items);
  try {
    return await evaluateDetector(detector, scenes, { scenes: VALIDATION_SCENES, seed: VALIDATION_SEED });
  } finally {
    scenes.dispose();
    detector.dispose();
  }
}

/** Means over the updates since the last line. */
function teller({ writeError }: CommandContext): (progress: DetectorProgress) => void {
  let [count, scores, boxes, overlap] = [0, 0, 0, 0];
  return (progress) => {
    count++;
    scores += progress.scores;
    boxes += progress.boxes;
    overlap += progress.overlap;
    if (progress.step % TELL_EVERY !== 0 && progress.step !== progress.steps) return;
    const [ofScores, ofBoxes, overlaps] = [scores, boxes, overlap].map((sum) => (sum / count).toFixed(3));
    writeError(
      `Update ${progress.step} of ${progress.steps}: scores ${ofScores}, boxes ${ofBoxes}, overlap ${overlaps}\n`,
    );
    [count, scores, boxes, overlap] = [0, 0, 0, 0];
  };
}
