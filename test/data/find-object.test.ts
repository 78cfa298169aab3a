// Where objects are found, and what becomes of them: by colour on either side of the ground, by alpha, on grounds that change.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import type { RawImage } from '../../src/data/image-decoder.ts';
import { prepareImage } from '../../src/data/prepare-image.ts';
import { loadFashionMnistSample } from '../../src/data/sources.ts';
import { classifier } from '../serve/served.ts';
import { draw, inBox, type Rgb, type Rgba } from './drawn-pictures.ts';

const options = { name: 'some.png' };
const prepare = (picture: RawImage) => prepareImage(picture, options);
const opaque = (colour: Rgb | number): Rgba =>
  typeof colour === 'number' ? [colour, colour, colour, 255] : [...colour, 255];

/** A box of one colour, 16 x 20 in 40 x 44, on another. */
const boxed = (object: Rgb | number, ground: Rgb | number): RawImage =>
  draw(40, 44, (x, y) => opaque(inBox(x, y, 9, 11, 16, 20) ? object : ground));
const BOX = { left: 9, top: 11, width: 16, height: 20 };

function isBlank(picture: RawImage): void {
  assert.throws(
    () => prepare(picture),
    (error: unknown) => error instanceof SelvedgeError && error.code === 'image/blank',
  );
}

/** Light in the box's shape, and nothing around it. */
function showsBox(picture: RawImage): void {
  const { pixels, box } = prepare(picture);
  assert.equal(box, BOX);
  const width = Math.round((16 * 28) / 20);
  const left = (28 - width + 1) >> 1;
  for (let y = 0; y < 28; y++) {
    for (let x = 0; x < 28; x++) {
      const level = pixels[y * 28 + x]!;
      if (x < left || x >= left + width) assert.is(level, 0);
      else assert.ok(level >= 100, `${level} at ${x}, ${y}`);
    }
  }
}

test('prepareImage() finds an object on either side of the ground, in luma or in colour alone', () => {
  const pairs: readonly (readonly [Rgb | number, Rgb | number])[] = [
    [255, 200],
    [0, 60],
    [255, 240],
    [0, 18],
    [[255, 0, 0], 76],
    [[0, 0, 255], 29],
    [
      [30, 60, 230],
      [40, 140, 60],
    ],
    [[255, 255, 0], 255],
    [[255, 240, 150], 255],
    [180, 200],
    [200, 180],
    [90, 110],
  ];
  for (const [object, ground] of pairs) showsBox(boxed(object, ground));
});

test('prepareImage() finds any colour on any other that is not near it, and refuses those that are', () => {
  const channel = fc.nat({ max: 255 });
  const colour = fc.tuple(channel, channel, channel);
  fc.assert(
    fc.property(colour, colour, (object, ground) => {
      const far = Math.hypot(...object.map((value, i) => value - ground[i]!));
      if (far > 24) showsBox(boxed(object, ground));
      if (far < 20) isBlank(boxed(object, ground));
    }),
    { seed: 3, numRuns: 400 },
  );
});

test('prepareImage() keeps the pale and the dark part of an object', () => {
  const shoe = (ground: Rgba, pale: number, dark: number): RawImage =>
    draw(100, 70, (x, y) => {
      if (inBox(x, y, 20, 46, 60, 4)) return opaque(dark);
      return inBox(x, y, 20, 20, 60, 26) ? opaque(pale) : ground;
    });
  for (const [ground, pale, dark] of [
    [opaque(200), 255, 0],
    [opaque(200), 255, 150],
    [opaque(120), 250, 20],
    [opaque(235), 255, 10],
    [opaque(245), 255, 0],
    [opaque(255), 246, 90],
    [[0, 0, 0, 0], 255, 0],
    [[255, 255, 255, 0], 255, 0],
    [[9, 200, 3, 0], 0, 255],
  ] as const) {
    const { box, pixels } = prepare(shoe(ground, pale, dark));
    assert.equal(box, { left: 20, top: 20, width: 60, height: 30 }, `${pale} and ${dark} on ${ground}`);
    // The larger part, above the middle.
    assert.ok(pixels[11 * 28 + 14]! >= 40, `${pixels[11 * 28 + 14]} for ${pale} on ${ground}`);
    assert.ok(pixels[20 * 28 + 14]! > 25, `${pixels[20 * 28 + 14]} for ${dark} on ${ground}`);
  }
});

test('prepareImage() reads a 28 x 28 picture on a ground of its own as any other, and does not resample it', () => {
  for (const [object, ground] of [
    [255, 200],
    [0, 60],
    [[255, 0, 0], 76],
  ] as const) {
    for (const [top, height] of [
      [4, 20],
      [0, 28],
    ] as const) {
      const { pixels } = prepare(draw(28, 28, (x, y) => opaque(inBox(x, y, 6, top, 16, height) ? object : ground)));
      for (let i = 0; i < 784; i++) {
        const inside = inBox(i % 28, Math.floor(i / 28), 6, top, 16, height);
        assert.ok(inside ? pixels[i]! > 100 : pixels[i] === 0, `${pixels[i]} at ${i}, ${object} on ${ground}`);
      }
    }
  }
});

