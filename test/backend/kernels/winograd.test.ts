// Convolutions that take Winograd's algorithm: rule, accuracy against the definition in double precision, bits, memory.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { conv2dForward, directConv2d } from '../../../src/backend/kernels/conv-2d.ts';
import {
  conv2dBackpropFilter,
  directConv2dBackpropFilter,
} from '../../../src/backend/kernels/conv-2d-backprop-filter.ts';
import { conv2dBackpropInput, directConv2dBackpropInput } from '../../../src/backend/kernels/conv-2d-backprop-input.ts';
import { type Conv2DAttributes, type Conv2DInfo, conv2dInfo } from '../../../src/backend/kernels/conv-2d-geometry.ts';
import {
  winogradConv2d,
  winogradConv2dBackpropFilter,
  winogradConv2dBackpropInput,
  winogradTileSize,
} from '../../../src/backend/kernels/winograd.ts';
import { convolveByDefinition, relativeError } from './conv-2d-reference.ts';
import {
  assertClose,
  assertSameBits,
  type Computation,
  evaluate,
  evaluateOnCpu,
  evaluateWithoutLeak,
  noise,
  noiseTensor,
  writeInPlace,
} from './oracle.ts';

/** Relative rms error that the tiles keep, up to sums over 256 channels; 5e-7, 2.1e-6, 1.6e-6, 5e-6 and 5e-6 were seen. */
const TOLERANCES: Record<number, number> = { 2: 1e-6, 3: 3e-6, 4: 3e-6, 5: 8e-6, 6: 8e-6 };

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

type Shape = [number, number, number, number];
type Pad = Conv2DAttributes['pad'];

const infoOf = (xShape: Shape, filterShape: Shape, pad: Pad, more: Partial<Conv2DAttributes> = {}): Conv2DInfo =>
  conv2dInfo(xShape, filterShape, {
    strides: 1,
    pad,
    dataFormat: 'NHWC',
    ...(typeof pad === 'string' ? {} : { dimRoundingMode: 'floor' }),
    ...more,
  });

/** Reads and disposes what a kernel gave. */
function valuesOf(result: tf.TensorInfo): Float32Array {
  const tensor = tf.engine().makeTensorFromTensorInfo(result);
  const values = tensor.dataSync<'float32'>();
  tensor.dispose();
  return values;
}

/** Output and gradients for noise, by the rule and by the direct kernels, with errors against the definition. */
function errorsOf(info: Conv2DInfo, seed: number) {
  const x = noiseTensor<tf.Rank.R4>(info.inShape, seed);
  const filter = noiseTensor<tf.Rank.R4>(info.filterShape, seed + 1);
  const dy = noiseTensor<tf.Rank.R4>(info.outShape, seed + 2);
  const wanted = convolveByDefinition(info, x.dataSync(), filter.dataSync(), dy.dataSync());
  const { backend } = engine;
  const found = {
    y: valuesOf(conv2dForward(backend, { x, filter, convInfo: info })),
    dx: valuesOf(conv2dBackpropInput(backend, { dy, filter, convInfo: info })),
    dw: valuesOf(conv2dBackpropFilter(backend, { x, dy, convInfo: info })),
  };
  const direct = {
    y: valuesOf(directConv2d(backend, { x, filter, convInfo: info })),
    dx: valuesOf(directConv2dBackpropInput(backend, { dy, filter, convInfo: info })),
    dw: valuesOf(directConv2dBackpropFilter(backend, { x, dy, convInfo: info })),
  };
  tf.dispose([x, filter, dy]);
  return (['y', 'dx', 'dw'] as const).map((name) => ({
    name,
    error: relativeError(found[name], wanted[name]),
    fromDirect: relativeError(found[name], direct[name]),
  }));
}

function assertAccurate(info: Conv2DInfo, seed = 1): void {
  const tolerance = TOLERANCES[winogradTileSize(info)]!;
  for (const { name, error, fromDirect } of errorsOf(info, seed)) {
    const what = `${name} of [${info.inShape}] by [${info.filterShape}]`;
    assert.ok(error < tolerance, `${what}: relative error ${error}`);
    assert.ok(fromDirect < tolerance, `${what}: relative distance from the direct kernel ${fromDirect}`);
  }
}

