// The queue in a database does what every queue must do: in PGlite, and in PostgreSQL where the machine has one. Run on Node 22.12 or later by
// database.test.ts. Beyond the contract: leases that run out, duplicate delivery, a database that goes away, and no password anywhere.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createCluster, findPostgres } from '../../scripts/scale/cluster.ts';
import { forgetEarlier } from '../../src/queue/artefact-work.ts';
import { openDatabase, openDatabaseQueue, readQueueAddress, type WorkQueue } from '../../src/queue/index.ts';
import { declareContract, sum, workAll } from './contract.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-queue-'));
const open = async (text: string): Promise<WorkQueue> =>
  openDatabaseQueue(await openDatabase(readQueueAddress(text)), 0);
const clear =
  'truncate selvedge.work, selvedge.report, selvedge.checkpoint, selvedge.verification, selvedge.difference, selvedge.worker';

const embedded = suite('embedded queue');
embedded.after(() => rmSync(folder, { recursive: true }));
/** One folder for all: PGlite takes seconds to make one. */
async function openEmbedded(): Promise<WorkQueue> {
  return (await openEmbeddedBoth()).queue;
}
async function openEmbeddedBoth() {
  const database = await openDatabase(readQueueAddress(`pglite:${path.join(folder, 'a')}`));
  const queue = await openDatabaseQueue(database, 0);
  await database.query(clear);
  for (const { name } of await database.boss.getQueues()) await database.boss.deleteAllJobs(name);
  return { database, queue };
}
declareContract(embedded, openEmbedded);

embedded(
  'a folder that a process has open is refused to another, and is taken over from one that was killed',
  async () => {
    const queue = await openEmbedded();
    let message = '';
    await open(`pglite:${path.join(folder, 'a')}`).catch((error) => {
      message = `${error.code} ${error.message}`;
    });
    assert.match(message, /^queue\/busy .*another process has it open/);
    await queue.close();
  },
);

embedded(
  'a row that somebody has changed ends no worker, is told, and is put right by whoever files it again',
  async () => {
    const { database, queue } = await openEmbeddedBoth();
    const works = await Promise.all([1, 2, 3].map((first) => sum(first)));
    const [json, text, sound] = works;
    const stateOf = async (key: string) => (await queue.states([key])).get(key)?.result;
    await queue.file(works);
    await database.query("update selvedge.work set work = '{}' where key = $1", [json!.key]);
    await database.query("update selvedge.work set work = 'x' where key = $1", [text!.key]);
    assert.is((await workAll(queue, [sound!.line])).finished, 1);
    assert.is((await stateOf(sound!.key))?.status, 'done');
    for (const { key } of [json!, text!]) {
      const result = await stateOf(key);
      assert.is(result?.status === 'failed' && result.code, 'work/bad');
    }
    await queue.file(works);
    await forgetEarlier(
      queue,
      works.map(({ key }) => key),
      false,
    );
    assert.is((await workAll(queue, [sound!.line])).finished, 2);
    // A verification of such a row does not come.
    await queue.verify(json!.key);
    await database.query("update selvedge.work set work = '{}' where key = $1", [json!.key]);
    assert.is((await workAll(queue, [sound!.line], 'two')).finished, 0);
    assert.equal(await queue.unverifiable(works.map(({ key }) => key)), new Set([json!.key]));
    await queue.close();
  },
);

embedded('a verification that nobody manages is told of, and what nobody managed is a dead letter', async () => {
  const queue = await openEmbedded();
  const work = await sum(1);
  await queue.file([work]);
  await workAll(queue, [work.line], 'one');
  await queue.verify(work.key);
  for (let taken = await queue.take([work.line], 'two'); taken; taken = await queue.take([work.line], 'two'))
    await taken.giveBack('its disk is full');
  await queue.states([work.key]);
  assert.equal(await queue.unverifiable([work.key]), new Set([work.key]));
  assert.equal(await queue.verified([work.key]), new Set());
  await queue.close();
});
embedded.run();

