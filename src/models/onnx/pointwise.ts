// Operators that keep the shape: activations, normalisation, arithmetic with constants and between values, and those that do nothing.
// Not here: windows and vectors. Invariant: factors and summands a channel go into one layer, where nothing learns to undo them on the input.
import { STANDARDIZE_INPUT } from '../standardize-input.ts';
import { imageOf, once, vectorOf } from './network-builder.ts';
import type { NodeReader, Operator } from './node-reader.ts';
import { type Affine, type Constant, describeValue, extentsOf, type Image, type Value, type Vector } from './values.ts';
import { perChannel } from './weights.ts';

const NONE: readonly string[] = [];

export const pointwiseOperators: Readonly<Record<string, Operator>> = {
  Relu: { attributes: NONE, read: (node) => activated(node, 'Activation', { activation: 'relu' }, true) },
  Sigmoid: { attributes: NONE, read: (node) => activated(node, 'Activation', { activation: 'sigmoid' }, true) },
  Tanh: { attributes: NONE, read: (node) => activated(node, 'Activation', { activation: 'tanh' }) },
  Elu: { attributes: ['alpha'], read: readElu },
  LeakyRelu: { attributes: ['alpha'], read: readLeakyRelu },
  Clip: { attributes: ['min', 'max'], read: readClip },
  BatchNormalization: {
    attributes: ['epsilon', 'momentum', 'spatial', 'training_mode'],
    read: readBatchNormalization,
  },
  Add: { attributes: NONE, read: (node) => readArithmetic(node, 'Add') },
  Sub: { attributes: NONE, read: (node) => readArithmetic(node, 'Sub') },
  Mul: { attributes: NONE, read: (node) => readArithmetic(node, 'Mul') },
  Div: { attributes: NONE, read: (node) => readArithmetic(node, 'Div') },
  Sum: { attributes: NONE, read: readSum },
  Concat: { attributes: ['axis'], read: readConcat },
  Softmax: { attributes: ['axis'], read: readSoftmax },
  LogSoftmax: { attributes: ['axis'], read: readSoftmax },
  Identity: { attributes: NONE, read: (node) => node.input(0) },
  Dropout: { attributes: ['ratio', 'seed', 'is_test'], read: readDropout },
};

type Data = Image | Vector;

function data(node: NodeReader, at: number): Data {
  const value = node.input(at);
  if (value.kind === 'image' || value.kind === 'vector') return value;
  throw node.error('images or vectors', describeValue(value));
}

/** The same value by another layer. */
function like(x: Data, layer: () => string, isNonNegative: boolean): Data {
  if (x.kind === 'vector') return vectorOf(layer, x.size, { order: x.order, isNonNegative });
  return imageOf(layer, x.shape, { layout: x.layout, isNonNegative });
}

function activated(node: NodeReader, className: string, config: object, isNonNegative = false): Data {
  const x = data(node, 0);
  // Of a vector that is an image of one pixel, both.
  const make = (input: () => string) =>
    once(() => node.network.add({ className, name: node.name, config: { ...config }, inputs: [input()] }));
  const made = like(x, make(x.layer), isNonNegative);
  return made.kind === 'image' && x.kind === 'image' && x.flat ? { ...made, flat: make(x.flat) } : made;
}

function readElu(node: NodeReader): Data {
  const alpha = node.float('alpha', 1);
  if (alpha !== 1) throw node.error('alpha of 1', `${alpha}`);
  return activated(node, 'Activation', { activation: 'elu' });
}

function readLeakyRelu(node: NodeReader): Data {
  const alpha = node.float('alpha', 0.01);
  if (!(alpha >= 0)) throw node.error('a slope from 0', `${alpha}`);
  return activated(node, 'LeakyReLU', { alpha });
}

