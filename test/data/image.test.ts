// Pictures of all sizes, grounds and file kinds to the form of the data set; broken and hostile files.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { readImage } from '../../src/data/image.ts';
import { decodeImage } from '../../src/data/image-codecs.ts';
import type { RawImage } from '../../src/data/image-decoder.ts';
import { prepareImage } from '../../src/data/prepare-image.ts';
import { loadFashionMnistSample } from '../../src/data/sources.ts';
import { jpegFile, pngFile, rgbaPng } from './image-files.ts';

type Rgba = readonly [number, number, number, number];

/** A picture by a function of the pixel. */
function draw(width: number, height: number, colour: (x: number, y: number) => Rgba | number): RawImage {
  const data = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = colour(x, y);
      data.set(typeof value === 'number' ? [value, value, value, 255] : value, (y * width + x) * 4);
    }
  }
  return { width, height, data };
}

const inBox = (x: number, y: number, left: number, top: number, width: number, height: number): boolean =>
  x >= left && x < left + width && y >= top && y < top + height;

const options = { name: 'some.png' };
const rowOf = (pixels: Uint8Array, y: number): number[] => [...pixels.subarray(y * 28, y * 28 + 28)];

async function rejects(promise: Promise<unknown>, code: string): Promise<void> {
  try {
    await promise;
  } catch (error) {
    assert.instance(error, SelvedgeError);
    assert.is((error as SelvedgeError).code, code, (error as SelvedgeError).message);
    assert.match((error as SelvedgeError).message, '"some.png"');
    return;
  }
  assert.unreachable(`expected ${code}`);
}

async function sampleImages(count: number): Promise<Uint8Array[]> {
  const { test: set } = await loadFashionMnistSample();
  return Array.from({ length: count }, (_, i) => set.images.subarray(i * 784, (i + 1) * 784));
}

test('prepareImage() finds the object, fills the longest side and centres it', () => {
  const tall = draw(200, 300, (x, y) => (inBox(x, y, 120, 40, 56, 112) ? 0 : 255));
  const { pixels, ground, box } = prepareImage(tall, options);
  assert.equal(box, { left: 120, top: 40, width: 56, height: 112 });
  assert.is(ground, 'light');
  const row = [...new Array(7).fill(0), ...new Array(14).fill(255), ...new Array(7).fill(0)];
  for (let y = 0; y < 28; y++) assert.equal(rowOf(pixels, y), row);
});

test('prepareImage() gives the same for dark on light and light on dark', () => {
  const shade = (x: number, y: number): number => (inBox(x, y, 10, 20, 60, 40) ? 90 + x + y : 0);
  const light = prepareImage(
    draw(100, 90, (x, y) => 255 - shade(x, y)),
    options,
  );
  const dark = prepareImage(draw(100, 90, shade), options);
  assert.is(light.ground, 'light');
  assert.is(dark.ground, 'dark');
  assert.equal(light.pixels, dark.pixels);
});

test('prepareImage() gives the same object at any scale', () => {
  const at = (scale: number) =>
    prepareImage(
      draw(40 * scale, 50 * scale, (x, y) => {
        const [column, row] = [Math.floor(x / scale), Math.floor(y / scale)];
        return inBox(column, row, 5, 10, 28, 14) ? (column * 7 + row * 3) % 200 : 255;
      }),
      options,
    );
  const [one, four, nine] = [at(1), at(4), at(9)];
  assert.equal(four.pixels, nine.pixels);
  assert.equal(one.box, { left: 5, top: 10, width: 28, height: 14 });
  // Sharpening is for pictures that were reduced, so only the plain scale is exact.
  assert.is(one.pixels[7 * 28], 255 - 65);
});

test('prepareImage() takes an image of the data set as it is, and inverts it on light ground', async () => {
  for (const image of await sampleImages(100)) {
    const dark = draw(28, 28, (x, y) => image[y * 28 + x]!);
    const light = draw(28, 28, (x, y) => 255 - image[y * 28 + x]!);
    assert.equal(prepareImage(dark, options).pixels, image);
    assert.equal(prepareImage(light, options).pixels, image);
  }
});

test('prepareImage() brings back images of the data set that were pasted into larger pictures', async () => {
  let difference = 0;
  let count = 0;
  for (const image of await sampleImages(60)) {
    const picture = draw(70, 60, (x, y) => (inBox(x, y, 13, 11, 28, 28) ? 255 - image[(y - 11) * 28 + x - 13]! : 255));
    const { pixels } = prepareImage(picture, options);
    for (let i = 0; i < 784; i++) difference += Math.abs(pixels[i]! - image[i]!);
    count += 784;
  }
  // Faint rims below the 5% of the paper are trimmed, which shifts a few images by a pixel.
  assert.ok(difference / count < 2, `mean difference ${difference / count} of 255`);
});

