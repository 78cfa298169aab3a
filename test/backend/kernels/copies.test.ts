// Operations that only move elements, and those that make or convert them, against the cpu backend: every type, odd shapes, none, one.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import {
  assertClose,
  assertSameBits,
  type Computation,
  evaluateOnCpu,
  evaluateWithoutLeak,
  noiseTensor,
} from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const types = ['float32', 'int32', 'bool'] as const;
const size = fc.integer({ min: 1, max: 11 });
const shapes = fc.array(fc.oneof({ weight: 9, arbitrary: size }, { weight: 1, arbitrary: fc.constant(0) }), {
  minLength: 1,
  maxLength: 4,
});
const shapesWithElements = fc.array(size, { minLength: 1, maxLength: 4 });

/** The same numbers as each type. */
const ofEveryType = (shape: readonly number[], seed = 5): tf.Tensor[] =>
  types.map((type) => tf.cast(tf.mul(noiseTensor(shape as [number], seed), 100), type));

async function assertEqualsCpu(compute: Computation, what: string): Promise<void> {
  assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 0, what);
}

/** Checks a property of random settings. */
const check = <Settings>(
  settings: fc.Arbitrary<Settings>,
  compute: (settings: Settings) => Computation,
  numRuns = 60,
) =>
  fc.assert(
    fc.asyncProperty(settings, (own) => assertEqualsCpu(compute(own), JSON.stringify(own))),
    { seed: 31, numRuns },
  );

const fractions = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 });

test('Slice equals the cpu backend at any place, for every type', () =>
  check(fc.record({ shape: shapes, parts: fractions }), ({ shape, parts }) => () => {
    const begin = shape.map((length, axis) => Math.round(parts[axis]! * length));
    const length = shape.map((all, axis) => Math.round(parts[4 + axis]! * (all - begin[axis]!)));
    return ofEveryType(shape).map((x) => tf.slice(x, begin, length));
  }));

test('StridedSlice equals the cpu backend forwards and backwards, with masks, for every type', () =>
  check(
    fc.record({
      shape: shapesWithElements,
      begin: fc.array(fc.integer({ min: -12, max: 12 }), { minLength: 4, maxLength: 4 }),
      end: fc.array(fc.integer({ min: -12, max: 12 }), { minLength: 4, maxLength: 4 }),
      strides: fc.array(fc.constantFrom(1, 2, 3, -1, -2), { minLength: 4, maxLength: 4 }),
      masks: fc.array(fc.nat(15), { minLength: 2, maxLength: 2 }),
    }),
    ({ shape, begin, end, strides, masks }) =>
      () => {
        const own = (values: number[]): number[] => values.slice(0, shape.length);
        const place = [own(begin), own(end), own(strides)] as const;
        return ofEveryType(shape).map((x) => tf.stridedSlice(x, ...place, masks[0]!, masks[1]!));
      },
    120,
  ));

test('StridedSlice drops and adds axes', async () => {
  // The cpu backend reads along the wrong axis where one is dropped and another has a stride.
  const x = tf.reshape(tf.range(0, 120), [4, 5, 6]);
  const dropped = tf.stridedSlice(x, [1, 0, 2], [2, 5, 3], [1, 2, 1], 0, 0, 0, 0, 5);
  assert.equal([dropped.shape, [...dropped.dataSync()]], [[3], [32, 44, 56]]);
  tf.dispose([x, dropped]);
  await assertEqualsCpu(() => {
    const input = noiseTensor<tf.Rank.R3>([4, 5, 6]);
    return [
      tf.stridedSlice(input, [0, 1], [0, 4], [1, 1], 0, 0, 0, 1),
      tf.stridedSlice(input, [0, 2], [0, 5], [1, 2], 0, 0, 1),
    ];
  }, 'axes');
});

test('Reverse equals the cpu backend along any axes, for every type', () =>
  check(fc.record({ shape: shapes, which: fc.nat(15) }), ({ shape, which }) => () => {
    const axes = shape.map((_, axis) => axis).filter((axis) => which & (1 << axis));
    return ofEveryType(shape).map((x) => tf.reverse(x, axes));
  }));

