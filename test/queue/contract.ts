// What every queue must do, in memory or in a database. Not a test file: local-queue.test.ts and database.ts run it.
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import {
  type ArtefactStore,
  keyWork,
  type Needs,
  runWorker,
  type SumSettings,
  sumWork,
  type WorkerIdentity,
  type WorkQueue,
} from '../../src/queue/index.ts';

export const needs: Needs = { version: '0.0.1', kernels: 'a'.repeat(64) };
export const identity = (name: string): WorkerIdentity => ({
  name,
  version: '0.0.1',
  kernels: needs.kernels,
  threads: 1,
});
export const sum = (first: number, change: Partial<SumSettings> = {}) =>
  keyWork({ kind: 'sum', needs, settings: { first, steps: 3, pauseMs: 0, ...change } });

/** Artefacts in memory. */
export function memoryStore(): ArtefactStore & { readonly kept: Map<string, Uint8Array> } {
  const kept = new Map<string, Uint8Array>();
  return {
    kept,
    place: 'memory',
    async put(bytes) {
      const digest = Buffer.from(await crypto.subtle.digest('SHA-256', bytes as BufferSource)).toString('hex');
      kept.set(digest, bytes);
      return digest;
    },
    async get(digest) {
      const bytes = kept.get(digest);
      if (!bytes) throw new SelvedgeError('artefact/missing', `Cannot find artefact ${digest}`);
      return bytes;
    },
    async remove(digest) {
      kept.delete(digest);
    },
  };
}

/** Works until nothing is left. */
export const workAll = (queue: WorkQueue, lines: readonly string[], name = 'one') =>
  runWorker({
    queue,
    identity: identity(name),
    lines,
    handlers: { sum: sumWork },
    artefacts: memoryStore(),
    signal: new AbortController().signal,
    endsIdleMs: 100,
  });

