// What inflates to no more than it may, by Node's zlib: yes only where it is certain.
import { deflateRawSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inflatesWithin } from '../../src/platform/node-inflate.ts';

test('inflatesWithin() is true up to the last byte that may be, and false above', () => {
  for (const length of [0, 1, 63, 64, 65, 5_000, 1_048_576, 3_000_001]) {
    const bytes = deflateRawSync(Uint8Array.from({ length }, (_, i) => (i * i) >> 5));
    // zlib refuses a limit of nothing.
    assert.is(inflatesWithin(bytes, Math.max(1, length)), true, `${length}`);
    assert.is(inflatesWithin(bytes, length + 70_000), true, `${length}`);
    if (length > 1) assert.is(inflatesWithin(bytes, length - 1), false, `${length}`);
  }
});

test('inflatesWithin() says nothing of what is cut, damaged or empty, and is true of a whole with more behind it', () => {
  const bytes = deflateRawSync(Uint8Array.from({ length: 5_000 }, (_, i) => (i * i) >> 5));
  assert.is(inflatesWithin(bytes.subarray(0, bytes.length - 9), 5_000), false);
  assert.is(inflatesWithin(new Uint8Array(0), 5_000), false);
  assert.is(inflatesWithin(Uint8Array.of(7, 7, 7), 5_000), false);
  assert.is(inflatesWithin(Buffer.concat([bytes, Buffer.alloc(40, 9)]), 5_000), true);
});

test.run();
