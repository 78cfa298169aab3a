// The gradients of a graph by its definition, in double precision and one operation after the other. Slow, and written to be read.
// Decisions (the side of relu, the winner of a pooling window) are taken in double precision, too.
import type * as tf from '@tensorflow/tfjs';
import { activationCodes } from '../../src/backend/kernels/output-activation.ts';
import type { Graph, ImageShape, Operation } from '../../src/plan/graph.ts';

/** Images of one value: [image][height][width][channels], flat. */
type Values = Float64Array;

export interface ReferenceOptions {
  readonly graph: Graph;
  /** [batch, height, width, channels] */
  readonly images: ArrayLike<number>;
  /** One-hot [batch, classes] */
  readonly labels: ArrayLike<number>;
  readonly batch: number;
  /** Factor of each element that a dropout layer leaves: 0 or 1 / (1 - rate). */
  readonly maskOf?: (layerNumber: number, rate: number, elements: number) => ArrayLike<number>;
}

export interface ReferenceGradients {
  /** Of the mean loss, by the variable. */
  readonly gradients: ReadonlyMap<tf.LayerVariable, Float64Array>;
  readonly loss: number;
  /**
   * The closest decision: how far the input of a relu is from 0, or the best of a window from the second, over the rms of the layer's
   * values. Zeros are no close decisions: there arithmetic is exact; nor are equal values, whose gradients are those of equal patches.
   */
  readonly margin: number;
}

const sizeOf = ([height, width, channels]: ImageShape): number => height * width * channels;

export function referenceGradients(options: ReferenceOptions): ReferenceGradients {
  const { graph, batch } = options;
  const values = new Map<number, Values>([[graph.inputs[0]!, Float64Array.from(options.images)]]);
  const gradients = new Map<tf.LayerVariable, Float64Array>();
  const backwards: (() => void)[] = [];
  const margins: number[] = [];
  const slopes = new Map<number, Values>();
  const slopeOf = (id: number): Values => {
    const known = slopes.get(id) ?? new Float64Array(batch * sizeOf(graph.shapes.get(id)!));
    slopes.set(id, known);
    return known;
  };
  const gradientOf = (variable: tf.LayerVariable): Float64Array => {
    const known = gradients.get(variable) ?? new Float64Array(variable.read().size);
    gradients.set(variable, known);
    return known;
  };
  for (const operation of graph.operations) {
    const made = new Float64Array(batch * sizeOf(operation.shape));
    values.set(operation.output, made);
    const inputs = operation.inputs.map((id) => ({
      x: values.get(id)!,
      shape: graph.shapes.get(id)!,
      dx: () => slopeOf(id),
    }));
    const context = { batch, inputs, y: made, dy: () => slopeOf(operation.output), gradientOf, options };
    backwards.push(run(operation, context));
    if (operation.kind === 'activation' && operation.code === activationCodes.relu)
      margins.push(smallest(inputs[0]!.x) / rms(inputs[0]!.x));
    if (operation.kind === 'maxPooling') margins.push(smallestLead(operation, context) / rms(inputs[0]!.x));
  }
  const loss = softmaxCrossEntropy(values.get(graph.outputs[0]!)!, slopeOf(graph.outputs[0]!), options);
  for (const backward of backwards.toReversed()) backward();
  return { gradients, loss, margin: Math.min(...margins) };
}

const rms = (values: Values): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

/** The smallest magnitude but 0. */
const smallest = (values: Values): number =>
  values.reduce((least, value) => (value === 0 ? least : Math.min(least, Math.abs(value))), Number.POSITIVE_INFINITY);

interface Context {
  readonly batch: number;
  readonly inputs: readonly { readonly x: Values; readonly shape: ImageShape; readonly dx: () => Values }[];
  readonly y: Values;
  readonly dy: () => Values;
  readonly gradientOf: (variable: tf.LayerVariable) => Float64Array;
  readonly options: ReferenceOptions;
}

/** Adds, to each element, what is made of the other's. */
function add(sums: Values, values: Values, of: (value: number, i: number) => number = (value) => value): void {
  values.forEach((value, i) => {
    sums[i]! += of(value, i);
  });
}

