// Convolutions that wait for what follows: as exact as kernel after kernel, done once, of the inputs as they were, and gone with their tensors.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { currentBackend, type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import { updateVariable } from '../../../src/backend/kernels/optimizer-update.ts';
import {
  assertClose,
  assertSameBits,
  type Computation,
  evaluate,
  evaluateOnCpu,
  evaluateWithoutLeak,
  noise,
  noiseTensor,
} from './oracle.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());
test.after.each(() => tf.disposeVariables());

type Layer = (x: tf.Tensor4D) => tf.Tensor;

/** A variable of a name, made of noise when it is first asked for. */
function weight(name: string, shape: number[], seed: number): tf.Variable {
  const known = tf.engine().registeredVariables[name];
  return known ?? tf.tidy(() => tf.variable(noiseTensor(shape as [number], seed) as tf.Tensor, true, name));
}

const filter = (inChannels: number, outChannels: number): tf.Tensor4D =>
  weight(`filter/${inChannels}/${outChannels}`, [3, 3, inChannels, outChannels], 2) as tf.Variable<tf.Rank.R4>;
const bias = (...shape: number[]): tf.Tensor => weight(`bias/${shape}`, shape, 3);
const convolve = (x: tf.Tensor4D, channels: number): tf.Tensor4D =>
  tf.conv2d(x, filter(x.shape[3], channels), 1, 'same');

/** Values of a layer and all its gradients: of the input, of filters and of biases. */
function valuesAndGradients(layer: Layer, shape: number[]): tf.Tensor[] {
  const input = weight('input', shape, 1) as tf.Variable<tf.Rank.R4>;
  const values = tf.tidy(() => layer(input));
  const { value, grads } = tf.variableGrads(() => {
    const y = layer(input);
    return tf.sum(tf.mul(y, noiseTensor(y.shape as [number], 9) as tf.Tensor));
  });
  tf.disposeVariables();
  const names = Object.keys(grads).toSorted();
  return [values, value, ...names.map((name) => grads[name]!)];
}

const pool = (x: tf.Tensor, size: number, pad: 'valid' | 'same'): tf.Tensor4D =>
  tf.maxPool(x as tf.Tensor4D, size, 2, pad);

/** Names of the kernels of ours that a computation dispatches. */
function dispatched(compute: () => void): string[] {
  const { pool: threads } = currentBackend();
  const names: string[] = [];
  const { run } = threads;
  threads.run = (name, ...rest) => {
    names.push(name);
    run.call(threads, name, ...rest);
  };
  try {
    tf.tidy(compute);
  } finally {
    threads.run = run;
  }
  return names;
}

const chains: Readonly<Record<string, Layer>> = {
  'bias, relu and pooling, as in a network': (x) => pool(tf.relu(tf.add(convolve(x, 16), bias(16))), 2, 'valid'),
  'relu without a bias': (x) => tf.relu(convolve(x, 16)),
  'one bias for all channels': (x) => tf.relu(tf.add(convolve(x, 7), bias(1))),
  'a bias that is not one': (x) => tf.relu(tf.add(convolve(x, 7), bias(x.shape[2], 7))),
  'a sum larger than the convolution': (x) => tf.sum(tf.relu(tf.add(convolve(x, 7), bias(2, 1, 1, 1, 7))), 0),
  'another activation': (x) => tf.sigmoid(tf.add(convolve(x, 16), bias(16))),
  'no more than a bias': (x) => tf.add(convolve(x, 16), bias(16)),
  'nothing at all': (x) => convolve(x, 16),
  'two biases': (x) => tf.relu(tf.add(tf.add(convolve(x, 8), bias(8)), tf.scalar(-0.5))),
  'a sum that others read, too': (x) => {
    const sum = tf.add(convolve(x, 16), bias(16));
    return tf.add(tf.mul(tf.relu(sum), tf.tanh(sum)), tf.relu(sum)) as tf.Tensor4D;
  },
  'a result that others read, too': (x) => {
    const y = tf.relu(tf.add(convolve(x, 16), bias(16)));
    // Of windows that reach into padding, the cpu backend has another gradient than that of its forward pass.
    return tf.concat([tf.avgPool(y as tf.Tensor4D, 2, 2, 'valid'), pool(y, 2, 'valid')], 3);
  },
  'two poolings of one result': (x) => {
    const y = tf.relu(convolve(x, 8));
    return tf.add(pool(y, 2, 'same'), tf.mul(pool(y, 2, 'same'), 2));
  },
  'windows that overlap and reach into padding': (x) => pool(tf.relu(tf.add(convolve(x, 5), bias(5))), 3, 'same'),
  'a pooling of something shaped like the result': (x) => {
    const y = tf.relu(convolve(x, 8));
    return pool(tf.mul(y, -1), 2, 'valid');
  },
  'a reshaped convolution': (x) => {
    const z = convolve(x, 8);
    return tf.reshape(tf.relu(tf.reshape(z, [-1, 8])), z.shape) as tf.Tensor4D;
  },
  'relu, reshaped before it is pooled': (x) => {
    const y = tf.relu(tf.add(convolve(x, 8), bias(8)));
    const [batch, height, width] = x.shape;
    return pool(tf.reshape(y, [1, batch * height, width, 8]), 2, 'valid');
  },
  'layers upon layers': (x) => {
    const first = pool(tf.relu(tf.add(convolve(x, 16), bias(16))), 2, 'valid');
    return tf.relu(tf.add(convolve(first, 32), bias(32)));
  },
};

