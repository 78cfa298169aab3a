import path from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { basename, dirname, isAddress, join, resolve, segmentsOf } from '../../src/platform/browser-paths.ts';

const segment = fc.constantFrom('a', 'b.txt', '.', '..', '', 'c d', '...');
const anyPath = fc
  .tuple(fc.boolean(), fc.array(segment, { maxLength: 6 }))
  .map(([isAbsolute, names]) => `${isAbsolute ? '/' : ''}${names.join('/')}`);
const withoutSlash = (text: string): string => (text.length > 1 ? text.replace(/\/$/, '') : text);

test('join() is that of POSIX, without a slash at the end', () => {
  fc.assert(
    fc.property(fc.array(anyPath, { minLength: 1, maxLength: 4 }), (parts) => {
      assert.is(join(...parts), withoutSlash(path.posix.join(...parts)));
    }),
  );
});

test('resolve() is that of POSIX in the folder /', () => {
  fc.assert(
    fc.property(fc.array(anyPath, { maxLength: 4 }), (parts) => {
      assert.is(resolve(...parts), path.posix.resolve('/', ...parts));
    }),
  );
});

test('dirname() and basename() are those of POSIX for normal paths', () => {
  fc.assert(
    fc.property(anyPath, (raw) => {
      const normal = join(raw);
      if (normal.endsWith('..') || normal === '.') return;
      assert.is(dirname(normal), path.posix.dirname(normal));
      assert.is(basename(normal), path.posix.basename(normal));
    }),
  );
});

test('join(), resolve() and dirname() keep an address an address', () => {
  assert.is(join('https://host:8000/a/b/', '..', 'c.gz'), 'https://host:8000/a/c.gz');
  assert.is(join('http://host', '..', '..', 'c'), 'http://host/c');
  assert.is(resolve('/runs', 'https://host/a//b/./c'), 'https://host/a/b/c');
  assert.is(resolve('https://host/a', '../b'), 'https://host/b');
  assert.is(resolve('https://host/a', '/b'), '/b');
  assert.is(dirname('https://host/a/b'), 'https://host/a');
  assert.is(dirname('https://host/a'), 'https://host');
  assert.is(dirname('https://host'), 'https://host');
  assert.is(basename('https://host/a/b.gz'), 'b.gz');
  assert.is(join('data:text/plain,a//b/../c'), 'data:text/plain,a//b/../c');
  assert.is(resolve('blob:https://host/8f-1'), 'blob:https://host/8f-1');
});

test('isAddress() takes a file with a colon in its name for a file', () => {
  assert.is(isAddress('run:1/model'), false);
  assert.is(isAddress('/data:1'), false);
  assert.is(isAddress('HTTPS://host/'), true);
});

test('segmentsOf() never leaves the root', () => {
  assert.equal(segmentsOf('/../../a/../b/c'), ['b', 'c']);
  assert.equal(segmentsOf('/'), []);
  assert.equal(segmentsOf('https://host/../a'), ['a']);
});

test.run();
