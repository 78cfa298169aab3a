// The contestant that is us: our trainer and our predictions, in a process of its own as the peers are.
import { startBackend } from '../../src/backend/index.ts';
import { version } from '../../src/core/version.ts';
import { placeDataset } from '../../src/data/index.ts';
import { loadModel } from '../../src/models/index.ts';
import { platform } from '../../src/platform/index.ts';
import { createPredictor } from '../predictor.ts';
import { trainingRounds } from '../training-rounds.ts';
import { serve } from './serve.ts';
import { trainingData } from './workload.ts';

await serve(async ({ task, batchSize, settings }, workload) => {
  await startBackend({ threads: Number(settings.threads) });
  const { name, version: runtimeVersion } = platform.runtime;
  const about = { version: `${version} on ${name} ${runtimeVersion}` };
  const { model } = await loadModel(workload.path(task === 'training' ? 'initial' : 'trained'));
  if (task === 'inference') {
    const predictor = createPredictor(model);
    return { ...about, predict: (images) => predictor.predict(images) };
  }
  const rounds = trainingRounds(model, placeDataset(await trainingData(workload)).examples(), batchSize);
  return { ...about, train: (milliseconds) => rounds.round(milliseconds) };
});
