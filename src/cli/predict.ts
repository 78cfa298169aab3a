// selvedge predict: tell what pictures show, by a trained model. The shipped one answers before any training.
// Invariant: a picture that cannot be read is an error of its own; the others are answered all the same.
import type * as tf from '../backend/tfjs.ts';
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { readImage } from '../data/image.ts';
import type { PreparedImage } from '../data/prepare-image.ts';
import { type LoadedModel, loadModel, modelNames } from '../models/index.ts';
import { createPredictor, type Predictor } from '../plan/index.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import { type CommandContext, command, exitCodes, showError } from './command.ts';
import { runFolder, threadsOption, useEngine, wholeNumber } from './options.ts';
import { runPaths } from './run-files.ts';

const shippedModelUrl = (): URL => new URL('../../assets/models/dropout/', import.meta.url);

/** A class and the probability that the picture shows it. */
interface Candidate {
  readonly class: string;
  readonly probability: number;
}

interface Prediction {
  readonly file: string;
  readonly image: PreparedImage;
  /** All classes, the likeliest first. */
  readonly candidates: readonly Candidate[];
}

interface Failure {
  readonly file: string;
  readonly code: string;
  readonly message: string;
}

export const predict = command({
  name: 'predict',
  description: 'Tell what pictures show: PNG or JPEG of any size, on dark or light ground',
  takesList: true,
  args: {
    image: { type: 'positional', required: true, description: 'Picture files, one or more' },
    run: { type: 'string', valueHint: 'name', description: 'Use the model of this run (default: the shipped model)' },
    model: { type: 'enum', options: [...modelNames], description: 'Model of the run (default: dropout)' },
    'model-folder': { type: 'string', valueHint: 'folder', description: 'Use the model.json in this folder' },
    top: { type: 'string', valueHint: 'count', description: 'Classes to show (default: 3)' },
    ...threadsOption,
  },
  async run(args, context) {
    const verbose = (args as { verbose?: boolean }).verbose === true;
    const top = wholeNumber('top', args.top) ?? 3;
    const folder = modelFolder(args, context);
    await useEngine(args.threads);
    const { model, metadata } = await loadModel(folder);
    const classNames = classNamesOf(model, metadata, folder);
    const prepared: { file: string; image: PreparedImage }[] = [];
    const failures: Failure[] = [];
    for (const file of args._) {
      try {
        prepared.push({ file, image: await prepareFile(file, context) });
      } catch (error) {
        showError(error, context, verbose);
        failures.push({
          file,
          code: error instanceof SelvedgeError ? error.code : 'unexpected',
          message: messageOf(error),
        });
      }
    }
    const predictor = createPredictor(model);
    if (verbose && predictor.unplanned) context.writeError(`${model.name} predicts op by op: ${predictor.unplanned}\n`);
    const predictions = predictAll(predictor, prepared, classNames);
    predictor.dispose();
    model.dispose();
    return {
      json: { model: { folder, name: model.name, ...trainedAs(metadata) }, images: predictions.map(toJson), failures },
      text: describe(predictions, top),
      exitCode: failures.length > 0 ? exitCodes.failure : exitCodes.ok,
    };
  },
});

type PredictArguments = Parameters<typeof predict.run>[0];

function modelFolder({ run, model, 'model-folder': folder }: PredictArguments, context: CommandContext): string {
  if (run !== undefined && folder !== undefined)
    throw usageError('Options "--run" and "--model-folder" exclude each other');
  if (model !== undefined && run === undefined)
    throw usageError('Option "--model" needs "--run": it names a model of that run');
  if (folder !== undefined) return platform.files.resolve(context.cwd, folder);
  if (run !== undefined) return runPaths.model(runFolder(context, run, model ?? 'dropout'));
  return platform.files.fromUrl(shippedModelUrl());
}

async function prepareFile(file: string, context: CommandContext): Promise<PreparedImage> {
  const path = platform.files.resolve(context.cwd, file);
  const status = await platform.files.status(path);
  if (!status || status.isFolder) {
    throw new SelvedgeError(
      'predict/no-file',
      `Cannot read "${file}": expected a PNG or JPEG file, got ${status ? 'a folder' : 'nothing'}`,
    );
  }
  return readImage(await platform.files.readBytes(path), { name: file });
}

/** Names saved beside the model; a model of stock tfjs has none, and its classes are numbered. */
function classNamesOf(
  model: LoadedModel['model'],
  metadata: LoadedModel['metadata'],
  folder: string,
): readonly string[] {
  const shape = (tensor: unknown): string => `[${(tensor as tf.SymbolicTensor).shape.slice(1).join(', ')}]`;
  const { inputs, outputs } = model;
  const classes = outputs[0]!.shape.at(-1)!;
  if (
    inputs.length !== 1 ||
    outputs.length !== 1 ||
    shape(inputs[0]) !== '[28, 28, 1]' ||
    outputs[0]!.shape.length !== 2
  ) {
    throw new SelvedgeError(
      'predict/model-shape',
      `Cannot predict with the model in "${folder}": expected images [28, 28, 1] to class probabilities, ` +
        `got ${inputs.map(shape).join(' and ')} to ${outputs.map(shape).join(' and ')}`,
    );
  }
  const names = metadata.classNames;
  if (names === undefined) return Array.from({ length: classes }, (_, label) => `class ${label}`);
  if (Array.isArray(names) && names.length === classes && names.every((name) => typeof name === 'string')) return names;
  throw new SelvedgeError(
    'predict/class-names',
    `Cannot predict with the model in "${folder}": expected ${classes} class names, got ${JSON.stringify(names)}`,
  );
}

/** What the model says of its training. */
function trainedAs({ settings, accuracy, fingerprint }: LoadedModel['metadata']): object {
  return Object.fromEntries(
    Object.entries({ settings, accuracy, fingerprint }).filter(([, value]) => value !== undefined),
  );
}

function predictAll(
  predictor: Predictor,
  prepared: readonly { readonly file: string; readonly image: PreparedImage }[],
  classNames: readonly string[],
): Prediction[] {
  const pixels = prepared[0]?.image.pixels.length ?? 0;
  const values = new Float32Array(prepared.length * pixels);
  prepared.forEach(({ image }, row) => {
    for (let i = 0; i < pixels; i++) values[row * pixels + i] = image.pixels[i]! / 255;
  });
  const probabilities = predictor.predict(values);
  return prepared.map(({ file, image }, row) => {
    const start = row * classNames.length;
    const candidates = classNames.map((name, label) => ({ class: name, probability: probabilities[start + label]! }));
    return { file, image, candidates: candidates.sort((a, b) => b.probability - a.probability) };
  });
}

function toJson({ file, image, candidates }: Prediction): object {
  const [best] = candidates;
  return {
    file,
    class: best!.class,
    probability: best!.probability,
    probabilities: Object.fromEntries(candidates.map((candidate) => [candidate.class, candidate.probability])),
    ground: image.ground,
    box: image.box,
  };
}

/** A line a picture, such as `shoe.jpg  Ankle boot 98.1%, Sneaker 1.7%, Sandal 0.1%`. */
function describe(predictions: readonly Prediction[], top: number): string {
  const width = Math.max(0, ...predictions.map(({ file }) => file.length));
  return predictions
    .map(({ file, candidates }) => {
      const shown = candidates.slice(0, top).map((one) => `${one.class} ${(100 * one.probability).toFixed(1)}%`);
      return `${file.padEnd(width)}  ${shown.join(', ')}`;
    })
    .join('\n');
}
