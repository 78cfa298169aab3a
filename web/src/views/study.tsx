// Study: the whole of it by the tasks of deno.json, as `npm run pipeline` does it, in this tab; and the reports.
import { useEffect, useRef } from 'preact/hooks';
import { duration } from '../parts/format.ts';
import { Notice } from '../parts/notice.tsx';
import { Report } from '../parts/report.tsx';
import { TrainingChart } from '../parts/training-chart.tsx';
import { engine, job } from '../state/engine.ts';
import {
  lines,
  loadTasks,
  makeReport,
  report,
  reportError,
  runStudy,
  type ShownTask,
  STUDY_TASK,
  showReport,
  studyError,
  tasks,
} from '../state/study.ts';
import { live, storedRuns } from '../state/training.ts';

const states: Readonly<Record<ShownTask['state'], string>> = {
  waiting: 'waiting',
  running: 'running',
  ran: 'done',
  group: 'done',
  cached: 'unchanged, kept',
  failed: 'failed',
  stopped: 'stopped',
  skipped: 'not run',
};

/** What stands between backticks, as code. */
const withCode = (text: string) =>
  text.split('`').map((part, i) => (i % 2 === 1 ? <code key={part}>{part}</code> : part));

function Tasks({ shown }: { readonly shown: readonly ShownTask[] }) {
  return (
    <ol class="tasks">
      {shown.map(({ name, description, dependencies, state, durationMs }) => (
        <li key={name} class={state}>
          <span class="mark" aria-hidden="true" />
          <span class="what">
            <b>{name}</b>
            <span class="aside">
              {withCode(description ?? '')}
              {dependencies.length > 0 && <span class="unseen">. After {dependencies.join(', ')}</span>}
            </span>
          </span>
          <span class="state">
            {states[state]}
            {durationMs !== undefined && state === 'ran' && `, ${duration(durationMs)}`}
          </span>
        </li>
      ))}
    </ol>
  );
}

function Lines() {
  const box = useRef<HTMLPreElement>(null);
  useEffect(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines.value]);
  if (lines.value.length === 0) return null;
  return (
    <details>
      <summary>What the commands say</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys (WCAG 2.1.1) */}
      <pre ref={box} tabIndex={0}>
        {lines.value.join('\n')}
      </pre>
    </details>
  );
}

export function StudyView() {
  useEffect(() => {
    void loadTasks();
    if (!report.value) void showReport(STUDY_TASK);
  }, []);
  const isRunning = job.value === 'study' && lines.value.length > 0;
  const evaluated = Object.values(storedRuns.value).filter(({ isComplete }) => isComplete);
  const training = isRunning ? live.value : undefined;
  return (
    <>
      <h1>The study</h1>
      <p class="lead">
        Both networks, five epochs each, with every figure and the report: the task graph of <code>deno.json</code>, by
        the planner that runs it on Node, Bun and Deno. Commands are functions here, and files are in this browser’s
        private storage.
      </p>
      <div class="row buttons">
        {isRunning ? (
          <button type="button" class="main" onClick={() => void engine.stop()}>
            Stop
          </button>
        ) : (
          <button type="button" class="main" disabled={job.value !== undefined} onClick={() => void runStudy()}>
            Run the study
          </button>
        )}
        {evaluated.length > 0 && (
          <button type="button" disabled={job.value !== undefined} onClick={() => void makeReport()}>
            Report on your own trainings
          </button>
        )}
      </div>
      {studyError.value !== '' && <Notice kind="error">{studyError.value}</Notice>}
      {reportError.value !== '' && <Notice kind="error">{reportError.value}</Notice>}
      <div class={training ? 'two-columns' : ''}>
        <section class="card" aria-labelledby="tasks-title">
          <h2 id="tasks-title">Tasks</h2>
          {tasks.value ? <Tasks shown={tasks.value} /> : <p class="placeholder">Reading deno.json …</p>}
          <Lines />
        </section>
        {training && (
          <section class="card" aria-labelledby="curves-title">
            <h2 id="curves-title">{training.model}</h2>
            <TrainingChart history={training.history} epochs={training.epochs} trace={training.trace} />
          </section>
        )}
      </div>
      {report.value && (
        <Report
          title={report.value.run === 'page' ? 'Report on your trainings' : 'Report of the study'}
          file={report.value.file}
          html={report.value.html}
        />
      )}
    </>
  );
}
