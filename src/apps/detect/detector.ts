// A detector at work: grey pictures to items with boxes, scores and classes. Op by op on our kernels, batch norm within the weights.
// Not here: pictures as files and their ground (find-items.ts), training. Invariant: what is found in a picture is a function of it alone:
// the same bits at any number of threads; tensors are released.

import { currentBackend } from '../../backend/index.ts';
import { conv2dForward } from '../../backend/kernels/conv-2d.ts';
import * as tf from '../../backend/tfjs.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { naturalExponential } from '../../core/exponential.ts';
import { type DetectedItem, suppress } from './boxes.ts';
import type { DetectorDescription, DetectorModel } from './detector-file.ts';
import { centreOf, edgeOf } from './loss.ts';
import { EDGES, SIDE_MULTIPLE, walk } from './network.ts';

export interface DetectOptions {
  /** Scores below are left out; above 0. */
  readonly threshold: number;
  /** `one`: a place has its likeliest class, and boxes of all classes suppress each other. `each`: a place may have several, as COCO's measure wants. */
  readonly classes: 'one' | 'each';
  /** Boxes that overlap a better one by more are dropped. Default: .5, chosen on validation scenes. */
  readonly overlap?: number;
  /** Most items of a picture. Default: 100. */
  readonly limit?: number;
}

/** Pictures that the network has seen: items of each, best first. */
export type Sight = (options: DetectOptions) => DetectedItem[][];

/** A detector whose weights are in the backend's memory. */
export interface Detector {
  readonly description: DetectorDescription;
  /**
   * Finds items in pictures of one size.
   *
   * @param images `[count, height, width, 1]`, 0 to 1, items light on dark, sides multiples of 8; not disposed
   * @returns Of each picture, best first
   */
  detect(images: tf.Tensor4D, options: DetectOptions): DetectedItem[][];
  /** The same for whoever asks more than once: computes the network now, and finds items when asked. */
  look(images: tf.Tensor4D): Sight;
  dispose(): void;
}

const OVERLAP = 0.5;
const LIMIT = 100;
/** Of places above the threshold, the best so many are looked at: a picture of nothing but items has fewer. */
const MOST_CANDIDATES = 3000;

/**
 * Copies a detector into the memory of the running backend.
 *
 * @throws SelvedgeError `backend/not-started`; its function throws `detect/size`, `detect/threshold`
 */
export function openDetector({ description, convolutions }: DetectorModel): Detector {
  const backend = currentBackend();
  const weights = new Map(
    convolutions.map(({ name, size, stride, inputs, outputs, kernel, bias }) => [
      name,
      { stride, kernel: tf.tensor(kernel, [size, size, inputs, outputs]) as tf.Tensor4D, bias: tf.tensor(bias) },
    ]),
  );
  const convolve = (name: string, x: tf.Tensor4D, activate: boolean): tf.Tensor4D => {
    const { kernel, bias, stride } = weights.get(name)!;
    const convInfo = tf.backend_util.computeConv2DInfo(x.shape, kernel.shape, stride, 1, 'same');
    const y = conv2dForward(backend, { x, filter: kernel, bias, activation: activate ? 'relu' : 'linear', convInfo });
    return tf.engine().makeTensorFromTensorInfo(y) as tf.Tensor4D;
  };
  const classes = description.classNames.length;
  const look = (images: tf.Tensor4D): Sight => {
    const [, height, width, channels] = images.shape;
    const isFitting = height % SIDE_MULTIPLE === 0 && width % SIDE_MULTIPLE === 0 && height > 0 && width > 0;
    if (!isFitting || channels !== 1) {
      throw new SelvedgeError(
        'detect/size',
        `Cannot find items in pictures of ${width} x ${height} x ${channels}: expected grey ones, sides multiples of ${SIDE_MULTIPLE}`,
      );
    }
    const outputs = tf.tidy(() => walk(images, description.widths.blocks, convolve));
    const [count, rows, columns] = outputs.shape;
    const values = outputs.dataSync<'float32'>().slice();
    outputs.dispose();
    const size = rows * columns * (classes + EDGES);
    return (options) => {
      checkThreshold(options.threshold);
      return Array.from({ length: count }, (_, i) =>
        decodeOutputs(values.subarray(i * size, (i + 1) * size), { columns, classes, width, height }, options),
      );
    };
  };
  return {
    description,
    look,
    detect(images, options) {
      checkThreshold(options.threshold);
      return look(images)(options);
    },
    dispose: () => tf.dispose([...weights.values()].flatMap(({ kernel, bias }) => [kernel, bias])),
  };
}

function checkThreshold(threshold: number): void {
  if (threshold > 0 && threshold < 1) return;
  throw new SelvedgeError(
    'detect/threshold',
    `Cannot find items above a score of ${threshold}: expected a number above 0 and below 1`,
  );
}

interface Outputs {
  readonly columns: number;
  readonly classes: number;
  readonly width: number;
  readonly height: number;
}

/**
 * What the outputs of a picture mean.
 *
 * @param outputs `[rows, columns, classes + 4]`
 */
export function decodeOutputs(
  outputs: Float32Array,
  { columns, classes, width, height }: Outputs,
  { threshold, classes: which, overlap = OVERLAP, limit = LIMIT }: DetectOptions,
): DetectedItem[] {
  const found: DetectedItem[] = [];
  const step = classes + EDGES;
  // Logits are compared, so that an exponential is taken where there is something only; the margin is for its rounding.
  const leastLogit = logitOf(threshold);
  for (let at = 0; at < outputs.length; at += step) {
    const labels = labelsAbove(outputs, at, classes, leastLogit, which);
    if (labels.length === 0) continue;
    const place = at / step;
    const [x, y] = [centreOf(place % columns), centreOf(Math.floor(place / columns))];
    const [left, top, right, bottom] = [0, 1, 2, 3].map((edge) => edgeOf(outputs[at + classes + edge]!));
    const box = [
      Math.max(0, x - left!),
      Math.max(0, y - top!),
      Math.min(width, x + right!),
      Math.min(height, y + bottom!),
    ] as const;
    for (const label of labels) found.push({ label, score: 1 / (1 + naturalExponential(-outputs[at + label]!)), box });
  }
  const best =
    found.length <= MOST_CANDIDATES
      ? found
      : found
          .map((item, i) => ({ item, i }))
          .sort((a, b) => b.item.score - a.item.score || a.i - b.i)
          .slice(0, MOST_CANDIDATES)
          .map(({ item }) => item);
  return suppress(best, { overlap, byClass: which === 'each', limit });
}

function labelsAbove(
  outputs: Float32Array,
  at: number,
  classes: number,
  least: number,
  which: DetectOptions['classes'],
): number[] {
  const labels: number[] = [];
  let best = -1;
  for (let label = 0; label < classes; label++) {
    if (!(outputs[at + label]! >= least)) continue;
    if (which === 'each') labels.push(label);
    else if (best < 0 || outputs[at + label]! > outputs[at + best]!) best = label;
  }
  return which === 'one' && best >= 0 ? [best] : labels;
}

/** The logit of a score, by bisection over our own exponential. */
function logitOf(score: number): number {
  let [low, high] = [-50, 50];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (1 / (1 + naturalExponential(-middle)) < score) low = middle;
    else high = middle;
  }
  return high;
}