for (const [what, layer] of Object.entries(chains)) {
  test(`values and gradients of a convolution and ${what} equal those of the cpu backend`, async () => {
    for (const shape of [
      [2, 9, 8, 3],
      [17, 6, 7, 16],
      [19, 11, 12, 1],
    ]) {
      const compute: Computation = () => valuesAndGradients(layer, shape);
      assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 2e-4, `${shape}`);
    }
  });
}

test('a recorded convolution, its bias and relu are one dispatch, and so are the gradients of pooling and relu', () => {
  const layer = chains['bias, relu and pooling, as in a network']!;
  const gradients = (x: tf.Tensor4D, channels: number) =>
    dispatched(() => {
      const weights = [filter(channels, 16), bias(16)] as tf.Variable[];
      tf.variableGrads(() => tf.sum(layer(x)), weights);
    });
  const names = dispatched(() => tf.grad((x) => layer(x as tf.Tensor4D))(noiseTensor([32, 8, 8, 16]) as tf.Tensor));
  const count = (name: string): number => names.filter((other) => other === name).length;
  assert.is(count('winogradConv2d'), 1);
  assert.is(count('maxPoolGrad'), 1);
  assert.is(count('elementwiseUnary'), 0);
  assert.is(count('elementwiseBinary'), 0, 'neither a sum nor the gradient of relu');

  const grey = gradients(noiseTensor([32, 28, 28, 1]) as tf.Tensor4D, 1);
  assert.ok(grey.includes('conv2dBackpropFilterOfMaxPool'));
  assert.not(grey.includes('maxPoolGrad'), 'the gradient of the sum lies nowhere');
  assert.not(grey.includes('conv2dBackpropFilter'));
});

test('a convolution that nobody looks at is not computed, and one that is not recorded does not wait', () => {
  const x = noiseTensor([2, 8, 8, 16]) as tf.Tensor4D;
  const unread = dispatched(() =>
    tf.grad((input) => {
      convolve(input as tf.Tensor4D, 16);
      return tf.square(input);
    })(x),
  );
  assert.not(unread.includes('winogradConv2d'));
  assert.ok(dispatched(() => void convolve(x, 16)).includes('winogradConv2d'));
  x.dispose();
});

test('gradients of pooling and relu in one pass have the bits of one after the other, with NaN, infinities and zeros', () => {
  const special = [Number.NaN, Infinity, -Infinity, 0, -0, 1, -2.5, 1e-45];
  const values = Float32Array.from({ length: 3 * 6 * 7 * 20 }, (_, i) => special[(i * 7 + (i >> 3)) % 8]!);
  for (const [size, channels] of [
    [2, 20],
    [3, 20],
    [2, 6],
  ] as const) {
    const compute =
      (isRecorded: boolean): Computation =>
      () => {
        const images = tf.tensor4d(values.subarray(0, 3 * 6 * 7 * channels), [3, 6, 7, channels]);
        // Each channel by itself, so that special values stay what they are.
        const identity = tf.reshape(tf.eye(channels), [1, 1, channels, channels]) as tf.Tensor4D;
        const finite = tf.where(tf.isFinite(images), images, tf.zerosLike(images)) as tf.Tensor4D;
        const pooled = (x: tf.Tensor): tf.Tensor => {
          const z = tf.conv2d(x as tf.Tensor4D, identity, 1, 'valid');
          // A sum with no bias of a channel each is no part of the chain.
          const y = tf.relu(isRecorded ? z : tf.add(z, tf.zerosLike(z)));
          return tf.maxPool(y as tf.Tensor4D, size, 2, 'valid');
        };
        const rows = Math.floor((6 - size) / 2) + 1;
        const columns = Math.floor((7 - size) / 2) + 1;
        const dy = tf.tensor4d(values.subarray(0, 3 * rows * columns * channels), [3, rows, columns, channels]);
        return tf.grad((x) => pooled(x))(finite, dy);
      };
    const [together] = evaluate(compute(true));
    const [apart] = evaluate(compute(false));
    assert.equal(
      new Uint32Array(Float32Array.from(together!.values).buffer),
      new Uint32Array(Float32Array.from(apart!.values).buffer),
    );
  }
});

