// A work that a worker has taken from a database, under the lease of its job: reports, checkpoints, the result, and giving it back. Not here: how it
// was taken, and the queue (database-queue.ts). Invariant: a result is written before its job is completed; what comes second is compared.
import type { Job } from 'pg-boss';
import type { QueueDatabase } from './database.ts';
import { areComparable, type TakenWork, type WorkCheckpoint, type WorkResult } from './queue.ts';
import * as sql from './tables.ts';

/** What a job holds. */
export interface JobData {
  readonly key: string;
  /** Steps of a verification. */
  readonly steps?: number;
}

/** Names the attempt, too: once the lease is lost, the engine takes nothing of it. */
export const attemptOf = ({ id, retryCount }: Job<JobData>): { id: string; retryCount: number } => ({ id, retryCount });

export interface Claim {
  readonly job: Job<JobData>;
  readonly name: string;
  readonly worker: string;
  readonly work: TakenWork['work'];
  readonly insertJobs: (keys: readonly string[]) => Promise<void>;
  /** Files a job in place of the one that is taken. */
  readonly putBack: () => Promise<void>;
}

/** Makes what a worker is given. */
export function takenWork(
  { boss, query, steadily }: QueueDatabase,
  { job, name, worker, work, insertJobs, putBack }: Claim,
): TakenWork {
  const { key, steps } = job.data;
  const complete = (): Promise<unknown> => steadily(() => boss.complete(name, attemptOf(job)));
  const touch = async (): Promise<boolean> => {
    const answer = await steadily(() => boss.touch(name, attemptOf(job)));
    return (answer as { affected?: number }).affected !== 0;
  };

  /** Whoever comes second to a digest is compared with the first. */
  async function compare(
    digest: string,
    first: { readonly digest: string | null; readonly worker: string | null },
  ): Promise<void> {
    if (first.digest === null || first.worker === null || first.worker === worker || first.digest === digest) return;
    await query(sql.keepDifference, [key, worker, digest, first.worker, first.digest]);
  }
  async function compareWithResult(result: WorkResult & { readonly status: 'done' }): Promise<void> {
    const [row] = await query<{ digest: string | null; worker: string | null; result: WorkResult | null }>(
      'select digest, worker, result from selvedge.work where key = $1',
      [key],
    );
    if (row?.result && areComparable(row.result, result)) await compare(result.digest, row);
  }

  return {
    key,
    work,
    attempt: job.retryCount,
    ...(steps === undefined ? {} : { verifies: { steps } }),
    touch,
    async report({ step, value, digest, durationMs }, artefact) {
      if (steps !== undefined) return step >= steps ? 'stop' : 'go on';
      const [row] = await query<{ last_step: number | null; digest: string | null; worker: string | null }>(
        sql.keepReport,
        [key, step, value, digest, durationMs, worker, artefact ?? null],
      );
      if (!row) return 'stop';
      // A report that was made again from a checkpoint has no digest.
      if (digest !== '') await compare(digest, { digest: row.digest || null, worker: row.worker });
      return row.last_step !== null && step >= row.last_step ? 'stop' : 'go on';
    },
    async checkpoint() {
      if (steps !== undefined) return undefined;
      const [row] = await query<WorkCheckpoint>(sql.checkpointOf, [key]);
      return row;
    },
    async finish(result) {
      const digest = result.status === 'done' ? result.digest || null : null;
      if (steps === undefined) {
        const [kept] = await query<{ is_first: boolean; after: string[] }>(sql.keepResult, [
          key,
          JSON.stringify(result),
          digest,
          worker,
        ]);
        if (!kept!.is_first && result.status === 'done') await compareWithResult(result);
        // Before the job ends: whoever takes it again does this again.
        await insertJobs(kept!.after);
      } else {
        if (result.status === 'done') await compareWithResult(result);
        await query(sql.keepVerification, [key, worker, digest]);
      }
      await complete();
    },
    async giveBack(reason) {
      await steadily(() => boss.fail(name, attemptOf(job), { message: reason }));
    },
    async putBack() {
      // Attempts are counted by job, so the next has another; whoever has lost the lease has nothing to put back.
      if (!(await touch())) return;
      await putBack();
      await complete();
    },
  };
}
