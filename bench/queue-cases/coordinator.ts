// Whoever follows a sweep, alone: made trials that cost nothing, in memory, so that what is left is journal, proposals and decisions. Not here: a
// database. The figure is how a trial's cost grows with those before it: later ones against the first, within one run.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { sha256 } from '../../src/core/sha256.ts';
import {
  checkSearchSpace,
  openJournal,
  prunerDefaults,
  readRecipe,
  samplerDefaults,
  shouldPrune,
} from '../../src/experiments/index.ts';
import type { ArtefactStore } from '../../src/queue/index.ts';
import {
  type Handler,
  lineOf,
  openLocalQueue,
  runWorker,
  type TrialSettings,
  tuneOverQueue,
} from '../../src/queue/index.ts';
import { shortNumber } from '../statistics.ts';
import type { QueueCase } from './queue-case.ts';

const TRIALS = 5_000;
const PARTS = 5;
const EPOCHS = 27;
const needs = { version: '0', kernels: '0'.repeat(64) };

/** Of a sweep for a thousand machines. */
const MANY = 100_000;
const DECISIONS = 100;

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

function timeDecisions(): number {
  const others = Array.from({ length: MANY }, (_, number) => ({
    ...{ number, state: 'pruned' as const },
    intermediateValues: new Map([[1, number % 977]]),
  }));
  const trial = { number: MANY, state: 'running' as const, intermediateValues: new Map([[1, 500]]) };
  const start = cpuMs();
  for (let i = 0; i < DECISIONS; i++) shouldPrune(prunerDefaults.halving, trial, others, 'maximize');
  return (cpuMs() - start) / DECISIONS;
}

/** A curve for each learning rate. */
const made: Handler = async (taken) => {
  const { recipe } = taken.work.settings as TrialSettings;
  const rate = Number((recipe.optimizer as { readonly learningRate: number }).learningRate);
  const best = 0.9 - (Math.log10(rate) + 1.3) ** 2 / 20;
  let step = 0;
  let answer: 'go on' | 'stop' = 'go on';
  while (step < EPOCHS && answer === 'go on') {
    step++;
    answer = await taken.report({ step, value: best * (1 - 0.5 ** step), digest: '', durationMs: 0 });
  }
  return { status: 'done', digest: await sha256(taken.key), value: { steps: step, status: 'complete' } };
};

const noArtefacts: ArtefactStore = {
  place: 'nowhere',
  put: async () => '',
  get: async () => new Uint8Array(),
  remove: async () => {},
};

export const coordinator: QueueCase = {
  name: 'coordinator',
  async run({ onProgress }) {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-bench-'));
    const { recipe } = await readRecipe('record-30', folder);
    const optimizer = { ...recipe.optimizer, learningRate: { log: [0.001, 1] } };
    const space = checkSearchSpace({ ...recipe, epochs: EPOCHS, optimizer, validation: true }, 'made');
    const queue = openLocalQueue();
    const ending = new AbortController();
    const cpu: number[] = [];
    let since = cpuMs();
    try {
      const working = runWorker({
        queue,
        identity: { name: 'bench', ...needs, threads: 1 },
        lines: [await lineOf('trial', needs)],
        handlers: { trial: made },
        artefacts: noArtefacts,
        signal: ending.signal,
      });
      await tuneOverQueue({
        name: 'made',
        space,
        settings: {
          sampler: samplerDefaults.random,
          pruner: prunerDefaults.halving,
          seed: 1,
          direction: 'maximize',
          objective: {},
        },
        journal: await openJournal(path.join(folder, 'journal.jsonl'), 'bench'),
        trials: TRIALS,
        queue,
        needs,
        examples: 1,
        exactConvolution: false,
        onTrial: ({ number }) => {
          if ((number + 1) % (TRIALS / PARTS) !== 0) return;
          const now = cpuMs();
          cpu.push(((now - since) * PARTS) / TRIALS);
          since = now;
          onProgress?.(`${number + 1} trials, ${cpu.at(-1)!.toFixed(2)} ms of CPU a trial`);
        },
      });
      ending.abort();
      await working;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    const growth = cpu.at(-1)! / cpu[0]!;
    const decisionMs = timeDecisions();
    return {
      json: { trials: TRIALS, epochs: EPOCHS, cpuMsPerTrial: cpu, growth, decisionMs },
      text:
        `coordinator and made trials of ${EPOCHS} epochs by random and halving, in memory: ${shortNumber(cpu[0]!)} ms of CPU a trial in the first ` +
        `${TRIALS / PARTS}, ${shortNumber(cpu.at(-1)!)} ms in the last of ${TRIALS.toLocaleString('en-US')}: ${growth.toFixed(2)} times; ` +
        `a decision by halving beside ${MANY.toLocaleString('en-US')} trials ${shortNumber(decisionMs)} ms`,
    };
  },
};
