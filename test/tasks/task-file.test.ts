import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { loadTaskFile, parseTaskFile } from '../../src/tasks/index.ts';
import { stripJsonc } from '../../src/tasks/strip-jsonc.ts';
import { withScratch } from './scratch.ts';

const PATH = '/project/deno.json';
const parse = (tasks: unknown) => parseTaskFile(JSON.stringify({ tasks }), PATH);

function failure(body: () => unknown): SelvedgeError {
  try {
    body();
  } catch (error) {
    assert.instance(error, SelvedgeError);
    return error as SelvedgeError;
  }
  throw new Error('Expected an error');
}

test('parseTaskFile() reads a string as a command', () => {
  const empty = { dependencies: [], files: [], output: [], env: [] };
  assert.equal(parse({ a: 'echo a' }).tasks, [{ name: 'a', command: 'echo a', ...empty }]);
  assert.is(parse({ a: 'echo a' }).folder, '/project');
});

test('parseTaskFile() reads every field of an object and keeps the order of tasks', () => {
  const fields = { command: 'c', description: 'd', dependencies: ['b'], files: ['f'], output: ['o'], env: ['E'] };
  assert.equal(parse({ z: fields, b: {} }).tasks, [
    { name: 'z', ...fields },
    { name: 'b', dependencies: [], files: [], output: [], env: [] },
  ]);
});

test('parseTaskFile() takes a file without tasks for an empty one', () => {
  assert.equal(parseTaskFile('{}', PATH).tasks, []);
});

for (const [tasks, message] of [
  [{ a: 5 }, 'Cannot read task "a" in "/project/deno.json": expected a string or an object, got number'],
  [{ a: null }, 'Cannot read task "a" in "/project/deno.json": expected a string or an object, got null'],
  [{ a: { command: 1 } }, 'Cannot read "command" of task "a" in "/project/deno.json": expected a string, got number'],
  [
    { a: { files: 'x' } },
    'Cannot read "files" of task "a" in "/project/deno.json": expected an array of strings, got string',
  ],
  [
    { a: { env: [1] } },
    'Cannot read "env" of task "a" in "/project/deno.json": expected an array of strings, got an item that is number',
  ],
  [
    { a: { comand: 'x' } },
    'Cannot read task "a" in "/project/deno.json": expected fields among command, description, dependencies, files, output, env, got "comand"',
  ],
  [[], 'Cannot read tasks from "/project/deno.json": expected an object, got an array'],
] as const) {
  test(`parseTaskFile() rejects ${JSON.stringify(tasks)}`, () => {
    const error = failure(() => parse(tasks));
    assert.is(error.code, 'tasks/invalid-file');
    assert.is(error.message, message);
  });
}

test('parseTaskFile() names the file that is no JSON', () => {
  const error = failure(() => parseTaskFile('{ "tasks": ', PATH));
  assert.is(error.code, 'tasks/invalid-file');
  assert.match(error.message, '"/project/deno.json"');
});

test('stripJsonc() takes away comments and trailing commas only', () => {
  const text =
    '{ // "a": 1, }\n "b": ["//", /* , ] */ "/* x */", "\\"//", ], /* } */ "c": [1, // ]\n 2, /* a */ 3 /* b */, ],\n}';
  assert.equal(JSON.parse(stripJsonc(text)), { b: ['//', '/* x */', '"//'], c: [1, 2, 3] });
  assert.is(stripJsonc(text).length, text.length);
});

test('stripJsonc() leaves any JSON as it is', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.is(stripJsonc(text), text);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('loadTaskFile() finds the nearest file above a folder, and deno.json before deno.jsonc', async () => {
  await withScratch(
    { 'deno.json': '{"tasks":{"up":"x"}}', 'deno.jsonc': '{', 'a/b/x': '', 'a/deno.jsonc': '{"tasks":{"in":"x",}}' },
    async ({ folder }) => {
      assert.is((await loadTaskFile(folder)).tasks[0]?.name, 'up');
      assert.is((await loadTaskFile(`${folder}/a/b`)).tasks[0]?.name, 'in');
      assert.is((await loadTaskFile(`${folder}/deno.json`)).folder, folder);
    },
  );
});

test('loadTaskFile() says where it looked', async () => {
  await withScratch({}, async ({ folder }) => {
    const error = (await loadTaskFile(`${folder}/none`).catch((thrown) => thrown)) as SelvedgeError;
    assert.is(error.code, 'tasks/no-file');
    assert.match(error.message, `${folder}/none`);
  });
});

test.run();
