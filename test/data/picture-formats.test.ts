// Formats of pictures: told apart by their first bytes, read whole in all their kinds, refused by name where there is no decoder.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { concatenate } from '../../src/core/concatenate.ts';
import { SelvedgeError } from '../../src/core/errors.ts';
import { decodeImage } from '../../src/data/image-codecs.ts';
import { createImageDecoder, type RawImage } from '../../src/data/image-decoder.ts';
import { pictureFormatOf } from '../../src/data/picture-format.ts';
import { createWebpCodec } from '../../src/data/webp-codec.ts';
import * as files from '../contract/picture-files.ts';

const options = { name: 'some.file' };
const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (sign) => sign.charCodeAt(0));

async function rejects(bytes: Uint8Array, code: string, message = /./): Promise<void> {
  try {
    await decodeImage(bytes, options);
  } catch (error) {
    assert.instance(error, SelvedgeError);
    assert.is((error as SelvedgeError).code, code, (error as SelvedgeError).message);
    assert.match((error as SelvedgeError).message, message);
    return;
  }
  assert.unreachable(`expected ${code}`);
}

const pixelAt = ({ width, data }: RawImage, x: number, y: number): number[] => [
  ...data.subarray((y * width + x) * 4, (y * width + x) * 4 + 4),
];

function isNear(image: RawImage, at: readonly [number, number], colour: readonly number[], tolerance: number): void {
  const got = pixelAt(image, ...at);
  const far = Math.max(...colour.map((value, i) => Math.abs(value - got[i]!)));
  assert.ok(far <= tolerance, `${got} at ${at}, expected ${colour}`);
}

const RED = [200, 40, 60, 255];
const BLUE = [20, 30, 120, 255];

