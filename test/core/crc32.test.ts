import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { crc32 } from '../../src/core/crc32.ts';

test('crc32() is that of the catalogue of checksums', () => {
  assert.is(crc32(new TextEncoder().encode('123456789')), 0xcbf43926);
  assert.is(crc32([]), 0);
  assert.is(crc32([255, 255, 255, 255]), 0xffffffff);
});

test.run();
