// Argument words of `planCopyRuns` in assembly/plan/copy-runs.ts. Not a stage.
import type { Value } from '../fuse.ts';

/** A rectangle of channels in the stored part of a value. */
export interface Part {
  /** Byte offset of the value's buffer. */
  readonly at: number;
  readonly value: Value;
  readonly top?: number;
  readonly left?: number;
  readonly channel?: number;
}

/**
 * Words that copy a rectangle of the same size from one value to another.
 *
 * @param size Rows, pixels of a row, channels of a pixel
 * @param clears Whether what is not copied is zeroed; the rectangle then begins at the upper left, at the first channel
 */
export function copyWords(
  from: Part,
  to: Part,
  [rows, pixels, channels]: readonly [number, number, number],
  clears = false,
): number[] {
  const [source, target] = [from, to].map(({ at, value, top = 0, left = 0, channel = 0 }) => {
    const pixel = value.shape[2] * 4;
    const row = value.used[1] * pixel;
    return { at: at + top * row + left * pixel + channel * 4, pixel, row, image: value.used[0] * row };
  }) as [PartLayout, PartLayout];
  const isWhole = channels * 4 === source.pixel && channels * 4 === target.pixel;
  // Rows of whole pixels are one run.
  const [runs, runBytes] = isWhole ? [1, pixels * channels * 4] : [pixels, channels * 4];
  const steps = [source.pixel, source.row, source.image, target.pixel, target.row, target.image];
  return [source.at, target.at, rows, runs, runBytes, ...steps, clears ? 1 : 0];
}

interface PartLayout {
  readonly at: number;
  readonly pixel: number;
  readonly row: number;
  readonly image: number;
}
