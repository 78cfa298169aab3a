// Files that ask for more work than they show: bombs, scans without end, chunks that nobody needs.
import { readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { createImageDecoder, type DecodeOptions } from '../../src/data/image-decoder.ts';
import { createWebpCodec } from '../../src/data/webp-codec.ts';
import { baselineJpeg, losslessAlphaWebp } from '../contract/picture-files.ts';
import { jpegFile, pngChunk, pngFile } from './image-files.ts';

const moduleOf = (name: string): WebAssembly.Module =>
  new WebAssembly.Module(readFileSync(new URL(`../../build/${name}`, import.meta.url)));
const decode = createImageDecoder({ png: moduleOf('png.wasm'), jpeg: moduleOf('jpeg.wasm') });

async function rejects(file: Uint8Array, code: string, options: Partial<DecodeOptions> = {}): Promise<void> {
  try {
    await decode(file, { name: 'some.png', ...options });
  } catch (error) {
    assert.instance(error, SelvedgeError);
    assert.is((error as SelvedgeError).code, code, (error as SelvedgeError).message);
    return;
  }
  assert.unreachable(`expected ${code}`);
}

const grey = { width: 28, height: 28, colourType: 0, bitDepth: 8, rows: new Uint8Array(784) };
const rowsInflated = 28 * 29;

test('createImageDecoder() refuses a PNG that inflates to far more than its pixels', async () => {
  await rejects(pngFile({ ...grey, compressed: deflateSync(new Uint8Array(50_000_000)) }), 'image/too-costly');
  await rejects(
    pngFile({ ...grey, compressed: deflateSync(new Uint8Array(rowsInflated + 70_000)) }),
    'image/too-costly',
  );
  const padded = await decode(pngFile({ ...grey, compressed: deflateSync(new Uint8Array(rowsInflated + 100)) }), {
    name: 'padded.png',
  });
  assert.is(padded.data.length, 784 * 4);
});

test('createImageDecoder() counts the pixels of all passes of an interlaced PNG', async () => {
  const passes = [
    [0, 8, 0, 8],
    [4, 8, 0, 8],
    [0, 4, 4, 8],
    [2, 4, 0, 4],
    [0, 2, 2, 4],
    [1, 2, 0, 2],
    [0, 1, 1, 2],
  ] as const;
  for (const [width, height] of [
    [1, 1],
    [5, 3],
    [300, 280],
  ] as const) {
    const bytes: number[] = [];
    for (const [left, stepAcross, top, stepDown] of passes) {
      for (let y = top; y < height && left < width; y += stepDown) {
        bytes.push(0);
        for (let x = left; x < width; x += stepAcross) bytes.push((x * 7 + y) & 255);
      }
    }
    const kind = { ...grey, width, height, rows: new Uint8Array(height), isInterlaced: true };
    const { data } = await decode(pngFile({ ...kind, compressed: deflateSync(Uint8Array.from(bytes)) }), { name: 'a' });
    for (let i = 0; i < width * height; i++) assert.is(data[i * 4], ((i % width) * 7 + Math.floor(i / width)) & 255);
    const bomb = Uint8Array.from([...bytes, ...new Uint8Array(70_000)]);
    await rejects(pngFile({ ...kind, compressed: deflateSync(bomb) }), 'image/too-costly');
  }
});

test('createImageDecoder() never looks into chunks that hold no pixels', async () => {
  const bomb = deflateSync(new Uint8Array(20_000_000));
  const named = new TextEncoder().encode('a\0\0');
  for (const type of ['iCCP', 'zTXt', 'fcTL', 'abCd']) {
    const file = pngFile({ ...grey, chunks: [pngChunk(type, Buffer.concat([named, bomb]))] });
    assert.is((await decode(file, { name: type })).width, 28);
  }
});

test('createImageDecoder() refuses PNG data that does not inflate, and unknown colour types', async () => {
  await rejects(pngFile({ ...grey, compressed: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) }), 'image/corrupt');
  await rejects(pngFile({ ...grey, compressed: new Uint8Array(0) }), 'image/corrupt');
  await rejects(pngFile({ ...grey, colourType: 5 }), 'image/corrupt');
  await rejects(pngFile({ ...grey, bitDepth: 3 }), 'image/corrupt');
});