test('winogradTileSize() takes the cheapest tile, and the direct kernels where it saves too little', () => {
  const sizes: [Shape, Shape, Pad, number][] = [
    [[128, 13, 13, 32], [3, 3, 32, 64], 'valid', 6],
    [[1, 13, 13, 32], [3, 3, 32, 64], 'valid', 6],
    [[128, 14, 14, 64], [3, 3, 64, 64], 'valid', 4],
    [[1, 12, 10, 64], [3, 3, 64, 64], 'valid', 5],
    [[1, 10, 10, 64], [3, 3, 64, 64], 'valid', 4],
    [[128, 5, 5, 64], [3, 3, 64, 128], 'valid', 3],
    [[128, 12, 12, 64], [3, 3, 64, 64], 'valid', 5],
    [[128, 5, 5, 64], [3, 3, 64, 128], 'same', 5],
    [[1, 28, 28, 16], [3, 3, 16, 24], 'same', 4],
    [[1, 4, 7, 16], [3, 3, 16, 16], 'valid', 2],
    // One output, or one line of them: a tile would be mostly empty.
    [[8, 3, 3, 32], [3, 3, 32, 32], 'valid', 0],
    [[8, 3, 12, 32], [3, 3, 32, 32], 'valid', 0],
    [[8, 13, 13, 12], [3, 3, 12, 32], 'valid', 0],
    [[8, 13, 13, 18], [3, 3, 18, 32], 'valid', 0],
    [[8, 13, 13, 32], [3, 3, 32, 1], 'valid', 0],
    [[8, 13, 13, 32], [5, 5, 32, 32], 'valid', 0],
    [[8, 13, 13, 32], [3, 1, 32, 32], 'valid', 0],
  ];
  for (const [xShape, filterShape, pad, m] of sizes) {
    assert.is(winogradTileSize(infoOf(xShape, filterShape, pad)), m, `[${xShape}] by [${filterShape}], ${pad}`);
  }
  const [xShape, filterShape]: [Shape, Shape] = [
    [8, 13, 13, 32],
    [3, 3, 32, 32],
  ];
  assert.is(winogradTileSize(infoOf(xShape, filterShape, 'same', { strides: 2 })), 0);
  assert.is(winogradTileSize(infoOf(xShape, filterShape, 'same', { dilations: 2 })), 0);
});

test('Winograd convolutions differ from their definition by no more than rounding', () => {
  const shapes: [Shape, Shape, Pad][] = [
    [[3, 13, 13, 32], [3, 3, 32, 64], 'valid'],
    [[5, 5, 5, 64], [3, 3, 64, 128], 'valid'],
    [[1, 28, 28, 16], [3, 3, 16, 24], 'same'],
    [[2, 9, 11, 16], [3, 3, 16, 20], 'valid'],
    [[3, 6, 6, 20], [3, 3, 20, 16], 'valid'],
    [[2, 4, 7, 16], [3, 3, 16, 16], 'valid'],
    [[1, 4, 4, 16], [3, 3, 16, 28], 'same'],
    [[2, 7, 12, 16], [3, 3, 16, 20], 'valid'],
    [[3, 10, 9, 20], [3, 3, 20, 16], 'same'],
    [[2, 10, 10, 16], [3, 3, 16, 20], 'valid'],
    [[2, 14, 13, 16], [3, 3, 16, 20], 'valid'],
  ];
  for (const shape of shapes) {
    const info = infoOf(...shape);
    assert.is.not(winogradTileSize(info), 0, `${shape}`);
    assertAccurate(info);
  }
});

