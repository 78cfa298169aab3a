// Random models of the layers that a plan knows, with odd shapes: sequential ones and graphs with branches.
// Not here: data and training. Invariant: a model is a function of its seed and of the kinds asked for.
import * as tf from '@tensorflow/tfjs';
import { createPhilox, type Philox } from '../../src/core/philox.ts';
import { initializeWeights } from '../../src/models/index.ts';

/** What may occur in a model besides activations, dense layers and flattening. */
export const kinds = [
  'add',
  'averagePooling',
  'batchNormalization',
  'concatenate',
  'convolution',
  'depthwise',
  'dropout',
  'globalAveragePooling',
  'maxPooling',
  'maxPoolingSame',
  'multiply',
  'separable',
  'zeroPadding',
] as const;

export type Kind = (typeof kinds)[number];

export interface RandomModel {
  readonly model: tf.LayersModel;
  readonly inputShape: readonly [height: number, width: number, channels: number];
  readonly classes: number;
  readonly hasBatchNorm: boolean;
}

const ACTIVATIONS = ['relu', 'relu', 'relu', 'relu6', 'elu', 'sigmoid', 'tanh', 'linear'] as const;
const MAX_CHANNELS = 40;
/** Floats of one image between two layers, so that a model trains in milliseconds. */
const MAX_FLOATS = 6000;
/** Rates of dropout. */
const RATES = [0.25, 0.5, 0.1] as const;

type Symbolic = tf.SymbolicTensor;
type Extents = [height: number, width: number, channels: number];

/** Draws and places layers. */
class Builder {
  readonly draws: Philox;
  readonly kinds: ReadonlySet<Kind>;
  readonly #sequential: tf.Sequential | undefined;
  hasBatchNorm = false;
  /**
   * Means of equal values, which overlapping windows make, differ from each other by how they are rounded: the maximum of such is not
   * determined, and so max pooling comes before averages alone.
   */
  hasAverages = false;

  constructor(draws: Philox, kinds: ReadonlySet<Kind>, sequential: tf.Sequential | undefined) {
    this.draws = draws;
    this.kinds = kinds;
    this.#sequential = sequential;
  }

  has(kind: Kind): boolean {
    const isMaximum = kind === 'maxPooling' || kind === 'maxPoolingSame';
    return this.kinds.has(kind) && !(isMaximum && this.hasAverages);
  }

  get hasBranches(): boolean {
    return this.#sequential === undefined;
  }

  below(bound: number): number {
    return this.draws.nextBelow(bound);
  }

  chance(share: number): boolean {
    return this.draws.nextUniform() < share;
  }

