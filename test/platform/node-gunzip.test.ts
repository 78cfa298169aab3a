// Node's zlib behind the platform's gunzip: how it sizes its buffer. Not here: what gzip files there are (contract/gzip-files.ts).
import { gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { concatenate } from '../../src/core/concatenate.ts';
import { gunzip } from '../../src/platform/node-gunzip.ts';

const content = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) >>> 5);

test('gunzip() reads members that are longer than the last, whose length sizes the buffer', async () => {
  const [long, short] = [gzipSync(content), gzipSync(content.subarray(0, 10))];
  const unpacked = await gunzip(concatenate([long, short, long, short]));
  const part = content.subarray(0, 10);
  assert.equal(unpacked, concatenate([content, part, content, part]));
});

test('gunzip() reads what packs better than it may claim, and what claims nothing behind zeros', async () => {
  const zeros = new Uint8Array(1_000_000);
  assert.equal(await gunzip(gzipSync(zeros)), zeros);
  assert.equal(await gunzip(concatenate([gzipSync(content), new Uint8Array(9)])), content);
});

test('gunzip() answers undefined for a file with another length than it claims, and for bytes behind zeros', async () => {
  const packed = new Uint8Array(gzipSync(content));
  for (const claim of [1, 0x7f, 0xff]) {
    const changed = packed.slice();
    changed[packed.length - 1] = claim;
    assert.is(await gunzip(changed), undefined);
  }
  assert.is(await gunzip(concatenate([packed, Uint8Array.of(0, 0, 1)])), undefined);
  assert.is(await gunzip(new Uint8Array(0)), undefined);
  assert.is(await gunzip(packed.subarray(0, 3)), undefined);
});

test.run();