test('pictureFormatOf() tells formats by their first bytes', () => {
  const ftyp = (...brands: string[]): Uint8Array =>
    latin1(`\0\0\0${String.fromCharCode(12 + 4 * brands.length)}ftyp${brands[0]}\0\0\0\0${brands.slice(1).join('')}`);
  const begins: readonly (readonly [string | undefined, Uint8Array])[] = [
    ['png', latin1('\x89PNG\r\n\x1a\n')],
    ['jpeg', files.baselineJpeg],
    ['webp', files.lossyWebp],
    ['webp', files.animatedWebp],
    ['avif', files.avif],
    ['avif', ftyp('mif1', 'miaf', 'avif')],
    ['heic', ftyp('mif1', 'heic')],
    ['heic', ftyp('heix')],
    [undefined, ftyp('isom', 'mp42')],
    ['gif', latin1('GIF87a')],
    ['gif', latin1('GIF89a and more')],
    ['tiff', latin1('II*\0')],
    ['tiff', latin1('MM\0*')],
    ['bmp', latin1(`BM${'\0'.repeat(12)}\x28\0\0\0`)],
    [undefined, latin1('BMW, and other words')],
    ['svg', latin1('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['svg', latin1('\xef\xbb\xbf<?xml version="1.0"?>\n<!-- a -->\n<svg >')],
    [undefined, latin1('<html><svg></svg></html>')],
    ['pdf', latin1('%PDF-1.7')],
    ['jpeg-xl', latin1('\xff\x0a')],
    ['jpeg-2000', latin1('\0\0\0\x0cjP  \r\n\x87\n')],
    [undefined, latin1('RIFF\0\0\0\0WAVE')],
    [undefined, new Uint8Array(0)],
  ];
  for (const [format, bytes] of begins) assert.is(pictureFormatOf(bytes), format, bytes.join());
});

test('decodeImage() names the format that it does not read, and those that it does', async () => {
  await rejects(files.avif, 'image/unknown-format', /expected a PNG, JPEG or WebP file, got AVIF$/);
  await rejects(latin1('GIF89a'), 'image/unknown-format', /expected a PNG, JPEG or WebP file, got GIF$/);
  await rejects(latin1('not a picture'), 'image/unknown-format', /got 13 bytes of something else$/);
  await rejects(files.animatedWebp, 'image/unknown-format', /got an animated WebP$/);
});

test('createImageDecoder() without a codec of WebP says so', async () => {
  const moduleOf = (name: string): WebAssembly.Module =>
    new WebAssembly.Module(readFileSync(new URL(`../../build/${name}`, import.meta.url)));
  const modules = { png: moduleOf('png.wasm'), jpeg: moduleOf('jpeg.wasm') };
  await createImageDecoder(modules)(files.lossyWebp, options).then(
    () => assert.unreachable(),
    (error: SelvedgeError) => {
      assert.is(error.code, 'image/unknown-format');
      assert.match(error.message, /expected a PNG or JPEG file, got WebP$/);
    },
  );
  const decode = createImageDecoder({ ...modules, webp: createWebpCodec(moduleOf('webp.wasm')) });
  isNear(await decode(files.losslessWebp, options), [14, 9], RED, 0);
});

test('decodeImage() reads lossy and lossless WebP, with and without alpha', async () => {
  for (const [file, tolerance] of [
    [files.losslessWebp, 0],
    [files.lossyWebp, 24],
  ] as const) {
    const image = await decodeImage(file, options);
    assert.equal([image.width, image.height], [24, 16]);
    isNear(image, [14, 9], RED, tolerance);
    isNear(image, [6, 4], BLUE, tolerance);
    isNear(image, [0, 0], [255, 255, 255, 255], tolerance);
  }
  const lossless = await decodeImage(files.losslessAlphaWebp, options);
  isNear(lossless, [14, 9], [200, 40, 60, 152], 0);
  const lossy = await decodeImage(files.alphaWebp, options);
  isNear(lossy, [14, 9], [200, 40, 60, 152], 8);
});

test('decodeImage() refuses each cut of a WebP, sizes that differ, and sizes above the limit; bytes after it do not matter', async () => {
  for (const file of [files.lossyWebp, files.losslessAlphaWebp, files.alphaWebp]) {
    for (let end = 12; end < file.length; end += 3) await rejects(file.slice(0, end), 'image/truncated');
    assert.is((await decodeImage(concatenate([file, latin1('more')]), options)).width, 24);
  }
  const wider = files.alphaWebp.slice();
  const extended = 20;
  wider[extended + 4]! += 1;
  await rejects(wider, 'image/corrupt');
  const huge = files.losslessWebp.slice();
  huge.set([0xff, 0xff, 0xff, 0x0f], 21);
  await rejects(huge, 'image/too-large', /got 16384 x 16384$/);
});

test('decodeImage() reads a JPEG that lacks its end marker, and one that goes on after it', async () => {
  for (const file of [files.baselineJpeg, files.progressiveJpeg, files.cmykJpeg]) {
    const expected = await decodeImage(file, options);
    const others = [
      file.slice(0, -2),
      file.slice(0, -1),
      concatenate([file, latin1('junk')]),
      concatenate([file, new Uint8Array(512)]),
      // As files of several pictures and of a picture and a film are.
      concatenate([file, files.turnedJpeg]),
    ];
    for (const other of others) assert.equal([...(await decodeImage(other, options)).data], [...expected.data]);
  }
});

test('decodeImage() refuses a JPEG that is cut anywhere in its data', async () => {
  for (const file of [files.baselineJpeg, files.progressiveJpeg, files.cmykJpeg]) {
    for (let end = 3; end < file.length - 2; end += 1) await rejects(file.slice(0, end), 'image/truncated');
    assert.is((await decodeImage(file, options)).width, 24);
  }
});

test('decodeImage() turns a JPEG as its EXIF orientation says', async () => {
  for (const [file, red] of [
    [files.turnedJpeg, RED],
    [files.turnedCmykJpeg, [190, 40, 84, 255]],
  ] as const) {
    const image = await decodeImage(file, options);
    assert.equal([image.width, image.height], [16, 24]);
    // What was at (14, 9) of 24 x 16 is as far from the right as it was from the top.
    isNear(image, [15 - 9, 14], red, 12);
    assert.ok(pixelAt(image, 15 - 5, 6)[0]! < 60);
  }
});

/** Where a file's marker of Adobe says how its components are transformed. */
const TRANSFORM = 17;

test('decodeImage() reads CMYK and YCCK JPEGs as browsers do without a profile', async () => {
  const cmyk = await decodeImage(files.cmykJpeg, options);
  // Pillow's own (255 - ink) * (255 - black) / 255.
  isNear(cmyk, [14, 9], [190, 40, 84, 255], 3);
  isNear(cmyk, [6, 5], [15, 46, 155, 255], 3);
  isNear(cmyk, [0, 0], [255, 255, 255, 255], 2);
  const file = files.cmykJpeg.slice();
  assert.is(String.fromCharCode(...file.subarray(6, 11)), 'Adobe');
  file[TRANSFORM] = 2;
  // The stored 215, 45, 95, 225 are then Y, Cb, Cr and black: 255 less R, G and B of them, times 225 / 255.
  const [red, green, blue] = [
    215 + 1.402 * (95 - 128),
    215 - 0.34414 * (45 - 128) - 0.71414 * (95 - 128),
    215 + 1.772 * (45 - 128),
  ];
  const expected = [red, green, blue].map((value) => ((255 - Math.min(255, value)) * 225) / 255);
  isNear(await decodeImage(file, options), [14, 9], expected, 5);
  // Without the marker they are taken to be stored as Adobe stores them.
  const unmarked = concatenate([files.cmykJpeg.subarray(0, 2), files.cmykJpeg.subarray(18)]);
  assert.equal([...(await decodeImage(unmarked, options)).data], [...cmyk.data]);
});

test('decodeImage() takes a quarter of the pixels of a JPEG of inks, which cost more', async () => {
  const limited = (file: Uint8Array, maximumPixels: number): Promise<string> =>
    decodeImage(file, { ...options, maximumPixels }).then(
      () => 'read',
      (error: SelvedgeError) => error.code,
    );
  const pixels = 24 * 16;
  assert.is(await limited(files.baselineJpeg, pixels), 'read');
  assert.is(await limited(files.cmykJpeg, 4 * pixels), 'read');
  assert.is(await limited(files.cmykJpeg, 4 * pixels - 1), 'image/too-large');
});

test('decodeImage() says what kind of JPEG it does not read', async () => {
  const frame = files.baselineJpeg.findIndex((byte, i) => byte === 0xff && files.baselineJpeg[i + 1] === 0xc0);
  const changed = (at: number, value: number): Uint8Array =>
    files.baselineJpeg.map((byte, i) => (i === frame + at ? value : byte));
  await rejects(changed(1, 0xc9), 'image/unknown-format', /got a JPEG that is arithmetically coded$/);
  await rejects(changed(1, 0xca), 'image/unknown-format', /got a JPEG that is arithmetically coded$/);
  await rejects(changed(1, 0xc3), 'image/unknown-format', /got a JPEG that is lossless$/);
  await rejects(changed(1, 0xc5), 'image/unknown-format', /got a JPEG that is hierarchical$/);
  await rejects(changed(4, 12), 'image/unknown-format', /got a JPEG that is 12-bit$/);
});

test('decodeImage() answers damaged files of all kinds with a typed error or pixels that fit, and goes on', async () => {
  const sound = [files.cmykJpeg, files.turnedCmykJpeg, files.lossyWebp, files.losslessAlphaWebp, files.alphaWebp];
  const expected = await Promise.all(sound.map((file) => decodeImage(file, options)));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...sound),
      fc.array(fc.tuple(fc.nat({ max: 2000 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }),
      async (file, mutations) => {
        const damaged = file.slice();
        for (const [at, value] of mutations) damaged[at % damaged.length] = value;
        try {
          const image = await decodeImage(damaged, { ...options, maximumPixels: 1_000_000 });
          assert.is(image.data.length, image.width * image.height * 4);
        } catch (error) {
          assert.instance(error, SelvedgeError, String(error));
        }
      },
    ),
    { seed: 9, numRuns: 400 },
  );
  for (const [i, file] of sound.entries())
    assert.equal([...(await decodeImage(file, options)).data], [...expected[i]!.data]);
});

test.run();
