// Known answers of Random123 (kat_vectors), statistics with fixed seeds, and golden hashes that pin our own sequences.
import { createHash } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createPhilox, philox4x32, randomStreams, shuffledIndices } from '../../src/core/philox.ts';

const hex = (words: Uint32Array): string[] => [...words].map((word) => word.toString(16).padStart(8, '0'));
const codeOf = (body: () => unknown): string | undefined => {
  try {
    body();
  } catch (error) {
    return (error as { code?: string }).code;
  }
  return undefined;
};

test('philox4x32() gives the known answers of Random123', () => {
  const out = new Uint32Array(4);
  philox4x32(out, 0, 0, 0, 0, 0, 0);
  assert.equal(hex(out), ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']);
  const ones = 0xffffffff;
  philox4x32(out, ones, ones, ones, ones, ones, ones);
  assert.equal(hex(out), ['408f276d', '41c83b0e', 'a20bc7c6', '6d5451fd']);
  philox4x32(out, 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0);
  assert.equal(hex(out), ['d16cfe09', '94fdcceb', '5001e420', '24126ea1']);
});

test('createPhilox() draws the words of successive blocks', () => {
  const draws = createPhilox({ seed: 5, stream: 6, substream: [7, 8, 9] });
  const block = new Uint32Array(4);
  for (const number of [0, 1, 2]) {
    philox4x32(block, number, 7, 8, 9, 5, 6);
    for (const word of block) assert.is(draws.nextUint32(), word);
  }
});

test('createPhilox() gives other words for another seed, stream or substream', () => {
  const first = (seed: number, stream: number, substream: [number, number, number]): number =>
    createPhilox({ seed, stream, substream }).nextUint32();
  const words = [
    first(1, 1, [0, 0, 0]),
    first(2, 1, [0, 0, 0]),
    first(1, 2, [0, 0, 0]),
    first(1, 1, [1, 0, 0]),
    first(1, 1, [0, 1, 0]),
    first(1, 1, [0, 0, 1]),
  ];
  assert.is(new Set(words).size, words.length);
});

test('nextUniform() is uniform, below 1 and exact in float32', () => {
  const draws = createPhilox({ seed: 1, stream: 9 });
  const bins = new Array<number>(16).fill(0);
  for (let i = 0; i < 16_000; i++) {
    const value = draws.nextUniform();
    assert.ok(value >= 0 && value < 1 && Math.fround(value) === value);
    bins[Math.floor(value * 16)]!++;
  }
  const chiSquare = bins.reduce((sum, count) => sum + ((count - 1000) * (count - 1000)) / 1000, 0);
  assert.ok(chiSquare < 37.7, `chi-square ${chiSquare} of 15 degrees of freedom; .999 quantile 37.7`);
});

test('nextBelow() is unbiased and takes bounds from 1 to 2^32', () => {
  const draws = createPhilox({ seed: 2, stream: 9 });
  const counts = [0, 0, 0];
  for (let i = 0; i < 30_000; i++) counts[draws.nextBelow(3)]!++;
  for (const count of counts) assert.ok(Math.abs(count - 10_000) < 330, counts.join());
  assert.is(draws.nextBelow(1), 0);
  assert.ok(draws.nextBelow(0x100000000) <= 0xffffffff);
  // Just above 2^31 half of all words would be biased without rejection.
  for (let i = 0; i < 100; i++) assert.ok(draws.nextBelow(0x80000001) <= 0x80000000);
  for (const bound of [0, -1, 1.5, 0x100000001, Number.NaN]) {
    assert.is(
      codeOf(() => draws.nextBelow(bound)),
      'random/bad-bound',
    );
  }
});

test('nextNormal() has mean 0, variance 1, kurtosis 3', () => {
  const draws = createPhilox({ seed: 3, stream: randomStreams.initialiser });
  const values = Array.from({ length: 100_000 }, () => draws.nextNormal());
  const moment = (power: (x: number) => number): number => values.reduce((sum, x) => sum + power(x), 0) / values.length;
  assert.ok(Math.abs(moment((x) => x)) < 0.012);
  assert.ok(Math.abs(moment((x) => x * x) - 1) < 0.016);
  assert.ok(Math.abs(moment((x) => x * x * x * x) - 3) < 0.12);
});

test('nextTruncatedNormal() stays within two sigma and has the standard deviation that Keras corrects for', () => {
  const draws = createPhilox({ seed: 4, stream: randomStreams.initialiser });
  let sum = 0;
  let squares = 0;
  const count = 100_000;
  for (let i = 0; i < count; i++) {
    const value = draws.nextTruncatedNormal();
    assert.ok(value >= -2 && value <= 2);
    sum += value;
    squares += value * value;
  }
  assert.ok(Math.abs(sum / count) < 0.01);
  assert.ok(Math.abs(Math.sqrt(squares / count) - 0.87962566103423978) < 0.006);
});

test('the normal draws have these very bits on every engine', () => {
  const draws = createPhilox({ seed: 2023, stream: randomStreams.initialiser });
  const values = Float64Array.from({ length: 20_000 }, (_, i) =>
    i % 2 ? draws.nextNormal() : draws.nextTruncatedNormal(),
  );
  assert.is(
    createHash('sha256').update(values).digest('hex'),
    '5611756b50a4fa92ab72e9fa42383678e99ecb5087b6a103aa04d892a543eef0',
  );
});

test('shuffledIndices() is a permutation, a function of seed and epoch', () => {
  const order = shuffledIndices(1000, { seed: 1, epoch: 0 });
  assert.is(new Set(order).size, 1000);
  assert.equal(shuffledIndices(1000, { seed: 1, epoch: 0 }), order);
  assert.not.equal(shuffledIndices(1000, { seed: 1, epoch: 1 }), order);
  assert.not.equal(shuffledIndices(1000, { seed: 2, epoch: 0 }), order);
  assert.is(
    createHash('sha256').update(order).digest('hex'),
    '8c4bb876d855738579dc681f65f6e8e643250a7f0fb887ebbbb5d4bfb2598adc',
  );
  assert.equal([...shuffledIndices(1, { seed: 1, epoch: 0 })], [0]);
  assert.is(shuffledIndices(0, { seed: 1, epoch: 0 }).length, 0);
});

test('shuffledIndices() gives each order of three as often', () => {
  const counts = new Map<string, number>();
  for (let epoch = 0; epoch < 6000; epoch++) {
    const order = shuffledIndices(3, { seed: 11, epoch }).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.is(counts.size, 6);
  for (const count of counts.values()) assert.ok(Math.abs(count - 1000) < 115, [...counts.values()].join());
});

test('createPhilox() and shuffledIndices() reject seeds and lengths that are none', () => {
  assert.is(
    codeOf(() => createPhilox({ seed: -1, stream: 0 })),
    'random/bad-seed',
  );
  assert.is(
    codeOf(() => createPhilox({ seed: 0, stream: 0, substream: [0.5] })),
    'random/bad-seed',
  );
  assert.is(
    codeOf(() => shuffledIndices(-1, { seed: 0, epoch: 0 })),
    'random/bad-length',
  );
  assert.is(
    codeOf(() => shuffledIndices(5, { seed: 0, epoch: -1 })),
    'random/bad-seed',
  );
});

test.run();
