// Mixing of training examples: mixup and CutMix, by one share a batch. The arithmetic is in assembly/mix-examples.ts.
// Invariant: what is mixed with what, and how much, is a function of (seed, number of the update, size of the batch, settings), the same
// on every engine; partners are a permutation of the batch.
import { currentBackend } from '../backend/index.ts';
import { type MixValues, mixExamples } from '../backend/kernels/mix-examples.ts';
import type * as tf from '../backend/tfjs.ts';
import { drawBeta } from '../core/beta.ts';
import { SelvedgeError } from '../core/errors.ts';
import { createPhilox, drawPermutation, type Philox, randomStreams } from '../core/philox.ts';
import { int32Bytes, tensorOf, withBytes } from './backend-memory.ts';
import type { Batch } from './batches.ts';

/** Which examples are mixed, and how much. Where both alphas are above 0, a coin decides for each batch. */
export interface MixingSettings {
  /** Of Beta(alpha, alpha), which the share of mixup is drawn from (Zhang et al. 2018); 0: no mixup. */
  readonly mixupAlpha: number;
  /** The same of CutMix (Yun et al. 2019). */
  readonly cutMixAlpha: number;
  /** Of a batch to be mixed at all. */
  readonly probability: number;
}

/** What happens to one batch. */
export interface Mix extends MixValues {
  /** Row of the partner of each example. */
  readonly partners: Int32Array;
}

/** What the choices depend on. */
export interface MixKey {
  readonly seed: number;
  /** Number of the update, from the start of the training. */
  readonly update: number;
  /** Examples of the batch. */
  readonly size: number;
  /** Of an image. */
  readonly height: number;
  readonly width: number;
}

const SMALLEST_ALPHA = 0.001;
const LARGEST_ALPHA = 1000;
const NO_BOX = { top: 0, left: 0, bottom: 0, right: 0 };

/** What settings must fulfil, each with the words for a setting that does not. */
export function mixingRules({ mixupAlpha, cutMixAlpha, probability }: MixingSettings): [boolean, string][] {
  const isAlpha = (value: number): boolean => value === 0 || (value >= SMALLEST_ALPHA && value <= LARGEST_ALPHA);
  const range = `expected 0, or from ${SMALLEST_ALPHA} to ${LARGEST_ALPHA}`;
  return [
    [isAlpha(mixupAlpha), `an alpha of mixup of ${mixupAlpha}: ${range}`],
    [isAlpha(cutMixAlpha), `an alpha of CutMix of ${cutMixAlpha}: ${range}`],
    [mixupAlpha > 0 || cutMixAlpha > 0, 'mixing by alphas of 0: expected one of them above 0, or no mixing'],
    [probability >= 0 && probability <= 1, `mixing with a probability of ${probability}: expected from 0 to 1`],
  ];
}

/** The settings in words. */
export function describeMixing({ mixupAlpha, cutMixAlpha, probability }: MixingSettings): string {
  const parts = [
    ...(mixupAlpha > 0 ? [`mixup of shares of Beta(${mixupAlpha}, ${mixupAlpha})`] : []),
    ...(cutMixAlpha > 0 ? [`CutMix of shares of Beta(${cutMixAlpha}, ${cutMixAlpha})`] : []),
  ];
  return `${parts.join(' or ')}${probability < 1 ? `, in ${+(100 * probability).toFixed(2)}% of the batches` : ''}`;
}

/**
 * Draws what happens to a batch.
 *
 * @returns Nothing where the batch stays as it is
 * @throws SelvedgeError `mixing/settings`, `random/bad-seed`
 * @example
 * ```ts
 * import { drawMix } from 'selvedge';
 * const settings = { mixupAlpha: 0.2, cutMixAlpha: 0, probability: 1 };
 * const mix = drawMix(settings, { seed: 1, update: 0, size: 4, height: 28, width: 28 });
 * console.assert(mix?.kind === 'mixup' && mix.partners.length === 4);
 * ```
 */
export function drawMix(settings: MixingSettings, key: MixKey): Mix | undefined {
  for (const [holds, message] of mixingRules(settings)) {
    if (!holds) throw new SelvedgeError('mixing/settings', `Cannot mix examples with ${message}`);
  }
  const { seed, update, size } = key;
  const { mixupAlpha, cutMixAlpha, probability } = settings;
  const draws = createPhilox({ seed, stream: randomStreams.mixing, substream: [update] });
  if (draws.nextUniform() >= probability) return undefined;
  const coin = draws.nextUniform();
  const isMixup = mixupAlpha > 0 && (cutMixAlpha === 0 || coin < 0.5);
  const share = drawBeta(draws, isMixup ? mixupAlpha : cutMixAlpha);
  const values = isMixup
    ? ({ kind: 'mixup', share: Math.fround(share), box: NO_BOX } as const)
    : cut(draws, share, key);
  return { ...values, partners: drawPermutation(draws, size) };
}

/** A rectangle about a random centre whose area, before the image's edge cuts it, is the partner's share; as in torchvision. */
function cut(draws: Philox, share: number, { height, width }: MixKey): MixValues {
  const ratio = 0.5 * Math.sqrt(1 - share);
  const [x, y] = [draws.nextBelow(width), draws.nextBelow(height)];
  const [halfWidth, halfHeight] = [Math.floor(ratio * width), Math.floor(ratio * height)];
  const box = {
    top: Math.max(0, y - halfHeight),
    left: Math.max(0, x - halfWidth),
    bottom: Math.min(height, y + halfHeight),
    right: Math.min(width, x + halfWidth),
  };
  const area = (box.bottom - box.top) * (box.right - box.left);
  return { kind: 'cutMix', share: Math.fround(1 - area / (height * width)), box };
}

/**
 * Mixes the examples of a batch, on all threads of the running backend.
 *
 * @param batch float32; not disposed
 * @returns A new batch, whose labels have shares of two classes; the caller disposes both tensors
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs';
 * import { mixBatch, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const x = tf.tensor4d([0, 1], [2, 1, 1, 1]);
 * const y = tf.tensor2d([1, 0, 0, 1], [2, 2]);
 * const box = { top: 0, left: 0, bottom: 0, right: 0 };
 * const mixed = mixBatch({ x, y }, { kind: 'mixup', share: 0.75, box, partners: Int32Array.of(1, 0) });
 * console.assert(mixed.x.dataSync().join() === '0.25,0.75' && mixed.y.dataSync().join() === '0.75,0.25,0.25,0.75');
 * await engine.stop();
 * ```
 */
export function mixBatch(batch: Batch, { partners, ...values }: Mix): Batch {
  const backend = currentBackend();
  const { x, y } = withBytes(backend, int32Bytes(partners), (at) => mixExamples(backend, batch, at, values));
  return { x: tensorOf(x) as tf.Tensor4D, y: tensorOf(y) as tf.Tensor2D };
}
