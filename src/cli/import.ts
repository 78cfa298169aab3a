// selvedge import: an ONNX classifier as a folder with a model.json, which every command takes, and stock tfjs too.
// Not here: how it is read (models/onnx/). Invariant: the folder is whole or has no model.json.
import { SelvedgeError } from '../core/errors.ts';
import { loadModel, saveModel, weightsDigest } from '../models/index.ts';
import { platform } from '../platform/index.ts';
import { command } from './command.ts';
import { threadsOption, useEngine } from './options.ts';

export const importCommand = command({
  name: 'import',
  description: 'Read a classifier from an ONNX file into a folder that commands and tfjs take',
  args: {
    file: { type: 'positional', required: true, description: 'ONNX file, such as PyTorch writes' },
    out: { type: 'string', valueHint: 'folder', description: 'Folder to write (default: <file> without .onnx)' },
    classes: { type: 'string', valueHint: 'names', description: 'Names of the classes with commas between' },
    ...threadsOption,
  },
  async run({ file, out, classes, threads }, context) {
    const { files } = platform;
    const path = files.resolve(context.cwd, file);
    const status = await files.status(path);
    if (!status || status.isFolder) {
      throw new SelvedgeError(
        'import/file',
        `Cannot read "${path}": expected an ONNX file, got ${status ? 'a folder' : 'nothing'}`,
      );
    }
    const folder = files.resolve(
      context.cwd,
      out ?? `${file.replace(/\.onnx$/i, '')}${/\.onnx$/i.test(file) ? '' : '-model'}`,
    );
    const place = await files.status(folder);
    if (place && !place.isFolder) {
      throw new SelvedgeError('import/out', `Cannot write to "${folder}": expected a folder, got a file`);
    }
    await useEngine(threads);
    const { model, metadata, notices = [] } = await loadModel(path);
    try {
      const count = model.outputs[0]!.shape[1]!;
      const classNames = classes === undefined ? metadata.classNames : namesOf(classes, count);
      await saveModel(model, folder, { ...metadata, ...(classNames === undefined ? {} : { classNames }) });
      for (const notice of notices) context.writeError(`${notice}\n`);
      const [input] = model.inputs;
      const shape = input!.shape.slice(1);
      const weights = await weightsDigest(model);
      const parameters = model.countParams();
      return {
        json: { folder, name: model.name, input: shape, classes: count, classNames, parameters, weights, notices },
        text:
          `${folder}: model ${model.name}, images [${shape.join(', ')}] to ${count} classes, ${parameters} parameters\n` +
          `weights ${weights}`,
      };
    } finally {
      model.dispose();
    }
  },
});

function namesOf(text: string, count: number): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.length === count && names.every((name) => name !== '') && new Set(names).size === count) return names;
  throw new SelvedgeError(
    'import/classes',
    `Cannot name the classes: expected ${count} different names, got "${text}"`,
  );
}
