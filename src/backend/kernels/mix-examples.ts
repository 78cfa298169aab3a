// Binding of the kernel that mixes each example of a batch with another. Not a tfjs kernel: called directly. Not here: which pairs, and
// how much of each (data/mixing.ts).
import { float32Bits } from '../float-bits.ts';
import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type { TensorInfo } from '../tfjs.ts';

/** How much of each example of a batch comes from its partner. */
export interface MixValues {
  readonly kind: 'mixup' | 'cutMix';
  /** What of the label, and by mixup of the image, is the example's own. */
  readonly share: number;
  /** The partner's part of the image: rows [top, bottom), columns [left, right). Of CutMix alone. */
  readonly box: { readonly top: number; readonly left: number; readonly bottom: number; readonly right: number };
}

interface MixOffsets {
  readonly images: number;
  readonly partnerImages: number;
  readonly mixedImages: number;
  readonly labels: number;
  readonly partnerLabels: number;
  readonly mixedLabels: number;
  /** 0: partners lie in the same rows. */
  readonly partners: number;
}

/** Position in `mixWords` of those that change with each batch. */
export const MIX_VALUES_AT = 11;

/** The words that change with each batch; undefined: nothing is mixed. */
export function mixValueWords(values: MixValues | undefined): number[] {
  if (!values) return [0, 0, 0, 0, 0, 0];
  const { kind, share, box } = values;
  return [kind === 'mixup' ? 1 : 2, float32Bits(share), box.top, box.left, box.bottom, box.right];
}

/**
 * Argument words of the kernel, whose unit is an example: `MixArgs` in assembly/mix-examples.ts.
 *
 * @param shape Height, width, channels
 */
export function mixWords(
  offsets: MixOffsets,
  [height, width, channels]: readonly [number, number, number],
  classes: number,
  values: MixValues | undefined,
): number[] {
  const { images, partnerImages, mixedImages, labels, partnerLabels, mixedLabels, partners } = offsets;
  const places = [images, partnerImages, mixedImages, labels, partnerLabels, mixedLabels, partners];
  return [...places, width, channels, height * width * channels, classes, ...mixValueWords(values)];
}

/**
 * Mixes each example of a batch with another of it.
 *
 * @param x float32 `[batch, height, width, channels]`; of other ranks for mixup alone
 * @param y float32 `[batch, classes]`
 * @param partners Byte offset of one int32 an example: the row of its partner
 * @returns New tensors shaped as x and y; the caller disposes them
 */
export function mixExamples(
  backend: SelvedgeBackend,
  { x, y }: { readonly x: TensorInfo; readonly y: TensorInfo },
  partners: number,
  values: MixValues,
): { readonly x: TensorInfo; readonly y: TensorInfo } {
  const [batch = 0, ...shape] = x.shape;
  // What is no image is mixed as a row of numbers.
  const [height, width, channels] = shape.length === 3 ? shape : [1, shape.reduce((product, n) => product * n, 1), 1];
  const mixed = { x: backend.output(x.shape, 'float32'), y: backend.output(y.shape, 'float32') };
  const [images, labels] = [backend.offset(x), backend.offset(y)];
  const words = mixWords(
    {
      images,
      partnerImages: images,
      mixedImages: backend.offset(mixed.x),
      labels,
      partnerLabels: labels,
      mixedLabels: backend.offset(mixed.y),
      partners,
    },
    [height!, width!, channels!],
    y.shape[1]!,
    values,
  );
  backend.pool.run('mixExamples', batch, words);
  return mixed;
}
