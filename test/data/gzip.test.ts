import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { sha256 } from '../../src/core/sha256.ts';
import { gunzip, gzip } from '../../src/data/gzip.ts';

const content = new Uint8Array(5000).map((_, i) => (i * i) & 0xff);

async function rejects(bytes: Uint8Array): Promise<void> {
  try {
    await gunzip(bytes, { name: 'some.gz' });
  } catch (error) {
    assert.instance(error, SelvedgeError);
    assert.is((error as SelvedgeError).code, 'gzip/corrupt');
    assert.match((error as SelvedgeError).message, '"some.gz"');
    return;
  }
  assert.unreachable('expected gzip/corrupt');
}

test('gunzip() undoes gzip()', async () => {
  assert.equal(await gunzip(await gzip(content), { name: 'some.gz' }), content);
  assert.equal(await gunzip(await gzip(new Uint8Array(0)), { name: 'some.gz' }), new Uint8Array(0));
});

test('gunzip() rejects cut, changed and foreign bytes', async () => {
  const whole = await gzip(content);
  await rejects(new Uint8Array(0));
  await rejects(whole.subarray(0, whole.length - 1));
  await rejects(whole.subarray(0, 12));
  const changed = whole.slice();
  changed[whole.length - 6]! ^= 1;
  await rejects(changed);
  await rejects(content);
});

test('gzip() and gunzip() do the same where the runtime has no streams for it', async () => {
  const scope = globalThis as { CompressionStream?: unknown; DecompressionStream?: unknown };
  const { CompressionStream, DecompressionStream } = scope;
  const made = await gzip(content);
  try {
    delete scope.CompressionStream;
    delete scope.DecompressionStream;
    assert.equal(await gunzip(made, { name: 'some.gz' }), content);
    const own = await gzip(content);
    assert.equal(await gunzip(await gzip(new Uint8Array(0)), { name: 'some.gz' }), new Uint8Array(0));
    for (const end of [0, 12, own.length - 9, own.length - 1]) await rejects(own.subarray(0, end));
    for (const place of [0, own.length - 6, own.length - 3]) {
      const changed = own.slice();
      changed[place]! ^= 1;
      await rejects(changed);
    }
    await rejects(content);
    Object.assign(scope, { CompressionStream, DecompressionStream });
    assert.equal(await gunzip(own, { name: 'some.gz' }), content);
  } finally {
    Object.assign(scope, { CompressionStream, DecompressionStream });
  }
});

test('sha256() gives the digest of the standard', async () => {
  const abc = new TextEncoder().encode('abc');
  assert.is(await sha256(abc), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test.run();
