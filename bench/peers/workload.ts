// The work that all contestants do, as files in a folder: data, weights, and the model in the forms that they read.
// Not the work itself. Invariant: everyone starts from the same weights and sees the same images.
//
//   workload.json          Workload, with the graph
//   train-images.u8        [trainCount, height, width, channels]      train-labels.u8   [trainCount]
//   test-images.u8         [testCount, height, width, channels]
//   initial.f32, trained.f32      weights of the graph: before any training, and after a short one
//   initial/, trained/     the same as models of tfjs
//   trained.onnx           the same for the runtimes of ONNX
import type * as tf from '@tensorflow/tfjs';
import type { Dataset } from '../../src/data/index.ts';
import { placeDataset } from '../../src/data/index.ts';
import { initializeWeights, saveModel } from '../../src/models/index.ts';
import { platform } from '../../src/platform/index.ts';
import { buildBenchModel } from '../model.ts';
import { createPredictor } from '../predictor.ts';
import { trainingRounds } from '../training-rounds.ts';
import { describeGraph, type Graph } from './graph.ts';
import { encodeOnnx } from './onnx.ts';

export interface Workload {
  readonly model: string;
  readonly classNames: readonly string[];
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly trainCount: number;
  readonly testCount: number;
  /** Undefined where the model has a layer that the peers lack; then `unsupported` says which. */
  readonly graph?: Graph;
  readonly unsupported?: string;
}

/** A written workload and what the trained model says of its first test images. */
export interface WrittenWorkload {
  readonly folder: string;
  readonly workload: Workload;
  /** `[VERIFIED_IMAGES, classes]` */
  readonly expected: Float32Array;
  remove(): Promise<void>;
}

/** Images that every contestant's predictions are checked on. */
export const VERIFIED_IMAGES = 100;
/** Images that inference goes through again and again. */
const TEST_IMAGES = 1024;
/** Training before the weights for inference are kept, so that predictions are those of a model that knows something. */
const TRAINING_MS = 2_000;
const SEED = 1;

/**
 * Writes the workload of a model into a folder below the cache. Needs a started backend.
 *
 * @param name Of the registry
 * @param data Training and test images
 */
export async function writeWorkload(
  name: string,
  { train, test }: { readonly train: Dataset; readonly test: Dataset },
): Promise<WrittenWorkload> {
  const { files } = platform;
  // One folder a model: what a killed run left behind is overwritten by the next, and two runs at a time measure nothing anyway.
  const folder = files.join(platform.cacheFolder(), 'bench', name);
  const path = (file: string): string => files.join(folder, file);
  const { height, width, channels, classNames } = train;
  const testCount = Math.min(TEST_IMAGES, test.count);
  const testImages = test.images.subarray(0, testCount * height * width * channels);
  const model = await buildBenchModel(name, { inputShape: [height, width, channels], classes: classNames.length });
  try {
    initializeWeights(model, SEED);
    await saveModel(model, path('initial'));
    const initial = graphOf(model);
    await trainBriefly(model, train);
    await saveModel(model, path('trained'));
    const trained = graphOf(model);
    const { graph } = trained;
    const unsupported = trained.unsupported ?? undefined;
    const shape = { height, width, channels, trainCount: train.count, testCount };
    const workload: Workload = {
      model: name,
      classNames,
      ...shape,
      ...(graph ? { graph: graph.graph } : {}),
      ...(unsupported === undefined ? {} : { unsupported }),
    };
    if (initial.graph && graph) {
      await files.write(path('initial.f32'), bytesOf(initial.graph.values));
      await files.write(path('trained.f32'), bytesOf(graph.values));
      await files.write(path('trained.onnx'), encodeOnnx(graph));
    }
    await files.write(path('train-images.u8'), train.images);
    await files.write(path('train-labels.u8'), train.labels);
    await files.write(path('test-images.u8'), testImages);
    await files.write(path('workload.json'), JSON.stringify(workload));
    const expected = predictFirst(model, testImages, VERIFIED_IMAGES);
    return { folder, workload, expected, remove: () => files.remove(folder) };
  } catch (error) {
    await files.remove(folder);
    throw error;
  } finally {
    model.dispose();
  }
}

function graphOf(model: tf.LayersModel): { graph?: ReturnType<typeof describeGraph>; unsupported?: string } {
  try {
    return { graph: describeGraph(model) };
  } catch (error) {
    return { unsupported: (error as Error).message };
  }
}

async function trainBriefly(model: tf.LayersModel, train: Dataset): Promise<void> {
  const resident = placeDataset(train);
  try {
    await trainingRounds(model, resident.examples(), 128).round(TRAINING_MS);
  } finally {
    resident.dispose();
  }
}

function predictFirst(model: tf.LayersModel, images: Uint8Array, count: number): Float32Array {
  const size = model.inputs[0]!.shape.slice(1).reduce((product: number, extent) => product * extent!, 1);
  const predictor = createPredictor(model);
  try {
    return predictor.predict(toFloats(images.subarray(0, count * size)));
  } finally {
    predictor.dispose();
  }
}

/** Bytes as floats from 0 to 1. */
export const toFloats = (images: Uint8Array): Float32Array => Float32Array.from(images, (value) => value / 255);

const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** What a contestant reads of a workload. */
export interface LoadedWorkload extends Workload {
  /** Path of one of its files or folders. */
  path(name: string): string;
  readBytes(name: 'train-images.u8' | 'train-labels.u8' | 'test-images.u8' | 'trained.onnx'): Promise<Uint8Array>;
  readWeights(name: 'initial.f32' | 'trained.f32'): Promise<Float32Array>;
}

/** Reads the description of a workload; the rest is read when asked for. */
export async function openWorkload(folder: string): Promise<LoadedWorkload> {
  const { files } = platform;
  const path = (name: string): string => files.join(folder, name);
  const workload = JSON.parse(await files.readText(path('workload.json'))) as Workload;
  return {
    ...workload,
    path,
    readBytes: (name) => files.readBytes(path(name)),
    readWeights: async (name) => {
      const bytes = await files.readBytes(path(name));
      // A copy: what a file is read into need not begin at a multiple of four.
      return new Float32Array(bytes.slice().buffer);
    },
  };
}

/** The training images of a workload as a data set. */
export async function trainingData(workload: LoadedWorkload): Promise<Dataset> {
  const { height, width, channels, classNames, trainCount } = workload;
  const [images, labels] = await Promise.all([
    workload.readBytes('train-images.u8'),
    workload.readBytes('train-labels.u8'),
  ]);
  return { name: workload.model, images, labels, count: trainCount, height, width, channels, classNames };
}
