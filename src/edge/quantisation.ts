// Weights as int8: each output channel of a layer has levels from -127 to 127 and a float32 scale. Symmetric, so that zero stays zero.
// Source: R. Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference", arXiv 1806.08342, section 3.1.
// Invariant: a weight comes back within half a scale of what it was, and the same bits come back on every engine.

/** Weights `[…, channels]`, a scale a channel. */
export interface QuantisedWeights {
  /** f32 `[channels]`. */
  readonly scales: Float32Array;
  /** i8, in the order of the weights. */
  readonly levels: Int8Array;
}

const MAX_LEVEL = 127;

/**
 * Rounds weights to levels of their channel.
 *
 * @param weights f32 `[…, channels]`, below 2^127 in size
 * @param channels Output channels: the last extent, or the last two of a depthwise filter
 * @example
 * ```ts
 * import { dequantise, quantise } from 'selvedge';
 * const { scales, levels } = quantise(Float32Array.of(1, 0.5, -2, 0.25), 2);
 * console.assert(levels.join() === '64,127,-127,64' && scales.length === 2);
 * console.assert(dequantise({ scales, levels })[2] === -2);
 * ```
 */
export function quantise(weights: Float32Array, channels: number): QuantisedWeights {
  const scales = new Float32Array(channels);
  for (let i = 0; i < weights.length; i++) {
    const size = Math.abs(weights[i]!);
    if (size > scales[i % channels]!) scales[i % channels] = size;
  }
  for (let channel = 0; channel < channels; channel++) scales[channel] = scales[channel]! / MAX_LEVEL;
  const levels = new Int8Array(weights.length);
  for (let i = 0; i < weights.length; i++) {
    const scale = scales[i % channels]!;
    // Of a channel of zeros, or of numbers so small that a level of them is none.
    const level = scale === 0 ? 0 : Math.round(weights[i]! / scale);
    levels[i] = Math.min(MAX_LEVEL, Math.max(-MAX_LEVEL, level));
  }
  return { scales, levels };
}

/**
 * The weights that levels stand for: level times scale, rounded once.
 *
 * @param into Where they go; default: a new array
 */
export function dequantise(
  { scales, levels }: QuantisedWeights,
  into: Float32Array = new Float32Array(levels.length),
): Float32Array {
  const channels = scales.length;
  for (let i = 0; i < levels.length; i++) into[i] = levels[i]! * scales[i % channels]!;
  return into;
}
