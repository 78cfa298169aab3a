// Operators that turn images into vectors and vectors into others: flattening, global pooling, dense layers; and those that only change
// how the file orders a value.
// Not here: windows, arithmetic. Invariant: whoever reads a vector whose order differs from the file's puts its own weights in the order
// of the layer.
import { imageOf, once, vectorOf } from './network-builder.ts';
import type { NodeReader, Operator } from './node-reader.ts';
import { describeValue, type Extents, extentsOf, type Image, picked, type Value, type Vector } from './values.ts';
import { biasOf } from './weights.ts';

export const vectorOperators: Readonly<Record<string, Operator>> = {
  Flatten: { attributes: ['axis'], read: readFlatten },
  Reshape: { attributes: ['allowzero'], read: readReshape },
  Squeeze: { attributes: ['axes'], read: readSqueeze },
  Unsqueeze: { attributes: ['axes'], read: readUnsqueeze },
  Transpose: { attributes: ['perm'], read: readTranspose },
  Expand: { attributes: [], read: readExpand },
  GlobalAveragePool: { attributes: [], read: (node) => pooledWhole(node, node.channelsFirst(0), 'average') },
  GlobalMaxPool: { attributes: [], read: (node) => pooledWhole(node, node.channelsFirst(0), 'max') },
  ReduceMean: {
    attributes: ['axes', 'keepdims', 'noop_with_empty_axes'],
    read: (node) => readReduction(node, 'average'),
  },
  ReduceMax: { attributes: ['axes', 'keepdims', 'noop_with_empty_axes'], read: (node) => readReduction(node, 'max') },
  Gemm: { attributes: ['alpha', 'beta', 'transA', 'transB'], read: readGemm },
  MatMul: { attributes: [], read: readMatMul },
};

/** The vector of an image: its elements in the order of the file, which is not that of the layer where channels come first. */
export function flatten(node: NodeReader, x: Image): Vector {
  const [height, width, channels] = x.shape;
  const pixels = height * width;
  const size = pixels * channels;
  const { isNonNegative } = x;
  const layer =
    x.flat ?? once(() => node.network.add({ className: 'Flatten', name: `${node.name}`, inputs: [x.layer()] }));
  if (x.layout === 'nhwc' || pixels === 1 || channels === 1) return vectorOf(layer, size, { isNonNegative });
  const order = Int32Array.from({ length: size }, (_, i) => (i % pixels) * channels + Math.floor(i / pixels));
  return vectorOf(layer, size, { order, isNonNegative });
}

function readFlatten(node: NodeReader): Value {
  const x = node.input(0);
  if (x.kind !== 'image' && x.kind !== 'vector') throw node.error('images or vectors', describeValue(x));
  const axis = node.axis(node.integer('axis', 1), x.kind === 'image' ? 4 : 2);
  if (axis !== 1) throw node.error('axis 1, the first behind the batch', `${axis}`);
  return x.kind === 'vector' ? x : flatten(node, x);
}

/** Extents that a node gives as a constant, or as a computation on shapes. */
function targetOf(node: NodeReader): Extents['extents'] {
  const target = node.input(1);
  return target.kind === 'extents' ? target.extents : node.list(1);
}

function readReshape(node: NodeReader): Value {
  const x = node.input(0);
  if (x.kind === 'constant') {
    const known = node.list(1).filter((extent) => extent !== -1);
    const rest = x.values.length / known.reduce((product, extent) => product * extent, 1);
    return { ...x, dims: node.list(1).map((extent) => (extent === -1 ? rest : extent)) };
  }
  if (x.kind !== 'image' && x.kind !== 'vector') throw node.error('images or vectors', describeValue(x));
  node.requireInteger('allowzero', 0);
  const given = targetOf(node);
  const from = extentsOf(x);
  // 0 keeps the extent; -1 is what is left.
  const target = given.map((extent, i) => (extent === 0 ? (from[i] ?? 0) : extent));
  const size = x.kind === 'image' ? x.shape[0] * x.shape[1] * x.shape[2] : x.size;
  const [batch, ...inner] = target as [number | 'batch', ...number[]];
  const known = inner.filter((extent) => extent !== -1).reduce((product, extent) => product * extent, 1);
  const resolved = inner.map((extent) => (extent === -1 ? size / known : extent));
  // A number as the first extent is the batch that the file was made with.
  const keepsBatch = batch === 'batch' || batch === -1 || batch >= 1;
  const isWhole = resolved.reduce((product, extent) => product * extent, 1) === size;
  if (keepsBatch && isWhole) {
    if (resolved.length === 1) return x.kind === 'image' ? flatten(node, x) : x;
    if (resolved.join() === from.slice(1).join()) return x;
    const image = resolved.length === 3 ? reordered(node, x, resolved as [number, number, number]) : undefined;
    if (image) return image;
  }
  throw node.error(`vectors [batch, ${size}], or the same shape`, `[${given.join(', ')}] of ${describeValue(x)}`);
}

