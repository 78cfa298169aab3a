import { inflateSync } from 'node:zlib';
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { encodeGrayPng, pngDataUri } from '../../src/report/png.ts';

/** Reads back what `encodeGrayPng` writes, with zlib's own checks of the checksums inside the stream. */
function decode(file: Uint8Array): { width: number; height: number; pixels: number[] } {
  const bytes = Buffer.from(file);
  assert.equal([...bytes.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < bytes.length; at += bytes.readUInt32BE(at) + 12) {
    chunks.set(bytes.toString('latin1', at + 4, at + 8), bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at)));
  }
  assert.equal([...chunks.keys()], ['IHDR', 'IDAT', 'IEND']);
  const header = chunks.get('IHDR')!;
  const width = header.readUInt32BE(0);
  const height = header.readUInt32BE(4);
  const rows = inflateSync(chunks.get('IDAT')!);
  assert.is(rows.length, (width + 1) * height);
  return { width, height, pixels: [...rows].filter((_, index) => index % (width + 1) !== 0) };
}

test('encodeGrayPng() survives decoding for any size, also beyond one stored block', () => {
  const side = fc.integer({ min: 1, max: 40 });
  const images = fc.tuple(side, side).chain(([width, height]) => {
    const length = { minLength: width * height, maxLength: width * height };
    return fc.array(fc.integer({ min: 0, max: 255 }), length).map((pixels) => ({ width, height, pixels }));
  });
  fc.assert(
    fc.property(images, (image) => assert.equal(decode(encodeGrayPng(image)), image)),
    { seed: 1, numRuns: 50 },
  );
  const large = { width: 300, height: 300, pixels: Array.from({ length: 90_000 }, (_, index) => index % 251) };
  assert.equal(decode(encodeGrayPng(large)), large);
});

test('encodeGrayPng() writes the known checksums of the specification', () => {
  const file = Buffer.from(encodeGrayPng({ width: 1, height: 1, pixels: [0] }));
  assert.is(file.subarray(-4).toString('hex'), 'ae426082', 'CRC-32 of an empty IEND');
  assert.is(file.subarray(29, 33).toString('hex'), '3a7e9b55', 'CRC-32 of the IHDR of a grey 1x1');
});

test('encodeGrayPng() rounds and clips values, and refuses what is no picture', () => {
  assert.equal(decode(encodeGrayPng({ width: 3, height: 1, pixels: [-4, 300, 1.5] })).pixels, [0, 255, 2]);
  for (const [width, height] of [
    [0, 1],
    [2, 2],
    [1.5, 2],
  ] as const) {
    assert.throws(
      () => encodeGrayPng({ width, height, pixels: [0, 0, 0] }),
      (error: unknown) => error instanceof SelvedgeError && error.code === 'png/shape',
    );
  }
});

test('pngDataUri() holds the file in base64', () => {
  const image = { width: 1, height: 1, pixels: [7] };
  const [head, body] = pngDataUri(image).split(',');
  assert.is(head, 'data:image/png;base64');
  assert.equal([...Buffer.from(body!, 'base64')], [...encodeGrayPng(image)]);
});

test.run();
