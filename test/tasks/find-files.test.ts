// The expectations were seen with the real deno 2.9.6: a file was changed, and the cached task ran or did not.
import { symlinkSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findFiles } from '../../src/tasks/find-files.ts';
import { withScratch } from './scratch.ts';

const FILES = [
  '.git/g.ts',
  'node_modules/p/x.ts',
  'real/r.ts',
  'src/.h.ts',
  'src/UP/U.TS',
  'src/a.ts',
  'src/b.ts',
  'src/deep/c.ts',
  'src/node_modules/y.ts',
];

const find = async (...patterns: string[]): Promise<string[] | undefined> => {
  let found: string[] | undefined;
  await withScratch(Object.fromEntries(FILES.map((file) => [file, file])), async ({ folder }) => {
    symlinkSync('../real', `${folder}/src/link`, 'dir');
    const replaced = patterns.map((pattern) => pattern.replace('FOLDER', folder));
    found = (await findFiles(folder, replaced, `${folder}/cache`))?.map((path) => path.slice(folder.length + 1));
  });
  return found;
};

const ALL = ['real/r.ts', 'src/.h.ts', 'src/UP/U.TS', 'src/a.ts', 'src/b.ts', 'src/deep/c.ts'];
const SHOWN = ['src/UP/U.TS', 'src/a.ts', 'src/b.ts', 'src/deep/c.ts'];

for (const [patterns, expected] of [
  [['src/*'], ['src/a.ts', 'src/b.ts']],
  [['src/**'], SHOWN],
  [['src'], ALL.slice(1)],
  [['src/'], ALL.slice(1)],
  [['.'], ALL],
  [[''], ALL],
  [['**/*.ts'], ['real/r.ts', ...SHOWN]],
  [
    ['!src/a.ts', 'src/**'],
    ['src/UP/U.TS', 'src/b.ts', 'src/deep/c.ts'],
  ],
  [
    ['src/**', '!src/deep'],
    ['src/UP/U.TS', 'src/a.ts', 'src/b.ts'],
  ],
  [
    ['src/**', '!src/deep/**', 'src/deep/c.ts'],
    ['src/UP/U.TS', 'src/a.ts', 'src/b.ts'],
  ],
  [['src/*.ts', '!**/b.ts'], ['src/a.ts']],
  [['node_modules/p/x.ts'], ['node_modules/p/x.ts']],
  [['node_modules/**/*.ts'], ['node_modules/p/x.ts']],
  [['.git/g.ts'], ['.git/g.ts']],
  [['src/*/c.ts'], ['src/deep/c.ts']],
  [['src/**/c.ts'], ['src/deep/c.ts']],
  [['src/**/**/a.ts'], ['src/a.ts']],
  [['*/a.ts'], ['src/a.ts']],
  [['src/A*.ts'], ['src/a.ts']],
  [['src/.*.ts'], ['src/.h.ts']],
  [['src/?.ts'], ['src/a.ts', 'src/b.ts']],
  [['src/a?ts'], ['src/a.ts']],
  [['src/a.ts', 'nope.ts'], ['src/a.ts']],
  [['src/a.ts/'], ['src/a.ts']],
  [['./src/a.ts'], ['src/a.ts']],
  [['src/link/*'], ['src/link/r.ts']],
  [['FOLDER/src/a.ts'], ['src/a.ts']],
  [['FOLDER/src/a*'], ['src/a.ts']],
  [['file://FOLDER/src/a.ts'], ['src/a.ts']],
  [['!src/a.ts'], []],
  [['src/{a,b}.ts'], []],
  [['src/[ab].ts'], []],
  [['src/**.ts'], undefined],
] as [string[], string[] | undefined][]) {
  test(`findFiles() takes ${JSON.stringify(patterns)} as deno does`, async () => {
    assert.equal(await find(...patterns), expected);
  });
}

test('findFiles() leaves out the folder it is told to skip', async () => {
  await withScratch({ 'a/x': '', 'a/cache/y': '' }, async ({ folder }) => {
    assert.equal(await findFiles(folder, ['a'], `${folder}/a/cache`), [`${folder}/a/x`]);
  });
});

test.run();
