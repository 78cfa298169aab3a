// Random networks of several inputs and outputs, of the layers that plans of any network know, with odd shapes: encoders, decoders and
// what conditions them. Not classifiers (random-models.ts). Invariant: a network is a function of its seed.
import * as tf from '@tensorflow/tfjs';
import type { OutputLoss } from '../../src/backend/kernels/output-loss.ts';
import { createPhilox, type Philox } from '../../src/core/philox.ts';
import { groupNormalization } from '../../src/models/index.ts';

export interface RandomNetwork {
  readonly model: tf.LayersModel;
  readonly losses: readonly OutputLoss[];
  /** Rows of the table that the second input numbers, where there is one. */
  readonly classes: number;
}

type Symbolic = tf.SymbolicTensor;

const { layers } = tf;
const MAX_FLOATS = 5000;
const ACTIVATIONS = ['linear', 'relu', 'elu', 'sigmoid', 'tanh', 'swish', 'swish', 'gelu', 'gelu_new'] as const;

class Builder {
  readonly draws: Philox;
  /** A vector that conditions images. */
  condition: Symbolic | undefined;

  constructor(draws: Philox) {
    this.draws = draws;
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

  activation(): 'relu' {
    return this.oneOf(ACTIVATIONS) as 'relu';
  }

  filters(x: Symbolic): number {
    const [, height, width] = x.shape as number[];
    const most = Math.max(1, Math.floor(MAX_FLOATS / (height! * width!)));
    return Math.min(most, this.oneOf([1 + this.below(9), 4 * (1 + this.below(5)), 16 + this.below(12)]));
  }
}

const apply = (layer: tf.layers.Layer, ...x: Symbolic[]): Symbolic => layer.apply(x.length > 1 ? x : x[0]!) as Symbolic;
const channelsOf = (x: Symbolic): number => x.shape.at(-1)!;
const floatsOf = (x: Symbolic): number =>
  (x.shape as number[]).slice(1).reduce((product, extent) => product * extent, 1);

function convolution(b: Builder, x: Symbolic, strides = 1): Symbolic {
  const settings = {
    filters: b.filters(x),
    kernelSize: b.oneOf([1, 2, 3, 3]),
    useBias: b.chance(0.8),
    activation: b.activation(),
  };
  return apply(layers.conv2d({ ...settings, strides, padding: 'same' }), x);
}

function transposed(b: Builder, x: Symbolic, options: { filters?: number; isSame?: boolean } = {}): Symbolic {
  const strides = b.oneOf<[number, number]>([[1, 1], [2, 2], [2, 1], [3, 2]]); // biome-ignore format: a table
  const settings = {
    filters: options.filters ?? Math.max(1, b.filters(x) >> 1),
    kernelSize: b.oneOf<[number, number]>([[3, 3], [2, 2], [4, 4], [1, 3], [1, 1]]), // biome-ignore format: a table
    strides: options.isSame ? ([1, 1] as [number, number]) : strides,
    padding: options.isSame || b.chance(0.5) ? ('same' as const) : ('valid' as const),
    useBias: b.chance(0.7),
    activation: b.activation(),
  };
  return apply(layers.conv2dTranspose(settings), x);
}

function normalised(b: Builder, x: Symbolic): Symbolic {
  const settings = { scale: b.chance(0.8), center: b.chance(0.8), epsilon: b.oneOf([1e-3, 1e-2]) };
  const groups = [1, 2, 3, 4].filter((count) => channelsOf(x) % count === 0);
  const y = b.chance(0.6)
    ? apply(groupNormalization({ ...settings, groups: b.oneOf(groups) }), x)
    : apply(layers.layerNormalization(settings), x);
  return b.chance(0.7) ? apply(layers.activation({ activation: b.activation() }), y) : y;
}

function larger(b: Builder, x: Symbolic): Symbolic {
  if (4 * floatsOf(x) > MAX_FLOATS) return x;
  if (b.chance(0.4)) return transposed(b, x);
  const size = b.oneOf<[number, number]>([[2, 2], [2, 2], [1, 3], [3, 1]]); // biome-ignore format: a table
  const interpolation = b.oneOf(['nearest', 'bilinear'] as const);
  return apply(layers.upSampling2d({ size, interpolation } as { size: number[] }), x);
}

/** Scales and shifts by the condition, or does one of them. */
function conditioned(b: Builder, x: Symbolic): Symbolic {
  if (!b.condition) return x;
  const vector = (): Symbolic =>
    apply(layers.dense({ units: channelsOf(x), activation: b.activation() }), b.condition!);
  let y = x;
  if (b.chance(0.7)) y = apply(layers.multiply(), ...(b.chance(0.5) ? [y, vector()] : [vector(), y]));
  if (b.chance(0.7)) y = apply(layers.add(), ...(b.chance(0.5) ? [y, vector()] : [vector(), y]));
  return y;
}

function skipped(b: Builder, x: Symbolic): Symbolic {
  let y = convolution(b, x);
  if (b.chance(0.6)) y = normalised(b, y);
  y = conditioned(b, y);
  if (b.chance(0.5)) return apply(layers.concatenate(), x, y);
  const back = apply(layers.conv2d({ filters: channelsOf(x), kernelSize: 1 }), y);
  return apply(layers.add(), x, back);
}

function block(b: Builder, x: Symbolic): Symbolic {
  const makers: (() => Symbolic)[] = [
    () => convolution(b, x),
    () => normalised(b, x),
    () => larger(b, x),
    () => larger(b, x),
    () => conditioned(b, x),
    () => transposed(b, x, { isSame: true }),
    () => apply(layers.activation({ activation: b.activation() }), x),
  ];
  if (floatsOf(x) < MAX_FLOATS) makers.push(() => skipped(b, x));
  if (b.chance(0.2)) makers.push(() => apply(layers.dropout({ rate: 0.25 }), x));
  if ((x.shape as number[])[1]! > 3 && (x.shape as number[])[2]! > 3) {
    makers.push(
      () => convolution(b, x, 2),
      () => apply(layers.averagePooling2d({ poolSize: 2 }), x),
    );
  }
  return b.oneOf(makers)();
}

/** An output and its loss: of pixels, or of the whole. */
function output(b: Builder, x: Symbolic): { y: Symbolic; loss: OutputLoss } {
  const name = b.oneOf(['softmaxCrossEntropy', 'sigmoidCrossEntropy', 'meanSquaredError', 'huber'] as const);
  const ending = {
    softmaxCrossEntropy: 'softmax',
    sigmoidCrossEntropy: 'sigmoid',
    meanSquaredError: 'tanh',
    huber: 'linear',
  }[name];
  const units = 1 + b.below(5);
  const activation = (b.chance(0.5) ? ending : 'linear') as 'relu';
  const isVector = x.shape.length === 2 || b.chance(0.25);
  const vector = (): Symbolic => (x.shape.length === 2 ? x : apply(layers.flatten(), x));
  const y = isVector
    ? apply(layers.dense({ units, activation }), vector())
    : apply(layers.conv2d({ filters: units, kernelSize: b.oneOf([1, 3]), padding: 'same', activation }), x);
  return { y, loss: { name, share: b.oneOf([1, 0.5, 2]), delta: b.oneOf([0.3, 1]) } };
}

/** Builds a network. Weights are noise, factors of normalisations are around 1. */
export function randomNetwork(seed: number): RandomNetwork {
  const b = new Builder(createPhilox({ seed, stream: 79 }));
  const classes = 2 + b.below(7);
  const inputs: Symbolic[] = [];
  const isDecoder = b.chance(0.3);
  const side = (): number => 3 + b.below(6);
  if (isDecoder) inputs.push(tf.input({ shape: [2 + b.below(9)] }));
  else inputs.push(tf.input({ shape: [side(), side(), b.oneOf([1, 3, 4, 1 + b.below(9)])] }));
  if (b.chance(0.6)) {
    inputs.push(tf.input({ shape: [1 + b.below(2)] }));
    const table = layers.embedding({ inputDim: classes, outputDim: 3 + b.below(6) });
    b.condition = apply(layers.flatten(), apply(table, inputs[1]!));
  }
  if (b.chance(0.3)) {
    inputs.push(tf.input({ shape: [1 + b.below(6)] }));
    const time = apply(layers.dense({ units: 1 + b.below(9), activation: b.activation() }), inputs.at(-1)!);
    b.condition = b.condition ? apply(layers.concatenate(), b.condition, time) : time;
  }
  let x = inputs[0]!;
  if (isDecoder) {
    const shape = [1 + b.below(4), 1 + b.below(4), 1 + b.below(9)];
    const units = shape.reduce((product, extent) => product * extent, 1);
    x = apply(layers.reshape({ targetShape: shape }), apply(layers.dense({ units, activation: b.activation() }), x));
  }
  const ends = [];
  const blocks = 1 + b.below(5);
  for (let i = 0; i < blocks; i++) {
    x = block(b, x);
    if (b.chance(0.15) && x.sourceLayer.weights.length > 0) ends.push(output(b, x));
  }
  if (b.condition && b.chance(0.3)) ends.push(output(b, b.condition));
  ends.push(output(b, conditioned(b, x)));
  const model = tf.model({ inputs, outputs: ends.map(({ y }) => y) });
  tf.tidy(() => {
    model.setWeights(
      model.weights.map(({ shape, name }) => {
        const extents = shape as number[];
        const inputsOfOne = Math.max(
          1,
          extents.slice(0, -1).reduce((product, extent) => product * extent, 1),
        );
        const scale = extents.length > 1 ? 1.5 / Math.sqrt(inputsOfOne) : 0.3;
        const values = Float32Array.from(
          { length: extents.reduce((product, extent) => product * extent, 1) },
          () => b.draws.nextNormal() * scale,
        );
        return tf.tensor(name.includes('gamma') ? values.map((value) => value + 1) : values, extents);
      }),
    );
  });
  return { model, losses: ends.map(({ loss }) => loss), classes };
}