  oneOf<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  apply(layer: tf.layers.Layer, inputs: Symbolic | Symbolic[]): Symbolic {
    if (!this.#sequential) return layer.apply(inputs) as Symbolic;
    this.#sequential.add(layer);
    return this.#sequential.outputs[0]!;
  }

  /** Often a multiple of four, as networks have it, and often enough for Winograd's transforms to pay. */
  channels(x: Symbolic): number {
    const [height, width] = extentsOf(x);
    const most = Math.min(MAX_CHANNELS, Math.max(1, Math.floor(MAX_FLOATS / (height * width))));
    const drawn = this.oneOf([1 + this.below(MAX_CHANNELS), 1 + this.below(9), 16 + 4 * this.below(7)]);
    return Math.min(most, drawn);
  }
}

const extentsOf = (x: Symbolic): Extents => x.shape.slice(1) as Extents;

/** Extent of a window that fits into an image. */
const within = (extent: number, available: number): number => Math.min(extent, available);

/** Activations, normalisation, pooling and dropout behind sums, in the orders that networks have them and in odd ones. */
function finish(b: Builder, x: Symbolic, options: { readonly mayShrink: boolean }): Symbolic {
  let y = x;
  if (b.has('batchNormalization') && b.chance(0.3)) y = batchNorm(b, y);
  if (b.chance(0.3)) y = activationLayer(b, y);
  if (options.mayShrink && b.has('maxPooling') && b.chance(0.4)) y = pool(b, y, 'max', 'valid');
  if (b.chance(0.15)) y = activationLayer(b, y);
  if (b.has('dropout') && b.chance(0.3)) y = b.apply(tf.layers.dropout({ rate: b.oneOf(RATES) }), y);
  return y;
}

function batchNorm(b: Builder, x: Symbolic): Symbolic {
  b.hasBatchNorm = true;
  const settings = { scale: b.chance(0.8), center: b.chance(0.8), momentum: b.oneOf([0.99, 0.9, 0.5]), epsilon: 1e-3 };
  return b.apply(tf.layers.batchNormalization(settings), x);
}

function activationLayer(b: Builder, x: Symbolic): Symbolic {
  return b.apply(
    b.oneOf([
      () => tf.layers.reLU(),
      () => tf.layers.reLU({ maxValue: 6 }),
      () => tf.layers.leakyReLU({ alpha: 0.3 }),
      () => tf.layers.elu(),
      () => tf.layers.activation({ activation: b.oneOf(['tanh', 'sigmoid', 'relu', 'relu6', 'elu'] as const) }),
    ])(),
    x,
  );
}

function pool(b: Builder, x: Symbolic, kind: 'max' | 'average', padding: 'valid' | 'same'): Symbolic {
  const [height, width] = extentsOf(x);
  const size = b.oneOf<[number, number]>([[2, 2], [2, 2], [3, 3], [2, 1], [1, 3], [3, 2]]); // biome-ignore format: a table
  const strides = b.oneOf<[number, number]>([size, [2, 2], [1, 1], [2, 1], [3, 3]]);
  const poolSize: [number, number] = [within(size[0], height), within(size[1], width)];
  const settings = { poolSize, strides, padding };
  if (kind === 'average') b.hasAverages = true;
  return b.apply(kind === 'max' ? tf.layers.maxPooling2d(settings) : tf.layers.averagePooling2d(settings), x);
}

function windowOf(b: Builder, x: Symbolic, isSame: boolean) {
  const [height, width] = extentsOf(x);
  const taps = b.oneOf<[number, number]>([[3, 3], [3, 3], [3, 3], [1, 1], [5, 5], [1, 3], [2, 4]]); // biome-ignore format: a table
  const padding = isSame || b.chance(0.4) ? ('same' as const) : ('valid' as const);
  const kernelSize: [number, number] = [within(taps[0], height), within(taps[1], width)];
  const strides = isSame || b.chance(0.7) ? 1 : b.oneOf<number | [number, number]>([2, [1, 2], [2, 1], 3]);
  return { kernelSize, strides: strides as [number, number], padding };
}

function convolution(b: Builder, x: Symbolic, options: { filters?: number; isSame?: boolean } = {}): Symbolic {
  const { filters = b.channels(x), isSame = false } = options;
  const settings = { ...windowOf(b, x, isSame), useBias: b.chance(0.8), activation: b.oneOf(ACTIVATIONS) };
  const kinds: readonly string[] = ['convolution', 'convolution', 'convolution', 'separable', 'depthwise'];
  const kind = b.oneOf(kinds.filter((name) => b.has(name as Kind)));
  if (kind === 'separable') {
    const depthMultiplier = b.oneOf([1, 1, 2]);
    return b.apply(tf.layers.separableConv2d({ ...settings, filters, depthMultiplier }), x);
  }
  if (kind === 'depthwise' && (options.filters ?? extentsOf(x)[2]) === extentsOf(x)[2]) {
    const depthMultiplier = options.filters || extentsOf(x)[2] > 13 ? 1 : b.oneOf([1, 2, 3]);
    const [kernelSize, strides] = [settings.kernelSize, squared(settings.strides)];
    return b.apply(tf.layers.depthwiseConv2d({ ...settings, kernelSize, strides, depthMultiplier }), x);
  }
  const dilationRate = settings.strides === (1 as unknown) && b.chance(0.07) ? 2 : 1;
  return b.apply(tf.layers.conv2d({ ...settings, filters, ...fittingDilation(x, settings, dilationRate) }), x);
}

/** tfjs has no depthwise kernel of unequal strides. */
const squared = (strides: [number, number] | number): [number, number] => {
  const stride = Array.isArray(strides) ? strides[0] : strides;
  return [stride, stride];
};

function fittingDilation(
  x: Symbolic,
  { kernelSize, padding }: { kernelSize: [number, number]; padding: string },
  rate: number,
): { dilationRate: [number, number] } {
  const fits = padding === 'same' || kernelSize.every((taps, i) => (taps - 1) * rate < extentsOf(x)[i]!);
  return { dilationRate: fits ? [rate, rate] : [1, 1] };
}

function padded(b: Builder, x: Symbolic): Symbolic {
  const border = (): [number, number] => [b.below(3), b.below(3)];
  return b.apply(tf.layers.zeroPadding2d({ padding: [border(), border()] }), x);
}

function residual(b: Builder, x: Symbolic): Symbolic {
  const [, , channels] = extentsOf(x);
  let y = finish(b, convolution(b, x, { filters: channels, isSame: true }), { mayShrink: false });
  if (b.chance(0.4)) y = convolution(b, y, { filters: channels, isSame: true });
  const others = b.chance(0.25) ? [convolution(b, x, { filters: channels, isSame: true })] : [];
  return finish(b, b.apply(tf.layers.add(), [x, y, ...others]), { mayShrink: true });
}

function squeeze(b: Builder, x: Symbolic): Symbolic {
  const [, , channels] = extentsOf(x);
  const squeezed = b.apply(tf.layers.globalAveragePooling2d({}), x);
  const narrow = b.apply(tf.layers.dense({ units: 1 + b.below(9), activation: b.oneOf(ACTIVATIONS) }), squeezed);
  const settings = { units: channels, activation: b.oneOf(['sigmoid', 'tanh'] as const), useBias: b.chance(0.5) };
  const factors = b.apply(tf.layers.dense(settings), narrow);
  const pair = b.chance(0.5) ? [x, factors] : [factors, x];
  return finish(b, b.apply(tf.layers.multiply(), pair), { mayShrink: true });
}

function branches(b: Builder, x: Symbolic): Symbolic {
  const makers: (() => Symbolic)[] = [
    () => convolution(b, x, { isSame: true }),
    () => finish(b, convolution(b, x, { isSame: true }), { mayShrink: false }),
    () => convolution(b, finish(b, convolution(b, x, { isSame: true }), { mayShrink: false }), { isSame: true }),
    () => activationLayer(b, x),
    () => x,
  ];
  const one = { poolSize: 3, strides: 1, padding: 'same' } as const;
  if (b.has('maxPoolingSame')) makers.push(() => b.apply(tf.layers.maxPooling2d(one), x));
  if (b.has('averagePooling')) {
    makers.push(() => {
      b.hasAverages = true;
      return b.apply(tf.layers.averagePooling2d(one), x);
    });
  }
  if (b.has('batchNormalization')) makers.push(() => batchNorm(b, x));
  const made = Array.from({ length: 2 + b.below(2) }, () => b.oneOf(makers)());
  return finish(b, b.apply(tf.layers.concatenate(), made), { mayShrink: true });
}

function block(b: Builder, x: Symbolic): Symbolic {
  const makers: (() => Symbolic)[] = [
    () => finish(b, convolution(b, x), { mayShrink: true }),
    () => finish(b, convolution(b, x), { mayShrink: true }),
    () => finish(b, convolution(b, x), { mayShrink: true }),
    () => finish(b, x, { mayShrink: true }),
  ];
  if (b.has('maxPoolingSame')) makers.push(() => pool(b, x, 'max', 'same'));
  if (b.has('zeroPadding')) makers.push(() => finish(b, convolution(b, padded(b, x)), { mayShrink: true }));
  if (b.has('averagePooling')) makers.push(() => pool(b, x, 'average', b.oneOf(['valid', 'same'] as const)));
  if (b.hasBranches && b.has('add'))
    makers.push(
      () => residual(b, x),
      () => residual(b, x),
    );
  if (b.hasBranches && b.has('multiply')) makers.push(() => squeeze(b, x));
  const mayWiden = extentsOf(x)[2] <= MAX_CHANNELS;
  if (b.hasBranches && mayWiden && b.has('concatenate'))
    makers.push(
      () => branches(b, x),
      () => branches(b, x),
    );
  return b.oneOf(makers)();
}

function vectorOf(b: Builder, images: Symbolic): Symbolic {
  if (b.has('globalAveragePooling') && b.chance(0.35)) return b.apply(tf.layers.globalAveragePooling2d({}), images);
  return b.apply(tf.layers.flatten(), images);
}

function denseHead(b: Builder, images: Symbolic, classes: number): Symbolic {
  let x = vectorOf(b, images);
  const layers = b.below(3);
  for (let i = 0; i < layers; i++) {
    const units = 1 + b.below(b.chance(0.5) ? 30 : 130);
    const settings = { units, activation: b.oneOf(ACTIVATIONS), useBias: b.chance(0.8) };
    const y = finish(b, b.apply(tf.layers.dense(settings), x), { mayShrink: false });
    const isJoined = b.hasBranches && b.has('add') && b.chance(0.2);
    x = isJoined ? b.apply(tf.layers.add(), [y, b.apply(tf.layers.dense(settings), x)]) : y;
  }
  if (b.chance(0.7)) return b.apply(tf.layers.dense({ units: classes, activation: 'softmax' }), x);
  const logits = b.apply(tf.layers.dense({ units: classes, useBias: b.chance(0.5) }), x);
  return b.apply(b.chance(0.5) ? tf.layers.softmax() : tf.layers.activation({ activation: 'softmax' }), logits);
}

/** Builds a model. Biases, and what batch norm learns, are not left at their initial constants. */
export function randomModel(seed: number, kinds: ReadonlySet<Kind>): RandomModel {
  const draws = createPhilox({ seed, stream: 77 });
  const side = (): number => 3 + draws.nextBelow(15);
  const channelChoices = [
    1,
    1,
    3,
    1 + draws.nextBelow(8),
    16 + 4 * draws.nextBelow(5),
    1 + draws.nextBelow(MAX_CHANNELS),
  ];
  const inputShape: Extents = [side(), side(), channelChoices[draws.nextBelow(channelChoices.length)]!];
  const classes = 2 + draws.nextBelow(11);
  const sequential = draws.nextUniform() < 0.35 ? tf.sequential() : undefined;
  const b = new Builder(draws, kinds, sequential);
  if (sequential) sequential.add(tf.layers.inputLayer({ inputShape }));
  const input = sequential ? sequential.outputs[0]! : tf.input({ shape: inputShape });
  let x = input;
  const blocks = b.below(5);
  for (let i = 0; i < blocks; i++) x = block(b, x);
  const output = denseHead(b, x, classes);
  const model = sequential ?? tf.model({ inputs: input, outputs: output });
  initializeWeights(model, seed);
  disturbVectors(model, draws);
  return { model, inputShape, classes, hasBatchNorm: b.hasBatchNorm };
}

function disturbVectors(model: tf.LayersModel, draws: Philox): void {
  tf.tidy(() => {
    model.setWeights(
      model.getWeights().map((weight) => {
        if (weight.rank !== 1) return weight;
        return tf.tensor1d(weight.dataSync<'float32'>().map((value) => value + 0.4 * (draws.nextUniform() - 0.5)));
      }),
    );
  });
}

/** One line a layer: what to look at when a model fails. */
export function describe({ model, inputShape, classes }: RandomModel): string {
  const lines = model.layers.map((layer) => {
    const { activation, strides, padding, kernelSize, poolSize, useBias, rate } = layer.getConfig();
    const inbound = layer.inboundNodes.flatMap((node) => node.inboundLayers.map(({ name }) => name)).join('+');
    const settings = JSON.stringify({ activation, strides, padding, kernelSize, poolSize, useBias, rate });
    return `  ${layer.name} <- ${inbound}: ${JSON.stringify(layer.outputShape)} ${settings}`;
  });
  return [`input ${inputShape.join('x')}, ${classes} classes`, ...lines].join('\n');
}
