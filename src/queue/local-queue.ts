// A queue in this process's memory: what `--queue` does, without a database. For one worker and whoever files, side by side; not here: leases,
// since nobody else could take the work. Invariant: it answers as database-queue.ts does.
import {
  areComparable,
  type Difference,
  type Report,
  type TakenWork,
  type WorkCheckpoint,
  type WorkerIdentity,
  type WorkQueue,
  type WorkResult,
} from './queue.ts';
import type { KeyedWork } from './work.ts';

interface Entry {
  readonly keyed: KeyedWork;
  readonly order: number;
  attempts: number;
  reports: Map<number, Report>;
  result?: WorkResult;
  worker?: string;
  checkpoint?: WorkCheckpoint;
  lastStep?: number;
}

/** What reports said up to a step. */
const digestsUntil = (last: number, reports: ReadonlyMap<number, Report>): Record<number, string> =>
  Object.fromEntries(
    [...reports].flatMap(([step, { digest }]) => (step <= last && digest !== '' ? [[step, digest]] : [])),
  );

/** Times that work is taken before it is given up. */
const MOST_ATTEMPTS = 20;

/**
 * Opens a queue in memory.
 *
 * @example
 * ```ts
 * import { keyWork, openLocalQueue } from 'selvedge';
 * const queue = openLocalQueue();
 * const needs = { version: '1', kernels: '0'.repeat(64) };
 * const work = await keyWork({ kind: 'sum', needs, settings: { first: 1, steps: 2, pauseMs: 0 } });
 * await queue.file([work]);
 * console.assert((await queue.take([work.line], 'me'))?.key === work.key);
 * ```
 */
export function openLocalQueue(): WorkQueue {
  const entries = new Map<string, Entry>();
  const waiting = new Set<Entry>();
  const enter = (keyed: KeyedWork, order: number): void => {
    const entry: Entry = { keyed, order, attempts: 0, reports: new Map() };
    entries.set(keyed.key, entry);
    waiting.add(entry);
  };
  const again = new Set<string>();
  const verified = new Set<string>();
  const differences: Difference[] = [];
  const workers = new Map<string, WorkerIdentity>();
  const linesOf = new Map<string, readonly string[]>();
  const barred = new Map<string, string>();
  const every = (keys: readonly string[]): Entry[] => keys.flatMap((key) => entries.get(key) ?? []);
  const isReady = ({ after }: KeyedWork): boolean => after.every((key) => entries.get(key)?.result?.status === 'done');
  const compare = (key: string, worker: string, result: WorkResult & { readonly status: 'done' }): void => {
    const { result: other, worker: otherWorker } = entries.get(key)!;
    if (other?.status !== 'done' || otherWorker === undefined || otherWorker === worker) return;
    const { digest } = result;
    if (areComparable(other, result) && other.digest !== digest)
      differences.push({ key, worker, digest, otherWorker, otherDigest: other.digest });
  };

  function takenEntry(entry: Entry, worker: string, steps: number | undefined): TakenWork {
    const { key, work } = entry.keyed;
    return {
      key,
      work,
      attempt: entry.attempts++,
      ...(steps === undefined ? {} : { verifies: { steps } }),
      touch: async () => true,
      async report(report, artefact) {
        if (steps !== undefined) return report.step >= steps ? 'stop' : 'go on';
        if (!entry.reports.has(report.step)) entry.reports.set(report.step, report);
        if (artefact !== undefined)
          entry.checkpoint = { step: report.step, artefact, digests: digestsUntil(report.step, entry.reports) };
        return entry.lastStep !== undefined && report.step >= entry.lastStep ? 'stop' : 'go on';
      },
      checkpoint: async () => (steps === undefined ? entry.checkpoint : undefined),
      async finish(result) {
        if (result.status === 'done') compare(key, worker, result);
        if (steps !== undefined) verified.add(key);
        else if (entry.result === undefined) Object.assign(entry, { result, worker });
      },
      async giveBack(reason) {
        if (entries.get(key) !== entry) return;
        if (steps !== undefined) again.add(key);
        else if (entry.attempts < MOST_ATTEMPTS) waiting.add(entry);
        else entry.result = { status: 'dead', message: reason };
      },
      async putBack() {
        if (entries.get(key) !== entry) return;
        entry.attempts--;
        if (steps !== undefined) again.add(key);
        else waiting.add(entry);
      },
    };
  }

  return {
    shown: 'this process',
    async file(works, order) {
      works.forEach((keyed, i) => {
        if (!entries.has(keyed.key)) enter(keyed, order?.[i] ?? 0);
      });
    },
    async states(keys) {
      return new Map(
        every(keys).map(({ keyed, reports, result, worker }) => [
          keyed.key,
          {
            reports: [...reports.values()].sort((a, b) => a.step - b.step),
            ...(result ? { result } : {}),
            ...(worker === undefined ? {} : { worker }),
          },
        ]),
      );
    },
    async endAfter(key, step) {
      const entry = entries.get(key);
      if (entry && !entry.result) entry.lastStep = Math.min(entry.lastStep ?? step, step);
    },
    async forget(keys) {
      for (const entry of every(keys)) {
        waiting.delete(entry);
        enter(entry.keyed, entry.order);
        verified.delete(entry.keyed.key);
        again.delete(entry.keyed.key);
      }
    },
    async verify(key) {
      if (entries.get(key)?.result?.status === 'done') again.add(key);
    },
    unverifiable: async () => new Set(),
    canVerify: async (keys) =>
      every(keys).some(({ keyed, worker }) =>
        [...linesOf].some(([name, lines]) => name !== worker && !barred.has(name) && lines.includes(keyed.line)),
      ),
    verified: async (keys) => new Set(keys.filter((key) => verified.has(key))),
    differences: async (keys) => differences.filter(({ key }) => keys.includes(key)),
    async bar(worker, reason) {
      barred.set(worker, reason);
    },
    async present(worker, lines = []) {
      workers.set(worker.name, worker);
      linesOf.set(worker.name, lines);
      return barred.get(worker.name);
    },
    workers: async () => [...workers.values()].filter(({ name }) => !barred.has(name)),
    async waiting() {
      const lines = new Map<string, { count: number; readonly entry: Entry }>();
      for (const entry of entries.values()) {
        if (entry.result) continue;
        const line = lines.get(entry.keyed.line);
        if (line) line.count++;
        else lines.set(entry.keyed.line, { count: 1, entry });
      }
      return [...lines].map(([line, { count, entry }]) => ({ line, count, work: entry.keyed.work }));
    },
    async take(lines, worker) {
      const [next] = [...waiting]
        .filter(({ keyed }) => lines.includes(keyed.line) && isReady(keyed))
        .sort((a, b) => lines.indexOf(a.keyed.line) - lines.indexOf(b.keyed.line) || a.order - b.order);
      if (next) {
        waiting.delete(next);
        return takenEntry(next, worker, undefined);
      }
      const key = [...again].find(
        (one) => entries.get(one)?.worker !== worker && lines.includes(entries.get(one)!.keyed.line),
      );
      if (key === undefined) return undefined;
      again.delete(key);
      const entry = entries.get(key)!;
      const { result } = entry;
      return takenEntry(entry, worker, Number((result?.status === 'done' && result.value.steps) || 1));
    },
    close: async () => {},
  };
}
