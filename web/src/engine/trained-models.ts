// Models that were trained here, ready to predict. Not here: the shipped one (pictures.ts).
// Invariant: the engine runs already; a model is read again after it was trained again.
import { loadModel } from 'selvedge/models';
import { createPredictor, type Predictor } from 'selvedge/plan';
import { startEngine } from './commands.ts';
import { folderOf, PAGE_RUN } from './runs.ts';

const SINGLE = 1;

interface Opened {
  readonly predictor: Predictor;
  close(): void;
}

const opened = new Map<string, Promise<Opened>>();

async function open(name: string): Promise<Opened> {
  await startEngine();
  const { model } = await loadModel(`${folderOf(PAGE_RUN, name)}/model`);
  const predictor = createPredictor(model, { batchSize: SINGLE });
  return {
    predictor,
    close: () => {
      predictor.dispose();
      model.dispose();
    },
  };
}

/** Probabilities of one image, by a model of this page's run. */
export async function predictImage(name: string, pixels: Uint8Array): Promise<Float32Array> {
  let model = opened.get(name);
  if (model === undefined) {
    model = open(name);
    opened.set(name, model);
    model.catch(() => opened.delete(name));
  }
  return (await model).predictor.predict(Float32Array.from(pixels, (level) => level / 255));
}

/** Lets go of a model that is about to be trained or removed. */
export async function closeModel(name: string): Promise<void> {
  const model = opened.get(name);
  opened.delete(name);
  (await model?.catch(() => undefined))?.close();
}
