// Work over several processes, under faults: three workers and two coordinators on one machine with a real PostgreSQL, a sweep of short trials and
// a catalogue. Not here: one worker at a time (test/queue/). Invariant: tables, weights and output files are those of one undisturbed process,
// whatever was killed; its last line is `N passed, N failed`.
//
//   node --import tsx scripts/test-scale.ts [--faults COUNT] [--seed NUMBER]     default: 12 faults in under 3 minutes; 200 is the whole
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { openDatabase, openDatabaseQueue, readQueueAddress } from '../src/queue/index.ts';
import { type Cluster, createCluster, findPostgres } from './scale/cluster.ts';
import { createFaults, type FaultKind, sleep } from './scale/faults.ts';
import { fetchNewerNode } from './scale/newer-node.ts';
import { createPrograms, type Program, type Programs } from './scale/programs.ts';
import { sweep, tableOf, writeSpace } from './scale/study.ts';

const SHORT_FAULTS = 12;
/** Most that strike one sweep and one catalogue: the whole run has several rounds. */
const FAULTS_A_ROUND = 100;
const WORKERS = 3;
/** A database that is away is not waited for. */
const CLOSING_MS = 10_000;
/** Of artefacts, where the machine lets us make one. */
const DISK_BYTES = 24 << 20;
const self = fileURLToPath(import.meta.url);

interface Size {
  readonly trials: number;
  readonly images: number;
  readonly imagesPerShard: number;
}
const short: Size = { trials: 16, images: 40_000, imagesPerShard: 1_000 };
const whole: Size = { trials: 60, images: 500_000, imagesPerShard: 10_000 };

function option(name: string, usual: number): number {
  const at = process.argv.indexOf(`--${name}`);
  const value = at < 0 ? usual : Number(process.argv[at + 1]);
  if (!Number.isInteger(value) || value < 0) throw new Error(`Option "--${name}": expected a whole number`);
  return value;
}

let [passed, failed] = [0, 0];
function check(name: string, holds: boolean, detail = ''): void {
  console.log(`${holds ? 'ok    ' : 'FAILED'} ${name}${holds ? '' : `: ${detail}`}`);
  if (holds) passed++;
  else failed++;
}

/** Where everything of a run is. */
interface Place {
  readonly folder: string;
  readonly size: Size;
  readonly cluster: Cluster;
  readonly programs: Programs;
}

const tuneOf = ({ size }: Place, run: string): string[] => [...sweep(size.trials), '--run', run];
const categoriseOf = ({ size }: Place, run: string): string[] => [
  ...['categorise', 'catalogue.idx', '--out', `${run}.csv`, '--shard-size', String(size.imagesPerShard)],
  ...['--threads', '1'],
];

/** Digests of all weights and shards that a database knows. */
async function digestsOf(address: string): Promise<Map<string, string>> {
  const database = await openDatabase(readQueueAddress(address));
  const works = await database.query<{
    work: string;
    digest: string;
    result: { value: { status?: string; steps?: number } };
  }>('select work, digest, result from selvedge.work where digest is not null');
  const reports = await database.query<{ work: string; step: number; digest: string }>(
    "select work, step, r.digest from selvedge.report r join selvedge.work using (key) where r.digest <> ''",
  );
  await database.close();
  const name = (work: string): string => {
    const { kind, settings } = JSON.parse(work);
    return kind === 'trial' ? `trial ${settings.number}` : `shard ${settings.shard.index}`;
  };
  return new Map([
    ...reports.flatMap(({ work, step, digest }) => [
      [`${name(work)}, epoch ${step}`, digest] as const,
      [`${name(work)}, ended after ${step}`, digest] as const,
    ]),
    // One that ended early may have been told so late: it has the weights of the epoch that it says.
    ...works.map(({ work, digest, result: { value } }) => {
      const isPruned = value.status === 'pruned';
      return [isPruned ? `${name(work)}, ended after ${value.steps}` : name(work), digest] as const;
    }),
  ]);
}

