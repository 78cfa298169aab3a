// The cache against crashes at every write, damaged entries, and runs that resume.
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { platform } from '../../src/platform/index.ts';
import { loadTaskFile, planTasks, runTasks, type TaskCommands, type TaskOutcome } from '../../src/tasks/index.ts';
import { type Scratch, withScratch } from './scratch.ts';

const CACHE = '.selvedge/task-cache';
const TASKS = {
  build: { command: 'build', files: ['in'], output: ['out/*'] },
};

/** Makes three outputs from the input. */
const commandsFor = (scratch: Scratch): TaskCommands => ({
  build: () => {
    for (const name of ['a', 'b', 'c']) scratch.write(`out/${name}`, `${name} from ${scratch.read('in')}`);
    return 0;
  },
});

const build = async (scratch: Scratch, commands = commandsFor(scratch)): Promise<TaskOutcome> => {
  scratch.write('deno.json', JSON.stringify({ tasks: TASKS }));
  const plan = planTasks(await loadTaskFile(scratch.folder), 'build');
  const output = { write: () => {}, writeError: () => {} };
  return (await runTasks({ plan, commands, output })).tasks[0]!.outcome;
};

const outputs = (scratch: Scratch): (string | undefined)[] =>
  ['a', 'b', 'c'].map((name) => scratch.read(`out/${name}`));
const expected = (input: string): string[] => ['a', 'b', 'c'].map((name) => `${name} from ${input}`);

/** The files of the only entry. */
const entryOf = (scratch: Scratch): string[] => {
  const cache = path.join(scratch.folder, CACHE);
  const [entry] = readdirSync(cache);
  return readdirSync(path.join(cache, entry!)).map((name) => path.join(cache, entry!, name));
};

/** Runs `body` with a platform whose writes and removals fail from the `allowed`-th on, as for a process that was killed there. */
async function crashAfter(allowed: number, body: () => Promise<unknown>): Promise<boolean> {
  const { write, remove } = platform.files;
  let done = 0;
  const step = (): void => {
    if (done++ >= allowed) throw new Error('killed');
  };
  platform.files.write = async (file, content) => {
    step();
    await write(file, content);
  };
  platform.files.remove = async (file) => {
    step();
    await remove(file);
  };
  try {
    await body();
    return false;
  } catch (error) {
    assert.is((error as Error).message, 'killed');
    return true;
  } finally {
    Object.assign(platform.files, { write, remove });
  }
}

test('a run killed at any write leaves no half entry: the next run makes or restores the right outputs', async () => {
  let crashed = true;
  for (let allowed = 0; crashed; allowed++) {
    await withScratch({ in: 'one' }, async (scratch) => {
      assert.is(await build(scratch), 'ran');
      scratch.write('in', 'two');
      crashed = await crashAfter(allowed, () => build(scratch));
      scratch.write('in', 'one');
      await build(scratch);
      assert.equal(outputs(scratch), expected('one'), `back after ${allowed} writes`);
    });
    await withScratch({ in: 'one' }, async (scratch) => {
      assert.is(await build(scratch), 'ran');
      scratch.write('in', 'two');
      crashed = await crashAfter(allowed, () => build(scratch));
      scratch.remove('out');
      await build(scratch);
      assert.equal(outputs(scratch), expected('two'), `on after ${allowed} writes`);
      assert.is(await build(scratch), 'cached');
      scratch.write('in', 'three');
      assert.is(await build(scratch), 'ran');
      assert.is(entryOf(scratch).length, 4, 'a manifest and three outputs, nothing left over');
    });
  }
});

test('a restore that is killed at any write is finished by the next run', async () => {
  let crashed = true;
  for (let allowed = 0; crashed; allowed++) {
    await withScratch({ in: 'one' }, async (scratch) => {
      await build(scratch);
      scratch.remove('out');
      crashed = await crashAfter(allowed, () => build(scratch));
      assert.is(await build(scratch), 'cached');
      assert.equal(outputs(scratch), expected('one'));
    });
  }
});

test('a damaged or missing file of an entry makes the task run again', async () => {
  const damages: ((file: string) => void)[] = [
    (file) => rmSync(file),
    (file) => writeFileSync(file, ''),
    (file) => writeFileSync(file, '{"version":1,"fingerprint":"x"}'),
  ];
  for (const damage of damages) {
    for (let index = 0; index < 4; index++) {
      await withScratch({ in: 'one' }, async (scratch) => {
        await build(scratch);
        damage(entryOf(scratch)[index]!);
        scratch.remove('out');
        assert.is(await build(scratch), 'ran');
        assert.equal(outputs(scratch), expected('one'));
        assert.is(await build(scratch), 'cached');
      });
    }
  }
});

test('an entry whose outputs are in place needs none of its copies', async () => {
  await withScratch({ in: 'one' }, async (scratch) => {
    await build(scratch);
    for (const file of entryOf(scratch)) if (!file.endsWith('manifest.json')) rmSync(file);
    assert.is(await build(scratch), 'cached');
  });
});

test('a run with changed inputs clears the old outputs once: a failed one that is tried again finds what it had made', async () => {
  await withScratch({ in: 'one' }, async (scratch) => {
    await build(scratch);
    scratch.write('in', 'two');
    let found: (string | undefined)[] = [];
    const failing: TaskCommands = {
      build: () => {
        found = outputs(scratch);
        scratch.write('out/a', 'half');
        return 1;
      },
    };
    assert.is(await build(scratch, failing), 'failed');
    assert.equal(found, [undefined, undefined, undefined]);
    assert.is(await build(scratch, failing), 'failed');
    assert.equal(found, ['half', undefined, undefined]);
    scratch.write('in', 'three');
    assert.is(await build(scratch, failing), 'failed');
    assert.equal(found, [undefined, undefined, undefined]);
    scratch.write('in', 'one');
    assert.is(await build(scratch), 'cached');
    assert.equal(outputs(scratch), expected('one'));
  });
});

test('the cache is never an input or an output of a task', async () => {
  await withScratch({ in: 'one' }, async (scratch) => {
    const tasks = { all: { command: 'echo x', files: ['.'], output: ['.'] } };
    scratch.write('deno.json', JSON.stringify({ tasks }));
    const outcome = async () => {
      const plan = planTasks(await loadTaskFile(scratch.folder), 'all');
      const output = { write: () => {}, writeError: () => {} };
      return (await runTasks({ plan, output })).tasks[0]!.outcome;
    };
    assert.is(await outcome(), 'ran');
    assert.is(await outcome(), 'cached');
  });
});

test.run();
