// A trial that moved from worker to worker says the digest of the epoch that it ended after.

import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as v from 'valibot';
import { startBackend } from '../../src/backend/index.ts';
import { sha256 } from '../../src/core/sha256.ts';
import { placeDataset } from '../../src/data/batches.ts';
import { loadFashionMnistSample } from '../../src/data/sources.ts';
import { recipeSchema } from '../../src/experiments/index.ts';
import { createTrialHandler, keyWork, openLocalQueue, type TakenWork, type WorkQueue } from '../../src/queue/index.ts';

const record = JSON.parse(readFileSync(new URL('../../assets/recipes/record-30.json', import.meta.url), 'utf8'));
const test = suite('trials as work');
const engine = await startBackend({ threads: 1 });
const { train } = await loadFashionMnistSample();
const resident = placeDataset(train);
const range = (first: number, count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => first + i);
const split = { train: range(0, 60), validation: range(60, 20) };
const handler = createTrialHandler({
  place: async () => ({ config: { inputShape: [28, 28, 1], classes: 10 }, resident, split }),
});
const kept = new Map<string, Uint8Array>();
const artefacts = {
  place: 'memory',
  put: async (bytes: Uint8Array) => {
    const digest = await sha256(bytes);
    kept.set(digest, bytes);
    return digest;
  },
  get: async (digest: string) => kept.get(digest)!,
  remove: async (digest: string) => void kept.delete(digest),
};
const recipe = v.parse(recipeSchema, {
  ...record,
  network: { family: 'plain', stem: 4, widths: [4], depth: 1 },
  epochs: 4,
  averaging: { decay: 0.9 },
  validation: true,
});
const work = await keyWork({
  kind: 'trial',
  needs: { version: '1', kernels: '0'.repeat(64) },
  settings: { study: 's', number: 0, recipe, seed: 5, examples: 60, exactConvolution: false },
});

/** Does what a worker has taken; killed after an epoch, or not. */
async function doWork(taken: TakenWork, killedAfter?: number): Promise<unknown> {
  const ending = new AbortController();
  const report: TakenWork['report'] = async (said, artefact) => {
    const answer = await taken.report(said, artefact);
    if (said.step === killedAfter) ending.abort();
    return answer;
  };
  const result = await handler({ ...taken, report }, { queue: openLocalQueue(), artefacts, signal: ending.signal });
  if (result) await taken.finish(result);
  else await taken.giveBack('killed');
  return result;
}

async function moved(queue: WorkQueue, killedAfter: number, endsAfter: number) {
  await queue.file([work]);
  await doWork((await queue.take([work.line], 'one'))!, killedAfter);
  await queue.endAfter(work.key, endsAfter);
  await doWork((await queue.take([work.line], 'two'))!);
  await queue.verify(work.key);
  await doWork((await queue.take([work.line], 'three'))!);
  return (await queue.states([work.key])).get(work.key)!;
}

for (const [killedAfter, endsAfter] of [
  [3, 1],
  [3, 2],
  [3, 3],
  [2, 3],
] as const) {
  test(`one that was left after epoch ${killedAfter} and is to end after ${endsAfter} has the digest of ${endsAfter}`, async () => {
    const queue = openLocalQueue();
    const { result, reports } = await moved(queue, killedAfter, endsAfter);
    assert.ok(result?.status === 'done');
    assert.is(result.value.steps, endsAfter);
    assert.is(result.digest, reports.find(({ step }) => step === endsAfter)!.digest);
    assert.equal(await queue.differences([work.key]), []);
  });
}

test.after(async () => {
  resident.dispose();
  await engine.stop();
});
test.run();
