// Training at 1 to N threads, in turn: `selvedge bench scaling`. Each number of threads is a process of its own.
// Not a comparison with anybody else. Invariant: the ratio to one thread is of two rounds of the same turn.
import { loadFashionMnist } from '../src/data/index.ts';
import { fitDefaults } from '../src/training/index.ts';
import { alternate, disturbanceOf, valuesOf } from './alternation.ts';
import type { Benchmark } from './benchmark.ts';
import { barChart } from './charts.ts';
import { disturbanceNotice } from './disturbance.ts';
import { selvedge } from './peers/catalog.ts';
import { type Contestant, startContestant } from './peers/contestant.ts';
import { writeWorkload } from './peers/workload.ts';
import { ratioSpread, type Spread, spreadOf, spreadText, timesText } from './statistics.ts';

const ROUNDS = 11;
const ROUND_MS = 500;
const WARM_UP_MS = 1_000;

interface ThreadsResult {
  readonly threads: number;
  readonly imagesPerSecond: Spread;
  /** Against one thread. */
  readonly speedup: Spread;
}

export const scaling: Benchmark = {
  name: 'scaling',
  description: 'Training at 1 to N threads',
  usesModel: true,
  async run({ engine, model = 'dropout', batchSize = fitDefaults.batchSize, data, rounds = ROUNDS, onProgress }) {
    const program = await selvedge.find();
    if ('absent' in program) throw new Error(program.absent);
    const counts = Array.from({ length: engine.threads }, (_, i) => i + 1);
    const written = await writeWorkload(model, await loadFashionMnist({ folder: data }));
    const contestants: Contestant[] = [];
    try {
      for (const threads of counts) {
        const assignment = { task: 'training', batchSize, workload: written.folder, settings: { threads } } as const;
        const contestant = await startContestant(`${threads} threads`, program, assignment);
        contestants.push(contestant);
        await contestant.round(WARM_UP_MS);
      }
      const entrants = contestants.map((contestant) => ({
        name: contestant.name,
        round: async () => {
          const { images, elapsedMs, processorMs } = await contestant.round(ROUND_MS);
          return { value: (1000 * images) / elapsedMs, childProcessorMs: processorMs };
        },
      }));
      const measured = await alternate(entrants, {
        rounds,
        onRound: (round, all) => onProgress?.(`round ${round} of ${all}`),
      });
      const results = measured.map((each, index): ThreadsResult => {
        return {
          threads: counts[index]!,
          imagesPerSecond: spreadOf(valuesOf(each)),
          speedup: ratioSpread(each.values, measured[0]!.values)!,
        };
      });
      const disturbance = disturbanceOf(measured);
      return {
        json: { benchmark: 'scaling', model, batchSize, results, disturbance },
        text: [`scaling ${model}, batch ${batchSize}`, ...results.map(lineOf), ...disturbanceNotice(disturbance)].join(
          '\n',
        ),
        figures: [
          await barChart({
            name: 'scaling',
            title: `Training of ${model} by threads, batch ${batchSize}`,
            unit: 'images/s',
            bars: results.map(({ threads, imagesPerSecond, speedup }) => ({
              label: threadsText(threads),
              spread: imagesPerSecond,
              isOurs: true,
              note: timesText(speedup.median),
            })),
          }),
        ],
      };
    } finally {
      await Promise.all(contestants.map((contestant) => contestant.stop()));
      await written.remove();
    }
  },
};

const threadsText = (threads: number): string => `${threads} ${threads === 1 ? 'thread' : 'threads'}`;

function lineOf({ threads, imagesPerSecond, speedup }: ThreadsResult): string {
  return `${threadsText(threads).padEnd(10)} ${spreadText(imagesPerSecond).padEnd(28)} images/s  ${spreadText(speedup, timesText)} of one thread`;
}