/** Computes an operation; returns what adds its gradients. */
function run(operation: Operation, context: Context): () => void {
  const { inputs, y, dy } = context;
  const [{ x, dx }] = inputs as [(typeof inputs)[0]];
  switch (operation.kind) {
    case 'convolution':
      return convolve(operation, context);
    case 'dense':
      return convolve({ ...operation, size: [1, 1], strides: [1, 1], dilations: [1, 1], padding: 'valid' }, context);
    case 'batchNormalization':
      return normalise(operation, context);
    case 'maxPooling':
      return pool(operation, context);
    case 'averagePooling':
      return average(operation, context);
    case 'activation':
      if (operation.code === activationCodes.sigmoid) {
        y.set(x.map((value) => 1 / (1 + Math.exp(-value))));
        return () => add(dx(), dy(), (slope, i) => slope * y[i]! * (1 - y[i]!));
      }
      y.set(x.map((value) => Math.max(0, value)));
      return () => add(dx(), dy(), (slope, i) => (x[i]! > 0 ? slope : 0));
    case 'dropout': {
      const mask = context.options.maskOf!(operation.layerNumber, operation.rate, x.length);
      y.set(x.map((value, i) => value * mask[i]!));
      return () => add(dx(), dy(), (slope, i) => slope * mask[i]!);
    }
    case 'flatten':
      y.set(x);
      return () => add(dx(), dy());
    case 'add':
      for (const input of inputs) add(y, input.x);
      return () => {
        for (const input of inputs) add(input.dx(), dy());
      };
    case 'multiply':
      return multiply(operation, context);
    case 'globalAveragePooling':
      return averageAll(context);
    default:
      throw new Error(`no reference for ${operation.kind}`);
  }
}

/** Calls `visit` with the places of an output, an input below it and the tap between them, of channel 0 each. */
function forTaps(
  { size, strides, padding }: { size: readonly number[]; strides: readonly number[]; padding: 'valid' | 'same' },
  { batch, from, to }: { batch: number; from: ImageShape; to: ImageShape },
  visit: (output: number, input: number, tap: number) => void,
): void {
  const before = [0, 1].map((axis) =>
    padding === 'valid' ? 0 : Math.floor(Math.max(0, (to[axis]! - 1) * strides[axis]! + size[axis]! - from[axis]!) / 2),
  );
  for (let image = 0; image < batch; image++) {
    for (let y = 0; y < to[0]; y++) {
      for (let x = 0; x < to[1]; x++) {
        for (let tap = 0; tap < size[0]! * size[1]!; tap++) {
          const row = y * strides[0]! - before[0]! + Math.floor(tap / size[1]!);
          const column = x * strides[1]! - before[1]! + (tap % size[1]!);
          if (row < 0 || column < 0 || row >= from[0] || column >= from[1]) continue;
          const output = ((image * to[0] + y) * to[1] + x) * to[2];
          visit(output, ((image * from[0] + row) * from[1] + column) * from[2], tap);
        }
      }
    }
  }
}

type Convolution = Pick<
  Extract<Operation, { kind: 'convolution' }>,
  'kernel' | 'bias' | 'size' | 'strides' | 'dilations' | 'padding' | 'shape'
>;

function convolve(operation: Convolution, { batch, inputs, y, dy, gradientOf }: Context): () => void {
  const [{ x, shape, dx }] = inputs as [(typeof inputs)[0]];
  const { kernel, bias, shape: to } = operation;
  const w = kernel.read().dataSync();
  const b = bias?.read().dataSync();
  const [ins, outs] = [shape[2], to[2]];
  if (b) y.set(y.map((_, i) => b[i % outs]!));
  const sizes = { batch, from: shape, to };
  forTaps(operation, sizes, (output, input, tap) => {
    for (let i = 0; i < ins; i++) {
      const value = x[input + i]!;
      if (value === 0) continue;
      const row = (tap * ins + i) * outs;
      for (let o = 0; o < outs; o++) y[output + o]! += value * w[row + o]!;
    }
  });
  return () => {
    const [slopes, dw, back] = [dy(), gradientOf(kernel), dx()];
    forTaps(operation, sizes, (output, input, tap) => {
      for (let i = 0; i < ins; i++) {
        const value = x[input + i]!;
        const row = (tap * ins + i) * outs;
        let sum = 0;
        for (let o = 0; o < outs; o++) {
          dw[row + o]! += value * slopes[output + o]!;
          sum += w[row + o]! * slopes[output + o]!;
        }
        back[input + i]! += sum;
      }
    });
    if (!bias) return;
    const db = gradientOf(bias);
    slopes.forEach((slope, i) => {
      db[i % outs]! += slope;
    });
  };
}

function pool(operation: Extract<Operation, { kind: 'maxPooling' }>, { batch, inputs, y, dy }: Context): () => void {
  const [{ x, shape, dx }] = inputs as [(typeof inputs)[0]];
  const winners = new Int32Array(y.length).fill(-1);
  forTaps(operation, { batch, from: shape, to: operation.shape }, (output, input) => {
    for (let c = 0; c < shape[2]; c++) {
      if (winners[output + c]! >= 0 && !(x[input + c]! > y[output + c]!)) continue;
      winners[output + c] = input + c;
      y[output + c] = x[input + c]!;
    }
  });
  return () => {
    const back = dx();
    dy().forEach((slope, i) => {
      back[winners[i]!]! += slope;
    });
  };
}

