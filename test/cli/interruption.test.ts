// Ctrl-C in the middle of a training, alone and inside a task: a clean end, and the same weights after going on.
// Runs alone: the signal must come while the training lasts.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Ended, makeFolder, run, start } from './program.ts';

const { folder, remove } = makeFolder();
const test = suite('Ctrl-C');
test.after(remove);

const training = ['--examples', '1024', '--epochs', '3'];
const weightsOf = (name: string): Buffer =>
  readFileSync(path.join(folder, 'runs', name, 'dropout', 'model', 'weights.bin'));

/** Starts the program, sends Ctrl-C once it has said something, as npm does it: twice at once. */
async function interrupted(args: readonly string[], text: string): Promise<Ended> {
  const started = start(folder, args);
  await started.hears(text);
  started.interrupt();
  started.interrupt();
  return started.ended;
}

test('selvedge train ends with code 130, says how to go on, and goes on to the same weights', async () => {
  const args = ['train', '--run', 'stopped', ...training];
  const stopped = await interrupted(args, 'epoch 1/3');
  assert.is(stopped.code, 130, stopped.err);
  const resume = `npx selvedge ${args.join(' ')}`;
  assert.match(
    stopped.out,
    new RegExp(`^Stopped after update \\d+; the same command goes on from there: ${resume}\n$`),
  );
  const resumed = await run(folder, args);
  assert.equal([resumed.code, /^Going on in epoch [23], after update \d+$/m.test(resumed.err)], [0, true], resumed.err);
  assert.is((await run(folder, ['train', '--run', 'whole', ...training])).code, 0);
  assert.ok(weightsOf('stopped').equals(weightsOf('whole')));
});

test('selvedge train --json tells in JSON that it was stopped', async () => {
  const { code, out } = await interrupted(['train', '--run', 'json', '--json', ...training], 'epoch 1/3');
  assert.is(code, 130);
  const { status, updates, resume } = JSON.parse(out);
  assert.equal([status, updates >= 8, /^npx selvedge train --run json/.test(resume)], ['interrupted', true, true]);
});

test('selvedge task ends with code 130, and the same task goes on to the same weights', async () => {
  const command = ['selvedge train --run task', ...training].join(' ');
  const task = { command, files: ['deno.json'], output: ['runs/task/dropout/model/*'] };
  writeFileSync(
    path.join(folder, 'deno.json'),
    JSON.stringify({ tasks: { train: task, all: { dependencies: ['train'] } } }),
  );
  const stopped = await interrupted(['task', 'all'], 'epoch 1/3');
  assert.is(stopped.code, 130, stopped.err);
  assert.match(stopped.err, 'Interrupted; the same command goes on where this one stopped');
  const resumed = await run(folder, ['task', 'all']);
  assert.equal([resumed.code, /^Going on in epoch/m.test(resumed.err)], [0, true], resumed.err);
  assert.ok(weightsOf('task').equals(weightsOf('whole')));
  const idle = await run(folder, ['task', 'all']);
  assert.match(idle.err, 'Nothing to do: 1 task up to date');
});

test('selvedge bench is abandoned', async () => {
  const { code, out, err } = await interrupted(['bench', 'training', '--threads', '1'], 'Measuring training');
  assert.equal([code, out], [130, ''], err);
});

test.run();
