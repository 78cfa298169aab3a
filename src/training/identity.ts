// What decides the weights of a training, as text: a checkpoint of another one is refused. Not here: reading checkpoints (fit.ts).
import { weightsDigest } from '../models/index.ts';
import type { FitOptions, FitSettings } from './fit-options.ts';
import { dependsOnLength } from './schedule.ts';

/**
 * What decides the weights after an update, as text. The number of epochs does not, so that a run can go on, unless the schedule of the
 * learning rate depends on it.
 *
 * @param settings May hold more than the settings of a training
 */
export function identityOf<T extends FitSettings>({ epochs, ...settings }: T): string {
  return JSON.stringify(dependsOnLength(settings.schedule) ? { ...settings, epochs } : settings);
}

/** For callers who do not say what else decides their weights. */
export async function defaultIdentity({ settings, training, teacher }: FitOptions): Promise<string> {
  const taught = teacher && { teacher: await weightsDigest(teacher) };
  return identityOf({ ...settings, examples: training.count, ...taught });
}
