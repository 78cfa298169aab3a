// Our journals as Optuna reads them, and Optuna's as we do. Every Optuna that this machine has takes part: that of Debian
// (`apt-get install python3-optuna`), that of the first python3, and that of $SELVEDGE_OPTUNA_PYTHON; without any, a line says so.
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createPhilox } from '../../src/core/philox.ts';
import {
  attributeNames,
  type Distribution,
  distributionText,
  prunerDefaults,
  readJournal,
  type Study,
  samplerDefaults,
  valueAt,
} from '../../src/experiments/index.ts';
import { toInternal } from '../../src/experiments/parameter.ts';
import { createParzenEstimator } from '../../src/experiments/parzen.ts';
import { runStudy, settings, spaceSource } from './space.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-optuna-'));
test.after(() => rmSync(folder, { recursive: true }));
const script = fileURLToPath(new URL('optuna-peer.py', import.meta.url));

function call(python: string, ...args: string[]): string {
  return execFileSync(python, [script, ...args], {
    encoding: 'utf8',
    timeout: 120_000,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

/** Pythons that have Optuna, by its version. */
const pythons = new Map<string, string>();
for (const python of ['/usr/bin/python3', 'python3', process.env.SELVEDGE_OPTUNA_PYTHON ?? 'python3']) {
  try {
    const version = call(python, 'version').trim();
    if (!pythons.has(version)) pythons.set(version, python);
  } catch {
    // Has none.
  }
}
if (pythons.size === 0)
  console.log('Optuna is absent: its side of the journal is not tested (apt-get install python3-optuna)');

const finite = (value: number | null | undefined): unknown => {
  if (value === undefined || value === null) return null;
  if (Number.isNaN(value)) return 'nan';
  return Number.isFinite(value) ? value : String(value).replace('Infinity', 'inf');
};

/** A study of ours as the script prints one of Optuna's. */
const essence = ({ name, directions, userAttributes, trials }: Study) => ({
  name,
  directions,
  attributes: userAttributes,
  trials: trials.map((trial) => ({
    number: trial.number,
    state: trial.state,
    value: finite(trial.value),
    parameters: trial.parameters,
    distributions: Object.fromEntries(
      Object.entries(trial.distributions).map(([key, one]) => [key, JSON.parse(distributionText(one))]),
    ),
    steps: [...trial.intermediateValues].sort(([a], [b]) => a - b).map(([step, value]) => [step, finite(value)]),
    attributes: trial.userAttributes,
  })),
});

function parse(text: string) {
  type Printed = Omit<ReturnType<typeof essence>, 'trials'> & {
    trials: (ReturnType<typeof essence>['trials'][number] & { seconds: number | null })[];
  };
  const studies = JSON.parse(text) as Printed[];
  return studies.map((study) => ({
    ...study,
    trials: study.trials.map(({ seconds: _, ...trial }) => ({
      ...trial,
      distributions: Object.fromEntries(
        Object.entries(trial.distributions).map(([key, one]) => [key, JSON.parse(one as unknown as string)]),
      ),
    })),
  }));
}

for (const [version, python] of pythons) {
  test(`Optuna ${version} reads our journal: trials, states, values on the way, parameters, attributes`, async () => {
    const file = path.join(folder, `ours-${version}.jsonl`);
    const { study } = await runStudy(file, 24, { settings: { ...settings, pruner: prunerDefaults.median } });
    const states = new Set(study.trials.map(({ state }) => state));
    assert.ok(states.has('complete') && states.has('pruned'));
    const text = call(python, 'read', file);
    assert.equal(parse(text), [essence(study)]);
    const [theirs] = parse(text);
    assert.equal(theirs!.attributes[attributeNames.space], spaceSource);
    const seconds = JSON.parse(text)[0].trials.map((trial: { seconds: number }) => trial.seconds);
    assert.ok(
      seconds.every((each: number) => each >= 0 && each < 60),
      String(seconds),
    );
  });

  test(`Optuna ${version} reads a journal of ours that was cut in the middle of a line, and goes on after its repair`, async () => {
    const file = path.join(folder, `torn-${version}.jsonl`);
    await runStudy(file, 4);
    appendFileSync(file, '{"op_code":4,"worker_id":"x","stu');
    assert.is(JSON.parse(call(python, 'read', file))[0].trials.length, 4);
    const { study } = await runStudy(file, 6, { settings: { ...settings, sampler: samplerDefaults.tpe } });
    assert.equal(parse(call(python, 'read', file)), [essence(study)]);
  });

  test(`a journal that Optuna ${version} wrote is read as Optuna reads it`, async () => {
    const file = path.join(folder, `theirs-${version}.log`);
    const theirs = parse(call(python, 'write', file));
    const ours = await readJournal(file);
    assert.equal(ours.map(essence), theirs);
    const states = new Set(ours[0]!.trials.map(({ state }) => state));
    assert.equal([...states].sort(), ['complete', 'failed', 'pruned', 'waiting']);
    assert.equal(essence(ours[0]!).trials[2]!.steps, [
      [0, 'nan'],
      [1, 'nan'],
      [2, 'nan'],
    ]);
  });
}

test('densities are those of the Parzen estimators of Optuna 3.1: relative error < 1e-9', () => {
  const python = pythons.get('3.1.0');
  if (!python) return;
  const kinds: [string, Distribution][] = [
    ['float', { kind: 'float', low: -2, high: 3, log: false }],
    ['log', { kind: 'float', low: 1e-5, high: 10, log: true }],
    ['stepped', { kind: 'float', low: 0, high: 2, log: false, step: 0.25 }],
    ['integer', { kind: 'integer', low: 3, high: 40, log: false, step: 1 }],
    ['integer by 8', { kind: 'integer', low: 8, high: 64, log: false, step: 8 }],
    ['choice', { kind: 'choice', choices: ['a', 'b', 'c', 'd'] }],
  ];
  const cases = kinds.flatMap(([name, distribution], kind) =>
    // Among equal values the order of an unstable sort decides which has the farther neighbour; it shows where weights differ, from 26.
    ('step' in distribution ? [0, 1, 2, 7, 25] : [0, 1, 2, 7, 25, 26, 27, 60]).map((count) => {
      const draws = createPhilox({ seed: count, stream: 9, substream: [kind] });
      const value = () => toInternal(distribution, valueAt(distribution, draws.nextUniform()));
      const values = Array.from({ length: count }, value);
      return { name, distribution, values, points: Array.from({ length: 12 }, value) };
    }),
  );
  const asked = cases.map(({ distribution, values, points }) => ({
    distributions: { x: distributionText(distribution) },
    observed: { x: values },
    points: { x: points },
  }));
  const theirs = JSON.parse(call(python, 'densities', JSON.stringify(asked))) as number[][];
  cases.forEach(({ name, distribution, values, points }, i) => {
    const estimator = createParzenEstimator([{ distribution, values }]);
    points.forEach((point, j) => {
      const ours = estimator.logDensity([point]);
      const expected = theirs[i]![j]!;
      assert.ok(
        Math.abs(ours - expected) <= 1e-9 * Math.max(1, Math.abs(expected)),
        `${name} of ${values.length} at ${point}: ${ours}, not ${expected}`,
      );
    });
  });
});

test.run();
