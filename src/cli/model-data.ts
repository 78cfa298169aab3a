// The data that a chosen model is measured on: those of its run, or what --data names. Not here: choosing the model (chosen-model.ts).
// Invariant: images and classes are of the model's kind, so that no figure is of something else.
import { SelvedgeError } from '../core/errors.ts';
import type { LoadedData } from '../data/sources.ts';
import { platform } from '../platform/index.ts';
import type { ChosenModel } from './chosen-model.ts';
import type { CommandContext } from './command.ts';
import { loadData, loadRunData } from './data.ts';
import { dataFolder } from './options.ts';
import { readProvenance } from './run-files.ts';

interface ModelDataOptions {
  readonly data?: string | undefined;
  readonly run?: string | undefined;
}

/**
 * Loads the data for a model.
 *
 * @param options `--data`, and `--run` where the model is of one
 * @throws SelvedgeError `data/other-classes`, and whatever loading throws
 */
export async function loadModelData(
  chosen: ChosenModel,
  { data, run }: ModelDataOptions,
  context: CommandContext,
): Promise<LoadedData> {
  // The folder of a model is in that of its training.
  const { folder } = chosen;
  const trained =
    run === undefined || folder === undefined ? undefined : await readProvenance(platform.files.dirname(folder));
  const loaded = await (trained
    ? loadRunData(context, data, trained.source, dataFolder(context, run!))
    : loadData(context, data));
  requireFitting(loaded, chosen);
  return loaded;
}

/** @throws SelvedgeError `data/other-classes` for images or classes of another kind than the model's */
export function requireFitting({ test }: LoadedData, { model, classNames, folder }: ChosenModel): void {
  const expected = `${model.inputs[0]!.shape.slice(1).join('x')} of ${classNames.length} classes`;
  const got = `${[test.height, test.width, test.channels].join('x')} of ${test.classNames.length} classes`;
  if (expected === got) return;
  throw new SelvedgeError(
    'data/other-classes',
    `Cannot measure the model ${folder === undefined ? model.name : `in "${folder}"`}: expected test images of ${expected}, got ${got}; name its data by --data`,
  );
}