test('SplitV and Unpack equal the cpu backend along every axis, for every type', () =>
  check(
    fc.record({ shape: shapesWithElements, axis: fc.nat(3), part: fc.double({ min: 0, max: 1, noNaN: true }) }),
    ({ shape, axis, part }) =>
      () => {
        const along = axis % shape.length;
        const first = Math.floor(part * shape[along]!);
        const sizes = [first, shape[along]! - first];
        return ofEveryType(shape).flatMap((x) => [...tf.split(x, sizes, along), ...tf.unstack(x, along)]);
      },
  ));

test('Concat and Pack equal the cpu backend along every axis, with empty and single parts, for every type', () =>
  check(
    fc.record({ shape: shapes, axis: fc.nat(4), lengths: fc.array(fc.nat(5), { minLength: 1, maxLength: 4 }) }),
    ({ shape, axis, lengths }) =>
      () => {
        const along = axis % shape.length;
        const parts = lengths.map((length, i) =>
          ofEveryType(
            shape.map((all, k) => (k === along ? length : all)),
            i,
          ),
        );
        const alike = lengths.map((_, i) => ofEveryType(shape, i));
        return types.flatMap((_, type) => [
          tf.concat(
            parts.map((each) => each[type]!),
            along,
          ),
          tf.stack(
            alike.map((each) => each[type]!),
            axis % (shape.length + 1),
          ),
        ]);
      },
  ));

test('Transpose equals the cpu backend in every order, for every type', () =>
  check(
    fc.record({ shape: fc.array(fc.nat(9), { minLength: 1, maxLength: 6 }), order: fractions }),
    ({ shape, order }) =>
      () => {
        const perm = shape.map((_, axis) => axis).sort((a, b) => order[a]! - order[b]!);
        return ofEveryType(shape).map((x) => tf.transpose(x, perm));
      },
  ));

test('SpaceToBatchND and BatchToSpaceND equal the cpu backend, padded and cropped', () =>
  check(
    fc.record({
      batch: size,
      spatial: fc.array(size, { minLength: 1, maxLength: 3 }),
      rest: fc.array(size, { maxLength: 1 }),
      blocks: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 3, maxLength: 3 }),
      before: fc.array(fc.nat(2), { minLength: 3, maxLength: 3 }),
    }),
    ({ batch, spatial, rest, blocks, before }) =>
      () => {
        const blockShape = spatial.map((_, i) => blocks[i]!);
        const paddings = spatial.map((length, i) => {
          const after = (blockShape[i]! - ((length + before[i]!) % blockShape[i]!)) % blockShape[i]!;
          return [before[i]!, after];
        });
        const x = noiseTensor([batch, ...spatial, ...rest] as [number]);
        const inBatch = tf.spaceToBatchND(x, blockShape, paddings);
        return [inBatch, tf.batchToSpaceND(inBatch, blockShape, paddings)];
      },
  ));

test('DepthToSpace equals the cpu backend', () =>
  check(
    fc.record({ shape: fc.tuple(size, size, size, size), block: fc.integer({ min: 2, max: 3 }) }),
    ({ shape, block }) =>
      () => {
        const [batch, height, width, channels] = shape;
        return tf.depthToSpace(noiseTensor<tf.Rank.R4>([batch, height, width, channels * block * block]), block);
      },
  ));

test('Fill, ZerosLike and OnesLike equal the cpu backend, for every type', () =>
  check(fc.record({ shape: shapes, value: fc.integer({ min: -300, max: 300 }) }), ({ shape, value }) => () => [
    tf.fill(shape as [number], value + 0.5),
    tf.fill(shape as [number], value, 'int32'),
    tf.cast(tf.fill(shape as [number], value < 0 ? 0 : 1, 'bool' as 'int32'), 'int32'),
    ...ofEveryType(shape).flatMap((x) => [tf.zerosLike(x), tf.onesLike(x)]),
  ]));