test('every Winograd tile keeps output and gradients of 64 to 256 channels within its error of float64', () => {
  const { backend } = engine;
  const shapes: [Shape, Shape, Pad][] = [
    [[2, 12, 12, 64], [3, 3, 64, 64], 'valid'],
    [[1, 8, 8, 128], [3, 3, 128, 256], 'valid'],
    [[1, 7, 7, 256], [3, 3, 256, 64], 'same'],
  ];
  for (const shape of shapes) {
    const info = infoOf(...shape);
    // As between layers: inputs after a ReLU, and gradients through one.
    const x = tf.relu(noiseTensor<tf.Rank.R4>(info.inShape, 1));
    const filter = noiseTensor<tf.Rank.R4>(info.filterShape, 2);
    const dy = tf.mul(noiseTensor<tf.Rank.R4>(info.outShape, 3), tf.step(noiseTensor(info.outShape, 4))) as tf.Tensor4D;
    const wanted = convolveByDefinition(info, x.dataSync(), filter.dataSync(), dy.dataSync());
    for (const [m, tolerance] of Object.entries(TOLERANCES).map(([side, limit]) => [Number(side), limit] as const)) {
      const errors = {
        y: relativeError(valuesOf(winogradConv2d(backend, { info, m, x, filter })), wanted.y),
        dx: relativeError(valuesOf(winogradConv2dBackpropInput(backend, { info, m, dy, filter })), wanted.dx),
        dw: relativeError(valuesOf(winogradConv2dBackpropFilter(backend, { info, m, x, dy })), wanted.dw),
      };
      for (const [name, error] of Object.entries(errors)) {
        assert.ok(error < tolerance, `${name} of [${shape}] by tiles of ${m}: relative error ${error}`);
      }
    }
    tf.dispose([x, filter, dy]);
  }
});

test('Winograd convolutions differ from their definition by no more than rounding over random sizes and paddings', () => {
  const side = fc.integer({ min: 1, max: 12 });
  const channels = fc.integer({ min: 4, max: 7 }).map((groups) => 4 * groups);
  const margin = fc.tuple(fc.nat(5), fc.nat(5));
  const padding: fc.Arbitrary<Pad> = fc.oneof(
    fc.constantFrom<'same' | 'valid' | number>('same', 'valid', 1, 2),
    fc.tuple(margin, margin).map(([rows, columns]): Pad => [[0, 0], rows, columns, [0, 0]]),
  );
  const shape = fc.record({ batch: fc.integer({ min: 1, max: 3 }), height: side, width: side, ins: channels });
  const seen = new Set<number>();
  fc.assert(
    fc.property(shape, channels, padding, fc.nat(1000), ({ batch, height, width, ins }, outs, pad, seed) => {
      const margins = Array.isArray(pad) ? pad[1][0] + pad[1][1] : pad === 'valid' ? 0 : 2;
      const across = Array.isArray(pad) ? pad[2][0] + pad[2][1] : margins;
      fc.pre(height + margins >= 3 && width + across >= 3);
      const info = infoOf([batch, height, width, ins], [3, 3, ins, outs], pad);
      const m = winogradTileSize(info);
      fc.pre(m !== 0);
      seen.add(m);
      assertAccurate(info, seed);
    }),
    { seed: 21, numRuns: 60 },
  );
  assert.equal([...seen].sort(), [2, 3, 4, 5, 6]);
});

/** Noise in blotches: many pixels of nothing but zeros or negative zeros, some of a constant. */
function blotches([batch, height, width, channels]: Shape, seed: number): tf.Tensor4D {
  const values = noise(batch * height * width * channels, seed);
  const kinds = noise(batch * height * width, seed + 1);
  const coarse = noise(batch * height, seed + 2);
  return tf.tensor4d(
    values.map((value, i) => {
      const pixel = Math.floor(i / channels);
      const kind = kinds[pixel]! + 2 * coarse[Math.floor(pixel / width)]!;
      if (kind > 1.5) return 0.3;
      return kind < 0.5 ? (seed % 2 === 0 ? -0 : 0) : value;
    }),
    [batch, height, width, channels],
  );
}

