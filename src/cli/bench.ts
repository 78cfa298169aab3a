// selvedge bench: run a benchmark of the repository, which the package does not hold.

import { SelvedgeError } from '../core/errors.ts';
import { recipeNames } from '../experiments/index.ts';
import { modelNames } from '../models/index.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import type { Benchmark, BenchmarkOptions, BenchmarkResult } from './benchmark.ts';
import { command } from './command.ts';
import { dataOption, positiveNumber, threadsOption, useEngine, wholeNumber } from './options.ts';

export const bench = command({
  name: 'bench',
  description: 'Measure speed',
  args: {
    name: {
      type: 'positional',
      required: false,
      description:
        'Benchmark to run: training, inference, profile, peers, kernels, operations, data, categorise, detection, startup, edge, memory, networks, scaling, search, serve, tpe, unet or queue',
    },
    model: {
      type: 'enum',
      options: [...modelNames, ...recipeNames],
      default: 'dropout',
      description: 'Network, of the study or of a recipe',
    },
    'batch-size': { type: 'string', valueHint: 'count', description: 'Images a batch' },
    rounds: { type: 'string', valueHint: 'count', description: 'How often what is compared takes turns' },
    only: { type: 'string', valueHint: 'names', description: 'Parts of names to measure, separated by commas' },
    task: { type: 'enum', options: ['training', 'inference'], description: 'What peers do (default: both)' },
    epochs: { type: 'string', valueHint: 'count', description: 'networks: accuracy after so many epochs' },
    minutes: {
      type: 'string',
      valueHint: 'minutes',
      description: 'networks: accuracy after so many minutes of training',
    },
    python: {
      type: 'string',
      valueHint: 'path',
      description: 'Python of the peers PyTorch and Keras (default: the first that has them)',
    },
    save: { type: 'boolean', description: 'Write JSON, text and pictures into bench/results' },
    ...dataOption,
    ...threadsOption,
  },
  async run(args, context) {
    const { benchmarks, saveResult } = await loadBenchmarks();
    const found = benchmarks.find(({ name }) => name === args.name);
    if (!found) {
      const problem = args.name === undefined ? 'Missing NAME' : `Unknown benchmark "${args.name}"`;
      throw usageError(`${problem}: expected one of ${benchmarks.map(({ name }) => name).join(', ')}`);
    }
    const options = {
      model: args.model,
      ...numberOption('batchSize', wholeNumber('batch-size', args['batch-size'])),
      ...numberOption('rounds', wholeNumber('rounds', args.rounds)),
      ...numberOption('epochs', wholeNumber('epochs', args.epochs)),
      ...numberOption('minutes', positiveNumber('minutes', args.minutes)),
      ...(args.only === undefined ? {} : { only: namesOf(args.only) }),
      ...(args.task === undefined ? {} : { task: args.task }),
      ...(args.data === undefined ? {} : { data: args.data }),
      ...(args.python === undefined ? {} : { python: platform.files.resolve(context.cwd, args.python) }),
    };
    const engine = await useEngine(args.threads);
    context.writeError(`Measuring ${found.name}\n`);
    const onProgress = (line: string): void => context.writeError(`${found.name}: ${line}\n`);
    const result = await found.run({ ...options, engine, onProgress } satisfies BenchmarkOptions);
    const { runtime } = platform;
    const machine = platform.machine();
    const json = { ...result.json, engine, machine, runtime, measuredAt: new Date().toISOString() };
    const where = `${machine.cpu}, ${machine.cores} cores, ${runtime.name} ${runtime.version}`;
    const text = `${result.text}\n\n${where}`;
    if (args.save) {
      const paths = await saveResult(found, { ...result, json, text }, { model: args.model });
      for (const path of paths) context.writeError(`Wrote ${path}\n`);
    }
    return { json, text };
  },
});

const numberOption = <K extends string>(name: K, value: number | undefined): { [key in K]?: number } =>
  (value === undefined ? {} : { [name]: value }) as { [key in K]?: number };

function namesOf(text: string): string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
  if (names.length > 0) return names;
  throw usageError(`Option "--only" got "${text}": expected parts of names, separated by commas`);
}

interface Benchmarks {
  readonly benchmarks: readonly Benchmark[];
  saveResult(
    benchmark: Benchmark,
    result: BenchmarkResult,
    options: { readonly model?: string | undefined },
  ): Promise<string[]>;
}

async function loadBenchmarks(): Promise<Benchmarks> {
  const place = new URL('../../bench/index.ts', import.meta.url);
  if (!(await platform.files.status(platform.files.fromUrl(place)))) {
    throw new SelvedgeError(
      'bench/absent',
      'Cannot find the benchmarks: they are part of the repository, not of the package',
    );
  }
  return (await import(place.href)) as Benchmarks;
}
