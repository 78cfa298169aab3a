// A queue in a database: leases, retries and dead letters are pg-boss's, works and results are rows beside. Not here: SQL (tables.ts) and the
// connection (database.ts). Invariant: a job of pg-boss holds a key and nothing else; a result is written before its job is completed, so a
// process that dies in between costs a look, never the work.
import { SelvedgeError } from '../core/errors.ts';
import type { QueueDatabase } from './database.ts';
import type {
  Difference,
  Report,
  TakenWork,
  WaitingLine,
  WorkerIdentity,
  WorkQueue,
  WorkResult,
  WorkState,
} from './queue.ts';
import * as sql from './tables.ts';
import { attemptOf, type JobData, takenWork } from './taken-work.ts';
import { readWork, uuidOf } from './work.ts';

/** A lease lasts so long after the last touch: the least that pg-boss takes. */
const LEASE_SECONDS = 10;
/** Work that was lost or given back so often is a dead letter, after a quarter of an hour at least: a full disk may be emptied meanwhile. */
const MOST_RETRIES = 20;
const RETRY_DELAY_SECONDS = 1;
const LONGEST_RETRY_DELAY_SECONDS = 60;
/** Who stands for those that did not manage a verification: no worker has this name. */
const NOBODY = '';
/** Longest a work may take in all, whoever keeps its lease: a day. */
const LONGEST_SECONDS = 86_000;
const DEAD_LETTERS = 'dead-letters';
/** Jobs that one statement files. */
const FILED_AT_ONCE = 1_000;
/** Verifications come after all works. */
const LAST_PRIORITY = -2_000_000_000;

const verifyLine = (line: string): string => `${line}-again`;

/**
 * Opens the queue of a database, and makes its tables where they are not there yet.
 *
 * @param retryDelaySeconds After which work that was lost or given back is tried again; twice as long each time, up to a minute. 0: at once
 */
