// The texts that `deno task` 2.9 shows: the line of a task, the list of tasks, the prefix of lines of parallel tasks.
// Pure: makes text, prints nothing.
// Invariant: without colour, the text is Deno's, character for character, but for the summary, which Deno does not have.
import type { PlannedTask } from './resolve-tasks.ts';
import type { TaskRunResult } from './run-tasks.ts';
import type { TaskFile } from './task-file.ts';

/** Puts a text in the colour of an ANSI code, or leaves it. */
export type Paint = (ansiCode: number, text: string) => string;

const ESCAPE = '\u001b';

/** A `Paint` that does as told: colour or none. */
export const painter =
  (colors: boolean): Paint =>
  (code, text) =>
    colors ? `${ESCAPE}[${code}m${text}${ESCAPE}[0m` : text;

const GREEN = 32;
const CYAN = 36;
const GRAY = 90;
/** Cyan, magenta, yellow, green, bright blue, red. */
const LANE_COLORS = [CYAN, 35, 33, GREEN, 94, 31];

/** An argument in single quotes, as a shell reads it back. */
const quote = (arg: string): string => `'${arg.replaceAll("'", `'"'"'`)}'`;

/**
 * A task's script with its extra arguments, each quoted.
 *
 * @example
 * ```ts
 * import { scriptOf } from 'selvedge';
 * console.assert(scriptOf({ command: 'echo' }, ['two words']) === "echo 'two words'");
 * ```
 */
export function scriptOf(task: { readonly command?: string }, args: readonly string[]): string {
  return [task.command ?? '', ...args.map(quote)].join(' ');
}

/** The line that says what happens to a task, without a line end. */
export function taskLine(planned: PlannedTask, cached: boolean, paint: Paint): string {
  const { task, args } = planned;
  const script = scriptOf(task, args);
  const text =
    task.command === undefined
      ? paint(GRAY, '(no command)')
      : cached
        ? `${paint(GRAY, script)} (cached, inputs unchanged)`
        : script;
  return `${paint(GREEN, 'Task')} ${paint(CYAN, task.name)} ${text}`;
}

/** One line saying what a run did, or undefined where no task can be cached and there is nothing to tell. */
export function summaryLine(result: TaskRunResult): string | undefined {
  const count = (outcome: string): number => result.tasks.filter((task) => task.outcome === outcome).length;
  const cached = count('cached');
  if (cached === 0 || result.code !== 0) return undefined;
  const ran = count('ran');
  const upToDate = `${cached} ${cached === 1 ? 'task' : 'tasks'} up to date`;
  return ran === 0 ? `Nothing to do: ${upToDate}` : `Done: ${upToDate}, ${ran} ran`;
}

const ANSI_CODES = new RegExp(`${ESCAPE}\\[[0-9;]*[A-Za-z]`, 'g');
const SHORT_FORMS: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Control characters made visible, ANSI codes removed: a description cannot disturb the terminal. */
const plain = (text: string): string =>
  text
    .replace(ANSI_CODES, '')
    .replace(/\p{Cc}/gu, (sign) => SHORT_FORMS[sign] ?? `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`);

/**
 * The list of tasks that `deno task` shows.
 *
 * @param file The tasks
 * @param paint How to colour
 * @returns Lines, each ended by a line feed
 *
 * @example
 * ```ts
 * import { painter, parseTaskFile, taskList } from 'selvedge';
 * const file = parseTaskFile('{ "tasks": { "build": "node build.ts" } }', '/project/deno.json');
 * console.assert(taskList(file, painter(false)).includes('- build'));
 * ```
 */
export function taskList(file: TaskFile, paint: Paint): string {
  const lines = [paint(GREEN, 'Available tasks:')];
  if (file.tasks.length === 0) lines.push(`  ${paint(31, 'No tasks found in configuration file')}`);
  for (const { name, command, description, dependencies } of file.tasks) {
    lines.push(`- ${paint(CYAN, name)}`);
    if (description !== undefined) {
      const text = description.replace(/\r?\n$/, '');
      if (text !== '') {
        lines.push(...text.split(/\r?\n/).map((line) => `    ${paint(GRAY, '//')} ${paint(GRAY, plain(line))}`));
      }
    }
    if (command !== undefined) lines.push(`    ${plain(command)}`);
    if (dependencies.length > 0) {
      lines.push(`    ${paint(GRAY, 'depends on:')} ${paint(CYAN, dependencies.map(plain).join(', '))}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** The prefix of a task that may overlap with others, brackets aligned; undefined for one that runs alone. */
export function lanePrefix(planned: PlannedTask, tasks: readonly PlannedTask[], paint: Paint): string | undefined {
  if (planned.lane === undefined) return undefined;
  const width = Math.max(...tasks.filter((task) => task.lane !== undefined).map(({ task }) => task.name.length));
  const label = `[${planned.task.name}]`.padStart(width + 2);
  return `${paint(LANE_COLORS[planned.lane % LANE_COLORS.length]!, label)} `;
}

/** Writes whole lines behind a prefix; what has no line end yet waits for it, or for `end`. */
export interface LineWriter {
  write(text: string): void;
  end(): void;
}

/** A `LineWriter` onto `write`. The last line keeps its missing line end, as in Deno. */
export function prefixLines(prefix: string, write: (text: string) => void): LineWriter {
  let rest = '';
  return {
    write(text) {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      if (lines.length > 0) write(lines.map((line) => `${prefix}${line}\n`).join(''));
    },
    end() {
      if (rest !== '') write(prefix + rest);
      rest = '';
    },
  };
}
