// Operators with windows: convolutions, pooling, padding. Images are NCHW in the file and NHWC in the layers.
// Not here: other operators. Invariant: padding that is not one of the layers' own becomes a layer, where that computes the same.
import { imageOf, once } from './network-builder.ts';
import type { NodeReader, Operator } from './node-reader.ts';
import type { Constant, Image } from './values.ts';
import { biasOf } from './weights.ts';

type Pair = readonly [number, number];

/** A window over an image. */
interface Window {
  readonly size: Pair;
  readonly strides: Pair;
  readonly padding: 'valid' | 'same';
  /** Rows and columns of zeros before `padding`: top, bottom, left, right; undefined: none. */
  readonly border: readonly [number, number, number, number] | undefined;
  /** The border has rows or columns that only `ceil_mode` adds. */
  readonly isCeiled: boolean;
  /** Height and width of what it gives. */
  readonly extents: Pair;
}

const WINDOW = ['auto_pad', 'dilations', 'kernel_shape', 'pads', 'strides'];

export const windowOperators: Readonly<Record<string, Operator>> = {
  Conv: { attributes: [...WINDOW, 'group'], read: readConvolution },
  MaxPool: { attributes: [...WINDOW, 'ceil_mode', 'storage_order'], read: (node) => readPooling(node, 'max') },
  AveragePool: {
    attributes: [...WINDOW, 'ceil_mode', 'count_include_pad'],
    read: (node) => readPooling(node, 'average'),
  },
  Pad: { attributes: ['mode', 'pads', 'value'], read: readPadding },
};

function readConvolution(node: NodeReader): Image {
  const x = node.channelsFirst(0);
  const kernel = node.constant(1);
  const [height, width, channels] = x.shape;
  const group = node.integer('group', 1);
  const [filters, inner, ...size] = kernel.dims as [number, number, number, number];
  if (kernel.dims.length !== 4 || inner * group !== channels || kernel.isInteger) {
    throw node.error(`a kernel [filters, ${channels / group}, height, width]`, `[${kernel.dims.join(', ')}]`);
  }
  if (group !== 1 && (group !== channels || filters % channels !== 0)) {
    throw node.error(`1 group, or as many as channels, ${channels}`, `${group}`);
  }
  const dilations = pairOf(node, 'dilations');
  const isDepthwise = group !== 1;
  if (isDepthwise && dilations.some((dilation) => dilation !== 1)) {
    throw node.error('dilations of 1 where each channel has its own filters', `${dilations.join(', ')}`);
  }
  const window = windowOf(node, [height, width], size as Pair, dilations);
  const extents = { taps: size[0]! * size[1]!, inner, filters: filters / group, groups: group };
  const values = channelsLast(
    kernel,
    isDepthwise ? { ...extents, inner: channels, filters: filters / channels } : extents,
    isDepthwise,
  );
  const { bias } = biasOf(node, filters, node.hasInput(2) ? node.constant(2) : undefined);
  const shape = isDepthwise ? [...size, channels, filters / channels] : [...size, channels, filters];
  const common = {
    kernel_size: size,
    strides: window.strides,
    padding: window.padding,
    use_bias: bias !== undefined,
    activation: 'linear',
    data_format: 'channels_last',
  };
  const initializer = { class_name: 'HeNormal', config: {} };
  const own = isDepthwise
    ? { depth_multiplier: filters / channels, depthwise_initializer: initializer }
    : { filters, dilation_rate: dilations, kernel_initializer: initializer };
  const layer = once(() =>
    node.network.add({
      className: isDepthwise ? 'DepthwiseConv2D' : 'Conv2D',
      name: node.name,
      config: { ...common, ...own },
      inputs: [bordered(node, x, window)],
      weights: [{ shape, values }, ...(bias ? [{ shape: [filters], values: bias }] : [])],
    }),
  );
  return imageOf(layer, [...window.extents, filters]);
}

interface KernelExtents {
  readonly taps: number;
  readonly inner: number;
  readonly filters: number;
}

