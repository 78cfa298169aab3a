// The sweep that tests of the queue run: tiny networks on the sample, seconds a trial; and its table without clocks. Not here: who runs it.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readJournal } from '../../src/experiments/index.ts';

const recipe = JSON.parse(readFileSync(new URL('../../assets/recipes/record-30.json', import.meta.url), 'utf8'));

/** Writes the space of the sweep. */
export function writeSpace(file: string): void {
  const space = {
    ...recipe,
    network: { family: 'plain', stem: 4, widths: { choice: [[4], [8]] }, depth: 1 },
    epochs: 4,
    optimizer: { ...recipe.optimizer, learningRate: { log: [0.01, 0.5] } },
    averaging: { choice: [null, { decay: 0.9 }] },
    validation: true,
  };
  writeFileSync(file, JSON.stringify(space));
}

/** Arguments of the sweep. */
export const sweep = (trials: number): string[] => [
  ...['tune', 'space.json', '--examples', '200', '--trials', String(trials), '--startup', '4', '--batch', '6'],
  ...['--seed', '5', '--threads', '1'],
];

/** What a study came to, but for its clock. */
export async function tableOf(folder: string, run: string): Promise<string> {
  const [study] = await readJournal(path.join(folder, 'runs', run, 'journal.jsonl'));
  return study!.trials
    .map(({ number, state, value, parameters, intermediateValues }) =>
      JSON.stringify({ number, state, value, parameters, steps: [...intermediateValues] }),
    )
    .join('\n');
}
