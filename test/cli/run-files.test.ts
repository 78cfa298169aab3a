import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type RunConfig,
  readEvaluation,
  readRun,
  removeResults,
  requireSameData,
  runPaths,
  writeJson,
} from '../../src/cli/run-files.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { platform } from '../../src/platform/index.ts';
import { scheduleDefaults } from '../../src/training/index.ts';

const config = { settings: { data: ['a', 'b'] }, source: { description: 'the sample' } } as unknown as RunConfig;
const found = (...digests: string[]) => ({
  kind: 'debian' as const,
  description: 'the whole',
  isSample: false,
  files: digests.map((sha256) => ({ name: 'file', sha256 })),
});
const hasCode = (code: string) => (error: unknown) => error instanceof SelvedgeError && error.code === code;

test('requireSameData() refuses a run that was trained on other files, and names both sources', () => {
  requireSameData('runs/a', config, found('a', 'b'));
  assert.throws(
    () => requireSameData('runs/a', config, found('a', 'c')),
    (error: Error) => hasCode('run/other-data')(error) && /the whole.*the sample/.test(error.message),
  );
});

test('removeResults() leaves a run without evaluation and model, and readEvaluation() says what to do', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'selvedge-run-'));
  try {
    await writeJson(runPaths.evaluation(folder), { accuracy: 1 });
    await writeJson(join(runPaths.model(folder), 'model.json'), {});
    assert.is((await readEvaluation(folder)).accuracy, 1);
    await removeResults(folder);
    assert.is(await platform.files.status(runPaths.model(folder)), undefined);
    const error = await readEvaluation(folder).catch((thrown: unknown) => thrown);
    assert.ok(hasCode('run/not-found')(error));
    assert.match((error as Error).message, /selvedge evaluate/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('readRun() tells a damaged config from a missing one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'selvedge-run-'));
  try {
    assert.ok(hasCode('run/not-found')(await readRun(folder).catch((thrown: unknown) => thrown)));
    await platform.files.write(runPaths.config(folder), '{');
    await platform.files.write(runPaths.history(folder), '');
    assert.ok(hasCode('run/format')(await readRun(folder).catch((thrown: unknown) => thrown)));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('readRun() understands the settings of a run of version 0.1, which knew Adam alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'selvedge-run-'));
  try {
    const adam = { learningRate: 0.002, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };
    await writeJson(runPaths.config(folder), { finishedAt: 'then', settings: { epochs: 2, adam } });
    await platform.files.write(runPaths.history(folder), '');
    const { config } = await readRun(folder);
    const optimizer = { name: 'adam', ...adam };
    assert.equal(config, {
      finishedAt: 'then',
      settings: {
        epochs: 2,
        optimizer,
        schedule: scheduleDefaults.constant,
        labelSmoothing: 0,
        exactConvolution: false,
      },
    });
    await writeJson(runPaths.config(folder), config);
    assert.equal((await readRun(folder)).config, config);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
