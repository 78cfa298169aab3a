// tfjs as its own users call it, `predict` and `fit`, on one of three backends: stock cpu, stock wasm, or ours (`selvedge`).
// Stock wasm cannot train: it lacks the gradient of a convolution's filter.
import * as tf from '@tensorflow/tfjs';
import { startBackend } from '../../src/backend/index.ts';
import { loadModel } from '../../src/models/index.ts';
import { platform } from '../../src/platform/index.ts';
import type { TrainingRound } from '../training-rounds.ts';
import { type Contestant, serve } from './serve.ts';
import { type LoadedWorkload, toFloats, trainingData } from './workload.ts';

/** So that no round runs out of epochs. */
const EPOCHS = 1_000_000;

await serve(async ({ task, batchSize, settings }, workload) => {
  if (settings.backend === 'wasm') await import('@tensorflow/tfjs-backend-wasm');
  if (settings.backend === 'selvedge') await startBackend({ threads: Number(settings.threads) });
  else await tf.setBackend(String(settings.backend));
  const { model } = await loadModel(workload.path(task === 'training' ? 'initial' : 'trained'));
  const version = `${tf.version_core} on ${platform.runtime.name} ${platform.runtime.version}`;
  return task === 'training'
    ? { version, train: await trainer(model, workload, batchSize) }
    : { version, predict: predictor(model, workload) };
});

function predictor(
  model: tf.LayersModel,
  { height, width, channels }: LoadedWorkload,
): NonNullable<Contestant['predict']> {
  return (images, count) =>
    tf.tidy(() => {
      const x = tf.tensor4d(images, [count, height, width, channels]);
      return (model.predict(x, { batchSize: count }) as tf.Tensor).dataSync();
    });
}

async function trainer(
  model: tf.LayersModel,
  workload: LoadedWorkload,
  batchSize: number,
): Promise<(milliseconds: number) => Promise<TrainingRound>> {
  const { images, labels, count, height, width, channels, classNames } = await trainingData(workload);
  const x = tf.tensor4d(toFloats(images), [count, height, width, channels]);
  const y = tf.oneHot(tf.tensor1d(Int32Array.from(labels), 'int32'), classNames.length).toFloat();
  model.compile({ optimizer: tf.train.adam(), loss: 'categoricalCrossentropy' });
  return async (milliseconds) => {
    const losses: number[] = [];
    let seen = 0;
    let start = 0;
    let elapsedMs = 0;
    await model.fit(x, y, {
      batchSize,
      epochs: EPOCHS,
      verbose: 0,
      // The others would wait for a frame in between.
      yieldEvery: 'never',
      callbacks: {
        // The batch is gathered after this, and its loss is read before the next.
        onBatchBegin: async () => {
          if (losses.length === 0) start = platform.now();
        },
        onBatchEnd: async (_, logs) => {
          losses.push(logs!.loss!);
          seen += logs!.size!;
          elapsedMs = platform.now() - start;
          if (elapsedMs >= milliseconds) model.stopTraining = true;
        },
      },
    });
    const loss = losses.reduce((sum, value) => sum + value, 0) / losses.length;
    return { images: seen, elapsedMs, firstLoss: losses[0]!, loss };
  };
}
