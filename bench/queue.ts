// What a queue costs: one worker against none, whoever follows a long sweep, four workers at once. Not here: faults (scripts/test-scale.ts).
// Needs a Node that pg-boss runs on.
import { type Benchmark, wantedOf } from './benchmark.ts';
import { coordinator } from './queue-cases/coordinator.ts';
import { fourWorkers } from './queue-cases/four-workers.ts';
import { oneWorker } from './queue-cases/one-worker.ts';

export const queue: Benchmark = {
  name: 'queue',
  description: 'what a queue costs one worker, whoever follows a long sweep, and four workers at once',
  usesModel: false,
  async run(options) {
    const results: Record<string, object> = {};
    const lines: string[] = [];
    for (const { name, run } of wantedOf([oneWorker, coordinator, fourWorkers], options.only)) {
      options.onProgress?.(name);
      const { json, text } = await run(options);
      results[name] = json;
      lines.push(text);
    }
    return { json: results, text: lines.join('\n') };
  },
};