function readClip(node: NodeReader): Data {
  const limit = (at: number, name: string, otherwise: number): number =>
    node.hasInput(at) ? Number(node.constant(at).values[0]) : node.float(name, otherwise);
  const [least, most] = [limit(1, 'min', -Infinity), limit(2, 'max', Infinity)];
  // The largest float stands for none.
  const isOpen = most > 3.4e38;
  if (least === 0 && (isOpen || most === 6)) {
    return activated(node, 'Activation', { activation: isOpen ? 'relu' : 'relu6' }, true);
  }
  throw node.error('limits 0 and 6, or 0 alone', `${least} and ${most}`);
}

function readBatchNormalization(node: NodeReader): Data {
  const x = data(node, 0);
  node.requireInteger('training_mode', 0);
  node.requireInteger('spatial', 1);
  if (x.kind === 'image') node.channelsFirst(0);
  const channels = x.kind === 'image' ? x.shape[2] : x.size;
  const order = x.kind === 'vector' ? x.order : undefined;
  const weights = [1, 2, 3, 4].map((at) => {
    const { dims, values } = node.constant(at);
    if (dims.length !== 1 || values.length !== channels) {
      throw node.error(`${channels} numbers as input ${at}`, `[${dims.join(', ')}]`);
    }
    return { shape: [channels], values: inOrder(values, order) };
  });
  const epsilon = node.float('epsilon', 1e-5);
  if (weights[3]!.values.some((variance) => !(variance + epsilon > 0))) {
    throw node.error('variances above zero', 'others');
  }
  const isStandardization = node.name === STANDARDIZE_INPUT;
  const [scale, center] = [1, 0].map(
    (value, i) => !isStandardization || weights[i]!.values.some((one) => one !== value),
  );
  const config = {
    axis: -1,
    momentum: node.float('momentum', 0.9),
    epsilon,
    scale,
    center,
    trainable: !isStandardization,
  };
  const kept = weights.filter((_, i) => (i === 0 ? scale : i === 1 ? center : true));
  const layer = once(() =>
    node.network.add({
      className: 'BatchNormalization',
      name: node.name,
      config,
      inputs: [x.layer()],
      weights: kept,
    }),
  );
  return like(x, layer, false);
}

/** Numbers of the file's order in that of the layer. */
function inOrder(values: ArrayLike<number>, order: Int32Array | undefined): Float32Array {
  const placed = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) placed[order?.[i] ?? i] = values[i]!;
  return placed;
}

type Arithmetic = 'Add' | 'Sub' | 'Mul' | 'Div';

function readArithmetic(node: NodeReader, kind: Arithmetic): Value {
  const [left, right] = [node.input(0), node.input(1)];
  if (right.kind === 'constant' && left.kind === 'image') return withConstant(node, left, right, kind);
  if (left.kind === 'constant' && right.kind === 'image' && kind !== 'Div') {
    return withConstant(node, right, left, kind, true);
  }
  if ((kind === 'Add' || kind === 'Mul') && left.kind !== 'constant' && right.kind !== 'constant') {
    return between(node, [data(node, 0), data(node, 1)], kind);
  }
  throw node.error(
    'two values to add or multiply, or an image and a constant',
    `${describeValue(left)} and ${describeValue(right)}`,
  );
}

/** @param isFirst Whether the constant comes before the operator */
function withConstant(node: NodeReader, x: Image, constant: Constant, kind: Arithmetic, isFirst = false): Image {
  const channels = x.shape[2];
  const numbers = perChannel(constant, channels, { rank: 4, axis: x.layout === 'nchw' ? 1 : 3 });
  if (!numbers) throw node.error(`a constant for each of ${channels} channels`, describeValue(constant));
  const each = (value: (number: number, channel: number) => number): Float32Array => numbers.map(value);
  const { of, factors: f, summands: s } = x.affine ?? identityOf(x);
  const scaled = kind === 'Mul' || kind === 'Div';
  const sign = kind === 'Sub' && isFirst ? -1 : 1;
  const factors = each((n, i) => (scaled ? (kind === 'Mul' ? f[i]! * n : f[i]! / n) : sign * f[i]!));
  const summands = each((n, i) => {
    if (scaled) return kind === 'Mul' ? s[i]! * n : s[i]! / n;
    return kind === 'Sub' && !isFirst ? s[i]! - n : sign * s[i]! + n;
  });
  if ([...factors, ...summands].some((value) => !Number.isFinite(value))) {
    throw node.error('a constant that gives finite numbers', describeValue(constant));
  }
  const affine = { of, factors, summands };
  return {
    ...like(
      x,
      once(() => addAffine(node, affine)),
      false,
    ),
    affine,
  } as Image;
}

