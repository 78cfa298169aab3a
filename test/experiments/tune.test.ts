// Studies: the same trials from the same seed, whether or not one was killed; what ends a trial; what is refused.
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import {
  attributeNames,
  bestTrial,
  checkRecipe,
  prunerDefaults,
  recipeOfTrial,
  type Study,
  samplerDefaults,
} from '../../src/experiments/index.ts';
import { accuracyOf, pretend, runStudy, settings, space } from './space.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-tune-'));
test.after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => path.join(folder, name);

/** A study without its clock. */
const essence = ({ trials }: Study) =>
  trials.map(({ state, value, parameters, intermediateValues }) => ({
    state,
    value,
    parameters,
    steps: [...intermediateValues],
  }));

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return `${(error as SelvedgeError).code} ${(error as Error).message}`;
  }
  return 'none';
}

test('a study of one seed tries the same again, another seed other values', async () => {
  const first = await runStudy(at('a'), 20);
  const again = await runStudy(at('b'), 20);
  const other = await runStudy(at('c'), 20, { settings: { ...settings, seed: 4 } });
  assert.is(first.status, 'complete');
  assert.equal(essence(first.study), essence(again.study));
  assert.not.equal(essence(first.study), essence(other.study));
  assert.ok(first.study.trials.some(({ state }) => state === 'pruned'));
  const best = bestTrial(first.study)!;
  assert.is(best.value, Math.max(...first.study.trials.filter((t) => t.state === 'complete').map((t) => t.value!)));
  checkRecipe(recipeOfTrial(space, best), 'best');
});

test('every sampler and pruner makes studies that go on, byte cut by byte cut, to the same trials', async () => {
  const samplers = [...Object.values(samplerDefaults), { ...samplerDefaults.tpe, startup: 3, multivariate: true }];
  const pruners = Object.values(prunerDefaults);
  for (const [index, sampler] of samplers.entries()) {
    const change = { settings: { ...settings, sampler, pruner: pruners[index % pruners.length]! } };
    const whole = await runStudy(at(`w${index}`), 14, change);
    const bytes = readFileSync(at(`w${index}`));
    for (let share = 0.07; share < 1; share += 0.13) {
      writeFileSync(at('cut'), bytes.subarray(0, Math.floor(bytes.length * share)));
      const resumed = await runStudy(at('cut'), 14, change);
      assert.equal(essence(resumed.study), essence(whole.study), `${sampler.name} cut at ${share}`);
    }
  }
});

test('a study that was stopped between two epochs tells so, and goes on; more trials extend it', async () => {
  const whole = await runStudy(at('d'), 12);
  const stop = new AbortController();
  let left = 3;
  const stopped = await runStudy(at('e'), 12, {
    signal: stop.signal,
    objective: async (trial) => {
      if (left-- > 0) return pretend(trial);
      await trial.report(1, accuracyOf(trial) * 0.5);
      stop.abort();
      return { status: 'interrupted', durationMs: 0 };
    },
  });
  assert.is(stopped.status, 'interrupted');
  assert.is(stopped.study.trials.at(-1)!.state, 'running');
  await runStudy(at('e'), 6);
  assert.equal(essence((await runStudy(at('e'), 12)).study), essence(whole.study));
});

test('a grid tries every combination once, and ends by itself', async () => {
  const { study } = await runStudy(at('f'), 1000, {
    settings: { ...settings, sampler: { name: 'grid', points: 2 }, pruner: prunerDefaults.none },
  });
  // Two smoothings, two batch sizes, two rates of each optimiser.
  assert.is(study.trials.length, 2 * 2 * (2 + 2));
  assert.is(new Set(study.trials.map(({ parameters }) => JSON.stringify(parameters))).size, 16);
});

test('a training that diverges counts as cut short; one that cannot be trained has failed, and five in a row end the study', async () => {
  let calls = 0;
  const { study } = await runStudy(at('g'), 4, {
    objective: async (trial) => {
      calls++;
      if (calls === 1) throw new SelvedgeError('training/diverged', 'Cannot go on: the loss became NaN');
      if (calls === 2) throw new SelvedgeError('training/unsupported-model', 'Cannot train it');
      return pretend(trial);
    },
  });
  assert.equal(
    study.trials.slice(0, 2).map(({ state, value }) => [state, value]),
    [
      ['pruned', undefined],
      ['failed', undefined],
    ],
  );
  assert.match(String(study.trials[0]!.userAttributes[attributeNames.error]), 'became NaN');
  const failing = { objective: () => Promise.reject(new SelvedgeError('training/settings', 'Cannot train with this')) };
  assert.match(await codeOf(runStudy(at('h'), 9, failing)), /^tune\/no-result .* first 5 trials failed.*with this/);
  assert.match(await codeOf(runStudy(at('few'), 2, failing)), /^tune\/no-result .* first 2 trials failed/);
  const small = {
    objective: async (trial: Parameters<typeof pretend>[0]) => {
      if (trial.number === 1)
        throw new SelvedgeError('train/image-size', 'Cannot build network "plain" for images of 4x4x1');
      return pretend(trial);
    },
  };
  assert.is((await runStudy(at('small'), 3, small)).study.trials[1]!.state, 'failed');
  const broken = { objective: () => Promise.reject(new SelvedgeError('files/not-written', 'the disk is full')) };
  assert.match(await codeOf(runStudy(at('i'), 9, broken)), /^files\/not-written/);
  assert.is((await runStudy(at('i'), 3)).study.trials.length, 3);
});

test('another space, seed or objective is another study, and a journal of another program is none of ours', async () => {
  await runStudy(at('j'), 2);
  const other = runStudy(at('j'), 2, { settings: { ...settings, seed: 9, objective: { examples: 200 } } });
  assert.match(
    await codeOf(other),
    /^tune\/other-study .*seed 3, not 9; objective\.examples 100, not 200; use --again/,
  );
  writeFileSync(
    at('k'),
    '{"op_code": 0, "worker_id": "x", "study_name": "study", "directions": [2]}\n{"op_code":4,"worker_id":"x","study_id":0,"datetime_start":null}\n',
  );
  assert.match(await codeOf(runStudy(at('k'), 2)), /^tune\/other-study .*another program began it/);
});

test('a second runner of the same journal is found out, a note of a dashboard is not minded', async () => {
  const note = '{"op_code":2,"worker_id":"dashboard","study_id":0,"user_attr":{"note":"good"}}\n';
  const { study } = await runStudy(at('l'), 3, {
    objective: async (trial) => {
      if (trial.number === 1) appendFileSync(at('l'), note);
      return pretend(trial);
    },
  });
  assert.is(study.userAttributes.note, 'good');
  const intruding = runStudy(at('m'), 3, {
    objective: async (trial) => {
      appendFileSync(at('m'), '{"op_code":4,"worker_id":"y","study_id":0,"datetime_start":null}\n');
      return pretend(trial);
    },
  });
  assert.match(await codeOf(intruding), /^journal\/other-writer/);
  const shortened = runStudy(at('n'), 3, {
    objective: async (trial) => {
      truncateSync(at('n'), statSync(at('n')).size - 5);
      return pretend(trial);
    },
  });
  assert.match(await codeOf(shortened), /^journal\/other-writer/);
});

test.run();
