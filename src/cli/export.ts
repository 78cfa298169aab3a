// selvedge export: a trained model as one small file that selvedge/edge runs. Measures what int8 weights cost before it writes anything.
// Not here: the file's format, and that of ONNX (export-onnx.ts). Invariant: the file is written whole or not at all, and by the very bytes that were measured.
import { SelvedgeError } from '../core/errors.ts';
import type { Dataset } from '../data/dataset.ts';
import { gzip } from '../data/gzip.ts';
import { createClassifier, edgeKernelsDigest, type ModelDescription } from '../edge/index.ts';
import { evaluateModel } from '../evaluation/evaluate.ts';
import { exportModel } from '../plan/index.ts';
import { compileEngineFile, platform } from '../platform/index.ts';
import { type ChosenModel, chosenFolder, chosenModelOptions, loadChosenModel } from './chosen-model.ts';
import { type CommandContext, command } from './command.ts';
import { evaluateOn } from './evaluate.ts';
import { untilInterrupted } from './interruption.ts';
import { loadModelData } from './model-data.ts';
import { dataOption, numberFromZero, threadsOption, useEngine } from './options.ts';

/** Points of accuracy that int8 weights may cost. */
const MAX_LOSS_POINTS = 0.2;
const CLASSIFY_BATCH = 250;
const formats = ['selvedge', 'onnx'] as const;

export const exportCommand = command({
  name: 'export',
  description: 'Write a trained model as one file: small and int8 for selvedge/edge, or float32 for runtimes of ONNX',
  // What was measured is written to the end, or not begun.
  endsItself: true,
  args: {
    ...chosenModelOptions,
    format: {
      type: 'enum',
      options: [...formats] as (typeof formats)[number][],
      default: 'selvedge',
      description: 'Of the file',
    },
    name: { type: 'string', valueHint: 'name', description: 'Name of the model in the file (default: of its network)' },
    out: { type: 'string', valueHint: 'file', description: 'File to write (default: <model>.<format>)' },
    'max-loss': {
      type: 'string',
      valueHint: 'points',
      description: `Points of test accuracy that int8 weights may cost (default: ${MAX_LOSS_POINTS})`,
    },
    ...dataOption,
    ...threadsOption,
  },
  async run(args, context) {
    if (args.format === 'onnx') {
      const { exportAsOnnx } = await import('./export-onnx.ts');
      return exportAsOnnx(args, context, refuseFolder);
    }
    const maxLoss = numberFromZero('max-loss', args['max-loss']) ?? MAX_LOSS_POINTS;
    const folder = await chosenFolder(args, context);
    // Before minutes of measuring.
    if (args.out !== undefined) await refuseFolder(platform.files.resolve(context.cwd, args.out));
    const { file, description, gzipBytes } = await untilInterrupted(
      () => makeFile(folder, maxLoss, args, context),
      context.signal,
    );
    const out = platform.files.resolve(context.cwd, args.out ?? `${description.name}.selvedge`);
    await refuseFolder(out);
    await platform.files.write(out, file);
    const { name, fingerprint, kernels, formatVersion, accuracy } = description;
    const bytes = file.length;
    return {
      json: { file: out, bytes, gzipBytes, name, fingerprint, kernels, formatVersion, accuracy },
      text: describe(out, bytes, gzipBytes, description),
    };
  },
});

async function refuseFolder(out: string): Promise<void> {
  if (!(await platform.files.status(out))?.isFolder) return;
  throw new SelvedgeError('export/out', `Cannot write "${out}": expected the name of a file, got a folder`);
}

interface MakeOptions {
  readonly name?: string | undefined;
  readonly data?: string | undefined;
  readonly run?: string | undefined;
  readonly threads?: string | undefined;
}

interface MadeFile {
  readonly file: Uint8Array;
  readonly description: ModelDescription;
  readonly gzipBytes: number;
}

/** Exports, measures, and exports again with what was measured. */
async function makeFile(
  folder: string,
  maxLoss: number,
  { name, data, run, threads }: MakeOptions,
  context: CommandContext,
): Promise<MadeFile> {
  await useEngine(threads);
  const chosen = await loadChosenModel(folder, 'export');
  const kernels = await compileEngineFile('edge.wasm');
  const { test } = await loadModelData(chosen, { data, run }, context);
  context.writeError(`Measuring ${chosen.model.name} on ${test.count} test images\n`);
  const float32 = (await evaluateOn(chosen.model, chosen.model.name, test)).accuracy;
  const options = {
    name: name ?? chosen.model.name,
    labels: chosen.classNames,
    settings: (chosen.metadata.settings ?? {}) as Readonly<Record<string, unknown>>,
    kernels: edgeKernelsDigest(kernels),
  };
  const measured = await exportModel(chosen.model, options);
  const int8 = await accuracyOf(measured, kernels, chosen, test);
  const lossPoints = 100 * (float32 - int8);
  // Shares of counted images: rounding of the subtraction is not a loss.
  if (lossPoints > maxLoss + 1e-9) {
    throw new SelvedgeError(
      'export/accuracy',
      `Cannot export the model in "${folder}": int8 weights cost ${lossPoints.toFixed(2)} points of accuracy on ` +
        `${test.count} test images, expected at most ${maxLoss}; allow more by --max-loss`,
    );
  }
  const accuracy = { float32, int8, images: test.count };
  const file = await exportModel(chosen.model, { ...options, accuracy });
  chosen.model.dispose();
  const { model: description } = await createClassifier({ model: file, kernels });
  return { file, description, gzipBytes: (await gzip(file)).length };
}

/** Share of right answers of a model file. */
async function accuracyOf(
  file: Uint8Array,
  kernels: WebAssembly.Module,
  { model: { name }, classNames }: ChosenModel,
  test: Dataset,
): Promise<number> {
  const classifier = await createClassifier({ model: file, kernels });
  const imageBytes = test.height * test.width * test.channels;
  const predict = async (start: number, end: number): Promise<Float32Array> => {
    // So that Ctrl-C is heard between batches.
    await platform.giveWay();
    return classifier.classify(test.images.subarray(start * imageBytes, end * imageBytes));
  };
  const set = { name: 'test', classNames, labels: test.labels };
  return (await evaluateModel(predict, set, { model: name, batchSize: CLASSIFY_BATCH })).accuracy;
}

function describe(
  out: string,
  bytes: number,
  gzipBytes: number,
  { accuracy, ...description }: ModelDescription,
): string {
  const { float32, int8, images } = accuracy!;
  const points = (100 * (int8 - float32)).toFixed(2);
  return [
    `${out}: model ${description.name}, ${(bytes / 1024).toFixed(1)} KB, ${(gzipBytes / 1024).toFixed(1)} KB gzipped`,
    `accuracy on ${images} test images: ${float32.toFixed(4)} with float32 weights, ${int8.toFixed(4)} with int8 ` +
      `(${Number(points) > 0 ? '+' : ''}${points} points)`,
    `weights ${description.fingerprint}`,
  ].join('\n');
}