test('prepareImage() removes an off-white ground', () => {
  const { pixels } = prepareImage(
    draw(100, 100, (x, y) => (inBox(x, y, 30, 10, 40, 80) ? 60 : 235 + ((x + y) % 3))),
    options,
  );
  assert.is(pixels[0], 0);
  assert.is(pixels[14 * 28 + 14], Math.round((255 * (236 - 60)) / 236));
});

test('prepareImage() lays transparency over white, and over black where white hides the object', () => {
  const grey = draw(60, 60, (x, y) => (inBox(x, y, 10, 10, 40, 40) ? [50, 50, 50, 255] : [50, 50, 50, 0]));
  const onWhite = prepareImage(grey, options);
  assert.is(onWhite.ground, 'light');
  assert.is(onWhite.pixels[14 * 28 + 14], 205);
  const white = draw(60, 60, (x, y) => (inBox(x, y, 10, 10, 40, 40) ? [255, 255, 255, 255] : [9, 9, 9, 0]));
  const onBlack = prepareImage(white, options);
  assert.is(onBlack.ground, 'dark');
  assert.equal(onBlack.box, { left: 10, top: 10, width: 40, height: 40 });
  assert.is(onBlack.pixels[14 * 28 + 14], 255);
});

test('prepareImage() weighs colours by Rec. 601', () => {
  const { pixels } = prepareImage(
    draw(28, 28, (x) => (x > 3 && x < 24 ? [255, 0, 0, 255] : 0)),
    options,
  );
  assert.is(pixels[14], Math.round(0.299 * 255));
});

test('prepareImage() handles the thinnest objects and the smallest pictures', () => {
  const line = prepareImage(
    draw(500, 40, (_, y) => (y === 20 ? 0 : 255)),
    options,
  );
  assert.equal(line.box, { left: 0, top: 20, width: 500, height: 1 });
  assert.equal(rowOf(line.pixels, 14), new Array(28).fill(255));
  assert.equal(rowOf(line.pixels, 13), new Array(28).fill(0));
  const dot = prepareImage(
    draw(3, 3, (x, y) => (x === 1 && y === 1 ? 0 : 255)),
    options,
  );
  assert.equal(dot.pixels, new Uint8Array(784).fill(255));
});

test('prepareImage() refuses a picture with nothing on it', () => {
  for (const picture of [draw(1, 1, () => 0), draw(1, 1, () => 255), draw(50, 40, (x) => 200 + (x % 5))]) {
    assert.throws(
      () => prepareImage(picture, options),
      (error: unknown) => error instanceof SelvedgeError && error.code === 'image/blank',
    );
  }
});

test('prepareImage() answers any picture with 784 bytes or image/blank', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.nat({ max: 255 }), { minLength: 7, maxLength: 7 }),
      (width, height, values) => {
        const picture = draw(width, height, (x, y) => {
          const at = (n: number): number => values[(x * 3 + y * 5 + n) % 7]!;
          return [at(0), at(1), at(2), at(3)];
        });
        try {
          assert.is(prepareImage(picture, options).pixels.length, 784);
        } catch (error) {
          assert.is((error as SelvedgeError).code, 'image/blank');
        }
      },
    ),
    { seed: 7, numRuns: 200 },
  );
});

test('decodeImage() reads grey, palette, 16-bit, RGB and RGBA PNG files', async () => {
  const size = { width: 2, height: 1 };
  const kinds: [Uint8Array, number[]][] = [
    [pngFile({ ...size, colourType: 0, bitDepth: 8, rows: Uint8Array.of(7, 200) }), [7, 7, 7, 255, 200, 200, 200, 255]],
    [pngFile({ ...size, colourType: 0, bitDepth: 1, rows: Uint8Array.of(0x40) }), [0, 0, 0, 255, 255, 255, 255, 255]],
    [
      pngFile({ ...size, colourType: 2, bitDepth: 8, rows: Uint8Array.of(1, 2, 3, 4, 5, 6) }),
      [1, 2, 3, 255, 4, 5, 6, 255],
    ],
    [
      pngFile({
        ...size,
        colourType: 3,
        bitDepth: 8,
        rows: Uint8Array.of(1, 0),
        palette: Uint8Array.of(9, 8, 7, 6, 5, 4),
      }),
      [6, 5, 4, 255, 9, 8, 7, 255],
    ],
    [pngFile({ ...size, colourType: 4, bitDepth: 8, rows: Uint8Array.of(7, 128, 9, 0) }), [7, 7, 7, 128, 9, 9, 9, 0]],
    [
      pngFile({ ...size, colourType: 0, bitDepth: 16, rows: Uint8Array.of(7, 0, 200, 0) }),
      [7, 7, 7, 255, 200, 200, 200, 255],
    ],
    [rgbaPng(draw(2, 1, (x) => [1, 2, 3 + x, 128])), [1, 2, 3, 128, 1, 2, 4, 128]],
  ];
  for (const [file, expected] of kinds) {
    const image = await decodeImage(file, options);
    assert.equal([image.width, image.height], [2, 1]);
    assert.equal([...image.data], expected);
  }
});

