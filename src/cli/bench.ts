// selvedge bench: run a benchmark of the repository, which the package does not hold.

import type { Benchmark, BenchmarkOptions } from '../../bench/benchmark.ts';
import { SelvedgeError } from '../core/errors.ts';
import { modelNames } from '../models/index.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import { command } from './command.ts';
import { dataOption, threadsOption, useEngine, wholeNumber } from './options.ts';

export const bench = command({
  name: 'bench',
  description: 'Measure speed',
  args: {
    name: { type: 'positional', required: false, description: 'Benchmark to run: kernels or training' },
    model: { type: 'enum', options: [...modelNames], default: 'dropout', description: 'Network' },
    'batch-size': { type: 'string', valueHint: 'count', description: 'Images a batch' },
    ...dataOption,
    ...threadsOption,
  },
  async run(args, context) {
    const benchmarks = await loadBenchmarks();
    const found = benchmarks.find(({ name }) => name === args.name);
    if (!found) {
      const problem = args.name === undefined ? 'Missing NAME' : `Unknown benchmark "${args.name}"`;
      throw usageError(`${problem}: expected one of ${benchmarks.map(({ name }) => name).join(', ')}`);
    }
    const batchSize = wholeNumber('batch-size', args['batch-size']);
    const engine = await useEngine(args.threads);
    const options: BenchmarkOptions = {
      engine,
      model: args.model,
      ...(batchSize === undefined ? {} : { batchSize }),
      ...(args.data === undefined ? {} : { data: args.data }),
    };
    context.writeError(`Measuring ${found.name}\n`);
    const { json, text } = await found.run(options);
    return { json: { ...json, engine, machine: platform.machine(), runtime: platform.runtime }, text };
  },
});

async function loadBenchmarks(): Promise<readonly Benchmark[]> {
  const place = new URL('../../bench/index.ts', import.meta.url);
  if (!(await platform.files.status(platform.files.fromUrl(place)))) {
    throw new SelvedgeError(
      'bench/absent',
      'Cannot find the benchmarks: they are part of the repository, not of the package',
    );
  }
  return ((await import(place.href)) as { benchmarks: readonly Benchmark[] }).benchmarks;
}
