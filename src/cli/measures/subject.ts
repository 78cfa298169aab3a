// What is measured: a model, loaded when the first measure asks for it, and the data set. Not here: any measure.
// Invariant: validation images are given only where the model says that it was not trained on them.
import { placeDataset } from '../../data/batches.ts';
import { type Dataset, subsetOf } from '../../data/dataset.ts';
import type { LoadedData } from '../../data/sources.ts';
import { type Split, splitTrainValidation } from '../../data/split.ts';
import { weightsDigest } from '../../models/index.ts';
import { createPredictor, type Predictor } from '../../plan/index.ts';
import { platform } from '../../platform/index.ts';
import type { ChosenModel } from '../chosen-model.ts';
import type { CommandContext } from '../command.ts';
import { requireFitting } from '../model-data.ts';
import { startSawValidation, type TrainedWith } from '../seen-images.ts';

const PREDICT_BATCH = 250;

/** The model under measurement, ready to predict. */
export interface MeasuredModel extends ChosenModel {
  /** sha256 of the weights. */
  readonly weights: string;
  readonly predictor: Predictor;
  /** What was kept from training by the study's split, or why there is nothing. */
  readonly validation: Dataset | { readonly reason: string };
  /** Probabilities `[count, classes]`; the event loop has a turn between batches. */
  probabilitiesOf(set: Dataset): Promise<Float32Array>;
  /** The same of images that are no data set, `[count, height, width, 1]` from 0 to 255. */
  probabilitiesOfImages(images: Uint8Array): Promise<Float32Array>;
}

export interface Subject {
  readonly context: CommandContext;
  readonly data: LoadedData;
  /** Loads the model, once. */
  model(): Promise<MeasuredModel>;
  dispose(): void;
}

/** What one measure has found. */
export interface Measured {
  /** Plain values for docs/results. */
  readonly result: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** A published figure to hold ours against. */
export interface Anchor {
  readonly figure: string;
  readonly value: number | string;
  readonly source: string;
}

/** @param open Loads the model, if a measure asks for it */
export function openSubject(context: CommandContext, data: LoadedData, open: () => Promise<ChosenModel>): Subject {
  let loading: Promise<MeasuredModel> | undefined;
  let loaded: MeasuredModel | undefined;
  return {
    context,
    data,
    async model() {
      loading ??= load(open, data);
      loaded = await loading;
      return loaded;
    },
    dispose() {
      loaded?.predictor.dispose();
      loaded?.model.dispose();
    },
  };
}

async function load(open: () => Promise<ChosenModel>, data: LoadedData): Promise<MeasuredModel> {
  const chosen = await open();
  requireFitting(data, chosen);
  const predictor = createPredictor(chosen.model, { batchSize: PREDICT_BATCH });
  const probabilitiesOf = async (set: Dataset): Promise<Float32Array> => {
    const resident = placeDataset(set);
    try {
      const examples = resident.examples();
      return await inBatches(set.count, predictor.classes, (start, end) =>
        predictor.predictExamples(examples, start, end),
      );
    } finally {
      resident.dispose();
    }
  };
  const { test } = data;
  const size = test.height * test.width * test.channels;
  return {
    ...chosen,
    predictor,
    weights: await weightsDigest(chosen.model),
    validation: validationOf(chosen.metadata.settings, data),
    probabilitiesOf,
    probabilitiesOfImages: (images) => {
      const count = images.length / size;
      return probabilitiesOf({ ...test, name: 'images', images, labels: new Uint8Array(count), count });
    },
  };
}

async function inBatches(
  count: number,
  classes: number,
  predict: (start: number, end: number) => Float32Array,
): Promise<Float32Array> {
  const all = new Float32Array(count * classes);
  for (let start = 0; start < count; start += PREDICT_BATCH) {
    // So that Ctrl-C is heard between batches.
    await platform.giveWay();
    all.set(predict(start, Math.min(start + PREDICT_BATCH, count)), start * classes);
  }
  return all;
}

export function validationOf(settings: unknown, data: LoadedData): MeasuredModel['validation'] {
  const parts = partsOf(settings, data);
  return 'reason' in parts ? parts : subsetOf(data.train, parts.validation, 'validation');
}

/** Whether a set is Fashion-MNIST, or its sample: what was published of that says nothing of others. */
export const isStudied = ({ source }: Pick<LoadedData, 'source'>): boolean => source.origin === undefined;

/** Places in the training set: what a model was trained on, and what its training kept for validation; or why that is not known. */
export function partsOf(settings: unknown, { train, source, split }: LoadedData): Split | { readonly reason: string } {
  const told = (settings ?? {}) as TrainedWith;
  const { data, validationExamples, splitSeed } = told;
  if (data === undefined || validationExamples === undefined || splitSeed === undefined) {
    return { reason: 'the model does not say what it was trained on' };
  }
  if (data.join() !== source.files.map(({ sha256 }) => sha256).join()) {
    return { reason: 'the model was trained on other data than this' };
  }
  if (validationExamples === 0) return { reason: 'the model was trained on all training images' };
  if (startSawValidation(told))
    return { reason: 'what the model started from was trained on images that it kept for validation' };
  return split ?? splitTrainValidation(train.count, { testSize: validationExamples, randomState: splitSeed });
}
