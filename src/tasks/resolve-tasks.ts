// From names to a plan: which tasks run, after which, with which arguments. Wildcards, groups, cycles, missing names.
// Pure: reads no file and runs nothing.
// Invariant: a plan is in topological order, a task is in it once, and the order is that of `deno task` 2.9.
import { SelvedgeError } from '../core/errors.ts';
import type { TaskDefinition, TaskFile } from './task-file.ts';

/** One task of a plan. */
export interface PlannedTask {
  /** Position in the plan. */
  readonly id: number;
  readonly task: TaskDefinition;
  /** Ids of the direct dependencies, each smaller than `id`. */
  readonly dependencies: readonly number[];
  /** Extra arguments: of the last task only, which is the one that was named. */
  readonly args: readonly string[];
  /** Running number among the tasks that may overlap with another; undefined if it always runs alone. */
  readonly lane?: number;
}

/** What to run, dependencies first. */
export interface TaskPlan {
  readonly file: TaskFile;
  readonly tasks: readonly PlannedTask[];
}

/** Regular expression of a name with `*`: anchored at its start only, as in Deno (`a:*` also means `a:b:c`). */
const wildcard = (pattern: string): RegExp =>
  new RegExp(`^${pattern.replace(/[.*+?^${}()|[\]\\]/g, (sign) => (sign === '*' ? '.*' : `\\${sign}`))}`, 's');

function notFound(name: string): never {
  throw new SelvedgeError('tasks/not-found', `Task not found: ${name}`);
}

/**
 * Names that match and are no dependency of an earlier match: those come along by themselves.
 *
 * @param file The tasks
 * @param pattern A name, or a name with `*` for any characters
 * @returns Names in the order of the file; empty if none matches
 *
 * @example
 * ```ts
 * import { matchTaskNames, parseTaskFile } from 'selvedge';
 * const file = parseTaskFile('{ "tasks": { "train:a": "echo a", "test": "echo", "train:b": "echo b" } }', '/project/deno.json');
 * console.assert(matchTaskNames(file, 'train:*').join() === 'train:a,train:b');
 * ```
 */
export function matchTaskNames(file: TaskFile, pattern: string): string[] {
  const byName = new Map(file.tasks.map((task) => [task.name, task]));
  if (!pattern.includes('*')) return byName.has(pattern) ? [pattern] : [];
  const expression = wildcard(pattern);
  const visited = new Set<string>();
  const visit = (name: string): void => {
    if (visited.has(name)) return;
    visited.add(name);
    byName.get(name)?.dependencies.forEach(visit);
  };
  const matched: string[] = [];
  for (const { name } of file.tasks) {
    if (!expression.test(name) || visited.has(name)) continue;
    matched.push(name);
    visit(name);
  }
  return matched;
}

/** Marks the tasks that may overlap with another one: those that some task neither needs nor is needed by. */
function assignLanes(tasks: readonly PlannedTask[]): PlannedTask[] {
  const needs = tasks.map(() => new Set<number>());
  for (const { id, dependencies } of tasks) {
    for (const dependency of dependencies) {
      needs[id]!.add(dependency);
      for (const deeper of needs[dependency]!) needs[id]!.add(deeper);
    }
  }
  const neededBy = tasks.map(({ id }) => needs.filter((set) => set.has(id)).length);
  let lane = 0;
  return tasks.map((planned) => {
    const related = needs[planned.id]!.size + neededBy[planned.id]!;
    return related < tasks.length - 1 ? { ...planned, lane: lane++ } : planned;
  });
}

/**
 * Plans a run.
 *
 * @param file The tasks
 * @param pattern A name, or a name with `*`
 * @param args Extra arguments for the named task (for the last one where a wildcard names many)
 * @returns The tasks in topological order
 * @throws SelvedgeError `tasks/not-found` (`Task not found: x`) or `tasks/cycle` (`Task cycle detected: a -> b -> a`)
 *
 * @example
 * ```ts
 * import { parseTaskFile, planTasks } from 'selvedge';
 * const text = '{ "tasks": { "all": { "dependencies": ["a", "b"] }, "a": "echo a", "b": "echo b" } }';
 * const plan = planTasks(parseTaskFile(text, '/project/deno.json'), 'all');
 * console.assert(plan.tasks.map(({ task }) => task.name).join() === 'a,b,all');
 * ```
 */
export function planTasks(file: TaskFile, pattern: string, args: readonly string[] = []): TaskPlan {
  const byName = new Map(file.tasks.map((task) => [task.name, task]));
  const ids = new Map<string, number>();
  const sorted: PlannedTask[] = [];
  const visit = (name: string, path: readonly string[]): number => {
    const task = byName.get(name) ?? notFound(name);
    const known = ids.get(name);
    if (known !== undefined) return known;
    if (path.includes(name)) {
      throw new SelvedgeError('tasks/cycle', `Task cycle detected: ${[...path, name].join(' -> ')}`);
    }
    const dependencies = task.dependencies.map((dependency) => visit(dependency, [...path, name]));
    const id = sorted.length;
    sorted.push({ id, task, dependencies, args: [] });
    ids.set(name, id);
    return id;
  };
  const names = matchTaskNames(file, pattern);
  if (names.length === 0) notFound(pattern);
  for (const name of names) visit(name, []);
  const last = sorted.length - 1;
  return { file, tasks: assignLanes(sorted.map((planned) => (planned.id === last ? { ...planned, args } : planned))) };
}
