// Loads a saved model with tfjs alone, by tf.loadLayersModel over the files, and prints its predictions for the ramp that the
// test predicts too. Nothing of this project is imported. Argument: the folder.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';

const folder = process.argv[2]!;

/** tfjs in Node has no reader of files; its browser reader asks fetch. */
const answerFromFolder = async (url: string): Promise<Response> => {
  const bytes = readFileSync(path.join(folder, new URL(url).pathname));
  return new Response(bytes, {
    headers: { 'content-type': url.endsWith('.json') ? 'application/json' : 'application/octet-stream' },
  });
};

await tf.setBackend('cpu');
const fetchFunc = answerFromFolder as unknown as typeof fetch;
const model = await tf.loadLayersModel('http://model.test/model.json', { fetchFunc });
const images = tf.linspace(0, 1, 3 * 28 * 28).reshape([3, 28, 28, 1]);
const predictions = (model.predict(images) as tf.Tensor).dataSync();
process.stdout.write(JSON.stringify({ predictions: [...predictions], metadata: model.getUserDefinedMetadata() }));