test('prepareImage() keeps the texture of an object that is lighter than its light ground', () => {
  const stripes = prepare(draw(60, 60, (x, y) => (inBox(x, y, 16, 16, 28, 28) ? (y % 2 ? 255 : 232) : 200)));
  assert.is(stripes.pixels[15 * 28 + 14], 255);
  assert.is(stripes.pixels[14 * 28 + 14], Math.round((255 * 32) / 55));
  const same = prepare(draw(60, 60, (x, y) => (inBox(x, y, 16, 16, 28, 28) ? (y % 2 ? 1 : 24) : 56)));
  assert.is(same.pixels[15 * 28 + 14], Math.round((255 * 55) / 56));
  assert.ok(same.pixels[14 * 28 + 14]! < 200);
});

test('prepareImage() takes a picture without contrast for blank, of any colour, grain and alpha', () => {
  let seed = 5;
  const noise = (): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  isBlank(draw(28, 28, () => 0));
  isBlank(draw(28, 28, () => 255));
  isBlank(draw(28, 28, () => [200, 30, 40, 255]));
  isBlank(draw(60, 50, (x) => 190 + (x % 8)));
  isBlank(draw(60, 50, () => 128 + 12 * noise()));
  isBlank(draw(60, 50, (x, y) => 100 + x + y));
  isBlank(draw(60, 50, (x) => [250 - 2 * x, 200 - x, 90, 255]));
  isBlank(draw(60, 50, () => [200, 10, 10, 0]));
  isBlank(draw(60, 50, (x, y) => [x * 4, y * 5, 10, 0]));
  isBlank(draw(60, 50, (x, y) => [x * 4, y * 5, 10, 2]));
  isBlank(draw(60, 50, () => [90, 90, 90, 100]));
});

test('prepareImage() sees light and dark objects on transparent ground as on an opaque one', () => {
  const cutOut = (level: number): RawImage =>
    draw(32, 32, (x, y) => (inBox(x, y, 8, 6, 16, 20) ? opaque(level) : [0, 0, 0, 0]));
  const on = (level: number, ground: number): RawImage =>
    draw(32, 32, (x, y) => (inBox(x, y, 8, 6, 16, 20) ? level : ground));
  for (const level of [240, 255, 200, 130]) assert.equal(prepare(cutOut(level)), prepare(on(level, 0)));
  for (const level of [0, 30, 120]) assert.equal(prepare(cutOut(level)), prepare(on(level, 255)));
  const probabilities = classifier.classify(prepare(cutOut(240)).pixels);
  assert.ok(probabilities[classifier.model.labels!.indexOf('Bag')]! > 0.95, `${probabilities}`);
});

test('prepareImage() does not see colours under alpha 0', () => {
  const channel = fc.nat({ max: 255 });
  fc.assert(
    fc.property(
      fc.array(channel, { minLength: 24, maxLength: 24 }),
      fc.array(channel, { minLength: 31, maxLength: 31 }),
      fc.constantFrom(0, 1, 2),
      (hidden, shown, kind) => {
        const alpha = (x: number, y: number): number => {
          const inside = inBox(x, y, 7, 5, 15, 21);
          if (kind === 0) return inside ? 255 : 0;
          if (kind === 1) return inside ? 100 + 5 * x : 0;
          return inside ? 0 : 255;
        };
        const at = (values: readonly number[], i: number): number => values[i % values.length]!;
        const picture = (under: (i: number) => number): RawImage =>
          draw(30, 33, (x, y) => {
            const i = x * 3 + y * 7;
            const value = (n: number): number => (alpha(x, y) === 0 ? under(i + n) : at(shown, i + n) >> 1);
            return [value(0), value(1), value(2), alpha(x, y)];
          });
        const outcome = (image: RawImage): unknown => {
          try {
            return prepare(image);
          } catch (error) {
            return (error as SelvedgeError).code;
          }
        };
        assert.equal(outcome(picture((i) => at(hidden, i))), outcome(picture(() => 0)));
      },
    ),
    { seed: 4, numRuns: 150 },
  );
});

test('prepareImage() takes alpha that says nothing for none: the same everywhere, or at rounded corners', () => {
  const expected = prepare(boxed(40, 230));
  const faint = boxed(40, 230);
  for (let at = 3; at < faint.data.length; at += 4) faint.data[at] = 120;
  assert.equal(prepare(faint), expected);
  const rounded = boxed(40, 230);
  for (const [x, y] of [
    [0, 0],
    [1, 0],
    [0, 1],
    [39, 43],
    [38, 43],
    [39, 42],
  ] as const) {
    rounded.data.set([0, 0, 0, 0], (y * 40 + x) * 4);
  }
  assert.equal(prepare(rounded), expected);
});

