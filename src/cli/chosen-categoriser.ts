// The categoriser that a command is told to use: one that ships, with its calibration, or a model of the user's, calibrated on images that it
// was not trained on. Not here: what is categorised. Invariant: without images to calibrate on nothing is promised.

import * as v from 'valibot';
import {
  type CategoriserCalibration,
  calibrate,
  calibrationSchema,
  type OpenCategoriser,
  openCategoriser,
  openShippedCategoriser,
} from '../apps/categorise/index.ts';
import { SelvedgeError } from '../core/errors.ts';
import { shuffledIndices } from '../core/philox.ts';
import { subsetOf } from '../data/dataset.ts';
import { isModelFile, modelFolderOf, weightsDigest } from '../models/index.ts';
import { platform } from '../platform/index.ts';
import { requireShipped } from './chosen-classifier.ts';
import { type Choice, type ChosenModel, chosenFolder, loadChosenModel, preparationFor } from './chosen-model.ts';
import type { CommandContext } from './command.ts';
import { partsOf } from './measures/subject.ts';
import { loadModelData } from './model-data.ts';
import { useEngine } from './options.ts';
import { writeJson } from './run-files.ts';

export interface CategoriserChoice extends Choice {
  readonly threads?: string | undefined;
  readonly data?: string | undefined;
}

/** A categoriser, and what its thresholds can be chosen by. */
export interface ChosenCategoriser {
  readonly name: string;
  readonly categoriser: OpenCategoriser;
  /** Or why there is none. */
  readonly calibration: CategoriserCalibration | { readonly reason: string };
  dispose(): void;
}

/**
 * Opens it, which the caller disposes; without options `dropout` of those that ship.
 *
 * @param wantsCalibration False where thresholds are given by hand
 * @throws SelvedgeError `cli/usage`, `models/…`, `categorise/…`
 */
export async function openChosenCategoriser(
  choice: CategoriserChoice,
  wantsCalibration: boolean,
  context: CommandContext,
): Promise<ChosenCategoriser> {
  const { run, model: name = 'dropout', 'model-folder': chosen, threads } = choice;
  if (run === undefined && chosen === undefined) {
    const shipped = requireShipped(name);
    await useEngine(threads);
    const categoriser = await openShippedCategoriser(shipped);
    return { name, categoriser, calibration: categoriser.calibration, dispose: () => categoriser.dispose() };
  }
  const folder = await chosenFolder(choice, context);
  await useEngine(threads);
  const loaded = await loadChosenModel(folder, 'categorise');
  try {
    const calibration = wantsCalibration
      ? await calibrationOf(loaded, folder, choice, context)
      : { reason: 'thresholds were given' };
    const gate =
      'gate' in calibration && calibration.gate ? { network: loaded.model, gate: calibration.gate } : undefined;
    const categoriser = await openCategoriser(loaded.model, {
      classNames: loaded.classNames,
      preparation: preparationFor(loaded, 'categorise'),
      gate,
    });
    const dispose = (): void => {
      categoriser.dispose();
      loaded.model.dispose();
    };
    return { name: loaded.model.name, categoriser, calibration, dispose };
  } catch (error) {
    loaded.model.dispose();
    throw error;
  }
}

const FILE = 'categorise.json';
/** Of what is kept: gates of the first were fitted to images that they were calibrated on, too. */
const VERSION = 2;
/** Of the order in which training images are looked at: a gate takes the first of them. */
const ORDER_SEED = 1;

/**
 * Where the calibration of a model is kept: in its folder, or beside its file.
 *
 * @param path As `loadModelAt` takes it
 */
export async function calibrationPath(path: string): Promise<string> {
  return (await isModelFile(path)) ? `${path}.${FILE}` : platform.files.join(await modelFolderOf(path), FILE);
}

/** What is kept beside the model, where it is of these weights; else it is made, and kept. */
async function calibrationOf(
  loaded: ChosenModel,
  folder: string,
  choice: CategoriserChoice,
  context: CommandContext,
): Promise<CategoriserCalibration> {
  const { files } = platform;
  const path = await calibrationPath(folder);
  const weights = await weightsDigest(loaded.model);
  if (await files.status(path)) {
    const text = await files.readText(path);
    const kept = parseCalibration(text);
    if (kept?.weights === weights && (JSON.parse(text) as { version?: number }).version === VERSION) return kept;
  }
  const data = await loadModelData(loaded, choice, context);
  const parts = partsOf(loaded.metadata.settings, data);
  if ('reason' in parts) {
    throw new SelvedgeError(
      'categorise/calibration',
      `Cannot promise an error rate for the model in "${folder}": ${parts.reason}; give "--threshold" instead`,
    );
  }
  context.writeError('Calibrating on the validation images, once\n');
  const order = shuffledIndices(parts.train.length, { seed: ORDER_SEED, epoch: 0 });
  const training = parts.train.map((_, i) => parts.train[order[i]!]!);
  const held = subsetOf(data.train, parts.validation, 'validation');
  const calibration = await calibrate(loaded.model, {
    training: subsetOf(data.train, training, 'training'),
    held,
    on: `${held.count} images that the training kept for validation`,
  });
  await writeJson(path, { version: VERSION, ...calibration });
  return calibration;
}

/** Undefined for what is no calibration. */
export function parseCalibration(text: string): CategoriserCalibration | undefined {
  try {
    return v.parse(calibrationSchema, JSON.parse(text));
  } catch {
    return undefined;
  }
}
