// The task runner: `deno.json` tasks with the meaning of `deno task` 2.9, commands of ours run in this process.
// Not here: anything of the study, and printing. Steps: parse, resolve, fingerprint, run; each a file.
// Invariant: what is exported here is all that other folders import.
export { matchTaskNames, type PlannedTask, planTasks, type TaskPlan } from './resolve-tasks.ts';
export {
  parseTaskArguments,
  type RunTaskCommandOptions,
  runTaskCommand,
  type TaskArguments,
} from './run-task-command.ts';
export {
  defaultJobs,
  type RunTasksOptions,
  runTasks,
  type TaskEvent,
  type TaskOutcome,
  type TaskResult,
  type TaskRunResult,
} from './run-tasks.ts';
export { type ShellOptions, type TaskShell, taskShell } from './shell/index.ts';
export { type Paint, painter, scriptOf, summaryLine, taskLine, taskList } from './show-tasks.ts';
export type { TaskCommand, TaskCommandContext, TaskCommands, TaskOutput } from './task-commands.ts';
export { findTaskFile, loadTaskFile, parseTaskFile, type TaskDefinition, type TaskFile } from './task-file.ts';
