// selvedge explain: which places of a picture a model's answer hangs on, as a map over the picture, and how far that map can be trusted.
// With --evaluate: over images of the test set. Not here: the methods (src/explain), what is drawn (src/report).
import { shuffledIndices } from '../core/philox.ts';
import {
  type DifferentiableModel,
  type Explanation,
  explainImages,
  type MethodName,
  type MethodOptions,
  methodNames,
  methodsFor,
  openDifferentiable,
  type PerturbationCurves,
  perturbationCurves,
  rankPlaces,
} from '../explain/index.ts';
import { createPredictor } from '../plan/index.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import { requireShipped } from './chosen-classifier.ts';
import {
  type Choice,
  type ChosenModel,
  chosenFolder,
  chosenModelOptions,
  loadChosenModel,
  preparationFor,
  restoreShippedModel,
  trainedAs,
} from './chosen-model.ts';
import { type CommandContext, type CommandOutput, command, exitCodes } from './command.ts';
import { evaluateOnTestSet } from './explain-evaluation.ts';
import { describePictures, type ExplainedPicture, toJson, writeFigure } from './explain-output.ts';
import { loadModelData } from './model-data.ts';
import { checkThreads, dataOption, threadsOption, useEngine, wholeNumber } from './options.ts';
import { pixelsOfPictures, readPictures } from './picture-files.ts';

const DEFAULT_METHOD = 'grad-cam';
/** Orders at random that the curves of a picture are compared with. */
const RANDOM_ORDERS = 8;
const SEED = 1;

export const explain = command({
  name: 'explain',
  description: 'Show which places of a picture the answer of a model hangs on',
  takesList: true,
  args: {
    image: { type: 'positional', required: false, description: 'Picture files, one or more' },
    method: {
      type: 'enum',
      options: [...methodNames, 'all'] as (MethodName | 'all')[],
      description: `How (default: ${DEFAULT_METHOD}; of --evaluate: all)`,
    },
    class: { type: 'string', valueHint: 'name', description: 'Class to explain (default: the likeliest)' },
    out: { type: 'string', valueHint: 'file', description: 'Write a figure: .svg, .html or .png' },
    'test-images': { type: 'string', valueHint: 'numbers', description: 'Explain these of the test set, such as 0,19' },
    layer: { type: 'string', valueHint: 'name', description: 'Layer that grad-cam weighs (default: the last it can)' },
    steps: { type: 'string', valueHint: 'count', description: 'Points of integrated gradients (default: 256)' },
    evaluate: {
      type: 'string',
      valueHint: 'count',
      description: 'Measure explanations of the first images of the test set, and of randomised weights',
    },
    ...chosenModelOptions,
    ...dataOption,
    ...threadsOption,
  },
  async run(args, context) {
    const steps = wholeNumber('steps', args.steps, 1, 65_536);
    const count = wholeNumber('evaluate', args.evaluate);
    checkArguments(args, count !== undefined);
    const method = args.method ?? (count === undefined ? DEFAULT_METHOD : 'all');
    requireMethod('layer', args.layer, method, 'grad-cam');
    requireMethod('steps', args.steps, method, 'integrated-gradients');
    const options = { ...(args.layer === undefined ? {} : { layer: args.layer }), ...(steps && { steps }) };
    checkThreads(args.threads);
    const chosen = await openModel(args, context);
    try {
      const model = openDifferentiable(chosen.model);
      const methods = method === 'all' ? methodsFor(model) : [method];
      const request = { chosen, model, methods, options };
      if (count !== undefined)
        return await evaluateOnTestSet(request, { count, data: args.data, run: args.run }, context);
      return await explainPictures(request, args, context);
    } finally {
      chosen.model.dispose();
    }
  },
});

/** The model that `predict` would take. */
async function openModel(
  choice: Choice & { threads?: string | undefined },
  context: CommandContext,
): Promise<ChosenModel> {
  const { run, model: name = 'best', 'model-folder': chosenFor, threads } = choice;
  if (run === undefined && chosenFor === undefined) {
    const shipped = requireShipped(name);
    await useEngine(threads);
    return restoreShippedModel(shipped);
  }
  const folder = await chosenFolder(choice, context);
  await useEngine(threads);
  return loadChosenModel(folder, 'explain');
}

/** What is explained by, whatever it is. */
export interface ExplainCommand {
  readonly chosen: ChosenModel;
  /** The same, for questions about its inputs. */
  readonly model: DifferentiableModel;
  readonly methods: readonly MethodName[];
  readonly options: MethodOptions;
}

interface PictureArguments {
  readonly _: readonly string[];
  readonly class?: string | undefined;
  readonly out?: string | undefined;
  readonly evaluate?: string | undefined;
  readonly 'test-images'?: string | undefined;
  readonly data?: string | undefined;
  readonly run?: string | undefined;
}

function checkArguments(args: PictureArguments, isEvaluation: boolean): void {
  const ofTestSet = isEvaluation ? 'evaluate' : args['test-images'] === undefined ? undefined : 'test-images';
  if (!ofTestSet && args._.length === 0) throw usageError('Missing IMAGE: see selvedge explain --help');
  if (ofTestSet && args._.length > 0)
    throw usageError(`Option "--${ofTestSet}" takes images of the test set, no IMAGE`);
  for (const name of ['class', 'out', 'test-images'] as const) {
    if (isEvaluation && args[name] !== undefined)
      throw usageError(`Options "--evaluate" and "--${name}" exclude each other`);
  }
  if (args.out !== undefined && !/\.(svg|html|png)$/i.test(args.out)) {
    throw usageError(`Option "--out" got "${args.out}": expected a file that ends in .svg, .html or .png`);
  }
}