/** [filters, inner, taps] as [taps, inner, filters]; depthwise: [inner, filters, taps] as [taps, inner, filters]. */
function channelsLast(
  { values }: Constant,
  { taps, inner, filters }: KernelExtents,
  isDepthwise: boolean,
): Float32Array {
  const permuted = new Float32Array(values.length);
  for (let filter = 0; filter < filters; filter++) {
    for (let channel = 0; channel < inner; channel++) {
      const from = (isDepthwise ? channel * filters + filter : filter * inner + channel) * taps;
      for (let tap = 0; tap < taps; tap++) permuted[(tap * inner + channel) * filters + filter] = values[from + tap]!;
    }
  }
  return permuted;
}

function readPooling(node: NodeReader, kind: 'max' | 'average'): Image {
  const x = node.channelsFirst(0);
  const [height, width, channels] = x.shape;
  node.requireInteger('storage_order', 0);
  const [, indices = ''] = node.node.output;
  if (indices !== '' && node.graph.consumersOf(indices).length > 0) throw node.error('no indices of maxima', 'some');
  const size = node.integers('kernel_shape');
  if (size?.length !== 2) throw node.error('a window of two extents', `[${size?.join(', ') ?? ''}]`);
  const dilations = pairOf(node, 'dilations');
  if (dilations.some((dilation) => dilation !== 1)) throw node.error('dilations of 1', dilations.join(', '));
  const countsBorder = node.integer('count_include_pad', 0) !== 0;
  const window = windowOf(node, [height, width], size as unknown as Pair, [1, 1], kind === 'average' && countsBorder);
  if (window.border) {
    if (kind === 'max' && !x.isNonNegative) {
      throw node.error(
        'padding as TensorFlow has it ("same"), or an input that is nowhere below zero',
        `pads ${node.integers('pads')?.join(', ')}`,
      );
    }
    if (kind === 'average' && (!countsBorder || window.isCeiled)) {
      throw node.error(
        'padding as TensorFlow has it ("same"), or padding that counts',
        `pads ${node.integers('pads')?.join(', ')}`,
      );
    }
  }
  const layer = once(() =>
    node.network.add({
      className: kind === 'max' ? 'MaxPooling2D' : 'AveragePooling2D',
      name: node.name,
      config: { pool_size: size, strides: window.strides, padding: window.padding, data_format: 'channels_last' },
      inputs: [bordered(node, x, window)],
    }),
  );
  return imageOf(layer, [...window.extents, channels], { isNonNegative: x.isNonNegative });
}

function readPadding(node: NodeReader): Image {
  const x = node.image(0);
  const mode = node.text('mode', 'constant');
  if (mode !== 'constant') throw node.error('padding by a constant', `"${mode}"`);
  if (node.hasInput(3)) throw node.error('no axes', 'some');
  const pads = node.integers('pads') ?? node.list(1);
  const value = node.hasInput(2) ? Number(node.constant(2).values[0]) : node.float('value', 0);
  if (value !== 0) throw node.error('padding by zeros', `${value}`);
  if (pads.length !== 8 || pads.some((count) => !(count >= 0))) {
    throw node.error('eight paddings that are not negative', `[${pads.join(', ')}]`);
  }
  const [rows, columns] = x.layout === 'nchw' ? [2, 3] : [1, 2];
  const others = pads.filter((_, i) => i % 4 !== rows && i % 4 !== columns);
  if (others.some((count) => count !== 0))
    throw node.error('padding of rows and columns alone', `[${pads.join(', ')}]`);
  if (pads.every((count) => count === 0)) return x;
  const border = [pads[rows!]!, pads[rows! + 4]!, pads[columns!]!, pads[columns! + 4]!] as const;
  const [height, width, channels] = x.shape;
  const shape = [height + border[0] + border[1], width + border[2] + border[3], channels] as const;
  const { layout, isNonNegative } = x;
  return imageOf(
    once(() => addBorder(node, x, border, node.name)),
    shape,
    { layout, isNonNegative },
  );
}

/** The layer that a window slides over. */
function bordered(node: NodeReader, x: Image, { border }: Window): string {
  return border ? addBorder(node, x, border, `${node.name}_padding`) : x.layer();
}

