// How training examples are resampled and augmented, from the settings that recipes and runs have. Not here: doing it (batches.ts).
// Invariant: one seed draws both, so that equal settings and seeds give equal examples wherever they are trained on.
import { type AugmentationSettings, defaultAugmentation } from './augmentation.ts';
import type { ExampleOptions } from './batches.ts';
import { type ResamplingName, resamplingCounts } from './resample.ts';

/** What a recipe or a run says of its examples. */
export interface ExampleSettings {
  /** Default: each example once. */
  readonly resampling?: ResamplingName | undefined;
  /** True for the default one; default: images as they are. */
  readonly augmentation?: boolean | AugmentationSettings | undefined;
  /** From 0 to 2^32 - 1. */
  readonly seed: number;
}

/** The options of `ResidentDataset.examples` that these settings mean. */
export function exampleOptionsOf({
  resampling,
  augmentation,
  seed,
}: ExampleSettings): Pick<ExampleOptions, 'resampling' | 'augmentation'> {
  const settings = augmentation === true ? defaultAugmentation : augmentation;
  return {
    ...(resampling ? { resampling: { counts: resamplingCounts[resampling], seed } } : {}),
    ...(settings ? { augmentation: { seed, settings } } : {}),
  };
}
