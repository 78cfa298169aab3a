// Faults, drawn from a seed: what is killed, paused, filled, broken or delivered twice. Not here: what must be true afterwards (test-scale.ts).
// Invariant: the same seed draws the same faults in the same order; when each strikes, the machine decides.
import { existsSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createPhilox, drawPermutation } from '../../src/core/philox.ts';
import type { QueueDatabase } from '../../src/queue/index.ts';
import type { Cluster } from './cluster.ts';
import type { Program } from './programs.ts';

export const faultKinds = [
  'kill a worker',
  'kill a coordinator',
  'kill the database',
  'pause a worker beyond its lease',
  'deliver twice',
  'break an artefact',
  'fill the disk',
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** What faults strike at. */
export interface Targets {
  readonly cluster: Cluster;
  /** That nobody else uses. */
  readonly database: QueueDatabase;
  /** By place; a place's program changes when it was killed. */
  readonly workers: () => readonly Program[];
  readonly coordinators: () => readonly Program[];
  readonly artefacts: string;
  /** Whether the artefacts have a disk of their own, small enough to fill. */
  readonly mayFill: boolean;
}

/** Longer than a lease. */
const PAUSE_MS = 13_000;
const FULL_MS = 1_500;
const AWAY_MS = 1_000;

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Draws the next faults, each kind once before any again; each answers what it struck, or undefined where there was nothing. */
export function createFaults(seed: number, targets: Targets): () => Promise<FaultKind | undefined> {
  const draws = createPhilox({ seed, stream: 0x5ca1e });
  let order: number[] = [];
  return async () => {
    if (order.length === 0) order = [...drawPermutation(draws, faultKinds.length)];
    const kind = faultKinds[order.pop()!]!;
    const word = draws.nextUint32();
    return (await strike(kind, word, targets)) ? kind : undefined;
  };
}

async function strike(kind: FaultKind, word: number, targets: Targets): Promise<boolean> {
  const one = <T>(items: readonly T[]): T | undefined => items[word % Math.max(1, items.length)];
  const running = (programs: readonly Program[]): Program[] => programs.filter((program) => program.isRunning());
  switch (kind) {
    case 'kill a worker':
    case 'kill a coordinator': {
      const program = one(running(kind === 'kill a worker' ? targets.workers() : targets.coordinators()));
      program?.signal('SIGKILL');
      return program !== undefined;
    }
    case 'kill the database':
      targets.cluster.kill();
      await sleep(AWAY_MS);
      await targets.cluster.start();
      return true;
    case 'pause a worker beyond its lease': {
      const program = one(running(targets.workers()));
      program?.signal('SIGSTOP');
      setTimeout(() => program?.signal('SIGCONT'), PAUSE_MS).unref();
      return program !== undefined;
    }
    case 'deliver twice':
      return deliverTwice(targets.database);
    case 'break an artefact': {
      const file = one(filesIn(targets.artefacts));
      if (file === undefined) return false;
      try {
        const bytes = readFileSync(file);
        if (bytes.length === 0) return false;
        bytes[word % bytes.length]! ^= 1;
        writeFileSync(file, bytes);
        return true;
      } catch {
        return false;
      }
    }
    case 'fill the disk': {
      if (!targets.mayFill) return false;
      const filler = path.join(targets.artefacts, 'filler');
      try {
        const { bavail, bsize } = statfsSync(targets.artefacts);
        writeFileSync(filler, Buffer.alloc(bavail * bsize));
      } catch {
        // Full it is.
      }
      await sleep(FULL_MS);
      rmSync(filler, { force: true });
      return true;
    }
  }
}

/** Jobs of works that wait or run, once more under other names. */
async function deliverTwice({ boss, query }: QueueDatabase): Promise<boolean> {
  const rows = await query<{ key: string; line: string }>(
    'select key, line from selvedge.work where result is null limit 5',
  );
  for (const { key, line } of rows) await boss.insert(line, [{ data: { key } }]).catch(() => {});
  return rows.length > 0;
}

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name !== 'filler')
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}
