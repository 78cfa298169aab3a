// fuse: which operations run as one, what is computed of each value, who reads it, whose gradient may lie in whose place.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { activationCodes } from '../../src/backend/kernels/output-activation.ts';
import { fuse, type Group, paddingBefore } from '../../src/plan/fuse.ts';
import { graphOf } from '../../src/plan/graph.ts';

test.before(async () => {
  await tf.setBackend('cpu');
});

const { layers } = tf;

type Symbolic = tf.SymbolicTensor;

/** Groups of a graph from an input of some shape over what `body` makes of it to a softmax over three classes. */
function groupsOf(inputShape: [number, number, number], body: (input: Symbolic) => Symbolic) {
  const input = tf.input({ shape: inputShape });
  const flat = layers.flatten().apply(body(input));
  const outputs = layers.dense({ units: 3, activation: 'softmax' }).apply(flat as Symbolic) as Symbolic;
  const model = tf.model({ inputs: input, outputs });
  const graph = graphOf(model);
  model.dispose();
  if ('reason' in graph) throw new Error(graph.reason);
  return fuse(graph);
}

const chain =
  (...made: tf.layers.Layer[]) =>
  (input: Symbolic): Symbolic =>
    made.reduce((x, layer) => layer.apply(x) as Symbolic, input);

const kindsOf = (groups: readonly Group[]): string[] => groups.map(({ head }) => head?.kind ?? 'none');

const convolution = (settings: Partial<Parameters<typeof layers.conv2d>[0]> = {}): tf.layers.Layer =>
  layers.conv2d({ filters: 4, kernelSize: 3, ...settings });

/** What the only group with a head of some kind finishes with, as words. */
function finishOf({ finish }: Group): string {
  const names = Object.entries(activationCodes).find(([, code]) => code === finish.activation.code)!;
  const { size, strides } = finish.pooling;
  return `${names[0]}, pool ${size}/${strides}, drop ${finish.dropout?.rate ?? 0}`;
}

test('fuse() runs a convolution, its activation, pooling and dropout as one group', () => {
  const {
    groups,
    inputs: [input],
    outputs: [logits],
  } = groupsOf(
    [10, 12, 2],
    chain(convolution({ activation: 'relu' }), layers.maxPooling2d({ poolSize: 2 }), layers.dropout({ rate: 0.25 })),
  );
  assert.equal(kindsOf(groups), ['convolution', 'flatten', 'dense']);
  const [first, flatten, dense] = groups as [Group, Group, Group];
  assert.is(finishOf(first), 'relu, pool 2,2/2,2, drop 0.25');
  assert.equal([first.sumsShape, first.sumsUsed, first.output.shape], [[8, 10, 4], [8, 10], [4, 5, 4]]); // biome-ignore format: a row
  assert.is(first.inputs[0], input);
  assert.is(flatten.inputs[0], first.output);
  assert.is(dense.inputs[0], flatten.output);
  assert.is(dense.output, logits);
  assert.equal(
    [input!, first.output, flatten.output, logits!].map(({ readers }) => readers),
    [2, 1, 1, 1],
  );
});

test('fuse() takes pooling before or behind the activation, since activations are monotone', () => {
  const pooling = (): tf.layers.Layer => layers.maxPooling2d({ poolSize: [2, 3], strides: [1, 2] });
  for (const activation of [() => layers.reLU(), () => layers.leakyReLU({ alpha: 0.1 }), () => layers.elu()]) {
    const before = groupsOf([9, 9, 2], chain(convolution(), activation(), pooling())).groups;
    const behind = groupsOf([9, 9, 2], chain(convolution(), pooling(), activation())).groups;
    assert.equal(kindsOf(before), ['convolution', 'flatten', 'dense']);
    assert.equal(before.map(finishOf), behind.map(finishOf));
    assert.match(finishOf(before[0]!), /pool 2,3\/1,2/);
  }
});

