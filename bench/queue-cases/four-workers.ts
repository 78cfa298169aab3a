// Four workers of one thread and a coordinator, each a process, on a PostgreSQL of their own: what they wait for. Backends of the database are looked
// at every few milliseconds while the sweep runs. Not here: speed of trials. The figures are shares of those looks, and CPU time against one process
// without a queue, so that other programs on the machine change them little.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createCluster, findPostgres } from '../../scripts/scale/cluster.ts';
import { createPrograms, type Program } from '../../scripts/scale/programs.ts';
import { sweep, writeSpace } from '../../scripts/scale/study.ts';
import { openDatabase, readQueueAddress } from '../../src/queue/index.ts';
import type { QueueCase } from './queue-case.ts';

const WORKERS = 4;
const TRIALS = 40;
const LOOK_MS = 10;
/** Of Linux, on every machine of today. */
const TICKS_A_SECOND = 100;

/** What a backend of ours is at, at one look. */
interface Look {
  readonly state: string;
  readonly type: string | null;
  readonly event: string | null;
}

const looks = `
select state, wait_event_type as type, wait_event as event from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'`;

/** Seconds of CPU that a process has taken. */
function cpuSeconds({ id }: Program): number {
  const fields = readFileSync(`/proc/${id}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

async function endedWell(program: Program): Promise<void> {
  if ((await program.ended) !== 0) throw new Error(program.output());
}

export const fourWorkers: QueueCase = {
  name: 'four workers',
  async run({ onProgress }) {
    if (!findPostgres()) return { json: { absent: 'PostgreSQL' }, text: 'four workers: PostgreSQL is not installed' };
    const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-bench-'));
    const cluster = await createCluster();
    const programs = createPrograms(process.execPath, folder);
    try {
      await cluster.start();
      writeSpace(path.join(folder, 'space.json'));
      const address = cluster.createDatabase('four');
      const queue = ['--queue', address, '--threads', '1'];
      const workers = Array.from({ length: WORKERS }, (_, i) => programs.selvedge(`worker ${i}`, ['worker', ...queue]));
      const database = await openDatabase(readQueueAddress(address));
      const study = programs.selvedge('study', [...sweep(TRIALS), '--run', 'four', ...queue]);
      const waits = new Map<string, number>();
      let [seen, active, ungranted] = [0, 0, 0];
      const start = performance.now();
      while (study.isRunning()) {
        const rows = await database.query<Look>(looks);
        const [locks] = await database.query<{ count: number }>(
          'select count(*)::int as count from pg_locks where not granted',
        );
        seen++;
        active += rows.length;
        if (locks!.count > 0) ungranted++;
        for (const { state, type, event } of rows) {
          const wait =
            type === null ? 'running' : type === 'Client' ? `${state}, waits for its client` : `${type} ${event}`;
          waits.set(wait, (waits.get(wait) ?? 0) + 1);
        }
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
      await endedWell(study);
      const seconds = (performance.now() - start) / 1000;
      const cpu = workers.map(cpuSeconds);
      await database.close();
      const queued = cpu.reduce((sum, one) => sum + one, 0);
      onProgress?.(`${TRIALS} trials in ${seconds.toFixed(0)} s, ${queued.toFixed(1)} s of CPU in workers`);
      return describe({ seen, active, ungranted, waits, seconds, cpu });
    } finally {
      await programs.stopAll();
      cluster.remove();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

interface Found {
  readonly seen: number;
  readonly active: number;
  readonly ungranted: number;
  readonly waits: ReadonlyMap<string, number>;
  readonly seconds: number;
  readonly cpu: readonly number[];
}

/** Shares are of the time that four workers have together; statements of the coordinator are counted as theirs. */
function describe({ seen, active, ungranted, waits, seconds, cpu }: Found) {
  const time = seen * WORKERS;
  const onLocks = [...waits].reduce((sum, [wait, count]) => sum + (/^(?:LW)?Lock /.test(wait) ? count : 0), 0);
  const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;
  const sorted = [...waits].sort(([, a], [, b]) => b - a);
  const busy = cpu.reduce((sum, one) => sum + one, 0) / (Math.min(WORKERS, os.availableParallelism()) * seconds);
  return {
    json: {
      ...{ workers: WORKERS, trials: TRIALS, looks: seen, active, onLocks, ungranted, seconds, busy },
      ...{ cpuSeconds: cpu, waits: Object.fromEntries(sorted) },
    },
    text: [
      `four workers, PostgreSQL, ${seen} looks: ${percent(active / time)} of their time is in the database, ${percent(onLocks / time)} on locks of any ` +
        `kind; a lock was not granted at once in ${ungranted} looks; they took ${percent(busy)} of the cores' time`,
      ...sorted.map(([wait, count]) => `  ${percent(count / time).padStart(7)}  ${wait}`),
    ].join('\n'),
  };
}
