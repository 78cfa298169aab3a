// Contract: the task planner and runner mean the same everywhere. Commands are functions: no shell and no program is asked for.
import * as assert from 'uvu/assert';
import { messageOf } from '../../src/core/errors.ts';
import { platform } from '../../src/platform/index.ts';
import {
  loadTaskFile,
  parseTaskFile,
  planTasks,
  runTasks,
  type TaskPlan,
  type TaskShell,
} from '../../src/tasks/index.ts';
import type { ContractTests, FileTests } from './suite.ts';

const diamond = {
  all: { dependencies: ['left', 'right'] },
  left: { command: 'left', dependencies: ['base'] },
  right: { command: 'right', dependencies: ['base'] },
  base: 'base',
};

const planOf = (tasks: object, name: string): TaskPlan =>
  planTasks(parseTaskFile(JSON.stringify({ tasks }), '/project/deno.json'), name);

const failureOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return messageOf(error);
  }
  return 'nothing failed';
};

/** A shell whose scripts are names; it writes down what it runs, and fails at `fail`. */
function recordingShell(): { readonly shell: TaskShell; readonly ran: string[] } {
  const ran: string[] = [];
  const shell: TaskShell = async (script) => {
    ran.push(script);
    return script === 'fail' ? 3 : 0;
  };
  return { shell, ran };
}

export const taskTests: ContractTests = {
  'planTasks() puts a shared dependency first, and once'() {
    const names = planOf(diamond, 'all').tasks.map(({ task }) => task.name);
    assert.equal(names, ['base', 'left', 'right', 'all']);
  },
  'planTasks() names a cycle and a task that is missing'() {
    const cycle = { a: { dependencies: ['b'] }, b: { dependencies: ['a'] } };
    assert.match(
      failureOf(() => planOf(cycle, 'a')),
      'Task cycle detected: a -> b -> a',
    );
    assert.match(
      failureOf(() => planOf(diamond, 'none')),
      'Task not found: none',
    );
  },
  async 'runTasks() runs a task after its dependencies and stops at the first failure'() {
    const whole = recordingShell();
    const { code } = await runTasks({ plan: planOf(diamond, 'all'), shell: whole.shell, cwd: '.', jobs: 2 });
    assert.is(code, 0);
    assert.equal([whole.ran[0], whole.ran.slice(1).sort()], ['base', ['left', 'right']]);
    const broken = { last: { command: 'last', dependencies: ['broken'] }, broken: 'fail' };
    const failing = recordingShell();
    const result = await runTasks({ plan: planOf(broken, 'last'), shell: failing.shell, cwd: '.' });
    assert.equal([result.code, failing.ran], [3, ['fail']]);
    assert.equal(
      result.tasks.map(({ name, outcome }) => `${name} ${outcome}`),
      ['broken failed', 'last skipped'],
    );
  },
};

export const taskFileTests: FileTests = {
  async 'runTasks() skips what has not changed and restores its output'({ folder }) {
    const { files } = platform;
    const [input, output] = [files.join(folder, 'in.txt'), files.join(folder, 'out.txt')];
    await files.write(input, 'cloth');
    const tasks = { copy: { command: 'copy', files: ['in.txt'], output: ['out.txt'] } };
    await files.write(files.join(folder, 'deno.json'), JSON.stringify({ tasks }));
    let copies = 0;
    const shell: TaskShell = async () => {
      copies++;
      await files.write(output, await files.readText(input));
      return 0;
    };
    const run = async (): Promise<string[]> => {
      const { tasks: results } = await runTasks({ plan: planTasks(await loadTaskFile(folder), 'copy'), shell });
      return results.map(({ outcome }) => outcome);
    };
    assert.equal(await run(), ['ran']);
    await files.remove(output);
    assert.equal(await run(), ['cached']);
    assert.is(await files.readText(output), 'cloth');
    await files.write(input, 'seam');
    assert.equal(await run(), ['ran']);
    assert.is(copies, 2);
  },
};
