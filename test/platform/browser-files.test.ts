import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { originPrivateFiles } from '../../src/platform/browser-files.ts';
import { type FakeOptions, fakeOpfs } from './fake-opfs.ts';

/** The ways that browsers have: workers, main threads, those without `move`, and without streams. */
const ways: Readonly<Record<string, FakeOptions['has']>> = {
  'in a worker': {},
  'on a main thread': { syncAccess: false },
  'in a worker, without move': { move: false },
  'on a main thread, without move': { move: false, syncAccess: false },
  'in a worker, without streams': { writable: false },
};

const open = (options: FakeOptions = {}) => {
  const system = fakeOpfs(options);
  return { system, files: originPrivateFiles(system) };
};

async function failureOf(run: () => Promise<unknown>): Promise<SelvedgeError> {
  try {
    await run();
  } catch (error) {
    assert.instance(error, SelvedgeError);
    return error as SelvedgeError;
  }
  return assert.unreachable('nothing failed') as never;
}

for (const [way, has = {}] of Object.entries(ways)) {
  test(`write() leaves the old or the new content, whenever the page is closed (${way})`, async () => {
    const [before, after] = ['the old content', 'new'];
    let steps = 0;
    for (let closeAt = 1; ; closeAt++) {
      const { system, files } = open({ has });
      await files.write('/runs/a.json', before);
      system.steps = 0;
      system.closeAt = closeAt;
      const isClosed = await files.write('/runs/a.json', after).then(
        () => false,
        () => true,
      );
      system.reopen();
      const found = await files.readText('/runs/a.json');
      assert.is(found, isClosed ? (found === after ? after : before) : after, `closed at step ${closeAt}`);
      // Whatever was left is in nobody's way.
      await files.write('/runs/a.json', 'again');
      assert.equal(await files.list('/runs'), ['a.json'], `closed at step ${closeAt}`);
      if (!isClosed) break;
      steps++;
    }
    assert.ok(steps > 3);
  });

  test(`write() over the quota is a typed error, and the old content stays (${way})`, async () => {
    const { files } = open({ has, quota: 20 });
    await files.write('a', '0123456789');
    const error = await failureOf(() => files.write('a', 'x'.repeat(21)));
    assert.is(error.code, 'files/not-written');
    assert.match(error.message, 'Cannot write "a": the storage that the browser allows this site is used up');
    assert.is(await files.readText('a'), '0123456789');
    assert.equal(await files.list('/'), ['a']);
  });

  test(`overwrite() and append() write all parts (${way})`, async () => {
    const { system, files } = open({ has });
    system.chunk = 3;
    await files.append('/deep/er/a', 'begin');
    await files.append('/deep/er/a', ' and go on');
    assert.is(await files.readText('/deep/er/a'), 'begin and go on');
    await files.overwrite('/deep/er/a', [Uint8Array.of(1, 2), new Uint8Array(), Uint8Array.of(3, 4, 5, 6)]);
    assert.equal([...(await files.readBytes('/deep/er/a'))], [1, 2, 3, 4, 5, 6]);
    assert.equal(await files.status('/deep/er/a'), { bytes: 6, isFolder: false });
  });

  test(`rename() moves files and folders (${way})`, async () => {
    const { files } = open({ has });
    await files.write('/a/x', '1');
    await files.write('/a/b/y', '2');
    await files.rename('/a', '/c');
    assert.equal([await files.list('/'), await files.list('/c')], [['c'], ['b', 'x']]);
    await files.write('/z', 'old');
    await files.rename('/c/b/y', '/z');
    assert.equal([await files.readText('/z'), await files.list('/c/b')], ['2', []]);
    await files.rename('/z', '/z');
    assert.is(await files.readText('/z'), '2');
  });
}

test('write() of views of shared memory copies them', async () => {
  const { files } = open();
  const shared = new Uint8Array(new SharedArrayBuffer(3)).fill(7);
  await files.write('a', shared);
  await files.overwrite('b', [shared]);
  assert.equal([...(await files.readBytes('a')), ...(await files.readBytes('b'))], [7, 7, 7, 7, 7, 7]);
});

