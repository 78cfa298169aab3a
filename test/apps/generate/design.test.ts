// Designs: the same bits whatever the threads and the number of pictures, ways between pictures that reach their ends, files that are refused.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { designDefaults } from '../../../src/apps/generate/design-defaults.ts';
import { fromFloat16, toFloat16 } from '../../../src/apps/generate/float16.ts';
import {
  createGenerator,
  decodeGenerator,
  encodeGenerator,
  type Generator,
  type GeneratorModel,
  labelOf,
} from '../../../src/apps/generate/index.ts';
import { type GeneratorShape, weightShapes } from '../../../src/apps/generate/u-net.ts';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { EVERY_START, noise } from '../../backend/kernels/oracle.ts';

const shape: GeneratorShape = { side: 14, classes: 3, width: 8, condition: 12, blocks: [1, 1, 1] };
const classNames = ['T-shirt/top', 'Dress', 'Bag'];
/** Of no training; small, so that the flow is smooth. */
const model: GeneratorModel = {
  description: { shape, classNames, training: {} },
  weights: weightShapes(shape).map(({ shape: extents }, i) =>
    noise(
      extents.reduce((product, n) => product * n, 1),
      i + 1,
    ).map((value) => Math.fround(value * 0.1)),
  ),
};
const picture = noise(196, 5).map((value) => Math.round(127.5 + value * 100));

let engine: RunningBackend;
let generator: Generator;
let tensors: number;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
  tensors = tf.memory().numTensors;
  generator = createGenerator(model);
});
test.after(async () => {
  generator.dispose();
  assert.is(tf.memory().numTensors, tensors);
  await engine.stop();
});