/** Makes a convolution that waits, does something, and then reads it. */
function readAfter(
  makes: () => { x: tf.Tensor4D; weights: tf.Variable<tf.Rank.R4> },
  change: (made: ReturnType<typeof makes>) => void,
) {
  const made = makes();
  const expected = tf.tidy(() => tf.conv2d(made.x, made.weights, 1, 'same').dataSync());
  let waiting: tf.Tensor | undefined;
  tf.tidy(() => {
    tf.grad((scale) => {
      waiting = tf.keep(tf.conv2d(made.x, made.weights, 1, 'same'));
      return tf.square(scale);
    })(tf.scalar(1));
  });
  change(made);
  const actual = waiting!.dataSync();
  waiting!.dispose();
  assert.equal(actual, expected);
}

test('a convolution that waits is one of its inputs as they were: disposed, assigned to, or updated in place', () => {
  const before = { tensors: tf.memory().numTensors, data: tf.engine().backend.numDataIds() };
  const makes = () => ({
    x: noiseTensor([3, 8, 8, 16], 5) as tf.Tensor4D,
    weights: tf.tidy(() => tf.variable(noiseTensor([3, 3, 16, 16], 6) as tf.Tensor4D)) as tf.Variable<tf.Rank.R4>,
  });
  readAfter(makes, ({ x, weights }) => tf.dispose([x, weights]));
  readAfter(makes, ({ x, weights }) => {
    tf.tidy(() => weights.assign(tf.zeros([3, 3, 16, 16])));
    // Room that was given back is used again.
    tf.dispose(noiseTensor([3, 8, 8, 16], 8));
    tf.dispose([x, weights]);
  });
  readAfter(makes, ({ x, weights }) => {
    const gradient = tf.ones([3, 3, 16, 16]);
    const update = { variable: weights, kernel: 'sgd', slots: [], constants: [0] } as const;
    updateVariable(currentBackend(), update, gradient, [0x3f800000, 0]);
    assert.not.equal(weights.dataSync()[0], noise(1, 6)[0]);
    tf.dispose([x, weights, gradient]);
  });
  assert.equal({ tensors: tf.memory().numTensors, data: tf.engine().backend.numDataIds() }, before);
});

test('updateVariable() computes what waits for the variable, and nothing else', () => {
  const [written, other] = [weight('written', [3, 3, 16, 16], 1), weight('other', [3, 3, 16, 16], 2)];
  const gradient = tf.zeros([3, 3, 16, 16]);
  const x = noiseTensor([2, 8, 8, 16]) as tf.Tensor4D;
  const names = dispatched(() =>
    tf.grad((scale) => {
      for (const filters of [written, other]) tf.conv2d(x, filters as tf.Variable<tf.Rank.R4>, 1, 'same');
      const update = { variable: written as tf.Variable, kernel: 'sgd', slots: [], constants: [0] } as const;
      updateVariable(currentBackend(), update, gradient, [0x3f800000, 0]);
      return tf.square(scale);
    })(tf.scalar(1)),
  );
  assert.is(names.filter((name) => name === 'winogradConv2d').length, 1);
  tf.dispose([x, gradient]);
});

test('the gradient of a filter has the same bits whether or not the gradient of what was pooled lies in memory', () => {
  const layer = chains['bias, relu and pooling, as in a network']!;
  const gradients = (shape: number[], isInMemory: boolean): tf.TypedArray =>
    tf.tidy(() => {
      const x = weight('images', shape, 1) as tf.Variable<tf.Rank.R4>;
      const filters = filter(shape[3]!, 16) as tf.Variable<tf.Rank.R4>;
      const { grads } = tf.variableGrads(() => tf.sum(layer(x)), isInMemory ? [x, filters] : [filters]);
      const values = grads[filters.name]!.dataSync();
      tf.disposeVariables();
      return values;
    });
  for (const shape of [
    [32, 28, 28, 1],
    [48, 15, 17, 3],
    [17, 15, 17, 3],
    [1, 200, 200, 1],
  ]) {
    assert.equal(gradients(shape, true), gradients(shape, false), `${shape}`);
  }
});

