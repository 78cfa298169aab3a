// `selvedge bench` as a user calls it, on the shipped sample; no figure is asserted but that it is one.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeFolder, run } from './program.ts';

const { folder, remove } = makeFolder();
const test = suite('selvedge bench');
test.after(remove);

test('selvedge bench data --json prints only JSON, with machine, engine and disturbance', async () => {
  const { code, out, err } = await run(folder, ['bench', 'data', '--rounds', '1', '--only', 'CONFUSION', '--json']);
  assert.is(code, 0, err);
  const { benchmark, results, machine, engine, runtime, disturbance } = JSON.parse(out);
  assert.equal([benchmark, results.length, results[0].ratio.samples], ['data', 1, 1]);
  assert.ok(results[0].ratio.median > 0);
  assert.ok(machine.cpu && engine.threads >= 1 && runtime.version);
  assert.is(typeof disturbance.isDisturbed, 'boolean');
});

test('selvedge bench inference measures one batch size and names the machine', async () => {
  const words = ['bench', 'inference', '--rounds', '1', '--batch-size', '2', '--model', 'baseline', '--threads', '1'];
  const { code, out, err } = await run(folder, words);
  assert.is(code, 0, err);
  assert.match(out, /^inference baseline, 1 threads\nbatch {5}2 {2}.* images\/s .* ms a call\n/);
  assert.match(out, /cores, node \d+/);
});

test('selvedge bench networks tells size and speed, and accuracy after some minutes where that is asked for', async () => {
  const words = ['bench', 'networks', '--rounds', '1', '--only', 'plain', '--minutes', '.001', '--json'];
  const { code, out, err } = await run(folder, words);
  assert.is(code, 0, err);
  const { results, regime } = JSON.parse(out);
  assert.is(regime, 'record-30');
  assert.equal([results.length, results[0].name], [1, 'plain']);
  const [{ parameters, operationsPerImage, imagesPerSecond, afterEpochs, afterMinutes }] = results;
  assert.equal([parameters, afterEpochs], [499_266, undefined]);
  assert.ok(operationsPerImage > 60e6 && operationsPerImage < 67e6 && imagesPerSecond.median > 0);
  // The least that a budget is.
  assert.is(afterMinutes.epochs, 1);
  assert.ok(afterMinutes.validationAccuracy > 0 && afterMinutes.validationAccuracy < 1);
  const again = await run(folder, words);
  assert.match(err, 'plain, epoch 1 of 1');
  assert.not.match(again.err, 'plain, epoch');
  assert.equal(JSON.parse(again.out).results[0].afterMinutes, afterMinutes, 'what was trained is not trained again');
});

test('selvedge bench refuses what it does not know', async () => {
  for (const [words, message] of [
    [['--rounds', '0'], 'Option "--rounds" got "0"'],
    [['--epochs', '0'], 'Option "--epochs" got "0"'],
    [['--minutes', '-1'], 'Option "--minutes" got "-1"'],
    [['--only', ' , '], 'Option "--only" got " , "'],
    [['--task', 'sleeping'], 'Option "--task" got "sleeping": expected one of training, inference'],
    [['--model', 'none'], 'Option "--model" got "none"'],
  ] as const) {
    const { code, out, err } = await run(folder, ['bench', 'data', ...words]);
    assert.equal([code, out], [2, ''], err);
    assert.match(err, message);
  }
});

test.run();