test('fuse() begins a group of its own where the order allows no other', () => {
  const heads = (...made: tf.layers.Layer[]): string[] => kindsOf(groupsOf([16, 16, 2], chain(...made)).groups);
  const pooling = (): tf.layers.Layer => layers.maxPooling2d({ poolSize: 2 });
  const rest = ['flatten', 'dense'];
  // Dropped elements would win over negative ones, and be activated.
  assert.equal(heads(convolution(), layers.dropout({ rate: 0.5 }), pooling()), ['convolution', 'none', ...rest]);
  assert.equal(heads(convolution(), layers.dropout({ rate: 0.5 }), layers.elu()), ['convolution', 'none', ...rest]);
  assert.equal(heads(convolution({ activation: 'relu' }), layers.elu()), ['convolution', 'none', ...rest]);
  assert.equal(heads(convolution(), pooling(), pooling()), ['convolution', 'none', ...rest]);
  assert.equal(heads(layers.reLU(), pooling(), layers.dropout({ rate: 0.5 })), ['none', ...rest]);
  // Windows that reach beyond the image are no part of a group.
  const same = layers.maxPooling2d({ poolSize: 2, padding: 'same' });
  assert.equal(heads(convolution(), same), ['convolution', 'maxPooling', ...rest]);
  const large = layers.maxPooling2d({ poolSize: [16, 16], strides: 1 });
  assert.equal(heads(large), ['maxPooling', ...rest], 'more pixels than a byte numbers');
});

test('fuse() leaves a value alone that somebody else reads too', () => {
  const { groups } = groupsOf([8, 8, 4], (input) => {
    const sums = convolution({ padding: 'same' }).apply(input) as Symbolic;
    return layers.concatenate().apply([sums, layers.reLU().apply(sums) as Symbolic]) as Symbolic;
  });
  assert.equal(kindsOf(groups), ['convolution', 'none', 'concatenate', 'flatten', 'dense']);
  assert.is(groups[0]!.output.readers, 2);
  assert.is(groups[0]!.finish.activation.code, activationCodes.linear);
  assert.is(groups[1]!.inputs[0], groups[0]!.output);
  assert.equal(groups[2]!.inputs, [groups[0]!.output, groups[1]!.output]);
});

test('fuse() counts each reading of a value that one group reads twice', () => {
  const { groups } = groupsOf([8, 8, 4], (input) => {
    const sums = convolution({ padding: 'same' }).apply(input) as Symbolic;
    return layers.add().apply([sums, sums]) as Symbolic;
  });
  assert.is(groups[0]!.output.readers, 2);
});

test('fuse() computes no more of a value than is read of it: rows and columns that pooling leaves over', () => {
  const { groups } = groupsOf(
    [15, 14, 2],
    chain(convolution({ activation: 'relu' }), layers.maxPooling2d({ poolSize: 2 }), convolution()),
  );
  const [first, second] = groups as [Group, Group];
  // 13x12 sums, of which 2x2 windows read 12x12.
  assert.equal([first.sumsShape, first.sumsUsed], [[13, 12, 4], [12, 12]]); // biome-ignore format: a row
  assert.equal([first.output.shape, first.output.used], [[6, 6, 4], [6, 6]]); // biome-ignore format: a row
  assert.equal(second.sumsUsed, [4, 4]);
});

test('fuse() passes what is not read on to the values before, through convolutions, strides and padding', () => {
  const pooled = (...made: tf.layers.Layer[]): readonly Group[] =>
    groupsOf([13, 13, 2], chain(...made, layers.maxPooling2d({ poolSize: 2 }))).groups;
  // A pooled 3x3 of 4x4 of 5x5 sums: a stride of 2 from 11x11 makes 5x5, of which rows 0 to 2 * 3 + 2 are read.
  const [first, second] = pooled(convolution(), convolution({ strides: 2 })) as [Group, Group];
  assert.equal([first.output.shape, first.output.used], [[11, 11, 4], [9, 9]]); // biome-ignore format: a row
  assert.equal([first.sumsUsed, second.sumsUsed], [[9, 9], [4, 4]]); // biome-ignore format: a row
  // 'same': 6x6 of 13x13 outputs of stride 2 are 7x7, of which 6x6 are pooled; rows from -1 on.
  const [, same] = pooled(convolution({ padding: 'same' }), convolution({ strides: 2, padding: 'same' })) as [
    Group,
    Group,
  ];
  assert.equal([same.sumsShape.slice(0, 2), same.sumsUsed], [[7, 7], [6, 6]]); // biome-ignore format: a row
  assert.equal(same.inputs[0]!.used, [12, 12]);
  // Dilated by 2, three taps reach over five rows.
  const [before, dilated] = pooled(convolution(), convolution({ dilationRate: 2 })) as [Group, Group];
  assert.equal([dilated.sumsUsed, before.output.used], [[6, 6], [10, 10]]); // biome-ignore format: a row
});

