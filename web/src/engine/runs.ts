// Runs of this page: what `selvedge train` and `selvedge evaluate` left in the origin-private file system, and the words that call them.
// Invariant: the page trains by the very command that everybody trains by, so the weights are the same to the bit.
import type { RunConfig } from 'selvedge/browser';
import type { Evaluation } from 'selvedge/evaluation';
import type { EpochRecord } from 'selvedge/training';
import { readFile, readJson, removePath } from './files.ts';
import type { StoredRun, TrainingChoice } from './protocol.ts';

/** Name of the run that the page's own trainings belong to. */
export const PAGE_RUN = 'page';
/** Updates between checkpoints: some seconds of work that a closed page may lose. */
const CHECKPOINT_EVERY = 50;

export const folderOf = (run: string, model?: string): string => ['/runs', run, ...(model ? [model] : [])].join('/');

/** Arguments of the command that trains as chosen. */
export function trainingWords(choice: TrainingChoice, again: boolean): string[] {
  const options = {
    run: PAGE_RUN,
    model: choice.model,
    epochs: choice.epochs,
    'batch-size': choice.batchSize,
    'learning-rate': choice.learningRate,
    seed: choice.seed,
    'checkpoint-every': CHECKPOINT_EVERY,
  };
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return ['train', ...words, ...(choice.augment ? ['--augment'] : []), ...(again ? ['--again'] : [])];
}

/** What is there of a model's training; undefined if it was never begun. */
export async function readStoredRun(model: string): Promise<StoredRun | undefined> {
  const folder = folderOf(PAGE_RUN, model);
  const config = await readJson<RunConfig>(`${folder}/config.json`);
  if (config === undefined) return undefined;
  const { epochs, batchSize, seed, optimizer, augmentation } = config.settings;
  const augment = augmentation !== false;
  const choice = { model, epochs, batchSize, seed, learningRate: optimizer.learningRate, augment };
  return {
    model,
    choice,
    history: await readHistory(folder),
    isComplete: (await readFile(`${folder}/model/model.json`)) !== undefined,
    isEvaluated: (await readFile(`${folder}/evaluation.json`)) !== undefined,
    isSample: config.source.isSample,
  };
}

export async function readHistory(folder: string): Promise<EpochRecord[]> {
  const text = await (await readFile(`${folder}/history.jsonl`))?.text();
  return (text ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as EpochRecord);
}

export const readEvaluation = (model: string): Promise<Evaluation | undefined> =>
  readJson<Evaluation>(`${folderOf(PAGE_RUN, model)}/evaluation.json`);

export const removeRun = (model: string): Promise<void> => removePath(folderOf(PAGE_RUN, model));