test('write() and append() to one path at once wait for each other', async () => {
  const { files } = open();
  await Promise.all(Array.from({ length: 8 }, (_, i) => files.append('/log', `${i}`)));
  await Promise.all(Array.from({ length: 8 }, (_, i) => files.write('/last', `${i}`)));
  assert.is(await files.readText('/log'), '01234567');
  assert.is(await files.readText('/last'), '7');
});

test('what changes a file says why it cannot', async () => {
  const { files } = open();
  await files.write('/folder/a', 'x');
  await files.write('/other', 'x');
  const cases: readonly (readonly [() => Promise<unknown>, string])[] = [
    [() => files.write('/folder', 'x'), 'Cannot write "/folder": it, or a part of the path, is a file'],
    [() => files.write('/folder/a/b', 'x'), 'Cannot write "/folder/a/b": it, or a part of the path, is a file'],
    [() => files.overwrite('/none/a', []), 'Cannot write "/none/a": its folder, or it itself, is not there'],
    [() => files.makeFolder('/folder/a'), 'Cannot write "/folder/a": it, or a part of the path, is a file'],
    [() => files.rename('/other', '/folder'), 'Cannot write "/folder": it, or a part of the path, is a file'],
    [() => files.rename('/none', '/b'), 'Cannot write "/b": its folder, or it itself, is not there'],
    [() => files.rename('/folder', '/folder/b'), 'Cannot write "/folder/b": a folder cannot be moved into itself'],
    [() => files.write('/', 'x'), 'Cannot write "/": '],
  ];
  for (const [change, message] of cases) {
    const error = await failureOf(change);
    assert.is(error.code, 'files/not-written');
    assert.ok(error.message.startsWith(message), error.message);
  }
  assert.is(await files.readText('/folder/a'), 'x');
});

test('a folder is not moved over one that is not empty', async () => {
  const { files } = open();
  await files.write('/a/x', '1');
  await files.write('/b/y', '2');
  assert.match((await failureOf(() => files.rename('/a', '/b'))).message, 'a folder that is not empty');
  assert.equal([await files.list('/a'), await files.list('/b')], [['x'], ['y']]);
});

test('status(), list() and remove() take what is not there for nothing', async () => {
  const { files } = open();
  await files.write('/a/x', '1');
  assert.equal(
    await Promise.all(
      ['/', '/a', '/none', '/a/x/y', '/none/x'].map(async (path) => (await files.status(path))?.isFolder),
    ),
    [true, true, undefined, undefined, undefined],
  );
  assert.equal([await files.list('/none'), await files.list('/a/x')], [[], []]);
  for (const path of ['/none', '/none/x', '/a/x/y']) await files.remove(path);
  await files.remove('/');
  assert.equal(await files.list('/'), []);
});

test('entries() are sorted by code unit, list() has the same names', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.stringMatching(/^[a-zA-Z0-9äöü_ -]+$/), { maxLength: 6 }), async (names) => {
      const { files } = open();
      for (const name of names) await files.write(files.join('/f', name), name);
      assert.equal(await files.list('/f'), [...names].sort());
      assert.equal(
        (await files.entries('/f')).map(({ name }) => name),
        [...names].sort(),
      );
    }),
    { numRuns: 30 },
  );
});

test('readBytes() of a file that is being replaced gives the old or the new content', async () => {
  const { files } = open();
  await files.write('/a', 'old');
  const [found] = await Promise.all([files.readText('/a'), files.write('/a', 'new')]);
  assert.ok(['old', 'new'].includes(found));
  assert.is(await files.readText('/a'), 'new');
});

test('without storage nothing is there, and writing says why', async () => {
  const files = originPrivateFiles({
    root: () => Promise.reject(new DOMException('', 'SecurityError')),
    withLock: (_, body) => body(),
  });
  assert.is(await files.status('/a'), undefined);
  assert.equal(await files.list('/'), []);
  await files.remove('/a');
  assert.match((await failureOf(() => files.write('/a', 'x'))).message, 'needs https or localhost');
});

test('readBytes() of what is not there names the path', async () => {
  const { files } = open();
  try {
    await files.readBytes('/none/a');
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, 'Cannot read "/none/a"');
  }
});

test.run();
