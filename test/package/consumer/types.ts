// A user's TypeScript: every entry of the package, with types that hold.
import type * as tf from '@tensorflow/tfjs-layers';
import { type BackendInfo, buildModel, type FitResult, fit, fitDefaults, provideFiles, startBackend } from 'selvedge';
import type { RunningBackend } from 'selvedge/backend';
import { SelvedgeError } from 'selvedge/core';
import { type Dataset, loadFashionMnistSample, placeDataset } from 'selvedge/data';
import { type Classifier, createClassifier } from 'selvedge/edge';
import type { Evaluation } from 'selvedge/evaluation';
import { modelNames } from 'selvedge/models';
import { createPredictor } from 'selvedge/plan';
import { encodeGrayPng } from 'selvedge/report';
import { createApp } from 'selvedge/serve';
import { createLocalApp } from 'selvedge/serve/local';
import { parseTaskFile } from 'selvedge/tasks';
import type { EpochRecord } from 'selvedge/training';

export async function train(data: Dataset): Promise<FitResult> {
  const engine: RunningBackend = await startBackend({ threads: 2 });
  const info: BackendInfo = engine.info;
  const model: tf.LayersModel = buildModel('baseline', { inputShape: [28, 28, 1], classes: info.threads });
  const result = await fit(model, { training: placeDataset(data).examples(), settings: fitDefaults });
  const last: EpochRecord | undefined = result.history.at(-1);
  if (last === undefined) throw new SelvedgeError('example/none', 'No epoch');
  createPredictor(model).dispose();
  return result;
}

export const classify = (classifier: Classifier): Float32Array => classifier.classify(new Uint8Array(784));
export const accuracyOf = ({ accuracy }: Evaluation): number => accuracy;
export const all = {
  createApp,
  createClassifier,
  createLocalApp,
  encodeGrayPng,
  loadFashionMnistSample,
  modelNames,
  parseTaskFile,
};
provideFiles({ 'png.wasm': new URL('https://cdn.example/png.wasm') });
// @ts-expect-error: no such file
provideFiles({ 'gif.wasm': new URL('https://cdn.example/gif.wasm') });