function addBorder(
  node: NodeReader,
  x: Image,
  [top, bottom, left, right]: NonNullable<Window['border']>,
  name: string,
): string {
  const padding = [
    [top, bottom],
    [left, right],
  ];
  const config = { padding, data_format: 'channels_last' };
  return node.network.add({ className: 'ZeroPadding2D', name, config, inputs: [x.layer()] });
}

function pairOf(node: NodeReader, name: 'strides' | 'dilations'): Pair {
  const values = node.integers(name) ?? [1, 1];
  if (values.length === 2 && values.every((value) => value >= 1)) return values as unknown as Pair;
  throw node.error(`two ${name} from 1`, `[${values.join(', ')}]`);
}

/** @param countsBorder Padding is part of what is averaged, which "same" leaves out */
function windowOf(node: NodeReader, extents: Pair, size: Pair, dilations: Pair, countsBorder = false): Window {
  const strides = pairOf(node, 'strides');
  const shape = node.integers('kernel_shape') ?? size;
  if (shape.join() !== size.join() || size.some((taps) => !(taps >= 1))) {
    throw node.error(`a window of ${size.join(' x ')}`, shape.join(' x '));
  }
  const isCeil = node.integer('ceil_mode', 0) !== 0;
  const axes = [0, 1].map((axis) => {
    const taps = (size[axis]! - 1) * dilations[axis]! + 1;
    return alongAxis({ extent: extents[axis]!, taps, stride: strides[axis]!, isCeil }, padsOf(node, axis));
  });
  const given = axes.map(({ extent }) => extent);
  if (given.some((extent) => !(extent >= 1))) {
    throw node.error('an image as large as the window', `${extents.join(' x ')} for ${size.join(' x ')}`);
  }
  const common = { size, strides, extents: given as unknown as Pair, isCeiled: axes.some(({ isCeiled }) => isCeiled) };
  const isNone = axes.every(({ pads }) => pads[0] === 0 && pads[1] === 0);
  if (isNone) return { ...common, padding: 'valid', border: undefined };
  if (axes.every(({ isSame }) => isSame) && !countsBorder) return { ...common, padding: 'same', border: undefined };
  const [rows, columns] = axes.map(({ pads }) => pads) as [Pair, Pair];
  return { ...common, padding: 'valid', border: [...rows, ...columns] };
}

/** Padding before and after an axis, or how it is to be found. */
function padsOf(node: NodeReader, axis: number): Pair | 'SAME_UPPER' | 'SAME_LOWER' {
  const kind = node.text('auto_pad', 'NOTSET');
  if (kind === 'SAME_UPPER' || kind === 'SAME_LOWER') return kind;
  if (kind === 'VALID') return [0, 0];
  if (kind !== 'NOTSET') throw node.error('an "auto_pad" of ONNX', `"${kind}"`);
  const pads = node.integers('pads') ?? [0, 0, 0, 0];
  if (pads.length !== 4 || pads.some((count) => !(count >= 0))) {
    throw node.error('four pads that are not negative', `[${pads.join(', ')}]`);
  }
  return [pads[axis]!, pads[axis + 2]!];
}

interface Axis {
  readonly extent: number;
  readonly taps: number;
  readonly stride: number;
  readonly isCeil: boolean;
}

function alongAxis({ extent, taps, stride, isCeil }: Axis, wanted: ReturnType<typeof padsOf>) {
  const all = Math.max(0, (Math.ceil(extent / stride) - 1) * stride + taps - extent);
  const same: Pair = [Math.floor(all / 2), Math.ceil(all / 2)];
  const pads = wanted === 'SAME_UPPER' ? same : wanted === 'SAME_LOWER' ? ([same[1], same[0]] as const) : wanted;
  const steps = (extent + pads[0] + pads[1] - taps) / stride;
  let given = (isCeil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  // A window begins in the image or before it.
  if (isCeil && (given - 1) * stride >= extent + pads[0]) given--;
  const more = Math.max(0, (given - 1) * stride + taps - extent - pads[0] - pads[1]);
  const padded: Pair = [pads[0], pads[1] + more];
  return {
    extent: given,
    pads: padded,
    isCeiled: more > 0,
    isSame: padded[0] === same[0] && padded[1] === same[1] && given === Math.ceil(extent / stride),
  };
}
