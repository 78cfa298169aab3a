// What the golden cases cannot see: commands of ours, events, outcomes, and stopping a run.
import { chmodSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { platform } from '../../src/platform/index.ts';
import {
  defaultJobs,
  loadTaskFile,
  planTasks,
  type RunTasksOptions,
  runTasks,
  summaryLine,
  type TaskCommands,
  type TaskRunResult,
} from '../../src/tasks/index.ts';
import { type Scratch, withScratch } from './scratch.ts';

delete process.env.DENO_JOBS;
delete process.env.INIT_CWD;

interface Run {
  readonly result: TaskRunResult;
  readonly stdout: string;
  readonly stderr: string;
  /** `name:start`, `name:cached` or `name:` and the outcome, as they happened. */
  readonly events: readonly string[];
}

/** Writes the tasks as deno.json and runs one. */
async function run(
  scratch: Scratch,
  tasks: Readonly<Record<string, unknown>>,
  name: string,
  options: Partial<RunTasksOptions> = {},
): Promise<Run> {
  scratch.write('deno.json', JSON.stringify({ tasks }));
  const text = { stdout: '', stderr: '' };
  const events: string[] = [];
  const result = await runTasks({
    plan: planTasks(await loadTaskFile(scratch.folder), name),
    output: {
      write: (part) => {
        text.stdout += part;
      },
      writeError: (part) => {
        text.stderr += part;
      },
    },
    onEvent: (event) => {
      const { name: task } = event.planned.task;
      if (event.kind === 'end') events.push(`${task}:${event.result.outcome}`);
      else events.push(`${task}:${event.cached ? 'unchanged' : 'start'}`);
    },
    ...options,
  });
  return { result, ...text, events };
}

const outcomes = ({ result }: Run): string[] => result.tasks.map(({ name, outcome }) => `${name}:${outcome}`);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('runTasks() runs commands of ours with arguments, folder, variables, pipes and redirects', async () => {
  await withScratch({ 'sub/x': '' }, async (scratch) => {
    const seen: unknown[] = [];
    const commands: TaskCommands = {
      ours: (args, { cwd, env, inherited, write, writeError }) => {
        seen.push({ args, cwd, from: env.INIT_CWD, X: env.X, inherited });
        write('b\na\n');
        writeError('error\n');
        return args.includes('--fail') ? 5 : 0;
      },
    };
    const tasks = { all: "cd sub && X=1 ours 'one two' 2> err.txt | sort && ours > out.txt && ours --fail || echo 5" };
    const { result, stdout, stderr } = await run(scratch, tasks, 'all', { commands, initialCwd: '/from' });
    assert.is(result.code, 0);
    assert.is(stdout, 'a\nb\nb\na\n5\n');
    assert.is(stderr, 'error\nerror\n');
    assert.is(scratch.read('sub/out.txt'), 'b\na\n');
    assert.is(scratch.read('sub/err.txt'), 'error\n');
    const cwd = `${scratch.folder}/sub`;
    assert.equal(seen, [
      { args: ['one two'], cwd, from: '/from', X: '1', inherited: false },
      { args: [], cwd, from: '/from', X: undefined, inherited: false },
      { args: ['--fail'], cwd, from: '/from', X: undefined, inherited: false },
    ]);
  });
});

test('runTasks() runs one command of ours at a time, even through a pipe', async () => {
  await withScratch({}, async (scratch) => {
    let running = 0;
    let most = 0;
    const commands: TaskCommands = {
      ours: async (_, { write }) => {
        most = Math.max(most, ++running);
        await pause(5);
        write('x'.repeat(200_000));
        running--;
        return 0;
      },
    };
    const tasks = { a: 'ours | ours', b: 'ours', c: 'ours && ours', all: { dependencies: ['a', 'b', 'c'] } };
    const { result } = await run(scratch, tasks, 'all', { commands, jobs: 3 });
    assert.is(result.code, 0);
    assert.is(most, 1);
  });
});

test('runTasks() turns an exception of a command of ours into a line and code 1', async () => {
  await withScratch({}, async (scratch) => {
    const commands: TaskCommands = {
      ours: () => {
        throw new Error('Cannot do it');
      },
    };
    const { result, stderr } = await run(scratch, { a: 'ours' }, 'a', { commands });
    assert.is(result.code, 1);
    assert.is(stderr, 'ours: Cannot do it\n');
  });
});

test('runTasks() says what became of every task', async () => {
  await withScratch({ in: 'x' }, async (scratch) => {
    const tasks = {
      cached: { command: 'echo cached', files: ['in'] },
      group: { dependencies: ['cached'] },
      fails: { command: 'exit 4', dependencies: ['group'] },
      never: { command: 'echo never', dependencies: ['fails'] },
    };
    await run(scratch, tasks, 'group');
    const second = await run(scratch, tasks, 'never');
    assert.is(second.result.code, 4);
    assert.equal(outcomes(second), ['cached:cached', 'group:group', 'fails:failed', 'never:skipped']);
    assert.equal(second.events, [
      'cached:unchanged',
      'cached:cached',
      'group:start',
      'group:group',
      'fails:start',
      'fails:failed',
    ]);
    assert.is(summaryLine(second.result), undefined);
  });
});

test('runTasks() does nothing the second time, and reruns only what depends on a change', async () => {
  await withScratch({ 'a.txt': '1', 'b.txt': '1' }, async (scratch) => {
    const made = (name: string, ...dependencies: string[]) => ({
      command: `ours && mkdir -p out && cat ${name}.txt > out/${name}`,
      files: [`${name}.txt`],
      output: [`out/${name}`],
      dependencies,
    });
    const tasks = {
      a: made('a'),
      b: made('b'),
      report: { command: 'ours && cat out/a out/b > r', files: ['out'], output: ['r'], dependencies: ['a', 'b'] },
      all: { dependencies: ['report'] },
    };
    let calls = 0;
    const commands: TaskCommands = {
      ours: () => {
        calls++;
        return 0;
      },
    };
    const again = () => run(scratch, tasks, 'all', { commands });
    assert.is(summaryLine((await again()).result), undefined);
    assert.is(calls, 3);
    assert.is(summaryLine((await again()).result), 'Nothing to do: 3 tasks up to date');
    assert.is(calls, 3);
    scratch.write('b.txt', '2');
    const changed = await again();
    assert.equal(outcomes(changed), ['a:cached', 'b:ran', 'report:ran', 'all:group']);
    assert.is(summaryLine(changed.result), 'Done: 1 task up to date, 2 ran');
    assert.is(scratch.read('r'), '12');
    scratch.remove('out');
    scratch.remove('r');
    assert.is(summaryLine((await again()).result), 'Nothing to do: 3 tasks up to date');
    assert.is(scratch.read('r'), '12');
    assert.is(calls, 5);
  });
});

test('runTasks() runs again for another version of what results depend on', async () => {
  await withScratch({ in: '' }, async (scratch) => {
    const tasks = { a: { command: 'echo a', files: ['in'] } };
    const withVersion = async (version: string) => outcomes(await run(scratch, tasks, 'a', { versions: { version } }));
    assert.equal(await withVersion('1'), ['a:ran']);
    assert.equal(await withVersion('1'), ['a:cached']);
    assert.equal(await withVersion('2'), ['a:ran']);
  });
});

test('runTasks() takes a program that died by a signal for a failure wherever the script says so', async () => {
  await withScratch({ 'die.sh': '#!/bin/sh\nkill -9 $$\n', in: '' }, async (scratch) => {
    const tasks = {
      direct: { command: 'sh die.sh', files: ['in'] },
      variable: 'X=sh && $X die.sh',
      handled: 'sh die.sh || echo handled',
      prefixed: { dependencies: ['direct', 'other'] },
      other: 'sleep 0.05',
    };
    for (const name of ['direct', 'direct', 'variable', 'prefixed']) {
      assert.is((await run(scratch, tasks, name)).result.code, 137, name);
    }
    assert.is((await run(scratch, tasks, 'handled')).stdout, 'handled\n');
  });
});

test('runTasks() fails, with a line, on the syntax that its shell does not have', async () => {
  await withScratch({}, async (scratch) => {
    const tasks = { home: 'echo ~other', two: 'cat < a < b', open: "echo 'a", empty: '' };
    for (const name of Object.keys(tasks)) {
      const { result, stderr } = await run(scratch, tasks, name);
      assert.is(result.code, 1, name);
      assert.ok(stderr.length > 0, name);
    }
  });
});

test('runTasks() stops what runs and starts nothing more when one fails', async () => {
  await withScratch({}, async (scratch) => {
    let stopped = false;
    const commands: TaskCommands = {
      ours: async (_, { signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        stopped = true;
        return 9;
      },
    };
    const tasks = {
      ours: 'ours',
      slow: 'sleep 20',
      program: "sh -c 'sleep 20; echo end'",
      fails: 'sleep 0.1 && exit 6',
      later: 'echo later',
      all: { dependencies: ['ours', 'slow', 'program', 'fails', 'later'] },
    };
    const ended = await run(scratch, tasks, 'all', { commands, jobs: 4 });
    assert.is(ended.result.code, 6);
    assert.ok(stopped);
    assert.is(ended.stdout, '');
    assert.equal(outcomes(ended), [
      'ours:stopped',
      'slow:stopped',
      'program:stopped',
      'fails:failed',
      'later:skipped',
      'all:skipped',
    ]);
  });
});

test('runTasks() ends with code 130 when interrupted, and remembers nothing of what it stopped', async () => {
  await withScratch({ in: '' }, async (scratch) => {
    const controller = new AbortController();
    const commands: TaskCommands = {
      ours: () => {
        controller.abort();
        return 0;
      },
    };
    const tasks = {
      a: { command: 'ours', files: ['in'] },
      b: { command: 'echo b', dependencies: ['a'] },
    };
    const first = await run(scratch, tasks, 'b', { commands, signal: controller.signal });
    assert.is(first.result.code, 130);
    assert.equal(outcomes(first), ['a:stopped', 'b:skipped']);
    const again = await run(scratch, tasks, 'b', { commands: { ours: () => 0 } });
    assert.equal(outcomes(again), ['a:ran', 'b:ran']);
    const before = await run(scratch, tasks, 'b', { signal: AbortSignal.abort() });
    assert.equal(outcomes(before), ['a:skipped', 'b:skipped']);
  });
});

test('runTasks() runs no more than `jobs` tasks at once', async () => {
  await withScratch({}, async (scratch) => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const tasks = { ...Object.fromEntries(names.map((name) => [name, name])), all: { dependencies: names } };
    for (const jobs of [1, 3]) {
      let running = 0;
      let most = 0;
      const shell = async (): Promise<number> => {
        most = Math.max(most, ++running);
        await pause(5);
        running--;
        return 0;
      };
      assert.is((await run(scratch, tasks, 'all', { jobs, shell })).result.code, 0);
      assert.is(most, jobs);
    }
  });
});

test('defaultJobs() reads DENO_JOBS as Deno does', () => {
  assert.is(defaultJobs('3'), 3);
  assert.equal(
    ['0', '-1', 'x', '', '1.5'].map((value) => defaultJobs(value)),
    [2, 2, 2, 2, 2],
  );
  assert.is(defaultJobs(undefined), platform.machine().cores);
});

test('runTasks() finds programs of installed packages', async () => {
  await withScratch({}, async (scratch) => {
    scratch.write('node_modules/.bin/installed', '#!/bin/sh\necho installed\n');

    chmodSync(`${scratch.folder}/node_modules/.bin/installed`, 0o755);
    assert.is((await run(scratch, { a: 'installed' }, 'a')).stdout, 'installed\n');
  });
});

test.run();