export async function openDatabaseQueue(
  database: QueueDatabase,
  retryDelaySeconds = RETRY_DELAY_SECONDS,
): Promise<WorkQueue> {
  const { boss, query, steadily } = database;
  await makeTables(database);
  const lines = new Set<string>();
  const makeLine = async (line: string): Promise<void> => {
    if (lines.has(line)) return;
    const options = {
      retryLimit: MOST_RETRIES,
      retryDelay: retryDelaySeconds,
      ...(retryDelaySeconds > 0 ? { retryBackoff: true, retryDelayMax: LONGEST_RETRY_DELAY_SECONDS } : {}),
      heartbeatSeconds: LEASE_SECONDS,
      expireInSeconds: LONGEST_SECONDS,
      deadLetter: DEAD_LETTERS,
    };
    for (const name of [line, verifyLine(line)]) await steadily(() => boss.createQueue(name, options));
    lines.add(line);
  };
  await steadily(() => boss.createQueue(DEAD_LETTERS));

  /** Of works that can be done now; the rest follow when the last of those before them is done. */
  async function insertJobs(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    const rows = await query<{ key: string; line: string; ordering: number; generation: number }>(sql.unfinishedWorks, [
      keys,
    ]);
    for (const [line, group] of groupBy(rows, ({ line: of }) => of)) {
      await makeLine(line);
      for (let i = 0; i < group.length; i += FILED_AT_ONCE) {
        const jobs = group.slice(i, i + FILED_AT_ONCE).map(({ key, ordering, generation }) => ({
          id: uuidOf(key, generation),
          data: { key } satisfies JobData,
          priority: -ordering,
        }));
        await steadily(() => boss.insert(line, jobs));
      }
    }
  }

  async function forget(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    await query(sql.forgetResults, [keys]);
    await insertJobs(keys);
  }

  /** What was tried too often has ended. */
  async function readDeadLetters(): Promise<void> {
    const jobs = await steadily(() => boss.fetch<JobData>(DEAD_LETTERS, { batchSize: 50, includeMetadata: true }));
    for (const { id, retryCount, data, sourceOutput } of jobs) {
      const result: WorkResult = { status: 'dead', message: reasonOf(sourceOutput) };
      if (data.steps === undefined) await query(sql.keepResult, [data.key, JSON.stringify(result), null, null]);
      else await query(sql.keepVerification, [data.key, NOBODY, null]);
      await steadily(() => boss.complete(DEAD_LETTERS, { id, retryCount }));
    }
  }

  async function states(keys: readonly string[]): Promise<Map<string, WorkState>> {
    await readDeadLetters();
    const found = new Map<string, WorkState & { reports: Report[] }>();
    for (const row of await query<WorkRow>(sql.worksByKey, [keys])) {
      const { key, result, worker } = row;
      found.set(key, { reports: [], ...(result ? { result } : {}), ...(worker === null ? {} : { worker }) });
    }
    for (const row of await query<ReportRow>(sql.reportsByKey, [keys]))
      found
        .get(row.key)
        ?.reports.push({ step: row.step, value: row.value, digest: row.digest, durationMs: row.duration_ms });
    return found;
  }

  async function takeOf(line: string, worker: string, isAgain: boolean): Promise<TakenWork | undefined> {
    const name = isAgain ? verifyLine(line) : line;
    for (;;) {
      const [job] = await steadily(() => boss.fetch<JobData>(name, isAgain ? { ignoreGroups: [worker] } : {}));
      if (!job) return undefined;
      const { key } = job.data;
      const [row] = await query<WorkRow & { work: string; ready: boolean }>(sql.workToDo, [key]);
      const isDone = row !== undefined && row.result !== null;
      // Forgotten since it was to be verified, and perhaps done by this worker: whoever waits asks again.
      if (isAgain && (row?.result?.status !== 'done' || row.worker === worker)) {
        await steadily(() => boss.complete(name, attemptOf(job)));
        continue;
      }
      // Delivered twice, or what it is made of was forgotten: then it waits for that under another id.
      if (!row || (!isAgain && (isDone || !row.ready))) {
        if (isDone) await insertJobs((await query<{ key: string }>(sql.worksAfter, [key])).map((after) => after.key));
        else await forget([key]);
        await steadily(() => boss.complete(name, attemptOf(job)));
        continue;
      }
      const work = await readWork(row.work, key).catch((error: unknown) => error as SelvedgeError);
      if (work instanceof Error) {
        // A row that somebody has changed: whoever filed it is told, and no worker falls over it.
        const result = { status: 'failed', code: work.code ?? 'work/bad', message: work.message };
        if (isAgain) await query(sql.keepVerification, [key, NOBODY, null]);
        else await query(sql.keepResult, [key, JSON.stringify(result), null, null]);
        await steadily(() => boss.complete(name, attemptOf(job)));
        continue;
      }
      const putBack = async (): Promise<void> => {
        await query(sql.renewWork, [key]);
        await (isAgain ? verify(key) : insertJobs([key]));
      };
      return takenWork(database, { job, name, worker, work, insertJobs, putBack });
    }
  }

  async function verify(key: string): Promise<void> {
    const [row] = await query<{ line: string; result: WorkResult; worker: string | null; generation: number }>(
      'select line, result, worker, generation from selvedge.work where key = $1 and result is not null',
      [key],
    );
    if (row?.result.status !== 'done' || row.worker === null) return;
    await makeLine(row.line);
    const steps = Number(row.result.value.steps ?? 1);
    const job = {
      // Another id than the work's own: generations of works do not come near.
      id: uuidOf(key, 0x8000_0000 + row.generation),
      data: { key, steps } satisfies JobData,
      priority: LAST_PRIORITY,
      group: { id: row.worker },
    };
    await steadily(() => boss.insert(verifyLine(row.line), [job]));
  }

  return {
    shown: database.shown,
    async file(works, order) {
      for (let i = 0; i < works.length; i += FILED_AT_ONCE) {
        const part = works.slice(i, i + FILED_AT_ONCE);
        const orders = part.map((_, j) => order?.[i + j] ?? 0);
        await query(sql.fileWorks, [
          part.map(({ key }) => key),
          part.map(({ line }) => line),
          part.map(({ text }) => text),
          orders,
          part.map(({ after }) => JSON.stringify(after)),
        ]);
        await insertJobs(part.map(({ key }) => key));
      }
    },
    states,
    async endAfter(key, step) {
      await query(sql.endWorkAfter, [key, step]);
    },
    forget,
    verify,
    async verified(keys) {
      const rows = await query<{ key: string }>(sql.verifiedWorks, [keys, NOBODY]);
      return new Set(rows.map(({ key }) => key));
    },
    async unverifiable(keys) {
      const rows = await query<{ key: string }>(sql.verifiedBy, [keys, NOBODY]);
      return new Set(rows.map(({ key }) => key));
    },
    async canVerify(keys) {
      const [row] = await query<{ can: boolean }>(sql.canVerify, [keys]);
      return row!.can;
    },
    async differences(keys) {
      const rows = await query<DifferenceRow>(
        'select * from selvedge.difference where key = any($1::text[]) order by key, worker',
        [keys],
      );
      return rows.map(
        ({ key, worker, digest, other_worker: otherWorker, other_digest: otherDigest }): Difference => ({
          key,
          worker,
          digest,
          otherWorker,
          otherDigest,
        }),
      );
    },
    async bar(worker, reason) {
      await query('update selvedge.worker set barred = $2 where name = $1', [worker, reason]);
    },
    async present({ name, version, kernels, threads }, looksInto = []) {
      const values = [name, version, kernels, threads, looksInto];
      const [row] = await query<{ barred: string | null }>(sql.keepWorker, values);
      return row?.barred ?? undefined;
    },
    workers: () => query<WorkerIdentity>(sql.presentWorkers),
    async waiting() {
      const rows = await query<{ line: string; count: number; work: string }>(sql.waitingLines);
      return rows.flatMap(({ line, count, work }): WaitingLine[] => {
        try {
          return [{ line, count, work: JSON.parse(work) }];
        } catch {
          // Whoever takes it says so.
          return [];
        }
      });
    },
    async take(wanted, worker) {
      for (const line of wanted) await makeLine(line);
      for (const isAgain of [false, true]) {
        for (const line of wanted) {
          const taken = await takeOf(line, worker, isAgain);
          if (taken) return taken;
        }
      }
      return undefined;
    },
    close: () => database.close(),
  };
}

interface WorkRow {
  readonly key: string;
  readonly result: WorkResult | null;
  readonly worker: string | null;
}

interface ReportRow {
  readonly key: string;
  readonly step: number;
  readonly value: number;
  readonly digest: string;
  readonly duration_ms: number;
}

interface DifferenceRow {
  readonly key: string;
  readonly worker: string;
  readonly digest: string;
  readonly other_worker: string;
  readonly other_digest: string;
}

/** Two processes that make the tables at once: one of them fails, and finds them made. */
async function makeTables({ boss, steadily }: QueueDatabase): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await steadily(() => boss.getDb().executeSql(sql.makeTables));
      return;
    } catch (error) {
      if (attempt === 3)
        throw new SelvedgeError('queue/tables', `Cannot make the tables of a queue: ${String(error)}`, {
          cause: error,
        });
    }
  }
}

function reasonOf(output: unknown): string {
  const { message, value } = (output ?? {}) as { message?: unknown; value?: { message?: unknown } };
  return String(message ?? value?.message ?? 'no reason was given');
}

function groupBy<T>(items: readonly T[], of: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(of(item));
    if (group) group.push(item);
    else groups.set(of(item), [item]);
  }
  return groups;
}
