// A network as a gate needs it: the mean of each channel of some layers, the features before the last layer, whitened, and logits, in one go.
// Not here: what they say (gate.ts). Invariant: the network and its weights stay as they are; by the plan an image has the same scores in
// every batch and at any number of threads.
import * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { lastDenseOf } from '../../models/index.ts';
import { createNetworkPredictor } from '../../plan/index.ts';
import { contrastOf, distanceOf, type OpenGate, unitScale } from './gate.ts';
import { scoresOfGate } from './packed-gate.ts';

/** Images that go through a network at once: more than its default, for shards have many. */
const BATCH_SIZE = 256;

/**
 * The layers whose channels a gate looks at: those that pool, and the last one that is a map.
 *
 * @returns Their names; none of a network without maps
 */
export function gateLayersOf(model: tf.LayersModel): string[] {
  const maps = model.layers.filter(({ outputShape }) => outputShape.length === 4 && !Array.isArray(outputShape[0]));
  return maps
    .filter((layer, i) => /^(Max|Average)Pooling2D$/.test(layer.getClassName()) || i === maps.length - 1)
    .map(({ name }) => name);
}

/** Features of images, a row each. */
export interface FeatureReader {
  /** Of each layer, and of the last one. */
  readonly widths: readonly number[];
  /** @param levels `[count, height, width, channels]` from 0 to 1 */
  read(levels: Float32Array): Float32Array;
  dispose(): void;
}

/** @returns Undefined for a network that does not end in a dense layer, or has no plan: there an image may differ from batch to batch */
export function openFeatures(model: tf.LayersModel, layers: readonly string[]): FeatureReader | undefined {
  const last = lastDenseOf(model);
  if (!last) return undefined;
  const outputs = [...layers.map((name) => meanOfChannels(model, name)), last.features];
  const predictor = createNetworkPredictor(tf.model({ inputs: model.inputs, outputs }), { batchSize: BATCH_SIZE });
  if (predictor.unplanned !== undefined) {
    predictor.dispose();
    return undefined;
  }
  const widths = outputs.map(({ shape }) => shape[1]!);
  return { widths, read: (levels) => joinRows(predictor.predict(levels), widths), dispose: () => predictor.dispose() };
}

function meanOfChannels(model: tf.LayersModel, name: string): tf.SymbolicTensor {
  const { output } = model.getLayer(name);
  return tf.layers.globalAveragePooling2d({}).apply(output) as tf.SymbolicTensor;
}

function joinRows(columns: readonly Float32Array[], widths: readonly number[]): Float32Array {
  const row = widths.reduce((sum, width) => sum + width, 0);
  const count = columns[0]!.length / widths[0]!;
  const rows = new Float32Array(count * row);
  let first = 0;
  widths.forEach((width, part) => {
    const own = columns[part]!;
    for (let i = 0; i < count; i++) rows.set(own.subarray(i * width, (i + 1) * width), i * row + first);
    first += width;
  });
  return rows;
}

/** What a gate reads of images. */
export interface GateReading {
  readonly logits: Float32Array;
  /** `[count, parts]`: the distance of each part, and the contrast. */
  readonly scores: Float64Array;
}

export interface GateReader {
  readonly classes: number;
  /** @param levels `[count, height, width, channels]` from 0 to 1 */
  read(levels: Float32Array): GateReading;
  dispose(): void;
}

/**
 * Opens a network to be read by a gate.
 *
 * @throws SelvedgeError `categorise/calibration` for a gate of another network
 */
export function openGateReader(model: tf.LayersModel, gate: OpenGate): GateReader {
  const last = lastDenseOf(model);
  const { layers, parts, contrast } = gate;
  const refuse = (expected: string, got: string): SelvedgeError =>
    new SelvedgeError(
      'categorise/calibration',
      `Cannot use the calibration with "${model.name}": expected ${expected}, got ${got}`,
    );
  if (!last) throw refuse('a dense layer at its end', 'another');
  const missing = layers.find((name) => !model.layers.some((layer) => layer.name === name));
  if (missing !== undefined) throw refuse(`a layer "${missing}"`, 'none');
  const features = [...layers.map((name) => meanOfChannels(model, name)), last.features];
  const heads: tf.layers.Layer[] = [];
  const whitened = parts.map(({ width, whitening }, i) => {
    if (features[i]!.shape[1] !== width) throw refuse(`features of width ${width}`, `${features[i]!.shape[1]}`);
    const kernel = new Float32Array(width * width);
    for (let r = 0; r < width; r++) for (let c = 0; c < width; c++) kernel[c * width + r] = whitening[r * width + c]!;
    const head = denseOf(features[i]!, kernel, new Float32Array(width), `whitened_${i}`);
    heads.push(head.layer);
    return head.output;
  });
  const end = denseOf(last.features, last.kernel, last.bias, 'logits');
  heads.push(end.layer);
  const network = tf.model({ inputs: model.inputs, outputs: [...features, ...whitened, end.output] });
  const predictor = createNetworkPredictor(network, { batchSize: BATCH_SIZE });
  const each = scoresOfGate(gate);
  const room = new Float64Array(contrast?.weights.length ?? 0);
  const widths = parts.map(({ width }) => width);
  return {
    classes: last.classes,
    read(levels) {
      const found = predictor.predict(levels);
      const logits = found.at(-1)!;
      const rows = joinRows(found.slice(0, parts.length), widths);
      const row = rows.length / (logits.length / last.classes);
      const scores = new Float64Array((each * logits.length) / last.classes);
      for (let i = 0, at = 0; at < rows.length; i++, at += row) {
        parts.forEach(({ first, width, isUnit, means }, part) => {
          const scale = isUnit ? unitScale(rows.subarray(at + first, at + first + width)) : 1;
          const own = found[parts.length + part]!.subarray(i * width, (i + 1) * width);
          scores[i * each + part] = distanceOf(own, scale, means);
        });
        if (contrast) scores[(i + 1) * each - 1] = contrastOf(rows.subarray(at, at + row), contrast, room);
      }
      return { logits, scores };
    },
    dispose() {
      predictor.dispose();
      for (const { weights } of heads) for (const variable of weights) variable.dispose();
    },
  };
}

function denseOf(
  input: tf.SymbolicTensor,
  kernel: Float32Array,
  bias: Float32Array,
  name: string,
): { readonly layer: tf.layers.Layer; readonly output: tf.SymbolicTensor } {
  const layer = tf.layers.dense({ units: bias.length, name });
  const output = layer.apply(input) as tf.SymbolicTensor;
  const weights = [tf.tensor(kernel, [kernel.length / bias.length, bias.length]), tf.tensor(bias, [bias.length])];
  layer.setWeights(weights);
  for (const weight of weights) weight.dispose();
  return { layer, output };
}
