// Inverted dropout and its gradient. The mask is a function of (seed, step, layer, element).

import { float32Bits } from '../float-bits.ts';
import type { SelvedgeBackend, TensorReference } from '../selvedge-backend.ts';
import type { TensorInfo } from '../tfjs.ts';

const ELEMENTS_PER_UNIT = 2048;
const ELEMENTS_PER_GROUP = 32;

/** What decides a mask, besides the element. All are whole numbers from 0 to 2^32 - 1. */
export interface DropoutKey {
  readonly seed: number;
  readonly step: number;
  readonly layer: number;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

/**
 * Zeroes each element with probability `rate` and scales the others by 1 / (1 - rate).
 *
 * @param rate From 0 up to, not including, 1; applied with a resolution of 2^-16
 * @returns `y`, shaped as `x`, and the `mask` for the gradient (`bool`, length rounded up to 32)
 */
export function dropout(
  backend: SelvedgeBackend,
  x: TensorInfo,
  rate: number,
  key: DropoutKey,
): { y: TensorInfo; mask: TensorInfo } {
  const elements = sizeOf(x.shape);
  const y = backend.output(x.shape, 'float32');
  const mask = backend.output([Math.ceil(elements / ELEMENTS_PER_GROUP) * ELEMENTS_PER_GROUP], 'bool');
  const words = [
    backend.offset(x),
    backend.offset(y),
    backend.offset(mask),
    elements,
    Math.min(0xffff, Math.round(rate * 65536)),
    float32Bits(1 / (1 - rate)),
    key.seed,
    key.step,
    key.layer,
  ];
  backend.pool.run('dropout', Math.ceil(elements / ELEMENTS_PER_UNIT), words, { scratchBytes: 2 * ELEMENTS_PER_GROUP });
  return { y, mask };
}

/** Gradient of `dropout` with respect to its input: `dy` where the mask kept, scaled as forward. */
export function dropoutGrad(backend: SelvedgeBackend, dy: TensorInfo, mask: TensorReference, rate: number): TensorInfo {
  const elements = sizeOf(dy.shape);
  const dx = backend.output(dy.shape, 'float32');
  backend.pool.run('dropoutGrad', Math.ceil(elements / ELEMENTS_PER_UNIT), [
    backend.offset(dy),
    backend.offset(dx),
    backend.offset(mask),
    elements,
    float32Bits(1 / (1 - rate)),
  ]);
  return dx;
}