const programs = findPostgres();
if (!programs) console.log('PostgreSQL is not installed: only the embedded queue was tested');
else {
  const cluster = await createCluster();
  await cluster.start();
  const test = suite('PostgreSQL queue');
  test.after(() => cluster.remove());
  let count = 0;
  declareContract(test, () => open(cluster.createDatabase(`contract${count++}`)));

  test('a worker that wakes after its lease changes nothing, and its work goes on elsewhere', async () => {
    const queue = await open(cluster.createDatabase('leases'));
    const work = await sum(1);
    await queue.file([work]);
    const paused = (await queue.take([work.line], 'paused'))!;
    await paused.report({ step: 1, value: 1, digest: 'x', durationMs: 1 });
    let other: Awaited<ReturnType<WorkQueue['take']>>;
    while (!other) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      other = await queue.take([work.line], 'other');
    }
    assert.is(other?.attempt, 1);
    assert.is(await paused.touch(), false);
    await paused.giveBack('too late');
    assert.is(await other!.touch(), true);
    await paused.finish({ status: 'done', digest: 'a'.repeat(64), value: {} });
    await other!.finish({ status: 'done', digest: 'b'.repeat(64), value: {} });
    const [difference] = await queue.differences([work.key]);
    assert.is(difference?.worker, 'other');
    assert.is(await queue.take([work.line], 'third'), undefined);
    await queue.close();
  });

  test('a database that is killed and comes back stops nobody', async () => {
    const address = readQueueAddress(cluster.createDatabase('away'));
    const told: string[] = [];
    const database = await openDatabase(address, { onAway: (message) => told.push(message) });
    const queue = await openDatabaseQueue(database, 0);
    const works = await Promise.all([1, 2, 3, 4, 5, 6].map((first) => sum(first, { steps: 4, pauseMs: 100 })));
    await queue.file(works);
    const working = workAll(queue, [works[0]!.line]);
    await new Promise((resolve) => setTimeout(resolve, 700));
    cluster.kill();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await cluster.start();
    await working;
    // What was taken when the database went away waits for its lease to run out.
    while ((await queue.waiting()).length > 0) await workAll(queue, [works[0]!.line]);
    assert.match(told[0]!, /does not answer/);
    assert.ok(told.every((message) => !message.includes(cluster.password)));
    await queue.close();
  });

  test('a queue that is opened while its database is away waits for it; a wrong password is told at once', async () => {
    const url = cluster.createDatabase('later');
    const wrong = url.replace(cluster.password, 'wrong');
    const refused = await openDatabase(readQueueAddress(wrong)).catch(({ message, code }) => `${code} ${message}`);
    assert.match(String(refused), /^queue\/unreachable Cannot open queue .*password authentication failed/);
    cluster.kill();
    let isStarted: Promise<void> | undefined;
    const database = await openDatabase(readQueueAddress(url), {
      onAway: () => {
        isStarted ??= cluster.start();
      },
    });
    await isStarted;
    assert.equal(await database.query('select 1 as one'), [{ one: 1 }]);
    await database.close();
    cluster.kill();
    const gone = await openDatabase(readQueueAddress(url), { patienceMs: 200 }).catch(({ code }) => code);
    assert.is(gone, 'queue/unreachable');
    await cluster.start();
  });

  test('no table holds a password', async () => {
    const database = await openDatabase(readQueueAddress(cluster.createDatabase('secrets')));
    const queue = await openDatabaseQueue(database, 0);
    await queue.file([await sum(1)]);
    const rows = await database.query(
      'select row_to_json(w) from selvedge.work w union all select row_to_json(j) from selvedge_jobs.job j',
    );
    assert.is(rows.length, 2);
    assert.not.match(JSON.stringify(rows), cluster.password);
    assert.not.match(database.shown, cluster.password);
    await queue.close();
  });
  test.run();
}