const identityOf = (x: Image): Affine => ({
  of: x,
  factors: new Float32Array(x.shape[2]).fill(1),
  summands: new Float32Array(x.shape[2]),
});

/** Of the input, a normalisation that stays as it is, as `standardizeInput` makes it; else one filter a channel. */
function addAffine(node: NodeReader, { of, factors, summands }: Affine): string {
  const inputs = [of.layer()];
  const shape = [factors.length];
  const summandWeight: Weight = { shape, values: summands };
  if (inputs[0] !== node.network.input) {
    const config = { kernel_size: [1, 1], strides: [1, 1], padding: 'valid', use_bias: true, activation: 'linear' };
    return node.network.add({
      className: 'DepthwiseConv2D',
      name: node.name,
      config: { ...config, depth_multiplier: 1, data_format: 'channels_last' },
      inputs,
      weights: [{ shape: [1, 1, factors.length, 1], values: factors }, summandWeight],
    });
  }
  const epsilon = 1e-7;
  const moments = [0, 1 - epsilon].map((value) => ({ shape, values: new Float32Array(factors.length).fill(value) }));
  return node.network.add({
    className: 'BatchNormalization',
    name: STANDARDIZE_INPUT,
    config: { axis: -1, epsilon, trainable: false },
    inputs,
    weights: [{ shape, values: factors }, summandWeight, ...moments],
  });
}

