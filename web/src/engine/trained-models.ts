// Models on the engine: those that were trained here, ready to predict, and those that ship, to be explained.
// Not here: how those that ship predict (pictures.ts). Invariant: a model is read again after it was trained again.
import { loadModel } from 'selvedge/models';
import { createPredictor, type Predictor, restoreModel } from 'selvedge/plan';
import { startEngine } from './commands.ts';
import { shippedFile } from './pictures.ts';
import { isShipped, type ModelChoice } from './protocol.ts';
import { folderOf, PAGE_RUN } from './runs.ts';

const SINGLE = 1;

type Model = Awaited<ReturnType<typeof loadModel>>['model'];

interface Opened {
  readonly model: Model;
  readonly predictor: Predictor;
  close(): void;
}

const opened = new Map<ModelChoice, Promise<Opened>>();

async function open(name: ModelChoice): Promise<Opened> {
  await startEngine();
  const { model } = isShipped(name)
    ? await restoreModel(await shippedFile(name))
    : await loadModel(`${folderOf(PAGE_RUN, name)}/model`);
  const predictor = createPredictor(model, { batchSize: SINGLE });
  return {
    model,
    predictor,
    close: () => {
      predictor.dispose();
      model.dispose();
    },
  };
}

function openOnce(name: ModelChoice): Promise<Opened> {
  const known = opened.get(name);
  if (known !== undefined) return known;
  const model = open(name);
  opened.set(name, model);
  model.catch(() => opened.delete(name));
  return model;
}

/** A model as tfjs has it; it stays this module's. */
export const openedModel = async (name: ModelChoice): Promise<Model> => (await openOnce(name)).model;

/** Probabilities of one image, by a model of this page's run. */
export async function predictImage(name: string, pixels: Uint8Array): Promise<Float32Array> {
  return (await openOnce(name)).predictor.predict(Float32Array.from(pixels, (level) => level / 255));
}

/** Lets go of a model that is about to be trained or removed. */
export async function closeModel(name: string): Promise<void> {
  const model = opened.get(name);
  opened.delete(name);
  (await model?.catch(() => undefined))?.close();
}