test('fuse() keeps what any of several readers uses, and all of what batch norm, averages and vectors read', () => {
  const halves = { kernelSize: 1, strides: 2 } as const;
  const { groups } = groupsOf([8, 8, 4], (input) => {
    const sums = convolution({ padding: 'same' }).apply(input) as Symbolic;
    const [a, b] = [convolution(halves).apply(sums), convolution({ ...halves, kernelSize: 2 }).apply(sums)];
    return layers.add().apply([a as Symbolic, b as Symbolic]) as Symbolic;
  });
  // 1x1 of stride 2 reads rows 0, 2, 4, 6; 2x2 reads them all.
  assert.equal(groups[0]!.output.used, [8, 8]);
  const [alone] = groupsOf([8, 8, 4], chain(convolution({ padding: 'same' }), convolution(halves))).groups as [Group];
  assert.equal(alone.output.used, [7, 7]);
  for (const layer of [layers.batchNormalization(), layers.averagePooling2d({ poolSize: 2 })]) {
    const [whole] = groupsOf([9, 9, 4], chain(convolution(), layer, layers.maxPooling2d({ poolSize: 3, strides: 3 })))
      .groups as [Group];
    assert.equal(whole.output.used, [7, 7], layer.name);
  }
});

test('fuse() keeps batches whole, whatever is read of them', () => {
  const {
    inputs: [input],
  } = groupsOf([9, 9, 4], chain(convolution({ kernelSize: 1, strides: 4 })));
  assert.equal(input!.used, [9, 9]);
  assert.equal(groupsOf([9, 9, 4], chain(convolution({ kernelSize: 1, strides: 5 }))).inputs[0]!.used, [9, 9]);
});

test('fuse() lets the last normalised value of a sum make the sum, at the place of the sum', () => {
  const { groups } = groupsOf([8, 8, 4], (input) => {
    const first = convolution({ padding: 'same' }).apply(input) as Symbolic;
    const normalised = layers.batchNormalization().apply(first) as Symbolic;
    const other = convolution({ padding: 'same' }).apply(input) as Symbolic;
    return layers.reLU().apply(layers.add().apply([normalised, other]) as Symbolic) as Symbolic;
  });
  assert.equal(kindsOf(groups), ['convolution', 'convolution', 'batchNormalization', 'flatten', 'dense']);
  const [first, other, sum] = groups as [Group, Group, Group];
  assert.equal(sum.inputs, [first.output, other.output]);
  assert.is(finishOf(sum), 'relu, pool 1,1/1,1, drop 0');
});

test('fuse() leaves a normalised value apart that is activated before the sum or read by others', () => {
  const apart = (join: (normalised: Symbolic, other: Symbolic) => Symbolic): string[] =>
    kindsOf(
      groupsOf([8, 8, 4], (input) => {
        const sums = convolution({ padding: 'same' }).apply(input) as Symbolic;
        return join(layers.batchNormalization().apply(sums) as Symbolic, sums);
      }).groups,
    );
  const add = (...inputs: Symbolic[]): Symbolic => layers.add().apply(inputs) as Symbolic;
  const rest = ['add', 'flatten', 'dense'];
  assert.equal(
    apart((normalised, other) => add(layers.reLU().apply(normalised) as Symbolic, other)),
    ['convolution', 'batchNormalization', ...rest],
  );
  assert.equal(
    apart((normalised) => add(normalised, normalised)),
    ['convolution', 'batchNormalization', ...rest],
  );
});