async function undisturbed(place: Place): Promise<{ table: string; csv: Buffer; digests: Map<string, string> }> {
  const { programs, folder, cluster } = place;
  // Weights are told by a queue only: one worker, nothing disturbed.
  const address = cluster.createDatabase('undisturbed');
  const worker = programs.selvedge('worker', ['worker', '--queue', address, '--threads', '1']);
  const asked = [
    tuneOf(place, 'alone'),
    categoriseOf(place, 'alone'),
    [...tuneOf(place, 'undisturbed'), '--queue', address],
  ].map((args) => programs.selvedge(args[0]!, args));
  for (const program of asked) if ((await program.ended) !== 0) throw new Error(program.output());
  worker.signal('SIGKILL');
  await worker.ended;
  const table = await tableOf(folder, 'alone');
  check('one worker makes the table of none', (await tableOf(folder, 'undisturbed')) === table);
  return { table, csv: readFileSync(path.join(folder, 'alone.csv')), digests: await digestsOf(address) };
}

/** Starts a program in the place of one that was killed, until it has ended by itself or all is over. */
async function untilDone(
  start: () => Program,
  into: (program: Program) => void,
  isOver: () => boolean,
): Promise<Program> {
  for (;;) {
    const program = start();
    into(program);
    if ((await program.ended) !== null || isOver()) return program;
  }
}

/** One sweep and one catalogue under faults; answers which struck. */
async function round(place: Place, number: number, faults: number, seed: number): Promise<FaultKind[]> {
  const { cluster, programs, folder } = place;
  const name = `round${number}`;
  const address = cluster.createDatabase(name);
  const database = await openDatabase(readQueueAddress(address));
  await openDatabaseQueue(database);
  const artefacts = path.join(folder, `artefacts-${number}`);
  mkdirSync(artefacts);
  const mayFill = mountDisk(artefacts);
  const workers: Program[] = [];
  const coordinators: Program[] = [];
  const queue = ['--queue', address, '--artefacts', artefacts];
  let isOver = false;
  const working = Array.from({ length: WORKERS }, async (_, i) => {
    while (!isOver) {
      const program = programs.selvedge(`worker ${i}`, ['worker', ...queue, '--threads', '1']);
      workers[i] = program;
      await program.ended;
      if (!isOver) await sleep(100);
    }
  });
  const following = [tuneOf(place, name), categoriseOf(place, name)].map((args, i) =>
    untilDone(
      () => programs.selvedge(args[0]!, [...args, ...queue]),
      (program) => {
        coordinators[i] = program;
      },
      () => isOver,
    ),
  );
  const ended = Promise.all(following).then((programs) => {
    isOver = true;
    return programs;
  });
  const strike = createFaults(seed + number, {
    cluster,
    database,
    artefacts,
    mayFill,
    workers: () => workers,
    coordinators: () => coordinators,
  });
  const struck: FaultKind[] = [];
  let programsEnded: Program[] = [];
  try {
    await sleep(2_000);
    while (!isOver && struck.length < faults) {
      const kind = await strike();
      if (kind) {
        struck.push(kind);
        console.log(
          `${(performance.now() / 1000).toFixed(1).padStart(7)} s  round ${number}, fault ${struck.length}: ${kind}`,
        );
      }
      await Promise.race([ended, sleep(kind ? 1_200 : 50)]);
    }
    programsEnded = await ended;
  } finally {
    // After an error, too: nothing is started anew, and no connection keeps this process.
    isOver = true;
    for (const program of [...workers, ...coordinators]) {
      program.signal('SIGCONT');
      program.signal('SIGKILL');
    }
    await Promise.allSettled([...working, ...following]);
    await Promise.race([database.close().catch(() => {}), sleep(CLOSING_MS)]);
  }
  for (const program of programsEnded)
    check(`round ${number}: ${program.name} ended well`, (await program.ended) === 0, program.output().slice(-400));
  if (mayFill) execFileSync('umount', ['-l', artefacts]);
  return struck;
}