test('Winograd convolutions are exactly 0 where direct ones see nothing but zeros, in every tile and at every border', () => {
  const seen = new Map<number, number>();
  const side = fc.integer({ min: 3, max: 14 });
  const channels = fc.integer({ min: 4, max: 7 }).map((groups) => 4 * groups);
  fc.assert(
    fc.property(side, side, channels, channels, fc.constantFrom<Pad>('same', 'valid', 2), fc.nat(999), (...drawn) => {
      const [height, width, ins, outs, pad, seed] = drawn;
      const info = infoOf([2, height, width, ins], [3, 3, ins, outs], pad);
      const m = winogradTileSize(info);
      fc.pre(m !== 0);
      tf.tidy(() => {
        const x = blotches(info.inShape, seed);
        const filter = noiseTensor<tf.Rank.R4>(info.filterShape, seed + 3);
        const touched = valuesOf(
          directConv2d(engine.backend, {
            x: x.notEqual(0).cast('float32') as tf.Tensor4D,
            filter: tf.ones(info.filterShape),
            convInfo: info,
          }),
        );
        const found = valuesOf(conv2dForward(engine.backend, { x, filter, convInfo: info }));
        found.forEach((value, i) => {
          if (touched[i] !== 0) return;
          assert.ok(Object.is(value, 0), `tile ${m}, output ${i}: ${value}`);
          seen.set(m, (seen.get(m) ?? 0) + 1);
        });
        const direct = valuesOf(directConv2d(engine.backend, { x, filter, convInfo: info }));
        assert.ok(relativeError(found, direct) < TOLERANCES[m]!);
      });
    }),
    { seed: 5, numRuns: 150 },
  );
  for (const m of [2, 3, 4, 5, 6]) assert.ok(seen.get(m)! > 100, `tile ${m} had ${seen.get(m)} outputs of zeros`);
});

test('FusedConv2D by Winograd gives clamped biases where it sees nothing but zeros', () => {
  tf.tidy(() => {
    for (const biasShape of [[20], [1], undefined]) {
      const bias = biasShape ? noiseTensor<tf.Rank.R1>(biasShape as [number], 3) : undefined;
      const filter = noiseTensor<tf.Rank.R4>([3, 3, 16, 20], 2);
      const more = { strides: 1, pad: 'same', activation: 'relu', ...(bias ? { bias } : {}) } as const;
      const found = tf.fused.conv2d({ x: tf.zeros<tf.Rank.R4>([1, 13, 10, 16]), filter, ...more });
      const expected = tf
        .zeros([1, 13, 10, 20])
        .add(bias ?? 0)
        .relu();
      assert.equal(found.dataSync(), expected.dataSync(), `[${biasShape}]`);
    }
  });
});

test('the Winograd filter gradient adds the parts of a large batch', () => {
  // 60 images of 9 tiles: more than one part of 512 tiles.
  assertAccurate(infoOf([60, 18, 18, 16], [3, 3, 16, 16], 'valid'));
});

test('FusedConv2D by Winograd adds any bias, clamps, and keeps NaN', async () => {
  for (const activation of ['linear', 'relu', 'relu6'] as const) {
    for (const biasShape of [[20], [1], undefined]) {
      const compute: Computation = () =>
        tf.fused.conv2d({
          x: noiseTensor<tf.Rank.R4>([2, 13, 10, 16]),
          filter: noiseTensor<tf.Rank.R4>([3, 3, 16, 20], 2),
          ...(biasShape ? { bias: noiseTensor<tf.Rank.R1>(biasShape as [number], 3) } : {}),
          strides: 1,
          pad: 'same',
          activation,
        });
      // Outputs have an rms of 4 and the tile an error of 3e-6; the largest of 5200 differences is four to five times theirs.
      assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-4, `${activation}, [${biasShape}]`);
    }
  }
  const values = noise(8 * 8 * 16);
  values[8 * 16] = Number.NaN;
  const [output] = evaluate(() =>
    tf.fused.conv2d({
      x: tf.tensor4d(values, [1, 8, 8, 16]),
      filter: noiseTensor<tf.Rank.R4>([3, 3, 16, 16]),
      strides: 1,
      pad: 'same',
      activation: 'relu',
    }),
  );
  assert.ok(Number.isNaN(output!.values[0]));
});

