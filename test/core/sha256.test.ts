import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sha256 } from '../../src/core/sha256.ts';

test('sha256() is SHA-256 of bytes and of text', async () => {
  // FIPS 180-2, appendix B.1.
  const digest = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  assert.is(await sha256('abc'), digest);
  assert.is(await sha256(Uint8Array.of(0x61, 0x62, 0x63)), digest);
});

test.run();
