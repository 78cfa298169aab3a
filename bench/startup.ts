// From import to the first prediction, and commands from the start of their process (startup-commands.ts), in fresh processes of this runtime:
// `selvedge bench startup`. What is imported is the package as npm run build makes it, without a loader of TypeScript.
// Invariant: each repetition is a process; its parts add up to its total.
import { SelvedgeError } from '../src/core/errors.ts';
import { loadFashionMnist } from '../src/data/index.ts';
import { buildModel, initializeWeights, saveModel } from '../src/models/index.ts';
import { platform } from '../src/platform/index.ts';
import type { Benchmark } from './benchmark.ts';
import { type Disturbance, disturbanceNotice, summarizeDisturbances, watch } from './disturbance.ts';
import { commandLines, measureCommands } from './startup-commands.ts';
import { spreadOf, spreadText } from './statistics.ts';

const REPETITIONS = 15;
const parts = ['runtimeMs', 'importMs', 'backendMs', 'modelMs', 'predictionMs'] as const;

type Times = Readonly<Record<(typeof parts)[number], number>>;

export const startup: Benchmark = {
  name: 'startup',
  description: 'Import to first prediction, and commands, in fresh processes',
  usesModel: true,
  async run({ engine, model: name = 'dropout', data, rounds = REPETITIONS, onProgress }) {
    const folder = await saveFreshModel(name, data);
    try {
      const times: Times[] = [];
      const disturbances: Disturbance[] = [];
      // The first fills the caches of the disk and of the loader.
      await startOnce(folder, engine.threads);
      for (let repetition = 0; repetition < rounds; repetition++) {
        onProgress?.(`start ${repetition + 1} of ${rounds}`);
        const { result, disturbance } = await watch(
          () => startOnce(folder, engine.threads),
          ({ processorMs }) => processorMs,
        );
        times.push(result.times);
        disturbances.push(disturbance);
      }
      const spreads = Object.fromEntries(parts.map((part) => [part, spreadOf(times.map((each) => each[part]))]));
      const importToPrediction = spreadOf(times.map((each) => totalOf(each) - each.runtimeMs));
      const processToPrediction = spreadOf(times.map(totalOf));
      const commandStarts = await measureCommands({ threads: engine.threads, data, rounds, onProgress });
      const disturbance = summarizeDisturbances([...disturbances, ...commandStarts.disturbances]);
      const ms = (value: number): string => value.toFixed(0);
      return {
        json: {
          benchmark: 'startup',
          model: name,
          threads: engine.threads,
          importToPredictionMs: importToPrediction,
          processToPredictionMs: processToPrediction,
          parts: spreads,
          commands: commandStarts.commands,
          disturbance,
        },
        text: [
          `startup ${name}, ${engine.threads} threads, ${rounds} processes`,
          `import to first prediction          ${spreadText(importToPrediction, ms)} ms`,
          `start of process to first prediction ${spreadText(processToPrediction, ms)} ms`,
          ...parts.map((part) => `  ${part.replace(/Ms$/, '').padEnd(12)} ${spreadText(spreads[part]!, ms)} ms`),
          '',
          ...commandLines(commandStarts.commands),
          ...disturbanceNotice(disturbance),
        ].join('\n'),
      };
    } finally {
      await platform.files.remove(folder);
    }
  },
};

const totalOf = (times: Times): number => parts.reduce((sum, part) => sum + times[part], 0);

async function saveFreshModel(name: string, data: string | undefined): Promise<string> {
  const { train } = await loadFashionMnist({ folder: data });
  const model = buildModel(name, {
    inputShape: [train.height, train.width, train.channels],
    classes: train.classNames.length,
  });
  initializeWeights(model, 1);
  const folder = platform.files.join(platform.cacheFolder(), 'bench', `startup-${name}`);
  await saveModel(model, folder);
  model.dispose();
  return folder;
}

async function startOnce(folder: string, threads: number): Promise<{ times: Times; processorMs: number }> {
  const { command, args } = platform.scriptCommand(new URL('./startup-child.js', import.meta.url));
  const { code, stdout, stderr } = await platform.runCommand(command, [...args, folder, String(threads)]);
  if (code !== 0) {
    throw new SelvedgeError(
      'bench/startup',
      `Cannot measure the start: it ended with code ${code}; run npm run build: ${stderr.trim()}`,
    );
  }
  const { processorMs = 0, ...times } = JSON.parse(stdout.trim().split('\n').at(-1)!) as Times & {
    processorMs?: number;
  };
  return { times, processorMs };
}
