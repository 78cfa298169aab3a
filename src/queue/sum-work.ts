// The work by which the queue itself is tested and timed: sums numbers, in steps that may take a while. Not here: anything that needs the engine.
import { sha256 } from '../core/sha256.ts';
import { wait } from './database.ts';
import type { WorkResult } from './queue.ts';
import type { SumSettings } from './work.ts';
import type { Handler } from './worker.ts';

/** Sums `first`, `first + 1` and so on, one a step, and reports each sum; goes on from the last report's checkpoint. */
export const sumWork: Handler = async (taken, { artefacts, signal }): Promise<WorkResult | undefined> => {
  const { first, steps, pauseMs } = taken.work.settings as SumSettings;
  const found = await taken.checkpoint();
  let total = found ? Number(new TextDecoder().decode(await artefacts.get(found.artefact))) : 0;
  let last = found?.step ?? 0;
  while (last < steps) {
    if (pauseMs > 0) await wait(pauseMs, signal);
    if (signal.aborted) return undefined;
    total += first + last;
    last++;
    const text = String(total);
    const artefact = pauseMs > 0 ? await artefacts.put(new TextEncoder().encode(text)) : undefined;
    const report = { step: last, value: total, digest: await sha256(text), durationMs: pauseMs };
    if ((await taken.report(report, artefact)) === 'stop') break;
  }
  return { status: 'done', digest: await sha256(String(total)), value: { total, steps: last } };
};