/** An image of one pixel of a vector; or an image of one channel whose channel goes to the other end. */
function reordered(
  node: NodeReader,
  x: Image | Vector,
  [first, second, third]: [number, number, number],
): Image | undefined {
  if (x.kind === 'vector') return second * third === 1 || first * second === 1 ? asImage(node, x) : undefined;
  const [height, width, channels] = x.shape;
  if (channels !== 1) return undefined;
  if ([first, second, third].join() === [1, height, width].join()) return { ...x, layout: 'nchw' };
  if ([first, second, third].join() === [height, width, 1].join()) return { ...x, layout: 'nhwc' };
  return undefined;
}

/** A vector as an image of one pixel, for what multiplies by it. */
function asImage(node: NodeReader, x: Vector): Image {
  if (x.order) throw node.error('a vector that is no flattened image', describeValue(x));
  const layer = once(() => {
    const config = { target_shape: [1, 1, x.size] };
    return node.network.add({ className: 'Reshape', name: `${node.name}_image`, config, inputs: [x.layer()] });
  });
  return { ...imageOf(layer, [1, 1, x.size], x), layout: 'nchw', flat: x.layer };
}

function axesOf(node: NodeReader, rank: number): number[] {
  const axes = node.integers('axes') ?? (node.hasInput(1) ? node.list(1) : undefined);
  if (!axes) throw node.error('axes', 'none');
  return axes.map((axis) => node.axis(axis, rank)).toSorted((a, b) => a - b);
}

const pixelAxes = ({ layout }: Image): string => (layout === 'nchw' ? '2,3' : '1,2');

function readSqueeze(node: NodeReader): Value {
  const x = node.input(0);
  if (x.kind === 'extents') return { ...x, isScalar: true };
  const image = node.image(0);
  const [height, width] = image.shape;
  const axes = axesOf(node, 4).join();
  if (axes !== pixelAxes(image) || height * width !== 1) {
    throw node.error(`axes ${pixelAxes(image)} of an image of one pixel`, `axes ${axes} of ${describeValue(image)}`);
  }
  return flatten(node, image);
}

function readUnsqueeze(node: NodeReader): Value {
  const x = node.input(0);
  if (x.kind === 'extents') return { ...x, isScalar: false };
  if (x.kind === 'constant') {
    const dims = [...x.dims];
    for (const axis of axesOf(node, dims.length + (node.integers('axes') ?? node.list(1)).length))
      dims.splice(axis, 0, 1);
    return { ...x, dims };
  }
  const vector = node.vector(0);
  const axes = axesOf(node, 4).join();
  if (axes !== '2,3') throw node.error('axes 2, 3 behind the channels', axes);
  return asImage(node, vector);
}

function readTranspose(node: NodeReader): Value {
  const x = node.input(0);
  const permutation = node.integers('perm')?.join() ?? '';
  if (x.kind === 'constant' && x.dims.length === 2 && ['', '1,0'].includes(permutation)) {
    const [rows, columns] = x.dims as [number, number];
    const places = Array.from(x.values, (_, i) => (i % rows) * columns + Math.floor(i / rows));
    return picked(x, [columns, rows], places);
  }
  const isSame = permutation === '0,1,2,3' || (x.kind === 'vector' && permutation === '0,1');
  if (isSame) return x;
  const image = node.image(0);
  if (image.layout === 'nchw' && permutation === '0,2,3,1') return { ...image, layout: 'nhwc' };
  if (image.layout === 'nhwc' && permutation === '0,3,1,2') return { ...image, layout: 'nchw' };
  throw node.error('channels that go to the other end of the shape', `perm ${permutation} of ${describeValue(image)}`);
}