test('Winograd convolutions see weights that are written in place', () => {
  const shape: Shape = [3, 3, 16, 24];
  const x = noiseTensor<tf.Rank.R4>([2, 8, 8, 16], 1);
  const dy = noiseTensor<tf.Rank.R4>([2, 8, 8, 24], 2);
  const filter = noiseTensor<tf.Rank.R4>(shape, 3);
  const runs: Record<string, (w: tf.Tensor4D) => tf.Tensor> = {
    Conv2D: (w) => tf.conv2d(x, w, 1, 'same'),
    Conv2DBackpropInput: (w) => tf.conv2dTranspose(dy, w, [2, 8, 8, 16], 1, 'same'),
  };
  for (const run of Object.values(runs)) evaluate(() => run(filter));
  const written = noise(tf.util.sizeFromShape(shape), 99);
  writeInPlace(filter, written);
  for (const [name, run] of Object.entries(runs)) {
    const fresh = evaluate(() => run(tf.tensor4d(written, shape)));
    assertClose(
      evaluateWithoutLeak(() => run(filter)),
      fresh,
      0,
      name,
    );
  }
  tf.dispose([x, dy, filter]);
});

test('an output of a Winograd convolution does not depend on what else is in the batch', () => {
  const images = noiseTensor<tf.Rank.R4>([9, 13, 13, 16], 1);
  const filter = noiseTensor<tf.Rank.R4>([3, 3, 16, 16], 2);
  const [together] = evaluate(() => tf.conv2d(images, filter, 1, 'valid').slice([7], [1]));
  const [alone] = evaluate(() => tf.conv2d(images.slice([7], [1]), filter, 1, 'valid'));
  assert.equal(alone, together);
  tf.dispose([images, filter]);
});

test('Winograd convolutions do not let the heap grow', () => {
  const compute: Computation = () => {
    const convolve = (input: tf.Tensor, weights: tf.Tensor) =>
      tf.conv2d(input as tf.Tensor4D, weights as tf.Tensor4D, 1, 'same');
    const inputs = [noiseTensor([8, 16, 16, 16]), noiseTensor([3, 3, 16, 20])];
    return [convolve(inputs[0]!, inputs[1]!), ...tf.grads(convolve)(inputs, noiseTensor([8, 16, 16, 20]))];
  };
  const heapBytes = () => engine.backend.bytes(0, 4).buffer.byteLength;
  for (let i = 0; i < 3; i++) evaluateWithoutLeak(compute);
  const before = heapBytes();
  for (let i = 0; i < 40; i++) evaluate(compute);
  assert.is(heapBytes(), before);
});

test('Winograd convolutions and both gradients give the same bits on any number of threads', async () => {
  await engine.stop();
  const shapes: [Shape, Shape, 'valid' | 'same'][] = [
    [[6, 13, 13, 32], [3, 3, 32, 64], 'valid'],
    [[20, 5, 5, 64], [3, 3, 64, 128], 'valid'],
    [[1, 30, 31, 16], [3, 3, 16, 20], 'same'],
    [[70, 13, 13, 16], [3, 3, 16, 16], 'same'],
    [[5, 4, 7, 16], [3, 3, 16, 16], 'valid'],
    [[9, 12, 12, 16], [3, 3, 16, 16], 'valid'],
    [[9, 10, 10, 16], [3, 3, 16, 16], 'valid'],
  ];
  const computations = shapes.map(([xShape, filterShape, pad], index): [string, Computation] => [
    `${xShape} by ${filterShape}`,
    () => {
      const x = noiseTensor<tf.Rank.R4>(xShape, index);
      const filter = noiseTensor<tf.Rank.R4>(filterShape, index + 1);
      const bias = noiseTensor<tf.Rank.R1>([filterShape[3]], index + 2);
      const convolve = (input: tf.Tensor, weights: tf.Tensor) =>
        tf.conv2d(input as tf.Tensor4D, weights as tf.Tensor4D, 1, pad);
      const y = tf.fused.conv2d({ x, filter, bias, strides: 1, pad, activation: 'relu6' });
      return [y, ...tf.grads(convolve)([x, filter], y)];
    },
  ]);
  await assertSameBits(Object.fromEntries(computations));
  engine = await startBackend({ threads: 2 });
});

test.run();
