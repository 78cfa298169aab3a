// A small training on the shipped sample, for the tests of fit(): six updates an epoch, the last of ten images. Not a test.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import {
  type CheckpointStore,
  type EpochRecord,
  type FitOptions,
  type FitState,
  fit,
  fitDefaults,
  openCheckpoints,
} from '../../src/training/index.ts';
import { placeSample, type SampleExamples, settingsOf, smallModel, weightsDigest } from './sample-run.ts';

export const COUNT = 90;
export const STEPS = 6;

export const diverging = settingsOf({ optimizer: { ...fitDefaults.optimizer, learningRate: 1e30 } });

export interface Outcome {
  readonly digest: string;
  readonly history: object[];
}

export interface FitCase {
  readonly examples: SampleExamples;
  readonly optionsOf: (changes?: Partial<FitOptions>) => FitOptions;
  /** Of a folder that each test has anew. */
  readonly checkpoints: () => CheckpointStore<FitState>;
  /** A small model trained from seed 1, without interruption. */
  readonly trainWhole: (changes?: Partial<FitOptions>) => Promise<Outcome>;
}

/** Starts the engine before the tests of a file, and stops it after them. */
export function useFitCase(test: Test): FitCase {
  let engine: RunningBackend;
  let examples: SampleExamples;
  let folder: string;
  test.before(async () => {
    engine = await startBackend({ threads: 2 });
    examples = await placeSample({ count: COUNT });
  });
  test.after(async () => {
    examples.resident.dispose();
    await engine.stop();
  });
  test.before.each(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-fit-'));
  });
  test.after.each(() => rmSync(folder, { recursive: true }));
  const optionsOf = (changes: Partial<FitOptions> = {}): FitOptions => ({
    training: examples.training,
    validation: examples.validation,
    settings: settingsOf(),
    ...changes,
  });
  return {
    get examples() {
      return examples;
    },
    optionsOf,
    checkpoints: () => openCheckpoints<FitState>(folder),
    async trainWhole(changes = {}) {
      const model = smallModel();
      const { history } = await fit(model, optionsOf(changes));
      const digest = weightsDigest(model);
      model.dispose();
      return { digest, history: resultsOf(history) };
    },
  };
}

/** What must be equal between runs: all but the times. */
export const resultsOf = (history: readonly EpochRecord[]): object[] =>
  history.map(({ imagesPerSecond: _, durationMs: __, ...results }) => results);

export const codeOf = async (body: Promise<unknown>): Promise<string> => {
  try {
    await body;
  } catch (error) {
    assert.instance(error, SelvedgeError, String((error as Error).stack));
    return `${(error as SelvedgeError).code}: ${(error as SelvedgeError).message}`;
  }
  return 'no error';
};
