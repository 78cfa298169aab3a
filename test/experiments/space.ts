// A small search space for tests, and a study of it whose trials train nothing. Not a test.
import os from 'node:os';
import {
  checkSearchSpace,
  openJournal,
  prunerDefaults,
  type RunningTrial,
  readRecipe,
  type StudySettings,
  samplerDefaults,
  type TuneOptions,
  type TuneResult,
  tune,
} from '../../src/experiments/index.ts';

export const spaceSource = {
  ...(await readRecipe('record-30', os.tmpdir())).recipe,
  validation: true,
  labelSmoothing: { uniform: [0, 0.2] },
  batchSize: { integer: [32, 128, 32] },
  optimizer: {
    choice: [
      { name: 'sgd', learningRate: { log: [0.001, 1] }, momentum: 0.9, nesterov: true },
      { name: 'adam', learningRate: { log: [0.0001, 0.1] }, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    ],
  },
};
export const space = checkSearchSpace(spaceSource, 'space.json');

/** A known function of a trial: best at a rate of .05 by sgd, without smoothing. */
export function accuracyOf({ parameters }: Pick<RunningTrial, 'parameters'>): number {
  const rate = Number(parameters['optimizer.sgd.learningRate'] ?? parameters['optimizer.adam.learningRate']);
  const distance = Math.log10(rate / 0.05);
  return 0.9 - 0.02 * distance * distance - Number(parameters.labelSmoothing) * 0.1;
}

export const settings: StudySettings = {
  sampler: samplerDefaults.tpe,
  pruner: prunerDefaults.halving,
  seed: 3,
  direction: 'maximize',
  objective: { examples: 100 },
};

/** Epochs of a trial. */
export const EPOCHS = 9;

/** Reports what a training would, epoch by epoch. */
export async function pretend(trial: RunningTrial) {
  for (let epoch = 1; epoch <= EPOCHS; epoch++) {
    const value = accuracyOf(trial) * (1 - 0.5 ** epoch);
    if ((await trial.report(epoch, value)) === 'stop' && epoch < EPOCHS) {
      return { status: 'pruned', durationMs: epoch * 1000 } as const;
    }
  }
  return { status: 'complete', durationMs: EPOCHS * 1000 } as const;
}

/** Runs the study of a journal. */
export async function runStudy(path: string, trials: number, change: Partial<TuneOptions> = {}): Promise<TuneResult> {
  const journal = await openJournal(path, 'test');
  return tune({ name: 'study', space, settings, journal, trials, objective: pretend, ...change });
}
