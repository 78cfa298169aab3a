// Peak resident memory of training, of us and of PyTorch: `selvedge bench memory`. A fresh process each time.
// Not the memory of this process. Invariant: everybody trains the same network on the same files for the same time, and the peak is
// that of the whole process, start included.
import { loadFashionMnist } from '../src/data/index.ts';
import { fitDefaults } from '../src/training/index.ts';
import { type Benchmark, wantedOf } from './benchmark.ts';
import { barChart } from './charts.ts';
import { pytorch, selvedge } from './peers/catalog.ts';
import { type Program, startContestant } from './peers/contestant.ts';
import type { Settings } from './peers/protocol.ts';
import { writeWorkload } from './peers/workload.ts';
import { type Spread, spreadOf, spreadText } from './statistics.ts';

const REPETITIONS = 3;
/** Long enough for the caches of allocators to fill. */
const TRAINING_MS = 4_000;
const MIB = 1024 * 1024;

interface Trainee {
  readonly name: string;
  readonly isOurs: boolean;
  readonly settings: Settings;
  readonly program: Program;
}

interface MemoryResult {
  readonly name: string;
  readonly isOurs: boolean;
  readonly version: string;
  readonly settings: Settings;
  /** With everything loaded, before the first update. */
  readonly loadedMiB: Spread;
  readonly peakMiB: Spread;
}

export const memory: Benchmark = {
  name: 'memory',
  description: 'Peak memory of training, beside PyTorch',
  usesModel: true,
  async run({
    engine,
    model = 'dropout',
    batchSize = fitDefaults.batchSize,
    data,
    rounds = REPETITIONS,
    only,
    onProgress,
  }) {
    const { trainees, skipped } = await findTrainees(engine.threads);
    const wanted = wantedOf(trainees, only, [pytorch.name]);
    const written = await writeWorkload(model, await loadFashionMnist({ folder: data }));
    try {
      const results: MemoryResult[] = [];
      for (const trainee of wanted) {
        onProgress?.(trainee.name);
        results.push(await measureMemory(trainee, { workload: written.folder, batchSize, repetitions: rounds }));
      }
      return {
        json: { benchmark: 'memory', model, batchSize, threads: engine.threads, results, skipped },
        text: [`memory of training ${model}, batch ${batchSize}`, ...results.map(lineOf), ...skipped].join('\n'),
        figures: [
          await barChart({
            name: 'memory',
            title: `Peak memory of training ${model}, batch ${batchSize}`,
            unit: 'MiB',
            bars: results.map(({ name, peakMiB, isOurs }) => ({ label: name, spread: peakMiB, isOurs })),
          }),
        ],
      };
    } finally {
      await written.remove();
    }
  },
};

/** PyTorch twice: as it is fastest, and with the allocator as it comes, which gives more back. */
async function findTrainees(threads: number): Promise<{ trainees: Trainee[]; skipped: string[] }> {
  const ours = await selvedge.find();
  if ('absent' in ours) throw new Error(ours.absent);
  const trainees: Trainee[] = [{ name: selvedge.name, isOurs: true, settings: { threads }, program: ours }];
  const found = await pytorch.find();
  if ('absent' in found) return { trainees, skipped: [`${pytorch.name}: skipped, ${found.absent}`] };
  const { MALLOC_MMAP_THRESHOLD_: _, MALLOC_TRIM_THRESHOLD_: __, ...environment } = found.environment ?? {};
  const settings = { threads, channelsLast: true, foreach: true };
  const each = { isOurs: false, settings };
  trainees.push({ ...each, name: `${pytorch.name}, default malloc`, program: { ...found, environment } });
  trainees.push({ ...each, name: `${pytorch.name}, memory kept`, program: found });
  return { trainees, skipped: [] };
}

async function measureMemory(
  { name, isOurs, settings, program }: Trainee,
  options: { readonly workload: string; readonly batchSize: number; readonly repetitions: number },
): Promise<MemoryResult> {
  const loaded: number[] = [];
  const peaks: number[] = [];
  let version = '';
  for (let repetition = 0; repetition < options.repetitions; repetition++) {
    const assignment = {
      task: 'training',
      settings,
      batchSize: options.batchSize,
      workload: options.workload,
    } as const;
    const contestant = await startContestant(name, program, assignment);
    try {
      version = contestant.version;
      loaded.push((await contestant.memory()).peakBytes / MIB);
      await contestant.round(TRAINING_MS);
      peaks.push((await contestant.memory()).peakBytes / MIB);
    } finally {
      await contestant.stop();
    }
  }
  return { name, isOurs, version, settings, loadedMiB: spreadOf(loaded), peakMiB: spreadOf(peaks) };
}

const whole = (value: number): string => value.toFixed(0);

function lineOf({ name, version, peakMiB, loadedMiB }: MemoryResult): string {
  const peak = `${spreadText(peakMiB, whole)} MiB at most, ${whole(loadedMiB.median)} MiB when loaded`;
  return `${`${name} ${version.split(' ')[0]}`.padEnd(34)} ${peak}`;
}