/** Declares the suite; each test asks for a queue of its own. */
export function declareContract(test: Test<Record<string, unknown>>, open: () => Promise<WorkQueue>): void {
  test('work that is filed twice is done once, and its result stays', async () => {
    const queue = await open();
    const works = await Promise.all([1, 2, 3].map((first) => sum(first)));
    await queue.file(works);
    await queue.file(works);
    const { finished } = await workAll(queue, [works[0]!.line]);
    assert.is(finished, 3);
    await queue.file(works);
    assert.is((await workAll(queue, [works[0]!.line])).finished, 0);
    const states = await queue.states(works.map(({ key }) => key));
    const results = works.map(({ key }) => states.get(key)!.result!);
    assert.equal(
      results.map((result) => result.status === 'done' && result.value.total),
      [6, 9, 12],
    );
    assert.equal(
      states.get(works[0]!.key)!.reports.map(({ step, value }) => [step, value]),
      [
        [1, 1],
        [2, 3],
        [3, 6],
      ],
    );
    assert.is(states.get(works[0]!.key)!.worker, 'one');
    await queue.close();
  });

  test('work is taken in its order, and only from lines that were asked for', async () => {
    const queue = await open();
    const works = await Promise.all([5, 6, 7].map((first) => sum(first)));
    await queue.file(works, [3, 1, 2]);
    const { line } = works[0]!;
    assert.is(await queue.take(['sum-other'], 'one'), undefined);
    const firsts: number[] = [];
    for (;;) {
      const taken = await queue.take([line], 'one');
      if (!taken) break;
      firsts.push((taken.work.settings as SumSettings).first);
      await taken.finish({ status: 'failed', code: 'training/diverged', message: 'No' });
    }
    assert.equal(firsts, [6, 7, 5]);
    const state = (await queue.states([works[0]!.key])).get(works[0]!.key);
    assert.equal(state?.result, { status: 'failed', code: 'training/diverged', message: 'No' });
    await queue.close();
  });

  test('work that is given back goes on from its checkpoint', async () => {
    const queue = await open();
    const work = await sum(10);
    await queue.file([work]);
    const store = memoryStore();
    const taken = (await queue.take([work.line], 'one'))!;
    assert.is(await taken.touch(), true);
    assert.is(await taken.checkpoint(), undefined);
    const artefact = await store.put(new TextEncoder().encode('10'));
    assert.is(await taken.report({ step: 1, value: 10, digest: 'x', durationMs: 5 }, artefact), 'go on');
    await taken.giveBack('the disk is full');
    const again = (await queue.take([work.line], 'two'))!;
    assert.is(again.attempt, 1);
    assert.equal(await again.checkpoint(), { step: 1, artefact, digests: { 1: 'x' } });
    const result = await sumWork(again, { queue, artefacts: store, signal: new AbortController().signal });
    assert.is(result?.status === 'done' && result.value.total, 33);
    await again.finish(result!);
    assert.equal(
      (await queue.states([work.key])).get(work.key)!.reports.map(({ step }) => step),
      [1, 2, 3],
    );
    await queue.close();
  });

  test('work that is put back, however often, has lost no try', async () => {
    const queue = await open();
    const work = await sum(10);
    await queue.file([work]);
    for (let i = 0; i < 25; i++) {
      const taken = (await queue.take([work.line], 'told to end'))!;
      assert.is(taken.attempt, 0);
      if (i === 0) await taken.report({ step: 1, value: 10, digest: 'x', durationMs: 5 }, 'f'.repeat(64));
      await taken.putBack();
    }
    const taken = (await queue.take([work.line], 'two'))!;
    assert.is((await taken.checkpoint())?.step, 1);
    await taken.finish({ status: 'done', digest: 'a'.repeat(64), value: { steps: 3 } });
    await queue.verify(work.key);
    const verifying = (await queue.take([work.line], 'three'))!;
    await verifying.putBack();
    const again = await queue.take([work.line], 'three');
    assert.equal([again?.attempt, again?.verifies], [verifying.attempt, { steps: 3 }]);
    await queue.close();
  });

  test('who can verify is who looks into the line, has not the result and is not barred', async () => {
    const queue = await open();
    const work = await sum(1);
    await queue.file([work]);
    await queue.present(identity('one'), [work.line]);
    await workAll(queue, [work.line], 'one');
    await queue.present(identity('other'), ['sum-other']);
    assert.is(await queue.canVerify([work.key]), false);
    await queue.present(identity('other'), [work.line]);
    assert.is(await queue.canVerify([work.key]), true);
    assert.is(await queue.canVerify(['0'.repeat(64)]), false);
    await queue.bar('other', 'its results differ');
    assert.is(await queue.canVerify([work.key]), false);
    // What was forgotten before its verification came is not verified by whoever does it anew.
    await queue.verify(work.key);
    await queue.forget([work.key]);
    assert.is((await workAll(queue, [work.line], 'third')).finished, 1);
    assert.equal(await queue.verified([work.key]), new Set());
    await queue.close();
  });

  test('work ends after the step that was asked for', async () => {
    const queue = await open();
    const work = await sum(1, { steps: 50 });
    await queue.file([work]);
    await queue.endAfter(work.key, 7);
    await queue.endAfter(work.key, 9);
    await workAll(queue, [work.line]);
    const { reports, result } = (await queue.states([work.key])).get(work.key)!;
    assert.is(reports.length, 7);
    assert.is(result?.status === 'done' && result.value.steps, 7);
    await queue.close();
  });

  test('a verification goes to another worker, and names who differs', async () => {
    const queue = await open();
    const works = await Promise.all([1, 2].map((first) => sum(first)));
    await queue.file(works);
    const { line } = works[0]!;
    const keys = works.map(({ key }) => key);
    for (;;) {
      const taken = await queue.take([line], 'flipping');
      if (!taken) break;
      const isFirst = taken.key === keys[0];
      await taken.finish({
        status: 'done',
        digest: isFirst ? 'f'.repeat(64) : (await digestOf(9))!,
        value: { steps: 3 },
      });
    }
    for (const key of keys) await queue.verify(key);
    for (const key of keys) await queue.verify(key);
    assert.is(await queue.take([line], 'flipping'), undefined);
    await workAll(queue, [line], 'sound');
    assert.equal(await queue.verified(keys), new Set(keys));
    const differences = await queue.differences(keys);
    assert.equal(
      differences.map(({ key, worker, otherWorker }) => [key, worker, otherWorker]),
      [[keys[0], 'sound', 'flipping']],
    );
    await queue.present(identity('flipping'));
    await queue.bar('flipping', 'its results differ');
    const barred = await workAll(queue, [line], 'flipping').catch((error) => error.code);
    assert.is(barred, 'queue/barred');
    await queue.forget([keys[0]!]);
    assert.is((await workAll(queue, [line], 'sound')).finished, 1);
    const { result } = (await queue.states(keys)).get(keys[0]!)!;
    assert.is(result?.status === 'done' && result.value.total, 6);
    await queue.close();
  });

  test('results after unequal steps, and one without a digest, are compared with nothing', async () => {
    for (const other of [
      { digest: 'b'.repeat(64), value: { steps: 2 } },
      { digest: '', value: { steps: 3 } },
    ]) {
      const queue = await open();
      const work = await sum(1);
      await queue.file([work]);
      const first = (await queue.take([work.line], 'one'))!;
      await first.finish({ status: 'done', digest: 'a'.repeat(64), value: { steps: 3 } });
      await queue.verify(work.key);
      await (await queue.take([work.line], 'two'))!.finish({ status: 'done', ...other });
      assert.equal(await queue.differences([work.key]), []);
      await queue.close();
    }
  });

  test('work waits for what it is made of, and for it again where that was forgotten', async () => {
    const queue = await open();
    const before = await Promise.all([1, 2].map((first) => sum(first)));
    const members = before.map(({ key }, i) => ({ name: `${i}`, work: key }));
    const after = await keyWork({
      kind: 'ensemble',
      needs,
      settings: { members, isStacked: false, shares: [0.5, 0.5] },
    });
    await queue.file([after, ...before]);
    const finish = async (line: string): Promise<void> => {
      const taken = await queue.take([line], 'one');
      await taken!.finish({ status: 'done', digest: 'a'.repeat(64), value: { steps: 3 } });
    };
    assert.is(await queue.take([after.line], 'one'), undefined);
    await finish(before[0]!.line);
    assert.is(await queue.take([after.line], 'one'), undefined);
    await finish(before[0]!.line);
    await queue.forget([before[1]!.key]);
    assert.is(await queue.take([after.line], 'one'), undefined);
    await finish(before[0]!.line);
    const taken = (await queue.take([after.line], 'two'))!;
    assert.is(taken.key, after.key);
    await taken.finish({ status: 'done', digest: 'b'.repeat(64), value: { steps: 1 } });
    assert.is((await queue.states([after.key])).get(after.key)?.worker, 'two');
    assert.equal(await queue.waiting(), []);
    await queue.close();
  });

  test('workers of other kernels are refused before they take work', async () => {
    const queue = await open();
    const work = await sum(1);
    await queue.file([work]);
    const stranger = { ...identity('stranger'), kernels: 'b'.repeat(64) };
    let message = '';
    await runWorker({
      queue,
      identity: stranger,
      lines: ['sum-other'],
      handlers: { sum: sumWork },
      artefacts: memoryStore(),
      signal: new AbortController().signal,
    }).catch((error) => {
      message = `${error.code} ${error.message}`;
    });
    assert.match(
      message,
      /^queue\/refused .*with kernels aaaaaaaaaaaa, this is version 0\.0\.1 with kernels bbbbbbbbbbbb/,
    );
    assert.is((await queue.waiting())[0]!.count, 1);
    // Whoever files its own work in a moment is not.
    const signal = new AbortController().signal;
    const own = await runWorker({
      ...{ queue, identity: stranger, lines: ['sum-other'], handlers: { sum: sumWork }, signal },
      ...{ artefacts: memoryStore(), isFirst: true, endsIdleMs: 100 },
    });
    assert.is(own.finished, 0);
    await queue.close();
  });
}

async function digestOf(total: number): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(String(total)))).toString('hex');
}
