// Numbers of 16 bits against the definition: the nearest of all, ties to the even one.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeHalf, encodeHalf } from '../../../src/apps/recommend/index.ts';
import { createPhilox } from '../../../src/core/philox.ts';

const test = suite('half floats');
const every = Uint16Array.from({ length: 0x10000 }, (_, half) => half);

test('encodeHalf() gives back every number of 16 bits', () => {
  const back = encodeHalf(decodeHalf(every));
  const values = decodeHalf(every);
  every.forEach((half, i) => {
    if (Number.isNaN(values[i]!)) assert.ok(Number.isNaN(decodeHalf(back.subarray(i, i + 1))[0]!));
    else assert.is(back[i], half);
  });
});

test('decodeHalf() knows the corners of the format', () => {
  const found = decodeHalf(Uint16Array.of(0x0001, 0x03ff, 0x0400, 0x3c00, 0x7bff, 0x7c00, 0x8000, 0xfc00));
  const expected = [2 ** -24, 1023 * 2 ** -24, 2 ** -14, 1, 65504, Infinity, -0, -Infinity];
  expected.forEach((value, i) => {
    assert.ok(Object.is(found[i], value), `${found[i]} is not ${value}`);
  });
});

test('encodeHalf() rounds to the nearest, ties to even', () => {
  const positive = decodeHalf(every.subarray(0, 0x7c00));
  const draws = createPhilox({ seed: 1, stream: 99 });
  const check = (value: number, expected: number): void => {
    const [got] = encodeHalf(Float32Array.of(value));
    assert.is(got, expected, `${value}`);
    assert.is(encodeHalf(Float32Array.of(-value))[0], expected | 0x8000);
  };
  for (let i = 0; i < 3000; i++) {
    const half = draws.nextBelow(0x7bff);
    const [low, high] = [positive[half]!, positive[half + 1]!];
    const middle = (low + high) / 2;
    check(middle, half % 2 === 0 ? half : half + 1);
    const nearby = Math.fround(low + (high - low) * draws.nextUniform());
    check(nearby, nearby < middle || (nearby === middle && half % 2 === 0) ? half : half + 1);
  }
  check(65520, 0x7c00);
  check(65519, 0x7bff);
  check(2 ** -26, 0);
});

test.run();
