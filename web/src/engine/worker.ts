// The one worker that computes: what the page may ask of it, over comlink. The page's own thread computes nothing.
// Not here: how any of it is done. Invariant: classifying with a model that ships and looking at data load no tfjs.
import { expose } from 'comlink';
import { borrowWorkers } from 'selvedge/backend';
import type { MethodName } from 'selvedge/explain';
import { describeData, forgetData, imagesOf, removeFiles, takeFiles } from './data.ts';
import type { MistakeFilter } from './evaluation.ts';
import { readFile } from './files.ts';
import { preparePicture, shippedClassifier } from './pictures.ts';
import {
  type Classification,
  type CommandEnd,
  type DefectWish,
  type DesignWish,
  type GoodPictures,
  isShipped,
  type ModelChoice,
  type Picture,
  type SceneWish,
  type ShownPicture,
  type TaskUpdate,
  type TrainingChoice,
  type TrainingEvent,
} from './protocol.ts';
import { folderOf, PAGE_RUN, readStoredRun, removeRun, trainingWords } from './runs.ts';

const commands = () => import('./commands.ts');
const evaluations = () => import('./evaluation.ts');
const explanations = () => import('./explanations.ts');
const shop = () => import('./shop.ts');
const finder = () => import('./find.ts');
const inspector = () => import('./inspect.ts');
const designer = () => import('./design.ts');
const models = () => import('./trained-models.ts');

async function probabilitiesOf(model: ModelChoice, pixels: Uint8Array): Promise<Float32Array> {
  if (isShipped(model)) return (await shippedClassifier(model)).classify(pixels);
  return (await models()).predictImage(model, pixels);
}

async function classify(picture: Picture, model: ModelChoice): Promise<Classification> {
  const prepared = await preparePicture(picture);
  // Once for the way, so that the time told is that of the network.
  await probabilitiesOf(model, prepared.pixels);
  const start = performance.now();
  const probabilities = await probabilitiesOf(model, prepared.pixels);
  return { name: picture.name, ...prepared, probabilities: [...probabilities], durationMs: performance.now() - start };
}

/** Progress comes after each update; a page draws less often. */
const PROGRESS_MS = 150;

function trainingObserver(onEvent: (event: TrainingEvent) => void) {
  let last = Number.NEGATIVE_INFINITY;
  return {
    onProgress: (model: string, progress: Extract<TrainingEvent, { kind: 'progress' }>['progress']) => {
      const now = performance.now();
      if (now - last < PROGRESS_MS && progress.step < progress.steps) return;
      last = now;
      onEvent({ kind: 'progress', model, progress });
    },
    onEpoch: (model: string, record: Extract<TrainingEvent, { kind: 'epoch' }>['record'], epochs: number) =>
      onEvent({ kind: 'epoch', model, record, epochs }),
  };
}

async function train(
  choice: TrainingChoice,
  again: boolean,
  onEvent: (event: TrainingEvent) => void,
): Promise<CommandEnd> {
  await (await models()).closeModel(choice.model);
  const { runWords } = await commands();
  const { code, message } = await runWords(trainingWords(choice, again), undefined, trainingObserver(onEvent));
  return { code, message };
}

async function runTask(
  name: string,
  onTask: (update: TaskUpdate) => void,
  onEvent: (event: TrainingEvent) => void,
  onLine: (line: string) => void,
): Promise<CommandEnd> {
  const { runWords } = await commands();
  const { code, message } = await runWords(['task', name], onLine, {
    ...trainingObserver(onEvent),
    onTask: (event) =>
      onTask(
        event.kind === 'start'
          ? { name: event.planned.task.name, state: 'running' }
          : { name: event.planned.task.name, state: event.result.outcome, durationMs: event.result.durationMs },
      ),
  });
  return { code, message };
}

/** The report of this page's own trainings; what was trained and not evaluated is evaluated first. */
async function makeReport(models: readonly string[]): Promise<CommandEnd> {
  const { runWords } = await commands();
  for (const model of models) {
    if ((await readStoredRun(model))?.isEvaluated) continue;
    const { code, message } = await runWords(['evaluate', '--run', PAGE_RUN, '--model', model]);
    if (code !== 0) return { code, message };
  }
  const { code, message } = await runWords(['report', '--run', PAGE_RUN]);
  return { code, message };
}

const api = {
  describeData,
  forgetData,
  imagesOf,
  takeFiles,
  removeFiles,
  classify,
  explainImage: async (model: ModelChoice, pixels: Uint8Array, label: number, method: MethodName) =>
    (await explanations()).explainImage(model, pixels, label, method),
  similarTo: async (picture: Picture, onProgress: (share: number) => void) =>
    (await shop()).similarTo(picture, onProgress),
  findInFile: async (name: string, blob: Blob) => (await finder()).findInFile(name, blob),
  findInScene: async (wish: SceneWish) => (await finder()).findInScene(wish),
  learnGood: async (good: GoodPictures, falseAlarms: number) => (await inspector()).learnGood(good, falseAlarms),
  inspectFile: async (name: string, blob: Blob) => (await inspector()).inspectFile(name, blob),
  inspectMade: async (wish: DefectWish) => (await inspector()).inspectMade(wish),
  /** A picture as the networks see it. */
  readPicture: async (picture: Picture): Promise<ShownPicture> => ({
    name: picture.name,
    pixels: (await preparePicture(picture)).pixels,
  }),
  makeDesigns: async (wish: DesignWish, onImages: (images: Uint8Array) => void) =>
    (await designer()).makeDesigns(wish, onImages),
  encodeDesigns: async (images: Uint8Array) => (await designer()).encodeDesigns(images),
  recommendFor: async (liked: readonly number[]) => (await shop()).recommendFor(liked),
  train,
  readStoredRun,
  async removeRun(model: string): Promise<void> {
    await (await models()).closeModel(model);
    await removeRun(model);
  },
  runTask,
  /** Takes the engine's further threads from the page; before anything that computes. */
  borrowThreads: (port: MessagePort): void => borrowWorkers(port),
  startEngine: async () => (await commands()).startEngine(),
  listTasks: async () => (await commands()).listTasks(),
  stop: async () => (await commands()).stopCommand(),
  evaluate: async (model: ModelChoice, onProgress: (share: number) => void): Promise<CommandEnd> =>
    (await evaluations()).evaluate(model, onProgress),
  findEvaluation: async (model: ModelChoice) => (await evaluations()).findEvaluation(model),
  mistakesOf: async (model: ModelChoice, filter: MistakeFilter, start: number, count: number) =>
    (await evaluations()).mistakesOf(model, filter, start, count),
  makeReport,
  /** The report of a run as an HTML file; undefined if none was made. */
  readReport: (run: string): Promise<File | undefined> => readFile(`${folderOf(run)}/report.html`),
};

export type EngineApi = typeof api;

expose(api);