const codeOf = async (run: () => unknown): Promise<string> => {
  try {
    await run();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'none';
};

test('design() gives a picture the same bits whatever comes with it, and leaves no tensor behind', () => {
  const before = tf.memory().numTensors;
  const request = { classes: { Dress: 1 }, seed: 7, steps: 3 };
  const { images: many } = generator.design({ ...request, count: 131 });
  assert.equal(generator.design({ ...request, count: 1 }).images, many.subarray(0, 196));
  assert.equal(generator.design({ ...request, count: 3, first: 127 }).images, many.subarray(127 * 196, 130 * 196));
  assert.not.equal(generator.design({ ...request, count: 1, seed: 8 }).images, many.subarray(0, 196));
  const plain = generator.design({ ...request, count: 2, guidance: 1 }).images;
  assert.equal(generator.design({ ...request, count: 1, guidance: 1 }).images, plain.subarray(0, 196));
  assert.is(tf.memory().numTensors, before);
});

test('design() gives the same bits at any number of threads', async () => {
  generator.dispose();
  await engine.stop();
  const found = new Set<string>();
  for (const options of EVERY_START) {
    engine = await startBackend(options);
    const own = createGenerator(model);
    found.add(own.design({ classes: { Dress: 2, bag: 1 }, count: 5, seed: 3, steps: 2 }).images.join());
    own.dispose();
    await engine.stop();
  }
  assert.is(found.size, 1);
  engine = await startBackend({ threads: 2 });
  generator = createGenerator(model);
});

test('design() takes mixtures by their shares, and classes by any part of their names', () => {
  const of = (classes: Record<string, number>): string =>
    generator.design({ classes, count: 1, steps: 2, guidance: 3 }).images.join();
  assert.is(of({ Dress: 1, Bag: 1 }), of({ dress: 20, BAG: 20 }));
  assert.is(of({ Dress: 1, Bag: 1 }), of({ Dress: 1e308, Bag: 1e308 }));
  assert.is(of({ Dress: 1, Bag: 1 }), of({ Dress: 1e-50, Bag: 1e-50 }));
  assert.is.not(of({ Dress: 1, Bag: 1 }), of({ Dress: 1 }));
  assert.equal(
    ['t-shirt', 'Top', 'T-SHIRT/TOP', ' bag '].map((name) => labelOf(name, classNames)),
    [0, 0, 0, 2],
  );
});

test('design() is guided at the times that are asked for, and not at all at none', () => {
  const of = (settings: object): string =>
    generator.design({ classes: { Dress: 1 }, count: 3, steps: 4, ...settings }).images.join();
  const never = of({ guidance: 3, guidedTimes: [0.01, 0.01] });
  assert.is(never, of({ guidance: 1 }));
  assert.is.not(of({ guidance: 3, guidedTimes: [0, 1] }), never);
  assert.is.not(of({ guidance: 3, guidedTimes: [0, 0.5] }), of({ guidance: 3, guidedTimes: [0, 1] }));
  assert.is(of({ guidance: 3 }), of({ guidance: 3, guidedTimes: designDefaults.guidedTimes }));
});

test('vary() gives the picture itself at no strength, and other pictures the more the stronger', () => {
  const request = { picture, classes: { Dress: 1 }, count: 4, steps: 4 };
  assert.equal([...generator.vary({ ...request, strength: 0 }).images.subarray(0, 196)], [...picture]);
  const distances = [0.2, 0.6].map((strength) => {
    const { images } = generator.vary({ ...request, strength });
    return images.reduce((sum, level, i) => sum + Math.abs(level - picture[i % 196]!), 0);
  });
  assert.ok(distances[0]! < distances[1]!);
  const drawn = generator.design({ classes: { Dress: 1 }, count: 4, steps: 4 });
  assert.equal(generator.vary({ ...request, strength: 1 }).images, drawn.images);
});

test('between() begins and ends with the pictures', () => {
  const other = noise(196, 6).map((value) => Math.round(127.5 + value * 100));
  const { images, count } = generator.between({
    first: { picture, classes: { Dress: 1 } },
    second: { picture: other, classes: { Bag: 1 } },
    count: 5,
    steps: 40,
  });
  assert.is(count, 5);
  for (const [end, at] of [
    [picture, 0],
    [other, 4],
  ] as const) {
    const worst = end.reduce((most, level, i) => Math.max(most, Math.abs(level - images[at * 196 + i]!)), 0);
    assert.ok(worst <= 2, `end ${at}: ${worst} levels`);
  }
});

test('a request that makes no sense is an error that says what is wrong', async () => {
  const good = { classes: { Dress: 1 }, count: 1 };
  const wrong: [string, () => unknown][] = [
    ['generate/class', () => generator.design({ ...good, classes: { Hat: 1 } })],
    ...[
      { count: 0 },
      { count: 1.5 },
      { count: 1e6 },
      { seed: -1 },
      { seed: 2 ** 32 },
      { steps: 0 },
      { guidance: Number.NaN },
      { guidance: 11 },
      { guidedTimes: [0.7, 0.2] },
      { guidedTimes: [-1, 0.5] },
      { guidedTimes: [0, Number.NaN] },
      { classes: {} },
      { classes: { Dress: 0 } },
      { classes: { Dress: Number.NaN } },
      { classes: { Dress: 1e308, 'T-shirt/top': 1e308, Top: 1e308 } },
    ].map((change): [string, () => unknown] => [
      'generate/request',
      () => generator.design({ ...good, ...(change as object) }),
    ]),
    ['generate/request', () => generator.vary({ ...good, picture: [1, 2] })],
    ['generate/request', () => generator.vary({ ...good, picture: new Float32Array(196).fill(Number.NaN) })],
    ['generate/request', () => generator.vary({ ...good, picture, strength: 2 })],
    [
      'generate/request',
      () =>
        generator.between({
          first: { picture, classes: { Bag: 1 } },
          second: { picture, classes: { Bag: 1 } },
          count: 1,
        }),
    ],
  ];
  for (const [code, run] of wrong) assert.is(await codeOf(run), code, String(run));
});

test('decodeGenerator() reads what encodeGenerator() wrote, rounded to float16', async () => {
  const { description, weights } = await decodeGenerator(await encodeGenerator(model));
  assert.equal(description, model.description);
  weights.forEach((values, i) => {
    assert.equal(values, fromFloat16(toFloat16(model.weights[i]!)));
  });
});

test('decodeGenerator() refuses what was cut, changed, lengthened or made by something else', async () => {
  const bytes = await encodeGenerator(model);
  const changed = bytes.slice();
  changed[bytes.length - 40]! ^= 1;
  const older = bytes.slice();
  older[8] = 9;
  const cases: [string, Uint8Array][] = [
    ['generate/truncated', bytes.subarray(0, -1)],
    ['generate/truncated', bytes.subarray(0, 12)],
    ['generate/foreign', new Uint8Array(0)],
    ['generate/foreign', new TextEncoder().encode('{"model": true}, and more')],
    ['generate/corrupt', changed],
    ['generate/corrupt', Uint8Array.from([...bytes, 0])],
    ['generate/version', older],
  ];
  for (const [code, each] of cases) assert.is(await codeOf(() => decodeGenerator(each)), code);
});

test('toFloat16() rounds to the nearest, ties to even, and every float16 comes back', () => {
  const known: [number, number][] = [
    [0, 0],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [65519, 0x7bff],
    [65520, 0x7c00],
    [Infinity, 0x7c00],
    [2 ** -24, 1],
    [2 ** -25, 0],
    [1.5 * 2 ** -25, 1],
    [2 ** -14, 0x0400],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
  ];
  for (const [value, half] of known) assert.is(toFloat16(Float32Array.of(value))[0], half, String(value));
  const all = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((half) => (half & 0x7fff) <= 0x7c00);
  assert.equal(toFloat16(fromFloat16(all)), all);
  assert.ok(Number.isNaN(fromFloat16(toFloat16(Float32Array.of(Number.NaN)))[0]));
});

test.run();
