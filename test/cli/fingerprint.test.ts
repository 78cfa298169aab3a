// selvedge fingerprint as a user runs it, on the shipped sample. That the digests are equal on all runtimes: npm run test:runtimes.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeFolder, run, start } from './program.ts';

const { folder, remove } = makeFolder();
test.after(remove);

const small = ['fingerprint', '--json', '--model', 'baseline', '--images', '250'];

interface Answer {
  readonly runtime: { readonly name: string; readonly version: string };
  readonly engine: { readonly build: string; readonly threads: number };
  readonly kernels: string;
  readonly data: readonly unknown[];
  readonly fingerprints: readonly { readonly weights: string; readonly updates: number; readonly updatesNow: number }[];
}

async function answerOf(args: readonly string[]): Promise<Answer> {
  const { code, out, err } = await run(folder, args);
  assert.is(code, 0, err);
  return JSON.parse(out) as Answer;
}

test('fingerprint prints the same weights at 1 and 3 threads and on unshared memory', async () => {
  const [one, three, unshared] = [
    await answerOf([...small, '--threads', '1']),
    await answerOf([...small, '--threads', '3']),
    await answerOf([...small, '--unshared']),
  ];
  assert.equal(one.runtime, { name: 'node', version: process.versions.node });
  assert.equal(
    [one, three, unshared].map(({ engine }) => `${engine.build} ${engine.threads}`),
    ['threaded-simd 1', 'threaded-simd 3', 'simd 1'],
  );
  assert.match(one.fingerprints[0]!.weights, /^[0-9a-f]{64}$/);
  assert.is(one.fingerprints[0]!.updates, 2 * 3);
  assert.equal(three.fingerprints[0], one.fingerprints[0]);
  assert.equal(unshared.fingerprints[0], one.fingerprints[0]);
  assert.equal([one.kernels.length, one.data.length], [64, 4]);
});

test('fingerprint that is interrupted goes on from its checkpoints, to the same weights', async () => {
  const args = ['fingerprint', '--json', '--model', 'dropout', '--images', '1850'];
  const kept = [...args, '--checkpoints', 'kept', '--checkpoint-every', '3'];
  const first = start(folder, kept);
  await first.hears('epoch 1/2');
  first.interrupt();
  const { code, err } = await first.ended;
  assert.is(code, 130, err);
  assert.match(err, /Interrupted after update \d+/);
  const [resumed, whole] = [await answerOf(kept), await answerOf(args)];
  assert.ok(resumed.fingerprints[0]!.updatesNow < whole.fingerprints[0]!.updatesNow);
  assert.is(resumed.fingerprints[0]!.weights, whole.fingerprints[0]!.weights);
});

test('fingerprint refuses more images than there are', async () => {
  const { code, err } = await run(folder, ['fingerprint', '--model', 'baseline']);
  assert.is(code, 1);
  assert.match(err, /expected 12345 images, ".*" has 2000 \[training\/too-few-images\]/);
});

test.run();