/** Of factors of channels, which the product spreads itself. */
function readExpand(node: NodeReader): Value {
  const image = node.image(0);
  const [height, width] = image.shape;
  if (height * width === 1) return image;
  throw node.error('an image of one pixel', describeValue(image));
}

/** An image of one pixel, or, where it is flattened, a vector. */
function pooledWhole(node: NodeReader, x: Image, kind: 'average' | 'max'): Image {
  const [height, width, channels] = x.shape;
  const { layout, isNonNegative } = x;
  const config = { pool_size: [height, width], strides: [1, 1], padding: 'valid', data_format: 'channels_last' };
  const windowed = once(() =>
    node.network.add({
      className: kind === 'average' ? 'AveragePooling2D' : 'MaxPooling2D',
      name: node.name,
      config,
      inputs: [x.layer()],
    }),
  );
  const flat = once(() =>
    node.network.add({
      className: kind === 'average' ? 'GlobalAveragePooling2D' : 'GlobalMaxPooling2D',
      name: node.name,
      config: { data_format: 'channels_last' },
      inputs: [x.layer()],
    }),
  );
  return { ...imageOf(windowed, [1, 1, channels], { layout, isNonNegative }), flat };
}

function readReduction(node: NodeReader, kind: 'average' | 'max'): Value {
  const x = node.image(0);
  const axes = axesOf(node, 4).join();
  if (axes !== pixelAxes(x)) throw node.error(`axes ${pixelAxes(x)} of ${describeValue(x)}`, `axes ${axes}`);
  const pooled = pooledWhole(node, x, kind);
  return node.integer('keepdims', 1) === 0 ? flatten(node, pooled) : pooled;
}

function readGemm(node: NodeReader): Vector {
  node.requireInteger('transA', 0);
  const [alpha, beta] = [node.float('alpha', 1), node.float('beta', 1)];
  const isTransposed = node.integer('transB', 0) !== 0;
  const own = node.hasInput(2) ? node.constant(2) : undefined;
  const scaled = own && beta !== 1 ? { ...own, values: Float32Array.from(own.values, (value) => value * beta) } : own;
  return dense(node, { isTransposed, alpha, ...(scaled ? { own: scaled } : {}) });
}

function readMatMul(node: NodeReader): Vector {
  return dense(node, { isTransposed: false, alpha: 1 });
}

interface DenseParts {
  readonly isTransposed: boolean;
  readonly alpha: number;
  readonly own?: ReturnType<NodeReader['constant']>;
}

function dense(node: NodeReader, { isTransposed, alpha, own }: DenseParts): Vector {
  const x = node.vector(0);
  const { dims, values, isInteger } = node.constant(1);
  const [rows, columns] = (isTransposed ? dims.toReversed() : dims) as [number, number];
  if (dims.length !== 2 || rows !== x.size || isInteger) {
    throw node.error(`a matrix of ${x.size} rows`, `[${dims.join(', ')}]${isTransposed ? ', transposed' : ''}`);
  }
  const kernel = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const to = (x.order?.[row] ?? row) * columns;
    for (let column = 0; column < columns; column++) {
      const value = values[isTransposed ? column * rows + row : row * columns + column]!;
      kernel[to + column] = alpha === 1 ? value : alpha * value;
    }
  }
  const { bias, output } = biasOf(node, columns, own);
  // Of logits that others take too, the softmax is a layer of its own.
  const isHead = output === node.graph.logits && node.graph.consumersOf(output).length <= 1;
  const layer = once(() =>
    node.network.add({
      className: 'Dense',
      name: node.name,
      config: {
        units: columns,
        activation: isHead ? 'softmax' : 'linear',
        use_bias: bias !== undefined,
        kernel_initializer: { class_name: isHead ? 'GlorotUniform' : 'HeNormal', config: {} },
      },
      inputs: [x.layer()],
      weights: [{ shape: [rows, columns], values: kernel }, ...(bias ? [{ shape: [columns], values: bias }] : [])],
    }),
  );
  return { ...vectorOf(layer, columns), isProbabilities: isHead };
}