test('createImageDecoder() refuses a JPEG of scans without end', async () => {
  const picture = { width: 1000, height: 1000, data: new Uint8Array(4_000_000).fill(90) };
  const jpeg = await jpegFile(picture);
  assert.is((await decode(jpeg, { name: 'plain.jpg' })).width, 1000);
  const scan = jpeg.lastIndexOf(0xda) - 1;
  assert.is(jpeg[scan], 0xff);
  const [before, last] = [jpeg.subarray(0, scan), jpeg.subarray(scan, jpeg.length - 2)];
  const repeated = Buffer.concat([before, ...Array.from({ length: 700 }, () => last), Uint8Array.of(0xff, 0xd9)]);
  await rejects(new Uint8Array(repeated), 'image/too-costly');
});

test('createImageDecoder() takes the limit of pixels that it is given', async () => {
  await rejects(pngFile(grey), 'image/too-large', { maximumPixels: 783 });
  assert.is((await decode(pngFile(grey), { name: 'a.png', maximumPixels: 784 })).height, 28);
  await rejects(pngFile({ ...grey, width: 65_536, height: 1 }), 'image/too-large');
});

test('createImageDecoder() decodes alike before and after failures and large images', async () => {
  const small = await jpegFile({ width: 8, height: 6, data: new Uint8Array(192).fill(200) });
  const large = { width: 2500, height: 2000, data: new Uint8Array(20_000_000).fill(80) };
  const [largePng, largeJpeg] = [
    pngFile({ ...grey, width: 2500, height: 2000, rows: new Uint8Array(5_000_000) }),
    await jpegFile(large),
  ];
  const expected = [await decode(small, { name: 'a' }), await decode(pngFile(grey), { name: 'b' })];
  const broken = pngFile(grey);
  broken[broken.length - 14]! ^= 1;
  for (const harm of [largePng, largeJpeg, broken, small.slice(0, -20)]) {
    await decode(harm, { name: 'harm' }).catch((error) => assert.instance(error, SelvedgeError));
    const after = [await decode(small, { name: 'a' }), await decode(pngFile(grey), { name: 'b' })];
    assert.equal(
      after.map(({ data }) => [...data]),
      expected.map(({ data }) => [...data]),
    );
  }
});

test('createImageDecoder() decodes small files of a format one after another by one instance', async () => {
  const { Instance } = WebAssembly;
  let instances = 0;
  WebAssembly.Instance = new Proxy(Instance, {
    construct(target, [module, imports]) {
      instances++;
      return new target(module, imports);
    },
  });
  try {
    for (const file of [pngFile(grey), baselineJpeg, losslessAlphaWebp]) {
      const fresh = createImageDecoder({
        png: moduleOf('png.wasm'),
        jpeg: moduleOf('jpeg.wasm'),
        webp: createWebpCodec(() => moduleOf('webp.wasm')),
      });
      instances = 0;
      for (let time = 0; time < 5; time++) await fresh(file, { name: 'small' });
      assert.is(instances, 1);
    }
  } finally {
    WebAssembly.Instance = Instance;
  }
});

test('createImageDecoder() passes on that a codec cannot be had, and asks again', async () => {
  let asked = 0;
  const png = moduleOf('png.wasm');
  const late = createImageDecoder({
    jpeg: png,
    png: async () => {
      asked++;
      if (asked === 1) throw new SelvedgeError('files/engine-file', 'Cannot read "png.wasm"');
      return png;
    },
  });
  try {
    await late(pngFile(grey), { name: 'a.png' });
    assert.unreachable();
  } catch (error) {
    assert.is((error as SelvedgeError).code, 'files/engine-file');
  }
  assert.is((await late(pngFile(grey), { name: 'a.png' })).width, 28);
});

test.run();