/** A small disk of its own, where this user may make one. */
function mountDisk(folder: string): boolean {
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'selvedge', folder], {
    stdio: 'ignore',
  });
  return status === 0;
}

async function main(): Promise<void> {
  const wanted = option('faults', SHORT_FAULTS);
  const seed = option('seed', 1);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-scale-'));
  const cluster = await createCluster();
  const programs = createPrograms(process.execPath, folder);
  const remove = (): void => {
    cluster.remove();
    spawnSync('sh', ['-c', `for f in ${folder}/artefacts-*; do umount -l "$f"; done`], { stdio: 'ignore' });
    rmSync(folder, { recursive: true, force: true });
  };
  // Nothing waits here: no program is started anew in the meantime.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      void programs.stopAll();
      remove();
      process.exit(130);
    });
  const place: Place = { folder, cluster, programs, size: wanted > SHORT_FAULTS ? whole : short };
  const counts = new Map<FaultKind, number>();
  try {
    await cluster.start();
    writeSpace(path.join(folder, 'space.json'));
    writeCatalogue(path.join(folder, 'catalogue.idx'), place.size.images);
    const expected = await undisturbed(place);
    let total = 0;
    for (let number = 1; total < wanted; number++) {
      const struck = await round(place, number, Math.min(FAULTS_A_ROUND, wanted - total), seed);
      if (struck.length === 0) break;
      total += struck.length;
      for (const kind of struck) counts.set(kind, (counts.get(kind) ?? 0) + 1);
      const name = `round${number}`;
      check(
        `round ${number}, ${struck.length} faults: the table is that of one process`,
        (await tableOf(folder, name)) === expected.table,
      );
      check(
        `round ${number}: the catalogue's table has the same bytes`,
        readFileSync(path.join(folder, `${name}.csv`)).equals(expected.csv),
      );
      const digests = await digestsOf(cluster.url.replace(/postgres$/, name));
      const other = [...expected.digests].filter(([key, digest]) => (digests.get(key) ?? digest) !== digest);
      check(
        `round ${number}: all weights have the same bits`,
        other.length === 0,
        other.map(([key]) => key).join(', '),
      );
    }
    console.log(`${total} faults: ${[...counts].map(([kind, count]) => `${kind} ${count}`).join(', ')}`);
    check('no program wrote the password', !programs.written().includes(cluster.password));
  } catch (error) {
    check('the run went through', false, String(error));
  } finally {
    await programs.stopAll();
    remove();
  }
}

/** The sample's test images, over and over, in one file. */
function writeCatalogue(file: string, count: number): void {
  const sample = gunzipSync(
    readFileSync(fileURLToPath(new URL('../assets/sample/t10k-images-idx3-ubyte.gz', import.meta.url))),
  );
  const header = Buffer.from(sample.subarray(0, 16));
  header.writeUInt32BE(count, 4);
  const images = sample.subarray(16);
  const all = Buffer.alloc(count * 784);
  for (let at = 0; at < all.length; at += images.length) images.copy(all, at);
  writeFileSync(file, Buffer.concat([header, all]));
}

if (!findPostgres()) {
  console.log('PostgreSQL is not installed: work over several processes was not tested\n0 passed, 0 failed');
} else {
  const node = fetchNewerNode();
  if (!node) console.log('No Node 22.12 or later, which pg-boss wants, could be had: not tested\n0 passed, 0 failed');
  else if (node !== process.execPath) {
    const loader = import.meta.resolve('tsx');
    const { status } = spawnSync(node, ['--import', loader, self, ...process.argv.slice(2)], { stdio: 'inherit' });
    process.exitCode = status ?? 1;
  } else {
    await main();
    console.log(`${passed} passed, ${failed} failed`);
    process.exitCode = failed > 0 ? 1 : 0;
  }
}