async function explainPictures(
  command: ExplainCommand,
  args: PictureArguments,
  context: CommandContext,
): Promise<CommandOutput> {
  const { chosen } = command;
  const label = args.class === undefined ? undefined : labelOf(args.class, chosen.classNames);
  const verbose = (args as { verbose?: boolean }).verbose === true;
  const indices = args['test-images'];
  const { pictures, failures } =
    indices === undefined
      ? await readPictures(args._, 'explain', { context, verbose, preparation: preparationFor(chosen, 'explain') })
      : { pictures: await readTestImages(indices, chosen, args, context), failures: [] };
  const explained = pictures.length === 0 ? [] : explainAll(command, pictures, label);
  const figure = { model: chosen.model.name, pictures: explained };
  const out =
    args.out !== undefined && explained.length > 0 ? platform.files.resolve(context.cwd, args.out) : undefined;
  if (out !== undefined) await writeFigure(out, figure);
  return {
    json: {
      model: { folder: chosen.folder, name: chosen.model.name, ...trainedAs(chosen.metadata) },
      images: explained.map(toJson),
      failures,
      ...(out === undefined ? {} : { figure: out }),
    },
    text: [...describePictures(explained), ...(out === undefined ? [] : [`Figure: ${out}`])].join('\n'),
    exitCode: failures.length > 0 ? exitCodes.failure : exitCodes.ok,
  };
}

function labelOf(name: string, classNames: readonly string[]): number {
  const label = classNames.findIndex((known) => known.toLowerCase() === name.toLowerCase());
  if (label >= 0) return label;
  throw usageError(`Option "--class" got "${name}": expected one of ${classNames.join(', ')}`);
}

/** An option of one method beside another would change nothing. */
function requireMethod(option: string, given: string | undefined, method: string, its: MethodName): void {
  if (given === undefined || method === its || method === 'all') return;
  throw usageError(`Option "--${option}" belongs to "--method ${its}", got "--method ${method}"`);
}

type Picture = Pick<ExplainedPicture, 'file' | 'image' | 'truth'>;

/** @param list Their numbers in the test set, from 0, with commas between */
async function readTestImages(
  list: string,
  chosen: ChosenModel,
  named: PictureArguments,
  context: CommandContext,
): Promise<Picture[]> {
  const indices = list.split(',').map((text) => wholeNumber('test-images', text, 0)!);
  const { test } = await loadModelData(chosen, named, context);
  const size = test.height * test.width * test.channels;
  return indices.map((index) => {
    if (index >= test.count) {
      throw usageError(`Option "--test-images" got ${index}: expected numbers from 0 to ${test.count - 1}`);
    }
    const pixels = test.images.subarray(index * size, (index + 1) * size);
    return { file: `test image ${index}`, image: { pixels }, truth: test.classNames[test.labels[index]!]! };
  });
}

function explainAll(
  { chosen, model, methods, options }: ExplainCommand,
  pictures: readonly Picture[],
  label: number | undefined,
): ExplainedPicture[] {
  const { classNames } = chosen;
  const images = Float32Array.from(pixelsOfPictures(pictures), (level) => level / 255);
  const predictor = createPredictor(chosen.model);
  try {
    const probabilities = predictor.predict(images);
    const rows = pictures.map((_, row) =>
      probabilities.subarray(row * classNames.length, (row + 1) * classNames.length),
    );
    const predicted = rows.map((row) => row.indexOf(row.reduce((most, value) => Math.max(most, value))));
    const labels = predicted.map((likeliest) => label ?? likeliest);
    const maps = methods.map((method) => explainImages(model, { images, labels }, method, options));
    const size = images.length / pictures.length;
    const predict = (seen: Float32Array): Float32Array => predictor.predict(seen);
    return pictures.map((picture, row) => {
      const perturbed = { image: images.subarray(row * size, (row + 1) * size), label: labels[row]! };
      const curvesOf = (order: Int32Array): PerturbationCurves =>
        perturbationCurves(predict, { ...perturbed, order }, classNames.length);
      return {
        ...picture,
        height: model.shape[0],
        width: model.shape[1],
        class: classNames[predicted[row]!]!,
        probability: rows[row]![predicted[row]!]!,
        explainedClass: classNames[labels[row]!]!,
        explainedProbability: rows[row]![labels[row]!]!,
        explanations: maps.map((each) => withCurves(each[row]!, curvesOf)),
        random: randomAreas(model, curvesOf),
      };
    });
  } finally {
    predictor.dispose();
  }
}

const withCurves = (
  explanation: Explanation,
  curvesOf: (order: Int32Array) => PerturbationCurves,
): ExplainedPicture['explanations'][number] => ({
  ...explanation,
  curves: curvesOf(rankPlaces(explanation.values, SEED)),
});

/** Means over some orders at random. */
function randomAreas(
  { shape: [height, width] }: DifferentiableModel,
  curvesOf: (order: Int32Array) => PerturbationCurves,
): ExplainedPicture['random'] {
  const curves = Array.from({ length: RANDOM_ORDERS }, (_, epoch) =>
    curvesOf(shuffledIndices(height * width, { seed: SEED, epoch: epoch + 1 })),
  );
  const mean = (of: (own: PerturbationCurves) => number): number =>
    curves.reduce((sum, own) => sum + of(own), 0) / curves.length;
  return {
    deletionArea: mean(({ deletionArea }) => deletionArea),
    insertionArea: mean(({ insertionArea }) => insertionArea),
  };
}
