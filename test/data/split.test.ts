// Golden values: scikit-learn 1.2.1, `train_test_split(np.arange(n), test_size=…, random_state=…)`; hashes of little-endian int32.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelvedgeError } from '../../src/core/errors.ts';
import { splitTrainValidation } from '../../src/data/split.ts';

const sha256 = (values: Int32Array): string => createHash('sha256').update(values).digest('hex');

const goldenSplits = [
  // count, testSize, randomState, sha256 of train, sha256 of validation
  [
    60000,
    0.2,
    2023,
    '80822e1754ba2a20631d9dd96d98f46a731bdf8542ac6997ab3064fb38c30233',
    '740c1e3d3955a68bf618daa21649d25934e2cf5a8d39892dfbffde48fc3cc883',
  ],
  [
    10,
    0.25,
    0,
    'fe8d2a4e64d213ee617f6d4213edc6a94db6998cb3991442f712bf4a8befe3ec',
    'ed99fcf74d2d96a69a75f39fb918e9777c9ea8aa6c8a352984bc47bee2d57a5e',
  ],
  [
    7,
    0.3,
    1,
    '36880a5e6c4dcf5e2d9078bd4c2f673e7feea4c9d5d62b0307f7c8de719157ed',
    '1f780da0654eeccfd7a54714d0c00b605b07349dc14ce4f27ba13af64a517d69',
  ],
  [
    3,
    0.5,
    5,
    '26b25d457597a7b0463f9620f666dd10aa2c4373a505967c7c8d70922a2d6ece',
    '01acecb507abfe1a354aa8064f4af5d3f1acd019e37db3c11c97523b71c76e9d',
  ],
  [
    2,
    0.5,
    0,
    'df3f619804a92fdb4057192dc43dd748ea778adc52bc498ce80524c014b81119',
    '67abdd721024f0ff4e0b3f4c2fc13bc5bad42d0b7851d456d88d203d15aaa450',
  ],
  [
    1001,
    137,
    99,
    'f59388c7910fb0b8f2a0b4920b3dd25e693e1197c2a503e0e41cf813abbee747',
    'a92ce344ec11c780f4a89f16b11d99dcd731cd57d6035537ac86fdb030a4f366',
  ],
  [
    1000,
    0.1,
    4294967295,
    '8567bec1069718b79054ec44d239124ac9823a929ae99549bbb5f193feb14b48',
    '69ef3c1127a9a76aaf473b60adbb7e24636cbc55edfcf301d19fafc66ca6dd29',
  ],
  [
    5,
    4,
    3,
    '26b25d457597a7b0463f9620f666dd10aa2c4373a505967c7c8d70922a2d6ece',
    'f2fae3f41d8f4394b8ce02ea2b17a30dff6f245d06fd4d9e65d539864c721de7',
  ],
  [
    100,
    0.29,
    12,
    '77ea95845b49f0237d17953850a135228b82b90bffc0c5db8e32dfcae970eb06',
    '17777b5c77bfaefdc0fed1563707f473c943462a5866262277845a5e034c7156',
  ],
  [
    70000,
    0.15,
    31337,
    '8158293b85e60b6b00e533ebfb74964bf954b73ec18e1a7c51f38edbcdca5cb2',
    '8401639102109259562cc1a66bb978e614e1d4393d1ddecf11064eced95ffa3b',
  ],
] as const;

test('splitTrainValidation() equals train_test_split for shares and integer sizes', () => {
  for (const [count, testSize, randomState, train, validation] of goldenSplits) {
    const split = splitTrainValidation(count, { testSize, randomState });
    assert.is(sha256(split.train), train, `train of ${count}, ${testSize}, ${randomState}`);
    assert.is(sha256(split.validation), validation, `validation of ${count}, ${testSize}, ${randomState}`);
  }
});

test('splitTrainValidation() defaults to the split of the reference run', () => {
  const { train, validation } = splitTrainValidation(60000);
  assert.equal([...train.subarray(0, 6)], [40311, 11563, 33764, 20514, 54148, 41130]);
  assert.equal([...validation.subarray(0, 6)], [49393, 6182, 32436, 29771, 6591, 6764]);
});

test('splitTrainValidation() gives two disjoint parts that cover every index', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 500 }),
      fc.double({ min: 0.001, max: 0.5, noNaN: true }),
      fc.integer({ min: 0, max: 0xffffffff }),
      (count, testSize, randomState) => {
        const { train, validation } = splitTrainValidation(count, { testSize, randomState });
        assert.is(validation.length, Math.ceil(testSize * count));
        assert.is(new Set([...train, ...validation]).size, count);
        assert.is(train.length + validation.length, count);
      },
    ),
    { seed: 1, numRuns: 100 },
  );
});

test('splitTrainValidation() refuses what scikit-learn refuses, with a typed error', () => {
  const refused: [number, number, string][] = [
    [0, 0.2, 'split/bad-count'],
    [1.5, 0.2, 'split/bad-count'],
    [Number.NaN, 0.2, 'split/bad-count'],
    [1, 0.2, 'split/empty-part'],
    [2, 0.9, 'split/empty-part'],
    [5, 5, 'split/bad-test-size'],
    [5, 0, 'split/bad-test-size'],
    [5, -0.1, 'split/bad-test-size'],
    [5, 1.5, 'split/bad-test-size'],
    [5, Number.NaN, 'split/bad-test-size'],
  ];
  for (const [count, testSize, code] of refused) {
    try {
      splitTrainValidation(count, { testSize });
      assert.unreachable(`${count}, ${testSize}`);
    } catch (error) {
      assert.instance(error, SelvedgeError);
      assert.is((error as SelvedgeError).code, code, `${count}, ${testSize}`);
    }
  }
  assert.throws(() => splitTrainValidation(10, { randomState: -1 }), /Cannot seed a generator/);
});

test.run();
