import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { SelvedgeError } from '../../src/core/errors.ts';
import { matchTaskNames, parseTaskFile, planTasks } from '../../src/tasks/index.ts';

/** A file of tasks that only have dependencies. */
const fileOf = (graph: Readonly<Record<string, readonly string[]>>) =>
  parseTaskFile(
    JSON.stringify({
      tasks: Object.fromEntries(Object.entries(graph).map(([name, dependencies]) => [name, { dependencies }])),
    }),
    '/deno.json',
  );

const planned = (graph: Readonly<Record<string, readonly string[]>>, name: string): string[] =>
  planTasks(fileOf(graph), name).tasks.map(({ task }) => task.name);

function failure(body: () => unknown): SelvedgeError {
  try {
    body();
  } catch (error) {
    return error as SelvedgeError;
  }
  throw new Error('Expected an error');
}

test('planTasks() puts dependencies first, each task once', () => {
  assert.equal(planned({ a: ['b', 'c'], b: ['d'], c: ['d'], d: [], e: [] }, 'a'), ['d', 'b', 'c', 'a']);
  assert.equal(planned({ a: ['b', 'b'], b: [] }, 'a'), ['b', 'a']);
});

test('planTasks() names the whole cycle', () => {
  const error = failure(() => planned({ a: ['b'], b: ['c'], c: ['b'] }, 'a'));
  assert.is(error.code, 'tasks/cycle');
  assert.is(error.message, 'Task cycle detected: a -> b -> c -> b');
});

test('planTasks() names the task that is missing, asked for or depended on', () => {
  assert.is(failure(() => planned({ a: [] }, 'b')).message, 'Task not found: b');
  assert.is(failure(() => planned({ a: ['gone'] }, 'a')).message, 'Task not found: gone');
  assert.is(failure(() => planned({ a: ['t:*'], 't:1': [] }, 'a')).code, 'tasks/not-found');
});

test('planTasks() gives extra arguments to the last task only', () => {
  const { tasks } = planTasks(fileOf({ a: ['b'], b: [] }), 'a', ['x', 'y']);
  assert.equal(
    tasks.map(({ args }) => args),
    [[], ['x', 'y']],
  );
});

test('planTasks() gives lanes to the tasks that may overlap with another', () => {
  const lanes = (graph: Readonly<Record<string, readonly string[]>>) =>
    planTasks(fileOf(graph), 'a').tasks.map(({ lane }) => lane);
  assert.equal(lanes({ a: ['b'], b: ['c'], c: [] }), [undefined, undefined, undefined]);
  assert.equal(lanes({ a: ['b', 'c'], b: ['d'], c: ['d'], d: [] }), [undefined, 0, 1, undefined]);
});

test('matchTaskNames() leaves out what an earlier match brings along', () => {
  const file = fileOf({ 't:all': ['t:1'], 't:1': [], 't:2': [], 'at:3': [], 't:1:x': [] });
  assert.equal(matchTaskNames(file, 't:*'), ['t:all', 't:2', 't:1:x']);
  assert.equal(matchTaskNames(file, '*:1'), ['t:1', 't:1:x']);
  assert.equal(matchTaskNames(file, 't.*'), []);
  assert.equal(matchTaskNames(file, 't:2'), ['t:2']);
});

test('planTasks() sorts any acyclic graph', () => {
  const graphs = fc
    .array(fc.array(fc.nat(30), { maxLength: 5 }), { minLength: 1, maxLength: 25 })
    .map((rows) =>
      Object.fromEntries(
        rows.map((row, index) => [`t${index}`, [...new Set(row.filter((at) => at < index))].map((at) => `t${at}`)]),
      ),
    );
  fc.assert(
    fc.property(graphs, (graph) => {
      const { tasks } = planTasks(fileOf(graph), 't*');
      assert.is(new Set(tasks.map(({ task }) => task.name)).size, Object.keys(graph).length);
      tasks.forEach(({ id, dependencies, task }, index) => {
        assert.is(id, index);
        assert.ok(dependencies.every((dependency) => dependency < id));
        assert.equal(
          dependencies.map((dependency) => tasks[dependency]!.task.name),
          task.dependencies,
        );
      });
    }),
    { seed: 2, numRuns: 200 },
  );
});

test.run();
