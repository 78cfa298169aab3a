// selvedge export --format onnx: a trained model for runtimes of ONNX. Nothing is measured: the weights stay float32.
// Not here: the file's content (plan/onnx/). Invariant: the file is written whole or not at all.
import { shippedModelFolder } from '../models/index.ts';
import { exportOnnx, ONNX_OPSET } from '../plan/index.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import { requireShipped } from './chosen-classifier.ts';
import { type Choice, type ChosenModel, chosenFolder, loadChosenModel, restoreShippedModel } from './chosen-model.ts';
import type { CommandContext, CommandOutput } from './command.ts';
import { useEngine } from './options.ts';

export interface OnnxExportArgs extends Choice {
  readonly name?: string | undefined;
  readonly out?: string | undefined;
  readonly data?: string | undefined;
  readonly threads?: string | undefined;
  readonly 'max-loss'?: string | undefined;
}

/** Writes the chosen model; `refuseFolder` is that of the command. */
export async function exportAsOnnx(
  args: OnnxExportArgs,
  context: CommandContext,
  refuseFolder: (out: string) => Promise<void>,
): Promise<CommandOutput> {
  for (const name of ['max-loss', 'data'] as const) {
    if (args[name] === undefined) continue;
    throw usageError(`Option "--${name}" needs "--format selvedge": weights of an ONNX file lose nothing`);
  }
  const open = await opener(args, context);
  if (args.out !== undefined) await refuseFolder(platform.files.resolve(context.cwd, args.out));
  await useEngine(args.threads);
  const { model, metadata, classNames } = await open();
  const name = args.name ?? model.name;
  const settings = (metadata.settings ?? {}) as Readonly<Record<string, unknown>>;
  const [, height, width, channels] = model.inputs[0]!.shape;
  try {
    const file = await exportOnnx(model, { name, labels: classNames, settings });
    const out = platform.files.resolve(context.cwd, args.out ?? `${name}.onnx`);
    await refuseFolder(out);
    await platform.files.write(out, file);
    const input = ['batch', channels, height, width];
    const output = ['batch', classNames.length];
    const bytes = file.length;
    return {
      json: { file: out, bytes, name, format: 'onnx', opset: ONNX_OPSET, input, output },
      text:
        `${out}: model ${name}, ${(bytes / 1024).toFixed(1)} KB, ONNX opset ${ONNX_OPSET}\n` +
        `images [${input.join(', ')}], levels / 255, to probabilities [${output.join(', ')}]`,
    };
  } finally {
    model.dispose();
  }
}

/** Chooses before the engine starts. A name without a run is one that ships, its weights those of its file. */
async function opener(args: Choice, context: CommandContext): Promise<() => Promise<ChosenModel>> {
  const { run, model, 'model-folder': folder } = args;
  if (run === undefined && folder === undefined && model !== undefined) {
    const shipped = requireShipped(model);
    // The one that is also there in float32.
    if (shipped === 'dropout') return () => loadChosenModel(shippedModelFolder(), 'export');
    return () => restoreShippedModel(shipped);
  }
  const chosen = await chosenFolder(args, context);
  return () => loadChosenModel(chosen, 'export');
}
