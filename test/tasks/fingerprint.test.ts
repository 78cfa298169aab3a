import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fingerprintTask, hashFields, relativePath, type TaskInputs } from '../../src/tasks/fingerprint.ts';
import { withScratch } from './scratch.ts';

test('hashFields() tells where one field ends', async () => {
  const hashes = await Promise.all([['ab'], ['a', 'b'], ['', 'ab'], ['ab', ''], []].map(hashFields));
  assert.is(new Set(hashes).size, hashes.length);
});

test('relativePath() is relative within the folder only', () => {
  assert.is(relativePath('/a/b', '/a/b/c/d'), 'c/d');
  assert.is(relativePath('/a/b', '/a/bc/d'), '/a/bc/d');
});

test('fingerprintTask() changes with every input and with nothing else', async () => {
  await withScratch({ 'in.txt': 'one', 'in2.txt': 'one' }, async ({ folder, write }) => {
    const base: TaskInputs = {
      command: 'c',
      args: [],
      files: [`${folder}/in.txt`],
      folder,
      env: new Map([
        ['A', '1'],
        ['B', undefined],
      ]),
      dependencies: ['x', 'y'],
      versions: { node: '20' },
    };
    const first = await fingerprintTask(base);
    const same = { dependencies: ['y', 'x'], env: new Map([...base.env].reverse()) };
    assert.is(await fingerprintTask({ ...base, ...same }), first);
    const changes: Partial<TaskInputs>[] = [
      { command: 'd' },
      { args: ['c'] },
      { files: [`${folder}/in2.txt`] },
      { files: [] },
      { files: [`${folder}/in.txt`, `${folder}/in2.txt`] },
      { files: [`${folder}/gone.txt`] },
      { env: new Map([['A', '1']]) },
      {
        env: new Map([
          ['A', '1'],
          ['B', ''],
        ]),
      },
      { dependencies: ['x'] },
      { versions: { node: '21' } },
      { versions: { bun: '20' } },
    ];
    const others = await Promise.all(changes.map((change) => fingerprintTask({ ...base, ...change })));
    assert.is(new Set([first, ...others]).size, changes.length + 1);
    write('in.txt', 'two');
    assert.is.not(await fingerprintTask(base), first);
    write('in.txt', 'one');
    assert.is(await fingerprintTask(base), first);
  });
});

test.run();
