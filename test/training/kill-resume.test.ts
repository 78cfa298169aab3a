// A run killed with SIGKILL at 20 seeded instants, eight of them inside the write of a checkpoint, ends with the weights and
// losses, to the bit, of a run that was never killed.
// Runs alone: its instants are spread over the time that a run takes.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createPhilox, type Philox } from '../../src/core/philox.ts';
import { EPOCHS, type Fault, STEPS_PER_EPOCH } from './train-child.ts';

const script = fileURLToPath(new URL('./train-child.ts', import.meta.url));
const KILLS_INSIDE_A_WRITE = 8;
const KILLS_FROM_OUTSIDE = 12;
const SEED = 2023;

/** A kill from outside, some time after an update; at the third update after that one the child waits for it. */
interface OutsideKill {
  /** Updates of this process. */
  readonly afterUpdates: number;
  readonly delayMs: number;
}

interface Instant extends Fault {
  readonly outside?: OutsideKill;
}

/** The instants, in a seeded order. */
function drawInstants(draws: Philox): Instant[] {
  const inside = Array.from({ length: KILLS_INSIDE_A_WRITE }, (_, i): Instant => {
    // The first and the last byte, and shares between.
    const share = i === 0 ? 0 : i === 1 ? 0.9999999 : draws.nextUniform();
    return { write: { number: 1 + draws.nextBelow(2), share } };
  });
  const outside = Array.from({ length: KILLS_FROM_OUTSIDE }, (): Instant => {
    const afterUpdates = 1 + draws.nextBelow(5);
    return { holdAfter: afterUpdates + 3, outside: { afterUpdates, delayMs: draws.nextUniform() * 25 } };
  });
  const instants = [...inside, ...outside];
  for (let i = instants.length - 1; i > 0; i--) {
    const j = draws.nextBelow(i + 1);
    [instants[i], instants[j]] = [instants[j]!, instants[i]!];
  }
  return instants;
}

interface Ending {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  /** Lines of standard output. */
  readonly lines: string[];
  readonly stderr: string;
}

function runChild(folder: string, { outside, ...fault }: Instant = {}): Promise<Ending> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', script, folder, JSON.stringify(fault)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    let isCondemned = false;
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      if (!outside || isCondemned || stdout.split('\n').length <= outside.afterUpdates) return;
      isCondemned = true;
      setTimeout(() => child.kill('SIGKILL'), outside.delayMs);
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, lines: stdout.trimEnd().split('\n'), stderr }));
  });
}

const firstUpdate = ({ lines }: Ending): number => Number(lines[0]!.split(' ')[1]);

test('fit() killed at 20 seeded instants and run again ends with the weights and losses of a run never killed', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-kill-'));
  try {
    const unharmed = runChild(path.join(folder, 'whole'));
    const killed = path.join(folder, 'killed');
    let begins = 0;
    for (const instant of drawInstants(createPhilox({ seed: SEED, stream: 100 }))) {
      const ending = await runChild(killed, instant);
      assert.is(ending.signal, 'SIGKILL', `${JSON.stringify(instant)}: code ${ending.code}\n${ending.stderr}`);
      assert.ok(firstUpdate(ending) >= begins, 'what a checkpoint holds is not done again');
      begins = firstUpdate(ending);
    }
    const last = await runChild(killed);
    const whole = await unharmed;
    for (const ending of [last, whole]) assert.is(ending.code, 0, ending.stderr);
    assert.is(firstUpdate(whole), 1);
    assert.ok(firstUpdate(last) > 20, `the last call went on at update ${firstUpdate(last)}`);
    assert.is(whole.lines.length, EPOCHS * STEPS_PER_EPOCH + 1);
    const result = JSON.parse(whole.lines.at(-1)!) as { digest: string; losses: number[][] };
    assert.is(result.losses.length, EPOCHS);
    assert.equal(JSON.parse(last.lines.at(-1)!), result);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
