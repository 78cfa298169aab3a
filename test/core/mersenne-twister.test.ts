// Golden values: NumPy 1.24.2, `np.random.RandomState(seed)`; a hash is of the permutation as little-endian int32.
import { createHash } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createMersenneTwister } from '../../src/core/mersenne-twister.ts';

const sha256 = (values: Int32Array): string => createHash('sha256').update(values).digest('hex');
const codeOf = (body: () => unknown): string | undefined => {
  try {
    body();
  } catch (error) {
    return (error as { code?: string }).code;
  }
  return undefined;
};

test('nextUint32() gives the first words of NumPy for small, usual and largest seeds', () => {
  const expected: [number, number[]][] = [
    [0, [2357136044, 2546248239, 3071714933, 3626093760]],
    [1, [1791095845, 4282876139, 3093770124, 4005303368]],
    [2023, [1382929239, 2595771929, 3824335302, 1887095479]],
    [4294967295, [419326371, 479346978, 3918654476, 2416749639]],
  ];
  for (const [seed, words] of expected) {
    const generator = createMersenneTwister(seed);
    assert.equal(
      [0, 1, 2, 3].map(() => generator.nextUint32()),
      words,
      `seed ${seed}`,
    );
  }
});

test('permutation() equals RandomState(seed).permutation(n)', () => {
  const expected: [number, number, string][] = [
    [0, 0, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    [0, 1, 'df3f619804a92fdb4057192dc43dd748ea778adc52bc498ce80524c014b81119'],
    [0, 10, '3d6e44c1aacf8a2b1e0298df76a3d86288dc3cb6a22c1cdd56869c299fcd8070'],
    [2023, 10, '884ffb69f1acad39d19e538903466f37e43091ba4bd51a4e911846d79e60b743'],
    [42, 1000, 'd32ced5c0422023ce691deb5e01cffb97c930477895f4e9ece52baee57804c62'],
    [2023, 60000, '92ca1e135b28c1b24baac00be9cb70c0b2987767e233d448e8f426d6cda32dea'],
    [4294967295, 100003, '1520f113709aeb2a985812434b6b4a560639d1e668e36738afb848e813831d9c'],
    [7, 1 << 20, '7cf1963cada0843abdc4d26a0ea0f4ce39e2a52b42dae2983a3012bae56d4859'],
  ];
  for (const [seed, length, hash] of expected) {
    assert.is(sha256(createMersenneTwister(seed).permutation(length)), hash, `seed ${seed}, length ${length}`);
  }
  assert.equal([...createMersenneTwister(0).permutation(10)], [2, 8, 4, 9, 1, 6, 7, 3, 0, 5]);
});

test('nextInterval() reaches both ends of a range and never leaves it', () => {
  const generator = createMersenneTwister(5);
  const seen = new Set<number>();
  for (let i = 0; i < 200; i++) seen.add(generator.nextInterval(4));
  assert.equal([...seen].sort(), [0, 1, 2, 3, 4]);
  assert.is(generator.nextInterval(0), 0);
  assert.ok(generator.nextInterval(0xffffffff) >= 0);
});

test('createMersenneTwister() rejects what NumPy rejects', () => {
  for (const seed of [-1, 4294967296, 0.5, Number.NaN]) {
    assert.is(
      codeOf(() => createMersenneTwister(seed)),
      'random/bad-seed',
      String(seed),
    );
  }
  for (const length of [-1, 1.5, 2147483649, Number.NaN]) {
    assert.is(
      codeOf(() => createMersenneTwister(0).permutation(length)),
      'random/bad-length',
      String(length),
    );
  }
});

test.run();