test('a convolution that fails to be computed leaves nothing, and is computed when it can be', () => {
  const { pool: threads } = currentBackend();
  const x = noiseTensor([2, 8, 8, 16]) as tf.Tensor4D;
  const filters = filter(16, 16);
  const expected = tf.tidy(() => tf.conv2d(x, filters, 1, 'same').dataSync());
  let waiting: tf.Tensor | undefined;
  tf.tidy(() =>
    tf.grad((scale) => {
      waiting = tf.keep(tf.conv2d(x, filters, 1, 'same'));
      return tf.square(scale);
    })(tf.scalar(1)),
  );
  const before = tf.engine().backend.numDataIds();
  const { run } = threads;
  for (let i = 0; i < 3; i++) {
    threads.run = () => {
      throw new Error('out of order');
    };
    try {
      assert.throws(() => waiting!.dataSync(), /out of order/);
    } finally {
      threads.run = run;
    }
  }
  assert.is(tf.engine().backend.numDataIds(), before);
  assert.equal(waiting!.dataSync(), expected);
  tf.dispose([x, waiting!]);
});

test('stock kernels take convolutions that wait while the heap grows under them', async () => {
  await engine.stop();
  for (const options of [{ threads: 2 }, { sharedMemory: false }]) {
    const small = await startBackend(options);
    const images = tf.ones([2, 500, 500, 1]) as tf.Tensor4D;
    const sums = tf.tidy(() => {
      let read: tf.Tensor[] = [];
      tf.grad((x) => {
        const made = () => tf.conv2d(x as tf.Tensor4D, tf.ones([1, 1, 1, 16]) as tf.Tensor4D, 1, 'valid');
        read = [
          tf.concat([made(), made()], 3),
          tf.cast(made(), 'int32'),
          tf.slice(made(), [0, 0, 0, 3], [2, 500, 500, 2]),
        ];
        read = read.map((tensor) => tf.keep(tf.sum(tensor)));
        return tf.square(x);
      })(images);
      return read;
    });
    assert.equal(
      sums.map((sum) => sum.dataSync()[0]),
      [32, 16, 2].map((channels) => 2 * 500 * 500 * channels),
      JSON.stringify(options),
    );
    tf.dispose([images, ...sums]);
    await small.stop();
  }
  engine = await startBackend({ threads: 2 });
});

test('memory of convolutions that waited, computed or not, is given back', () => {
  const backend = currentBackend();
  const step = (isRead: boolean): void =>
    tf.tidy(() => {
      const x = noiseTensor([64, 16, 16, 16]) as tf.Tensor4D;
      tf.grad((input) => {
        const sum = tf.add(convolve(input as tf.Tensor4D, 16), bias(16));
        const y = tf.relu(sum);
        return isRead ? tf.add(y, sum) : y;
      })(x);
    });
  step(true);
  step(false);
  const bytes = backend.bytes(0, 1).buffer.byteLength;
  const data = backend.numDataIds();
  for (let i = 0; i < 40; i++) step(i % 2 === 0);
  assert.is(backend.bytes(0, 1).buffer.byteLength, bytes);
  assert.is(backend.numDataIds(), data);
});

test('tf.engine().reset() while a convolution waits leaves a backend that works', async () => {
  tf.grad((x) => {
    tf.keep(convolve(x as tf.Tensor4D, 16));
    return tf.square(x);
  })(noiseTensor([2, 8, 8, 16]) as tf.Tensor);
  tf.engine().reset();
  await tf.setBackend('wasm');
  assert.is(currentBackend().numDataIds(), 0);
  const compute: Computation = () => valuesAndGradients((x) => tf.relu(convolve(x, 16)), [2, 8, 8, 16]);
  assertClose(evaluateWithoutLeak(compute), await evaluateOnCpu(compute), 1e-4);
});

test('gradients of such chains give the same bits on any number of threads', async () => {
  await engine.stop();
  const layers = [
    'bias, relu and pooling, as in a network',
    'a result that others read, too',
    'windows that overlap and reach into padding',
    'layers upon layers',
  ];
  await assertSameBits(
    Object.fromEntries(
      layers.flatMap((what) =>
        [16, 1].map((channels) => [
          `${what}, ${channels}`,
          () => valuesAndGradients(chains[what]!, [19, 12, 13, channels]),
        ]),
      ),
    ),
  );
  engine = await startBackend({ threads: 2 });
});

test.run();