test('Cast equals the cpu backend, of NaN, infinities and floats beyond the integers too', () =>
  check(
    fc.array(fc.oneof(fc.float(), fc.float({ noDefaultInfinity: true, min: -1000, max: 1000 })), { maxLength: 40 }),
    (values) => () => {
      const x = tf.tensor1d(values);
      const whole = tf.cast(x, 'int32');
      const isSet = tf.cast(x, 'bool');
      return [
        whole,
        isSet,
        tf.cast(whole, 'bool'),
        tf.cast(whole, 'float32'),
        tf.cast(isSet, 'int32'),
        tf.cast(isSet, 'float32'),
      ];
    },
    200,
  ));

test('Bincount equals the cpu backend, with weights and without, and refuses negative numbers', async () => {
  await check(
    fc.record({ x: fc.array(fc.nat(12), { maxLength: 50 }), bins: fc.nat(10), rank: fc.constantFrom(1, 2) }),
    ({ x, bins, rank }) =>
      () => {
        const values = tf.tensor(x, rank === 1 ? [x.length] : [1, x.length], 'int32');
        const floats = noiseTensor(values.shape as [number]);
        const none = tf.tensor1d([]);
        const run = (weights: tf.Tensor) =>
          tf.engine().runKernel('Bincount', { x: values, weights } as tf.NamedTensorMap, { size: bins }) as tf.Tensor;
        return [run(none), run(floats), run(tf.cast(none, 'int32')), run(tf.cast(tf.mul(floats, 9), 'int32'))];
      },
  );
  assert.throws(() => tf.tidy(() => tf.bincount(tf.tensor1d([1, -1], 'int32'), tf.tensor1d([]), 3)), 'non-negative');
});

test('DenseBincount and BitwiseAnd equal the cpu backend', () =>
  assertEqualsCpu(() => {
    const x = tf.tensor1d([1, 3, 3, 0, 7, 2], 'int32');
    const rows = tf.reshape(x, [2, 3]) as tf.Tensor2D;
    const none = tf.tensor1d([]);
    return [
      tf.denseBincount(x, none, 5),
      tf.denseBincount(rows, none as unknown as tf.Tensor2D, 5),
      tf.denseBincount(rows, none as unknown as tf.Tensor2D, 5, true),
      tf.denseBincount(x, noiseTensor<tf.Rank.R1>([6]), 5),
      tf.bitwiseAnd(x, tf.reverse(x)),
    ];
  }, 'counts and bits'));

test('results of copies keep their type', () => {
  for (const type of types) {
    tf.tidy(() => {
      const x = tf.cast(noiseTensor([4, 6]), type);
      const results = [
        tf.stridedSlice(x, [0, 0], [4, 6], [2, 2]),
        tf.reverse(x),
        tf.concat([x, x]),
        ...tf.unstack(x, 1),
      ];
      assert.equal(
        results.map(({ dtype }) => dtype),
        results.map(() => type),
      );
    });
  }
});

test('copies, casts and fills large enough for all threads have the same bits on any number of threads', async () => {
  await engine.stop();
  const x = () => noiseTensor<tf.Rank.R2>([301, 403]);
  await assertSameBits({
    slice: () => tf.slice(x(), [1, 3], [299, 391]),
    strided: () => tf.stridedSlice(x(), [300, 400], [1, 1], [-1, -2]),
    reverse: () => tf.reverse(x()),
    transpose: () => tf.transpose(x()),
    concat: () => tf.concat([x(), x()], 1),
    fill: () => tf.fill([401, 403], 1.5),
    cast: () => tf.cast(tf.mul(x(), 1e10), 'int32'),
    space: () =>
      tf.spaceToBatchND(
        tf.reshape(x(), [1, 301, 403, 1]),
        [2, 2],
        [
          [1, 0],
          [0, 1],
        ],
      ),
  });
  engine = await startBackend({ threads: 2 });
});

test.run();
