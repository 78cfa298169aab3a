// The study: tasks of deno.json by the same planner as everywhere, their states and words, and the reports that came out.

import { signal } from '@preact/signals';
import { proxy } from 'comlink';
import type { TaskSummary, TaskUpdate } from '../engine/protocol.ts';
import { announce, asJob, engine, messageOf } from './engine.ts';
import { follow, live, STOPPED, storedRuns } from './training.ts';

/** What the study is to this page: the graph of the short pipeline. */
export const STUDY_TASK = 'pipeline';

export interface ShownTask extends TaskSummary {
  readonly state: TaskUpdate['state'] | 'waiting';
  readonly durationMs?: number | undefined;
}

export const tasks = signal<readonly ShownTask[] | undefined>(undefined);
export const lines = signal<readonly string[]>([]);
export const studyError = signal('');

const LINES_KEPT = 400;

/** Tasks that the study needs, what is needed first in front. */
function neededFor(name: string, all: readonly TaskSummary[], found: TaskSummary[] = []): TaskSummary[] {
  const task = all.find((candidate) => candidate.name === name);
  if (!task || found.includes(task)) return found;
  for (const dependency of task.dependencies) neededFor(dependency, all, found);
  if (!found.includes(task)) found.push(task);
  return found;
}

export async function loadTasks(): Promise<void> {
  if (tasks.value !== undefined) return;
  try {
    const all = await asJob('study', () => engine.listTasks());
    if (all) tasks.value = neededFor(STUDY_TASK, all).map((task) => ({ ...task, state: 'waiting' }));
  } catch (error) {
    studyError.value = messageOf(error);
  }
}

function update({ name, state, durationMs }: TaskUpdate): void {
  tasks.value = tasks.value?.map((task) => (task.name === name ? { ...task, state, durationMs } : task));
  if (state !== 'running') announce(`Task ${name}: ${state}`);
}

function hear(line: string): void {
  lines.value = [...lines.value, line].slice(-LINES_KEPT);
}

export async function runStudy(): Promise<void> {
  await loadTasks();
  await asJob('study', async () => {
    studyError.value = '';
    lines.value = [];
    tasks.value = tasks.value?.map((task) => ({ ...task, state: 'waiting', durationMs: undefined }));
    try {
      const { code, message } = await engine.runTask(STUDY_TASK, proxy(update), proxy(follow), proxy(hear));
      if (code === 0) announce('The study is finished');
      else if (code !== STOPPED) studyError.value = message;
    } catch (error) {
      studyError.value = messageOf(error);
    } finally {
      live.value = undefined;
    }
  });
  await showReport(STUDY_TASK);
}

/** The report that is shown: of which run, and its HTML. */
export const report = signal<{ readonly run: string; readonly file: File; readonly html: string } | undefined>(
  undefined,
);
export const reportError = signal('');

export async function showReport(run: string): Promise<void> {
  const file = await engine.readReport(run);
  if (file) report.value = { run, file, html: await file.text() };
}

/** Makes the report of the page's own trainings. */
export async function makeReport(): Promise<void> {
  await asJob('report', async () => {
    reportError.value = '';
    const { code, message } = await engine.makeReport(Object.keys(storedRuns.value));
    if (code !== 0) reportError.value = message;
  });
  if (reportError.value === '') await showReport('page');
}
