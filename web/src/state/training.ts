// Trainings: what was chosen, what is stored of each model, and the one that runs. A reload goes on with a training that ran.
// Not here: the training. Invariant: what is shown of a run comes from its files, or from the trainer itself.

import { signal } from '@preact/signals';
import { proxy } from 'comlink';
import type { CommandEnd, StoredRun, TrainingChoice, TrainingEvent } from '../engine/protocol.ts';
import { announce, asJob, engine, messageOf } from './engine.ts';

type Progress = Extract<TrainingEvent, { kind: 'progress' }>['progress'];
type EpochRecord = StoredRun['history'][number];

export const trainableModels = ['baseline', 'dropout', 'resnet20'] as const;

/** Few epochs, so that a first try is short; the study trains 50. */
export const choice = signal<TrainingChoice>({
  model: 'dropout',
  epochs: 5,
  batchSize: 128,
  learningRate: 0.001,
  augment: false,
  seed: 1,
});

/** By model. */
export const storedRuns = signal<Readonly<Record<string, StoredRun>>>({});

export interface LiveTraining {
  readonly model: string;
  readonly epochs: number;
  readonly history: readonly EpochRecord[];
  readonly progress?: Progress;
  /** Where the running epoch has been, ascending. */
  readonly trace: readonly Progress[];
  readonly isStopping: boolean;
}

/** Points of a trace; of a longer one every second is kept. */
const TRACE_POINTS = 240;
/** Share of an epoch after which its means are more than those of a few batches. */
const SETTLED = 0.05;

function traced(trace: readonly Progress[], progress: Progress): readonly Progress[] {
  const ofEpoch = trace.filter(({ epoch }) => epoch === progress.epoch);
  if (progress.step < SETTLED * progress.steps) return ofEpoch;
  const kept = ofEpoch.length < TRACE_POINTS ? ofEpoch : ofEpoch.filter((_, i) => i % 2 === 0);
  return [...kept, progress];
}

export const live = signal<LiveTraining | undefined>(undefined);
export const trainingError = signal('');

/** In the tab's own memory while a training runs: what to go on with after a reload. */
const RUNNING = 'selvedge:training';

export async function refreshRuns(): Promise<void> {
  const found = await Promise.all(trainableModels.map((model) => engine.readStoredRun(model)));
  storedRuns.value = Object.fromEntries(found.flatMap((run) => (run ? [[run.model, run]] : [])));
}

const percent = (share: number | undefined): string => (share === undefined ? '–' : `${(100 * share).toFixed(1)}%`);

/** Follows a training by its events, those of a study too. */
export function follow(event: TrainingEvent): void {
  const current = live.value;
  const isSame = current?.model === event.model;
  const history = isSame ? current.history : [];
  const isStopping = isSame && current.isStopping;
  if (event.kind === 'progress') {
    const { model, progress } = event;
    const trace = traced(isSame ? current.trace : [], progress);
    live.value = { model, epochs: progress.epochs, history, progress, trace, isStopping };
    return;
  }
  const { model, record, epochs } = event;
  const progress = isSame && current.progress ? { progress: current.progress } : {};
  const past = history.filter(({ epoch }) => epoch < record.epoch);
  live.value = { model, epochs, history: [...past, record], ...progress, trace: [], isStopping };
  announce(`Epoch ${record.epoch} of ${epochs}: validation accuracy ${percent(record.validationAccuracy)}`);
}

export function train(wanted: TrainingChoice, again: boolean): Promise<CommandEnd | undefined> {
  trainingError.value = '';
  return asJob('training', async () => {
    sessionStorage.setItem(RUNNING, JSON.stringify(wanted));
    const stored = again ? undefined : storedRuns.value[wanted.model];
    live.value = {
      model: wanted.model,
      epochs: wanted.epochs,
      history: stored?.history ?? [],
      trace: [],
      isStopping: false,
    };
    announce(`Training ${wanted.model}`);
    try {
      const end = await engine.train(wanted, again, proxy(follow));
      if (end.code !== 0 && end.code !== STOPPED) trainingError.value = end.message;
      announce(end.code === 0 ? 'Training finished' : end.code === STOPPED ? 'Training stopped' : end.message);
      return end;
    } catch (error) {
      trainingError.value = messageOf(error);
      return undefined;
    } finally {
      sessionStorage.removeItem(RUNNING);
      live.value = undefined;
      await refreshRuns();
    }
  });
}

/** Exit code of a command that was asked to stop. */
export const STOPPED = 130;

export async function stopTraining(): Promise<void> {
  if (live.value) live.value = { ...live.value, isStopping: true };
  await engine.stop();
}

/** The training that this tab was at when it was reloaded. */
export function interruptedTraining(): TrainingChoice | undefined {
  const text = sessionStorage.getItem(RUNNING);
  return text === null ? undefined : (JSON.parse(text) as TrainingChoice);
}

export async function removeRun(model: string): Promise<void> {
  await engine.removeRun(model);
  await refreshRuns();
  announce(`The training of ${model} is removed`);
}
