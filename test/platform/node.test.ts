import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { platform } from '../../src/platform/index.ts';
import { cgroupCores } from '../../src/platform/node.ts';
import { openCheckpoints } from '../../src/training/index.ts';

const { files } = platform;
const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-platform-'));
test.after(() => rmSync(folder, { recursive: true }));

/** A file of Linux that is always full. */
const FULL = '/dev/full';

async function failureOf(run: () => Promise<unknown>): Promise<SelvedgeError> {
  try {
    await run();
  } catch (error) {
    assert.instance(error, SelvedgeError);
    return error as SelvedgeError;
  }
  return assert.unreachable('nothing failed') as never;
}

test('cgroupCores() is the least quota of the group and those above it, rounded up', () => {
  const coresOf = (tree: Record<string, string>): number => cgroupCores((file) => tree[file]);
  assert.is(coresOf({}), Number.POSITIVE_INFINITY);
  assert.is(coresOf({ '/sys/fs/cgroup/cpu.max': 'max 100000' }), Number.POSITIVE_INFINITY);
  assert.is(coresOf({ '/sys/fs/cgroup/cpu.max': '150000 100000' }), 2);
  const nested = { '/proc/self/cgroup': '0::/a.slice/b.service', '/sys/fs/cgroup/a.slice/cpu.max': '300000 100000' };
  assert.is(coresOf(nested), 3);
  assert.is(coresOf({ ...nested, '/sys/fs/cgroup/a.slice/b.service/cpu.max': '50000 100000' }), 1);
  const version1 = {
    '/proc/self/cgroup': '5:memory:/box\n4:cpu,cpuacct:/box',
    '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1',
    '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
  };
  assert.is(coresOf(version1), Number.POSITIVE_INFINITY);
  const quota = {
    '/sys/fs/cgroup/cpu/box/cpu.cfs_quota_us': '200000',
    '/sys/fs/cgroup/cpu/box/cpu.cfs_period_us': '100000',
  };
  assert.is(coresOf({ ...version1, ...quota }), 2);
});

test('write() replaces a file whole, makes its folder and leaves nothing beside it', async () => {
  const file = path.join(folder, 'new', 'deep', 'text.txt');
  await files.write(file, 'long text');
  await files.write(file, 'text');
  assert.is(readFileSync(file, 'utf8'), 'text');
  assert.equal(readdirSync(path.dirname(file)), ['text.txt']);
});

test('write() that fails names the file and the reason, and leaves nothing beside it', async () => {
  const target = path.join(folder, 'is-a-folder');
  await files.makeFolder(path.join(target, 'inside'));
  const error = await failureOf(() => files.write(target, 'text'));
  assert.is(error.code, 'files/not-written');
  assert.match(error.message, `Cannot write "${target}": it is a folder`);
  assert.equal(
    readdirSync(folder).filter((name) => name.endsWith('.part')),
    [],
  );
});

test('write(), append(), overwrite() and makeFolder() say so where a part of the path is a file', async () => {
  const file = path.join(folder, 'file');
  writeFileSync(file, '');
  const below = path.join(file, 'below');
  const changes = [
    () => files.write(below, ''),
    () => files.append(below, ''),
    () => files.overwrite(below, []),
    () => files.makeFolder(below),
  ];
  for (const change of changes) {
    assert.match(
      (await failureOf(change)).message,
      /^Cannot write ".*below": a part of the path is a file, not a folder/,
    );
  }
});

if (existsSync(FULL)) {
  test('a checkpoint on a full disk is a clear error, and the one before it is still there', async () => {
    const run = path.join(folder, 'run');
    const store = openCheckpoints<{ epoch: number }>(run);
    const tensors = [{ name: 'w', shape: [2], values: Float32Array.of(1, 2) }];
    await store.save({ state: { epoch: 1 }, tensors });
    symlinkSync(FULL, path.join(run, 'checkpoint-1.bin'));
    const error = await failureOf(() => store.save({ state: { epoch: 2 }, tensors }));
    assert.is(error.code, 'files/not-written');
    assert.match(error.message, /checkpoint-1\.bin": the disk is full \(ENOSPC\)$/);
    rmSync(path.join(run, 'checkpoint-1.bin'));
    assert.is((await openCheckpoints<{ epoch: number }>(run).load())?.state.epoch, 1);
    await store.save({ state: { epoch: 3 }, tensors });
    assert.is((await store.load())?.state.epoch, 3);
  });
}

test.run();