interface Weight {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

function readSum(node: NodeReader): Data {
  const all = Array.from({ length: node.inputCount }, (_, at) => data(node, at));
  return all.length === 1 ? all[0]! : between(node, all, 'Add');
}

/** A sum or product of values of one shape, or an image times factors of its channels. */
function between(node: NodeReader, all: readonly Data[], kind: 'Add' | 'Mul'): Data {
  const [first] = all as [Data];
  const isNonNegative = all.every((value) => value.isNonNegative);
  const shapes = all.map((value) => extentsOf(value).join());
  const orders = all.map((value) => (value.kind === 'vector' ? (value.order?.join() ?? '') : value.layout));
  const isSame = shapes.every((shape) => shape === shapes[0]) && orders.every((order) => order === orders[0]);
  const add = (inputs: () => string[]) =>
    once(() => node.network.add({ className: kind === 'Add' ? 'Add' : 'Multiply', name: node.name, inputs: inputs() }));
  if (isSame && (kind === 'Add' || first.kind === 'vector')) {
    return like(
      first,
      add(() => all.map((value) => value.layer())),
      isNonNegative,
    );
  }
  if (kind === 'Mul' && all.every((value) => value.kind === 'image')) {
    const images = all as readonly Image[];
    const factors = images.findLastIndex(({ shape }, i) => {
      return shape[0] * shape[1] === 1 && shape[2] === images[1 - i]!.shape[2] && images[1 - i]!.layout === 'nchw';
    });
    if (factors >= 0) {
      const layer = add(() => images.map((image, i) => (i === factors && image.flat ? image.flat() : image.layer())));
      return like(images[1 - factors]!, layer, isNonNegative);
    }
  }
  const expected = kind === 'Add' ? 'values of one shape' : 'an image and factors [batch, channels, 1, 1]';
  throw node.error(expected, all.map(describeValue).join(' and '));
}

function readConcat(node: NodeReader): Value {
  const values = Array.from({ length: node.inputCount }, (_, at) => node.input(at));
  const ofShapes = values.map((value) => {
    if (value.kind === 'extents') return value.extents;
    return value.kind === 'constant' && value.isInteger ? Array.from(value.values) : undefined;
  });
  if (values.every((value) => value.kind === 'constant' && value.isInteger)) {
    const numbers = (ofShapes as number[][]).flat();
    return { kind: 'constant', dims: [numbers.length], values: numbers, isInteger: true };
  }
  if (ofShapes.every((extents) => extents !== undefined)) return { kind: 'extents', extents: ofShapes.flat() };
  const all = values.map((_, at) => data(node, at));
  const [first] = all as [Data];
  if (all.length === 1) return first;
  const axis = node.axis(node.integer('axis', 1), first.kind === 'image' ? 4 : 2);
  const wanted = first.kind === 'image' && first.layout === 'nhwc' ? 3 : 1;
  const extents = all.map((value) =>
    extentsOf(value)
      .filter((_, i) => i !== wanted)
      .join(),
  );
  const isFitting = all.every((value) => value.kind === first.kind) && extents.every((one) => one === extents[0]);
  const layouts = all.map((value) => (value.kind === 'image' ? value.layout : ''));
  if (axis !== wanted || !isFitting || layouts.some((layout) => layout !== layouts[0])) {
    throw node.error(
      `values that differ in axis ${wanted} alone`,
      `${all.map(describeValue).join(' and ')} by axis ${axis}`,
    );
  }
  const layer = once(() =>
    node.network.add({
      className: 'Concatenate',
      name: node.name,
      config: { axis: -1 },
      inputs: all.map((value) => value.layer()),
    }),
  );
  const isNonNegative = all.every((value) => value.isNonNegative);
  if (first.kind === 'image') {
    const channels = all.reduce((sum, value) => sum + (value as Image).shape[2], 0);
    const [height, width] = first.shape;
    return imageOf(layer, [height, width, channels], { layout: first.layout, isNonNegative });
  }
  const vectors = all as readonly Vector[];
  const size = vectors.reduce((sum, vector) => sum + vector.size, 0);
  if (vectors.every(({ order }) => order === undefined)) return vectorOf(layer, size, { isNonNegative });
  let start = 0;
  const order = vectors.flatMap((vector) => {
    const from = start;
    start += vector.size;
    return Array.from({ length: vector.size }, (_, i) => from + (vector.order?.[i] ?? i));
  });
  return vectorOf(layer, size, { order: Int32Array.from(order), isNonNegative });
}

function readSoftmax(node: NodeReader): Vector {
  const x = node.vector(0);
  const axis = node.axis(node.integer('axis', node.graph.opset < 13 ? 1 : -1), 2);
  if (axis !== 1) throw node.error('a softmax over classes', `axis ${axis}`);
  if (node.graph.originOf(node.node.input[0]!) !== node.graph.logits)
    throw node.error('a softmax at the end of the model', 'one before it');
  if (x.isProbabilities) return x;
  return { ...softmax(node, x), isProbabilities: true };
}

function softmax(node: NodeReader, x: Vector): Vector {
  const config = { activation: 'softmax' };
  return vectorOf(
    once(() => node.network.add({ className: 'Activation', name: node.name, config, inputs: [x.layer()] })),
    x.size,
    { order: x.order, isNonNegative: true },
  );
}

function readDropout(node: NodeReader): Data {
  const x = data(node, 0);
  const rate = node.hasInput(1) ? Number(node.constant(1).values[0]) : node.float('ratio', 0.5);
  if (node.hasInput(2) && Number(node.constant(2).values[0]) !== 0) throw node.error('no training mode', 'one');
  if (rate === 0) return x;
  if (!(rate > 0 && rate < 1)) throw node.error('a ratio from 0 to below 1', `${rate}`);
  const layer = once(() =>
    node.network.add({ className: 'Dropout', name: node.name, config: { rate }, inputs: [x.layer()] }),
  );
  return like(x, layer, x.isNonNegative);
}
