// One worker through a queue against none: empty works a second, and what a queue adds to works of a second, alternating with the same works in
// memory. Not here: several workers (four-workers.ts). PostgreSQL where SELVEDGE_BENCH_QUEUE holds an address, else PGlite.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  type KeyedWork,
  keyWork,
  openArtefactFolder,
  openDatabase,
  openDatabaseQueue,
  openLocalQueue,
  readQueueAddress,
  runWorker,
  sumWork,
  type WorkQueue,
} from '../../src/queue/index.ts';
import type { QueueCase } from './queue-case.ts';

const EMPTY_WORKS = 300;
const LONG_WORKS = 3;
const STEPS = 4;
const STEP_MS = 250;
const ROUNDS = 3;

export const oneWorker: QueueCase = {
  name: 'one worker',
  async run({ rounds = ROUNDS, onProgress }) {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-bench-'));
    const address = process.env.SELVEDGE_BENCH_QUEUE ?? `pglite:${folder}`;
    const database = await openDatabase(readQueueAddress(address));
    const opened = await openDatabaseQueue(database);
    const salt = Date.now();
    const artefacts = openArtefactFolder(path.join(folder, 'artefacts'));
    const worksOf = (first: number, count: number, steps: number, pauseMs: number): Promise<KeyedWork[]> =>
      Promise.all(
        Array.from({ length: count }, (_, i) =>
          keyWork({
            kind: 'sum',
            needs: { version: String(salt), kernels: '0'.repeat(64) },
            settings: { first: first + i, steps, pauseMs },
          }),
        ),
      );
    const time = async (to: WorkQueue, works: readonly KeyedWork[]): Promise<number> => {
      await to.file(works);
      const ending = new AbortController();
      let left = works.length;
      const start = performance.now();
      await runWorker({
        queue: to,
        identity: { name: 'bench', version: String(salt), kernels: '0'.repeat(64), threads: 1 },
        lines: [works[0]!.line],
        handlers: { sum: sumWork },
        artefacts,
        signal: ending.signal,
        onEvent: ({ kind }) => {
          if (kind === 'finished' && --left === 0) ending.abort();
        },
      });
      return performance.now() - start;
    };
    try {
      const rows = [];
      for (let round = 0; round < rounds; round++) {
        const first = round * 1_000_000;
        const emptyMs = await time(opened, await worksOf(first, EMPTY_WORKS, 1, 0));
        const long = await worksOf(first, LONG_WORKS, STEPS, STEP_MS);
        const aloneMs = await time(openLocalQueue(), long);
        const queuedMs = await time(opened, long);
        const row = { worksPerSecond: (1000 * EMPTY_WORKS) / emptyMs, overhead: queuedMs / aloneMs - 1 };
        rows.push(row);
        onProgress?.(`${row.worksPerSecond.toFixed(0)} works/s, overhead ${(100 * row.overhead).toFixed(1)}%`);
      }
      const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
      const worksPerSecond = median(rows.map((row) => row.worksPerSecond));
      const overhead = median(rows.map((row) => row.overhead));
      const kind = address.startsWith('pglite:') ? 'PGlite' : 'PostgreSQL';
      return {
        json: { kind, rounds: rows, worksPerSecond, overhead },
        text: `${kind}: one worker does ${worksPerSecond.toFixed(0)} empty works/s; works of ${(STEPS * STEP_MS) / 1000} s with ${STEPS} reports take ${(100 * overhead).toFixed(1)}% longer than without a database`,
      };
    } finally {
      await opened.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
