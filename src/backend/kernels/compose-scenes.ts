// Binding of the kernel that composes scenes of items. Not a tfjs kernel: called directly. Not here: checks of the settings
// (apps/detect/scenes.ts). Invariant: a scene is a function of the items, its number, the key and the settings alone.
import { float32Bits } from '../float-bits.ts';
import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type { TensorInfo } from '../tfjs.ts';
import type { ResidentBytes } from './gather-batch.ts';

/** Settings in the kernel's units, in its order. */
export interface SceneValues {
  readonly height: number;
  readonly width: number;
  /** Number of the first scene. */
  readonly first: number;
  readonly seed: number;
  readonly stream: number;
  /** Bit 0: overlap, bit 1: clutter; 4: as the last two bits of the scene's number say. */
  readonly kind: number;
  readonly fewest: number;
  /** At most 16. */
  readonly most: number;
  readonly scaleFrom: number;
  readonly scaleTo: number;
  /** Tangent of half the greatest angle. */
  readonly turn: number;
  readonly leastVisible: number;
  readonly clutter: number;
  readonly ground: number;
  readonly grain: number;
}

/** Label, left, top, right, bottom, visible share. */
export const FOUND_VALUES = 6;

/**
 * Composes scenes.
 *
 * @param from The items, of one channel
 * @param count Number of examples there, and of scenes wanted
 * @returns float32 `[scenes, height, width, 1]`, float32 `[scenes, most, 6]` and int32 `[scenes]`; the caller disposes them
 */
export function composeScenes(
  backend: SelvedgeBackend,
  from: ResidentBytes,
  count: { readonly examples: number; readonly scenes: number },
  values: SceneValues,
): { images: TensorInfo; found: TensorInfo; counts: TensorInfo } {
  const { height, width, most } = values;
  const images = backend.output([count.scenes, height, width, 1], 'float32');
  const found = backend.output([count.scenes, most, FOUND_VALUES], 'float32');
  const counts = backend.output([count.scenes], 'int32');
  const words = [
    from.images,
    from.labels,
    backend.offset(images),
    backend.offset(found),
    backend.offset(counts),
    count.examples,
    from.height,
    from.width,
    height,
    width,
    values.first,
    values.seed,
    values.stream,
    values.kind,
    values.fewest,
    most,
    float32Bits(values.scaleFrom),
    float32Bits(values.scaleTo),
    float32Bits(values.turn),
    float32Bits(values.leastVisible),
    values.clutter,
    float32Bits(values.ground),
    float32Bits(values.grain),
  ];
  const scratchBytes = 1024 + from.height * from.width + height * width;
  backend.pool.run('composeScenes', count.scenes, words, { scratchBytes, grain: 1 });
  return { images, found, counts };
}
