// What a report says of the settings that a model was trained with, a row each. Not here: what decides them (train.ts).
// Invariant: what a run leaves at nothing has no row, but for augmentation.
import { describeMixing } from '../data/mixing.ts';
import { resamplingCounts } from '../data/resample.ts';
import type { Setting } from '../report/study-report-input.ts';
import { describeExecution, describeLoss, describeOptimizer, describeSchedule } from '../training/index.ts';
import type { RunConfig, RunSettings } from './run-files.ts';

/** The rows of a run, in the order of the report; how it was executed is told once it is known. */
export function settingRows({ settings, execution }: Pick<RunConfig, 'settings' | 'execution'>): Setting[] {
  const { optimizer, schedule, averaging, mixing, clipNorm, frozen, preprocessing, resampling } = settings;
  const initialWeights = initialWeightsOf(settings);
  const course = describeSchedule(schedule);
  const weighting = describeLoss(settings);
  return [
    { name: 'Epochs', value: String(settings.epochs) },
    { name: 'Batch size', value: String(settings.batchSize) },
    { name: 'Loss', value: `categorical cross-entropy${weighting ? `, ${weighting}` : ''}` },
    { name: 'Optimiser', value: describeOptimizer(optimizer) },
    ...(clipNorm === undefined ? [] : [{ name: 'Gradients', value: `clipped to a norm of ${clipNorm}` }]),
    ...(averaging
      ? [{ name: 'Weights', value: `averages that keep ${averaging.decay} of themselves in an update` }]
      : []),
    ...(course ? [{ name: 'Schedule', value: course }] : []),
    ...(initialWeights ? [{ name: 'Initial weights', value: initialWeights }] : []),
    ...(frozen ? [{ name: 'Frozen layers', value: frozen.join(', ') }] : []),
    { name: 'Seed', value: String(settings.seed) },
    ...(preprocessing ? [{ name: 'Preprocessing', value: preprocessing }] : []),
    { name: 'Augmentation', value: settings.augmentation ? 'yes' : 'none' },
    ...(mixing ? [{ name: 'Mixing', value: describeMixing(mixing) }] : []),
    {
      name: 'Convolutions',
      value: settings.exactConvolution ? 'tap by tap' : "3x3 of stride 1 by Winograd's algorithm where it saves",
    },
    ...(execution ? [{ name: 'Run', value: describeExecution(execution) }] : []),
    { name: 'Training examples', value: String(settings.examples) },
    ...(resampling
      ? [{ name: 'Resampling', value: `each class drawn as often as the ${resamplingCounts[resampling]}` }]
      : []),
  ];
}

function initialWeightsOf({ from, network }: RunSettings): string | undefined {
  if (from) return `those of ${from.model}, sha256 ${from.weights}`;
  // Recipes name networks, which say it of their layers.
  return network ? undefined : 'He normal in the first convolution, Glorot uniform elsewhere, zero biases';
}