test('readImage() gives nearly the same for a JPEG as for a PNG', async () => {
  const picture = draw(120, 160, (x, y) => (inBox(x, y, 20, 30, 80, 100) ? 40 + x : 255));
  const png = await readImage(rgbaPng(picture), options);
  const jpeg = await readImage(await jpegFile(picture), options);
  const difference = png.pixels.reduce((sum, level, i) => sum + Math.abs(level - jpeg.pixels[i]!), 0) / 784;
  assert.ok(difference < 5, `mean difference ${difference} of 255`);
  for (const side of ['left', 'top', 'width', 'height'] as const) {
    assert.ok(Math.abs(jpeg.box[side] - png.box[side]) <= 2, `${side} ${jpeg.box[side]}`);
  }
  assert.is(jpeg.ground, 'light');
});

test('prepareImage() reads pixels whose size is a getter of their class, as that of a browser is', () => {
  const picture = draw(40, 30, (x, y) => (inBox(x, y, 10, 5, 20, 20) ? 200 : 0));
  class Pixels implements RawImage {
    get width(): number {
      return picture.width;
    }
    get height(): number {
      return picture.height;
    }
    get data(): RawImage['data'] {
      return picture.data;
    }
  }
  assert.equal(prepareImage(new Pixels(), options), prepareImage(picture, options));
});

test('decodeImage() reads a view into a larger buffer', async () => {
  const file = rgbaPng(draw(2, 2, (x) => 100 * x));
  const buffer = new Uint8Array(file.length + 9);
  buffer.set(file, 5);
  const image = await decodeImage(buffer.subarray(5, 5 + file.length), options);
  assert.is(image.data[4], 100);
});

test('decodeImage() rejects what is no picture that it reads', async () => {
  await rejects(decodeImage(new Uint8Array(0), options), 'image/unknown-format');
  await rejects(decodeImage(new TextEncoder().encode('GIF89a and more'), options), 'image/unknown-format');
});

test('decodeImage() rejects sizes of zero and sizes that would claim all memory', async () => {
  const sized = (width: number, height: number): Uint8Array => {
    const file = pngFile({ width: 2, height: 1, colourType: 0, bitDepth: 8, rows: Uint8Array.of(1, 2) });
    new DataView(file.buffer).setUint32(16, width);
    new DataView(file.buffer).setUint32(20, height);
    return file;
  };
  await rejects(decodeImage(sized(0, 5), options), 'image/bad-size');
  await rejects(decodeImage(sized(0xffffffff, 0xffffffff), options), 'image/too-large');
  await rejects(decodeImage(sized(50_001, 1000), options), 'image/too-large');
  const jpeg = await jpegFile(draw(8, 8, () => 9));
  const frame = jpeg.findIndex((byte, i) => byte === 0xff && (jpeg[i + 1] === 0xc2 || jpeg[i + 1] === 0xc0));
  new DataView(jpeg.buffer).setUint32(frame + 5, 0xffffffff);
  await rejects(decodeImage(jpeg, options), 'image/too-large');
});

test('decodeImage() rejects every truncation of a PNG and of a JPEG, and goes on after', async () => {
  const picture = draw(24, 16, (x, y) => (x * y * 13) & 255);
  for (const file of [rgbaPng(picture), await jpegFile(picture)]) {
    // The end marker of a JPEG may be missing; its data may not.
    for (let length = 12; length < file.length - 2; length += 7) {
      const cut = file.slice(0, length);
      await rejects(decodeImage(cut, options), 'image/truncated');
    }
    assert.is((await decodeImage(file, options)).width, 24);
  }
});

test('decodeImage() answers damaged files with a typed error or pixels that fit the size', async () => {
  const picture = draw(24, 16, (x, y) => (x * y * 13) & 255);
  const files = [rgbaPng(picture), await jpegFile(picture)];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...files),
      fc.array(fc.tuple(fc.nat({ max: 2000 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }),
      async (file, mutations) => {
        const damaged = file.slice();
        for (const [at, value] of mutations) damaged[at % damaged.length] = value;
        try {
          const image = await decodeImage(damaged, options);
          assert.is(image.data.length, image.width * image.height * 4);
        } catch (error) {
          assert.instance(error, SelvedgeError, String(error));
        }
      },
    ),
    { seed: 8, numRuns: 300 },
  );
  for (const file of files) assert.is((await decodeImage(file, options)).width, 24);
});

test.run();
