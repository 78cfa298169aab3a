// Starts the page: what it shows at once first, then the data, then the engine, and then a training that a reload cut off.
import { render } from 'preact';
import { App } from './app.tsx';
import { isolate } from './isolation.ts';
import { examples } from './state/classify.ts';
import { dataState, loadData } from './state/data.ts';
import { engine, startEngine } from './state/engine.ts';
import { choice, interruptedTraining, refreshRuns, train } from './state/training.ts';

/** One test image of each class. */
async function findExamples(): Promise<void> {
  if (dataState.value.kind !== 'ready') return;
  const { classNames } = dataState.value.summary;
  const found = await Promise.all(classNames.map((_, label) => engine.imagesOf('test', label, 1, 1)));
  const pixels = new Uint8Array(found.reduce((sum, list) => sum + list.pixels.length, 0));
  let at = 0;
  for (const list of found) {
    pixels.set(list.pixels, at);
    at += list.pixels.length;
  }
  examples.value = {
    pixels,
    indices: found.flatMap(({ indices }) => indices),
    labels: found.flatMap(({ labels }) => labels),
  };
}

async function start(): Promise<void> {
  if (await isolate()) return;
  render(<App />, document.getElementById('app')!);
  await loadData();
  await findExamples();
  await startEngine();
  await refreshRuns();
  const wanted = interruptedTraining();
  if (!wanted) return;
  choice.value = wanted;
  location.hash = 'train';
  await train(wanted, false);
}

await start();
