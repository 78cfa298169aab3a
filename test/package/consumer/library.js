// A user's module, the same on Node, Bun and Deno: trains, predicts, draws a picture and has the HTTP app classify it. Prints one JSON line.
import {
  buildModel,
  createPredictor,
  fit,
  fitDefaults,
  initializeWeights,
  loadFashionMnistSample,
  placeDataset,
  startBackend,
  weightsDigest,
} from 'selvedge';
import { encodeGrayPng } from 'selvedge/report';
import { createLocalApp } from 'selvedge/serve/local';

const engine = await startBackend({ threads: 2 });
const { train, test } = await loadFashionMnistSample();
const model = buildModel('baseline', { inputShape: [28, 28, 1], classes: 10 });
initializeWeights(model, 1);
const settings = { ...fitDefaults, epochs: 1 };
const { history } = await fit(model, { training: placeDataset(train).examples(), settings });
const predictor = createPredictor(model);
const probabilities = predictor.predict(new Float32Array(784));
predictor.dispose();
const weights = await weightsDigest(model);
await engine.stop();

const app = await createLocalApp();
const png = new Uint8Array(encodeGrayPng({ pixels: test.images.subarray(0, 784), width: 28, height: 28 }));
const answer = await app.request('/classify', { method: 'POST', body: png, headers: { 'content-type': 'image/png' } });

console.log(
  JSON.stringify({
    engine: engine.info,
    epochs: history.length,
    probabilities: probabilities.length,
    weights,
    answer: await answer.json(),
    label: test.labels[0],
  }),
);