test('prepareImage() boxes soft edges, shades that let the ground through, and a hole in an opaque picture', () => {
  const soft = draw(60, 60, (x, y) => [
    255,
    255,
    255,
    Math.max(0, 255 - 20 * Math.max(Math.abs(x - 30) - 10, Math.abs(y - 30) - 12, 0)),
  ]);
  const { box } = prepare(soft);
  assert.equal(box, { left: 8, top: 6, width: 45, height: 49 });
  const glass = draw(60, 60, (x, y) => [20, 20, 20, inBox(x, y, 10, 20, 40, 20) ? (x < 30 ? 255 : 90) : 0]);
  assert.equal(prepare(glass).box, { left: 10, top: 20, width: 40, height: 20 });
  const hole = draw(60, 60, (x, y) => [250, 250, 250, inBox(x, y, 10, 20, 40, 20) ? 0 : 255]);
  assert.equal(prepare(hole).box, { left: 10, top: 20, width: 40, height: 20 });
});

test('prepareImage() looks through grain, shading, dust and frames of the ground', () => {
  const box = { left: 40, top: 30, width: 50, height: 70 };
  const isObject = (x: number, y: number): boolean => inBox(x, y, box.left, box.top, box.width, box.height);
  let seed = 1;
  const noise = (): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32 - 0.5;
  };
  const grounds: Readonly<Record<string, (x: number, y: number) => number>> = {
    grain: (x, y) => (isObject(x, y) ? 60 : 220) + 40 * (noise() + noise()),
    'light from the left': (x, y) => (isObject(x, y) ? 30 : 250 - 0.6 * x),
    'dark corners': (x, y) => (isObject(x, y) ? 20 : 250 - 70 * (((x - 65) / 65) ** 2 + ((y - 70) / 70) ** 2)),
    'light from below, on dark': (x, y) => (isObject(x, y) ? 240 : 20 + 0.6 * y),
    dust: (x, y) => (isObject(x, y) || (x === 3 && y === 4) || (x > 126 && y > 137) ? 0 : 255),
    'a dark frame': (x, y) => (isObject(x, y) || !inBox(x, y, 2, 2, 126, 136) ? 0 : 255),
    'a frame in a frame': (x, y) => {
      if (isObject(x, y) || !inBox(x, y, 2, 2, 126, 136)) return 20;
      return inBox(x, y, 4, 4, 122, 132) ? 240 : 130;
    },
  };
  for (const [title, level] of Object.entries(grounds)) {
    assert.equal(prepare(draw(130, 140, level)).box, box, title);
  }
});

test('prepareImage() finds an object that touches the border, and one of a pixel', () => {
  const bottom = draw(90, 80, (x, y) => (inBox(x, y, 30, 40, 25, 40) ? 10 : 240));
  assert.equal(prepare(bottom).box, { left: 30, top: 40, width: 25, height: 40 });
  const across = draw(90, 80, (x, y) => (inBox(x, y, 0, 20, 90, 30) ? 250 : 30));
  assert.equal(prepare(across).box, { left: 0, top: 20, width: 90, height: 30 });
  assert.equal(prepare(draw(90, 80, (x, y) => (x === 50 && y === 60 ? 0 : 240))).box, {
    left: 50,
    top: 60,
    width: 1,
    height: 1,
  });
});

test('prepareImage() leaves every image of the sample as it is, on black, on white and cut out on black', async () => {
  const { test: set } = await loadFashionMnistSample();
  for (let i = 0; i < set.count; i++) {
    const image = set.images.subarray(i * 784, (i + 1) * 784);
    const level = (x: number, y: number): number => image[y * 28 + x]!;
    assert.equal(prepare(draw(28, 28, level)).pixels, image);
    assert.equal(prepare(draw(28, 28, (x, y) => 255 - level(x, y))).pixels, image);
  }
});

test('prepareImage() takes thin parts that touch the object anywhere as its own, and drops dust that does not', () => {
  // Teeth of a comb, each less than a hundredth of it, which meet in its back below, above, or by a chain of corners.
  const tooth = (x: number, y: number): boolean => x % 8 === 0 && x >= 16 && x < 180 && y >= 20 && y < 180;
  const below = (x: number, y: number): boolean => tooth(x, y) || inBox(x, y, 16, 140, 165, 40);
  const above = (x: number, y: number): boolean => tooth(x, y) || inBox(x, y, 16, 20, 165, 40);
  const corners = (x: number, y: number): boolean => inBox(x, y, 80, 80, 100, 100) || (x === y && x >= 16 && x < 80);
  const whole = { left: 16, top: 20, width: 165, height: 160 };
  for (const [isObject, box] of [
    [below, whole],
    [above, whole],
    [corners, { left: 16, top: 16, width: 164, height: 164 }],
  ] as const) {
    for (const hasDust of [false, true]) {
      const picture = draw(200, 200, (x, y) =>
        opaque(isObject(x, y) || (hasDust && inBox(x, y, 190, 3, 4, 4)) ? 30 : 250),
      );
      assert.equal(prepare(picture).box, box);
    }
  }
});

test.run();