/** Each window over its pixels inside the image. */
function average(
  operation: Extract<Operation, { kind: 'averagePooling' }>,
  { batch, inputs, y, dy }: Context,
): () => void {
  const [{ x, shape, dx }] = inputs as [(typeof inputs)[0]];
  const channels = shape[2];
  const sizes = { batch, from: shape, to: operation.shape };
  const pixels = new Float64Array(y.length);
  forTaps(operation, sizes, (output, input) => {
    for (let c = 0; c < channels; c++) {
      pixels[output + c]!++;
      y[output + c]! += x[input + c]!;
    }
  });
  y.set(y.map((sum, i) => sum / pixels[i]!));
  return () => {
    const [slopes, back] = [dy(), dx()];
    forTaps(operation, sizes, (output, input) => {
      for (let c = 0; c < channels; c++) back[input + c]! += slopes[output + c]! / pixels[output + c]!;
    });
  };
}

/** By how much the best value of a window leads the next lower one, at the least. */
function smallestLead(operation: Extract<Operation, { kind: 'maxPooling' }>, { batch, inputs, y }: Context): number {
  const [{ x, shape }] = inputs as [(typeof inputs)[0]];
  let least = Number.POSITIVE_INFINITY;
  forTaps(operation, { batch, from: shape, to: operation.shape }, (output, input) => {
    for (let c = 0; c < shape[2]; c++) {
      const lead = y[output + c]! - x[input + c]!;
      if (lead > 0) least = Math.min(least, lead);
    }
  });
  return least;
}

function multiply({ factors }: Extract<Operation, { kind: 'multiply' }>, { inputs, y, dy }: Context): () => void {
  const [image, vector] = [inputs[1 - factors]!, inputs[factors]!];
  const [height, width, channels] = image.shape;
  const place = (i: number): number => Math.floor(i / (height * width * channels)) * channels + (i % channels);
  y.set(image.x.map((value, i) => value * vector.x[place(i)]!));
  return () => {
    const [ofImage, ofVector] = [image.dx(), vector.dx()];
    dy().forEach((slope, i) => {
      ofImage[i]! += slope * vector.x[place(i)]!;
      ofVector[place(i)]! += slope * image.x[i]!;
    });
  };
}

function averageAll({ inputs, y, dy }: Context): () => void {
  const [{ x, shape, dx }] = inputs as [(typeof inputs)[0]];
  const [height, width, channels] = shape;
  const pixels = height * width;
  const place = (i: number): number => Math.floor(i / (pixels * channels)) * channels + (i % channels);
  x.forEach((value, i) => {
    y[place(i)]! += value / pixels;
  });
  return () => add(dx(), x, (_, i) => dy()[place(i)]! / pixels);
}

function normalise(
  { gamma, beta, epsilon }: Extract<Operation, { kind: 'batchNormalization' }>,
  { inputs, y, dy, gradientOf }: Context,
): () => void {
  const [{ x, shape, dx }] = inputs as [(typeof inputs)[0]];
  const channels = shape[2];
  const rows = x.length / channels;
  const scale = gamma?.read().dataSync() ?? new Float32Array(channels).fill(1);
  const shift = beta?.read().dataSync() ?? new Float32Array(channels);
  const meanOf = (valueAt: (i: number) => number): Float64Array => {
    const sums = new Float64Array(channels);
    for (let i = 0; i < x.length; i++) sums[i % channels]! += valueAt(i) / rows;
    return sums;
  };
  const mean = meanOf((i) => x[i]!);
  const variance = meanOf((i) => (x[i]! - mean[i % channels]!) ** 2);
  const normal = x.map((value, i) => (value - mean[i % channels]!) / Math.sqrt(variance[i % channels]! + epsilon));
  y.set(normal.map((value, i) => value * scale[i % channels]! + shift[i % channels]!));
  return () => {
    const slopes = dy();
    const meanSlope = meanOf((i) => slopes[i]!);
    const meanProduct = meanOf((i) => slopes[i]! * normal[i]!);
    const back = dx();
    x.forEach((_, i) => {
      const c = i % channels;
      const factor = scale[c]! / Math.sqrt(variance[c]! + epsilon);
      back[i]! += factor * (slopes[i]! - meanSlope[c]! - normal[i]! * meanProduct[c]!);
    });
    if (beta) gradientOf(beta).set(meanSlope.map((value) => value * rows));
    if (gamma) gradientOf(gamma).set(meanProduct.map((value) => value * rows));
  };
}

/** The mean loss; writes the gradient of the logits. */
function softmaxCrossEntropy(logits: Values, slopes: Values, { labels, batch }: ReferenceOptions): number {
  const classes = logits.length / batch;
  let loss = 0;
  for (let image = 0; image < batch; image++) {
    const row = logits.subarray(image * classes, (image + 1) * classes);
    const highest = Math.max(...row);
    const powers = row.map((value) => Math.exp(value - highest));
    const sum = powers.reduce((total, value) => total + value, 0);
    row.forEach((value, k) => {
      const label = labels[image * classes + k]!;
      slopes[image * classes + k] = (powers[k]! / sum - label) / batch;
      loss -= (label * (value - highest - Math.log(sum))) / batch;
    });
  }
  return loss;
}
