// train --teacher: which folder it means, what it refuses, and a whole training by a recipe that learns from one.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startBackend } from '../../src/backend/index.ts';
import type { CommandContext } from '../../src/cli/command.ts';
import { loadTeacher, teacherFolder } from '../../src/cli/teacher.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { readShippedFile, saveModel } from '../../src/models/index.ts';
import { type Ended, makeFolder, start } from './program.ts';

const { folder, remove } = makeFolder();
test.after(remove);
const context = { cwd: folder } as CommandContext;

function place(...parts: string[]): string {
  const at = path.join(folder, ...parts);
  mkdirSync(at, { recursive: true });
  writeFileSync(path.join(at, 'model.json'), '{}');
  return at;
}

const refusal = async (text: string): Promise<string> => {
  const error = await teacherFolder(text, context).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof SelvedgeError && error.code === 'cli/usage', String(error));
  return (error as SelvedgeError).message;
};

test('teacherFolder() finds models of runs and of folders', async () => {
  const model = place('runs', 'one', 'dropout', 'model');
  for (const text of ['one', 'one/dropout', 'runs/one/dropout', 'runs/one/dropout/model', `${model}/model.json`]) {
    assert.is(await teacherFolder(text, context), model, text);
  }
  assert.is(await teacherFolder('best', context), 'best', 'one that ships');
  const other = place('elsewhere');
  assert.is(await teacherFolder(other, context), other);
});

test('a file of export is a teacher, and the classes of what it tells are checked', async () => {
  const file = path.join(folder, 'best.selvedge');
  writeFileSync(file, await readShippedFile('best'));
  assert.is(await teacherFolder('best.selvedge', context), file);
  const engine = await startBackend({ threads: 1 });
  const model = await loadTeacher(file, undefined);
  assert.equal(model.outputs[0]!.shape, [null, 10]);
  model.dispose();
  await engine.stop();
  writeFileSync(file, (await readShippedFile('best')).subarray(0, 5000));
  const cut = await teacherFolder('best.selvedge', context).catch((error: unknown) => error);
  assert.ok(cut instanceof SelvedgeError && cut.code === 'edge/truncated', String(cut));
});

test('teacherFolder() says what is wrong with everything else', async () => {
  place('runs', 'two', 'dropout', 'model');
  place('runs', 'two', 'baseline', 'model');
  mkdirSync(path.join(folder, 'runs', 'begun', 'dropout'), { recursive: true });
  assert.match(await refusal('two'), /"--teacher" got "two": .*; the run holds baseline, dropout$/);
  assert.match(await refusal('begun'), /there is no such run with a finished model$/);
  assert.match(await refusal('nobody'), /there is no such run/);
  assert.match(await refusal('two/resnet20'), /the run holds no such model/);
  assert.match(
    await refusal('../..'),
    /got "\.\.\/\.\.": expected a run, .* an ONNX file or one of selvedge export; this is none of them$/,
  );
});

const selvedge = (...args: string[]): Promise<Ended> => start(folder, args).ended;
const TRAINING = ['train', '--examples', '200', '--epochs', '1', '--json'];

test('selvedge train by a recipe that learns from a teacher does so, and another teacher is another run', async () => {
  const recipe = {
    network: { family: 'baseline' },
    epochs: 1,
    batchSize: 50,
    optimizer: { name: 'adam', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 },
    schedule: { name: 'constant', warmUp: 0, start: 0 },
    labelSmoothing: 0.1,
    focalGamma: 1,
    classWeights: [1, 1, 1, 1, 1, 1, 2, 1, 1, 1],
    clipNorm: 1,
    distillation: { temperature: 3, share: 0.5 },
    mixing: { mixupAlpha: 0.2, cutMixAlpha: 1, probability: 0.5 },
    validation: true,
  };
  writeFileSync(path.join(folder, 'pupil.json'), JSON.stringify(recipe));
  const byRecipe = [...TRAINING, '--recipe', 'pupil.json', '--run', 'school'];
  const alone = await selvedge(...byRecipe);
  assert.is(alone.code, 2);
  assert.match(alone.err, /Recipe "pupil" learns from a teacher: expected --teacher, too/);
  for (const seed of ['1', '2']) {
    const trained = await selvedge(...TRAINING, '--model', 'baseline', '--run', `teacher${seed}`, '--seed', seed);
    assert.is(trained.code, 0, trained.err);
  }
  const taught = await selvedge(...byRecipe, '--teacher', 'teacher1');
  assert.is(taught.code, 0, taught.err);
  const { settings, teacherFolder: from } = JSON.parse(
    readFileSync(path.join(folder, 'runs', 'school', 'pupil', 'config.json'), 'utf8'),
  );
  assert.match(settings.teacher, /^[0-9a-f]{64}$/);
  assert.equal(settings.distillation, recipe.distillation);
  assert.ok(from.endsWith(path.join('teacher1', 'baseline', 'model')));
  const other = await selvedge(...byRecipe, '--teacher', 'teacher2');
  assert.match(other.err, /holds a run with other settings \(teacher "[0-9a-f]{64}", not "[0-9a-f]{64}"\)/);
});

test('selvedge train refuses a teacher of other classes in one line', async () => {
  const engine = await startBackend({ threads: 1 });
  const model = tf.sequential({
    layers: [tf.layers.flatten({ inputShape: [28, 28, 1] }), tf.layers.dense({ units: 5, activation: 'softmax' })],
  });
  await saveModel(model, path.join(folder, 'five'));
  model.dispose();
  await engine.stop();
  const { code, err } = await selvedge(...TRAINING, '--teacher', 'five');
  assert.is(code, 1);
  assert.match(err, /Cannot learn from the model in ".*five": expected 10 classes \(T-shirt.*\), got 5 \(class 0,/);
  assert.is(
    err
      .trimEnd()
      .split('\n')
      .filter((line) => line.startsWith('selvedge: ')).length,
    1,
    err,
  );
});

test.run();
