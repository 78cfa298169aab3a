// Works whose results are artefacts: lost ones are made again, ensembles wait for their members, and a flipped bit is found.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import {
  artefactsBefore,
  createArtefactHandler,
  createVerification,
  type Handlers,
  keyWork,
  openLocalQueue,
  overWorks,
  packFiles,
  runWorker,
  type SumSettings,
  unpackFiles,
  type WorkQueue,
} from '../../src/queue/index.ts';
import { identity, memoryStore, needs, sum } from './contract.ts';

const artefacts = memoryStore();
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Numbers in place of trainings, and their list in place of an ensemble. */
const handlers = (flip = ''): Handlers => ({
  sum: createArtefactHandler(async ({ work }) => {
    const { first } = work.settings as SumSettings;
    if (first === 13) throw new SelvedgeError('training/diverged', 'Cannot go on: the loss is no number');
    return { bytes: bytesOf(`${first}${flip}`) };
  }, /^training\//),
  ensemble: createArtefactHandler(async (taken, context) => {
    const before = await artefactsBefore(taken, context);
    return before && { bytes: bytesOf(before.map(textOf).join('+')) };
  }, /^ensemble\//),
});

const works = async (...firsts: number[]) => {
  const members = await Promise.all(firsts.map((first) => sum(first)));
  const settings = {
    members: members.map(({ key }, i) => ({ name: `${i}`, work: key })),
    isStacked: false,
    shares: firsts.map(() => 1),
  };
  return [...members, await keyWork({ kind: 'ensemble', needs, settings })];
};

async function withWorkers<T>(
  queue: WorkQueue,
  lines: readonly string[],
  flips: Readonly<Record<string, string>>,
  ask: () => Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  const working = Object.entries(flips).map(([name, flip]) =>
    runWorker({
      ...{ queue, lines, artefacts, signal: ending.signal },
      identity: identity(name),
      handlers: handlers(flip),
    }),
  );
  try {
    return await ask();
  } finally {
    ending.abort();
    await Promise.allSettled(working);
  }
}

async function all(queue: WorkQueue, filed: Awaited<ReturnType<typeof works>>): Promise<string[]> {
  const found: string[] = [];
  for await (const bytes of overWorks(filed, { queue, artefacts })) found.push(textOf(bytes));
  return found;
}

test('an ensemble is made once its members are, and again after one whose artefact was lost', async () => {
  const queue = openLocalQueue();
  const filed = await works(1, 2);
  const lines = [...new Set(filed.map(({ line }) => line))];
  await withWorkers(queue, lines, { sound: '' }, async () => {
    assert.equal(await all(queue, filed), ['1', '2', '1+2']);
    artefacts.kept.clear();
    assert.equal(await all(queue, filed), ['1', '2', '1+2']);
  });
});

test('workers and a command that keep artefacts in different places are told so, in place of working for ever', async () => {
  const queue = openLocalQueue();
  const filed = await works(1, 2);
  const lines = [...new Set(filed.map(({ line }) => line))];
  const elsewhere = { ...memoryStore(), place: 'another place' };
  const found = await withWorkers(queue, lines, { sound: '' }, async () => {
    try {
      for await (const _ of overWorks(filed, { queue, artefacts: elsewhere }));
    } catch (error) {
      return error as SelvedgeError;
    }
    return undefined;
  });
  assert.is(found?.code, 'artefact/missing');
  assert.match(found!.message, /worker "sound".*"another place".*same --artefacts/);
});

test('what an earlier command left as dead is tried again, and with again all is', async () => {
  const queue = openLocalQueue();
  const filed = await works(1, 3);
  const [work] = filed;
  await queue.file(filed);
  for (let taken = await queue.take([work!.line], 'sick'); taken; taken = await queue.take([work!.line], 'sick'))
    await taken.giveBack('its disk is full');
  assert.is((await queue.states([work!.key])).get(work!.key)?.result?.status, 'dead');
  const lines = [...new Set(filed.map(({ line }) => line))];
  await withWorkers(queue, lines, { sound: '' }, async () => assert.equal(await all(queue, filed), ['1', '3', '1+3']));
  await withWorkers(queue, lines, { other: '!' }, async () => {
    assert.equal(await all(queue, filed), ['1', '3', '1+3']);
    const again: string[] = [];
    for await (const bytes of overWorks(filed, { queue, artefacts, again: true })) again.push(textOf(bytes));
    assert.equal(again, ['1!', '3!', '1!+3!']);
  });
});

test('a worker that gives back all that it takes ends, and says why; one work that nobody can do ends none', async () => {
  const one = openLocalQueue();
  const bad = await sum(0);
  await one.file([bad]);
  const ending = new AbortController();
  let taken = 0;
  const throwing: Handlers = {
    sum: async () => {
      if (++taken === 2) ending.abort();
      throw new Error('no');
    },
  };
  const { givenBack } = await runWorker({
    ...{
      queue: one,
      lines: [bad.line],
      artefacts,
      signal: ending.signal,
      handlers: throwing,
      identity: identity('sound'),
    },
  });
  assert.is(givenBack, 2);
  const queue = openLocalQueue();
  const filed = await Promise.all(Array.from({ length: 10 }, (_, first) => sum(first)));
  await queue.file(filed);
  const full: Handlers = {
    sum: async () => {
      throw new Error('no space is left on its disk');
    },
  };
  const signal = new AbortController().signal;
  const ended = await runWorker({
    ...{ queue, lines: [filed[0]!.line], artefacts, signal, handlers: full, identity: identity('sick') },
  }).catch((error: SelvedgeError) => error);
  assert.is((ended as SelvedgeError).code, 'queue/unfit');
  assert.match((ended as SelvedgeError).message, /"sick".*10 works in a row.*no space is left/);
});

test('a verification does not wait for what failed, for what the queue never had, nor for workers that look elsewhere', async () => {
  const queue = openLocalQueue();
  const filed = await Promise.all([13, 1].map((first) => sum(first)));
  await queue.file(filed);
  await withWorkers(queue, [filed[0]!.line], { sound: '' }, async () => {
    while ((await queue.states(filed.map(({ key }) => key))).size < 2 || (await queue.waiting()).length > 0)
      await new Promise((resolve) => setTimeout(resolve, 20));
    for (const name of ['older', 'oldest']) await queue.present({ ...identity(name), version: '0.0.0' }, ['sum-other']);
    assert.is(await queue.canVerify([filed[1]!.key, 'of another queue']), false);
    const verification = createVerification(queue, { share: 1, seed: 1 });
    await verification.considerAll(filed.map(({ key }, number) => [key, number]));
    const ending = new AbortController();
    const ended = verification.end(true, ending.signal).catch((error: SelvedgeError) => error.code);
    setTimeout(() => ending.abort(), 100);
    assert.is(await ended, 'queue/interrupted');
    const [failed] = filed;
    const alone = createVerification(queue, { share: 1, seed: 1 });
    await alone.consider(failed!.key, 0);
    assert.equal(await alone.end(true), { chosen: 0, verified: 0, differences: [] });
  });
});

test('a work that failed ends what follows it, with the code of its error', async () => {
  const queue = openLocalQueue();
  const filed = await works(1, 13);
  const lines = [...new Set(filed.map(({ line }) => line))];
  const code = await withWorkers(queue, lines, { sound: '' }, () => all(queue, filed).catch((error) => error.code));
  assert.is(code, 'training/diverged');
});

test('a worker whose bits differ is named by a third', async () => {
  const queue = openLocalQueue();
  const filed = await works(5, 6);
  const lines = [...new Set(filed.map(({ line }) => line))];
  const differences = await withWorkers(queue, lines, { sound: '', broken: '!' }, async () => {
    const right = handlers();
    const judge = async (key: string): Promise<string | undefined> => {
      const work = filed.find((one) => one.key === key)!.work;
      const taken = { key, work, attempt: 0 } as Parameters<NonNullable<Handlers['sum']>>[0];
      const signal = new AbortController().signal;
      const result = await right[work.kind]!(taken, { queue, artefacts, signal });
      return result?.status === 'done' ? result.digest : undefined;
    };
    const verification = createVerification(queue, { share: 1, seed: 1, judge });
    await all(queue, filed);
    for (const [number, { key }] of filed.entries()) await verification.consider(key, number);
    const { verified, chosen, differences: found } = await verification.end(true);
    assert.equal([verified, chosen], [3, 3]);
    return found;
  });
  assert.ok(differences.length >= 2);
  for (const { wrong, number } of differences) if (number < 2) assert.is(wrong, 'broken');
});

test('unpackFiles() gives back what packFiles() took, and refuses the rest', () => {
  const files = new Map([
    ['config.json', bytesOf('{}')],
    ['model/weights.bin', new Uint8Array(9)],
  ]);
  const packed = packFiles(files);
  assert.equal([...unpackFiles(packed)], [...files]);
  for (const bad of [
    packed.subarray(0, 3),
    packed.subarray(0, packed.length - 1),
    packFiles(new Map([['../x', new Uint8Array()]])),
    packFiles(new Map([['a/../../x', new Uint8Array()]])),
    packFiles(new Map([['/etc/x', new Uint8Array()]])),
    new Uint8Array(8).fill(255),
  ])
    assert.throws(
      () => unpackFiles(bad),
      ({ code }: { code: string }) => code === 'artefact/format',
    );
});

test.run();