/** Group of the last sum or normalisation, and the numbers of the inputs whose gradient lies in the place of its own. */
function twinOf(body: (input: Symbolic) => Symbolic): number | undefined {
  const { groups } = groupsOf([8, 8, 4], body);
  const group = groups.findLast(({ head }) => head?.kind === 'add' || head?.kind === 'batchNormalization')!;
  const at = group.gradientTwin ? group.inputs.indexOf(group.gradientTwin) : -1;
  return at < 0 ? undefined : at;
}

test('fuse() lets a gradient lie in the place of an input only where that input is read by nobody later and has the same pixels', () => {
  const same = (x: Symbolic): Symbolic => convolution({ padding: 'same' }).apply(x) as Symbolic;
  const normalise = (x: Symbolic): Symbolic => layers.batchNormalization().apply(x) as Symbolic;
  const add = (...inputs: Symbolic[]): Symbolic => layers.add().apply(inputs) as Symbolic;
  assert.is(
    twinOf((input) => normalise(same(input))),
    0,
  );
  assert.is(
    twinOf((input) => add(same(input), same(input))),
    0,
  );
  // The images have no gradient.
  assert.is(
    twinOf((input) => add(input, same(input))),
    1,
  );
  assert.is(twinOf(normalise), undefined);
  // What is added to a normalised value, not that value.
  assert.is(
    twinOf((input) => add(normalise(same(input)), same(input))),
    1,
  );
  // Dropout and pooling have a place between.
  assert.is(
    twinOf((input) => layers.dropout({ rate: 0.5 }).apply(normalise(same(input))) as Symbolic),
    undefined,
  );
  assert.is(
    twinOf((input) => layers.dropout({ rate: 0.5 }).apply(add(same(input), same(input))) as Symbolic),
    undefined,
  );
  assert.is(
    twinOf((input) => layers.maxPooling2d({ poolSize: 2 }).apply(normalise(same(input))) as Symbolic),
    undefined,
  );
  // One value twice has one gradient.
  assert.is(
    twinOf((input) => {
      const x = same(input);
      return add(x, x);
    }),
    undefined,
  );
  // Read again, behind.
  assert.is(
    twinOf((input) => {
      const x = same(input);
      return layers.concatenate().apply([normalise(x), x]) as Symbolic;
    }),
    undefined,
  );
  // Cropped behind a normalisation, which needs all of its input: the sum has other pixels.
  assert.is(
    twinOf((input) => {
      const sum = add(normalise(same(input)), same(input));
      return convolution({ kernelSize: 1, strides: 2 }).apply(layers.reLU().apply(sum) as Symbolic) as Symbolic;
    }),
    undefined,
  );
});

test('paddingBefore() equals what tfjs pads above and left, for any window', () => {
  for (const extent of [3, 4, 7, 8, 17]) {
    for (const taps of [1, 2, 3, 5]) {
      for (const stride of [1, 2, 3]) {
        for (const dilation of stride === 1 ? [1, 2] : [1]) {
          const shape = [1, extent, extent + 1, 1] as [number, number, number, number];
          const filter = [taps, taps, 1, 1] as [number, number, number, number];
          const { padInfo } = tf.backend_util.computeConv2DInfo(shape, filter, stride, dilation, 'same');
          const window = { size: [taps, taps], strides: [stride, stride], dilations: [dilation, dilation] } as const;
          const input = [extent, extent + 1, 1] as const;
          const what = `${taps} taps of stride ${stride}, dilated by ${dilation}, on ${extent}`;
          assert.equal(paddingBefore({ ...window, padding: 'same' }, input), [padInfo.top, padInfo.left], what);
          assert.equal(paddingBefore({ ...window, padding: 'valid' }, input), [0, 0]);
        }
      }
    }
  }
});

test.run();
