// Speed of the kernels against the roofs of this machine: `selvedge bench kernels`. GFLOP/s, percent of the arithmetic roof, and
// percent of what the roofline allows at the kernel's ratio of operations to bytes (Williams, Waterman & Patterson 2009).
// Not a check of results. Invariant: kernel and roofs are measured in the same rounds.
import * as tf from '@tensorflow/tfjs';
import { currentBackend } from '../src/backend/index.ts';
import { alternate, disturbanceOf, type Measured, sampleCalls, valuesOf } from './alternation.ts';
import { type Benchmark, wantedOf } from './benchmark.ts';
import { rooflineChart } from './charts.ts';
import { disturbanceNotice } from './disturbance.ts';
import { type KernelCase, kernelCases } from './kernel-cases.ts';
import { networkKernelCases } from './network-kernel-cases.ts';
import { arithmeticRoof, memoryRoof, type Roof } from './peak.ts';
import { ratioSpread, type Spread, spreadOf } from './statistics.ts';

const ROUNDS = 11;
const ROUND_MS = 25;
const WARM_UP_MS = 25;

/** One case with its figures. */
interface KernelResult {
  readonly name: string;
  readonly shapes: KernelCase['shapes'];
  readonly algorithm: KernelCase['algorithm'];
  readonly flops: number;
  readonly flopsPerByte: number;
  readonly medianMs: number;
  readonly gflopsPerSecond: Spread;
  /** Of the arithmetic roof in the same round; above 1 where Winograd saves multiplications. */
  readonly shareOfPeak: Spread;
  /** Of what the roofline allows in the same round. */
  readonly shareOfRoofline: Spread;
}

export const kernels: Benchmark = {
  name: 'kernels',
  description: 'GFLOP/s of the kernels against the measured peak of this machine',
  usesModel: false,
  async run({ engine, batchSize = 128, rounds = ROUNDS, only, onProgress }) {
    tf.engine().startScope('kernels');
    const backend = currentBackend();
    const roofs = [arithmeticRoof(backend), memoryRoof(backend)];
    try {
      const cases = wantedOf([...kernelCases(batchSize), ...networkKernelCases(batchSize)], only);
      const entrants = [
        ...roofs.map((roof) => entrantOf(roof.name, roof.amount, () => roof.run())),
        ...cases.map(({ name, flops, run }) => entrantOf(name, flops, run)),
      ];
      for (const { warmUp } of entrants) await warmUp();
      const measured = await alternate(entrants, {
        rounds,
        onRound: (round, all) => onProgress?.(`round ${round} of ${all}`),
      });
      return report(measured, { cases, roofs, batchSize, threads: engine.threads });
    } finally {
      for (const roof of roofs) roof.dispose();
      tf.engine().endScope();
    }
  },
};

/** A round is the rate of the median call of a while, in 10^9 a second. */
function entrantOf(name: string, amount: number, run: () => void) {
  return {
    name,
    warmUp: () => sampleCalls(run, WARM_UP_MS),
    round: async () => ({ value: amount / spreadOf(await sampleCalls(run, ROUND_MS)).median / 1e6 }),
  };
}

interface Context {
  readonly cases: readonly KernelCase[];
  readonly roofs: readonly Roof[];
  readonly batchSize: number;
  readonly threads: number;
}

async function report(measured: readonly Measured[], { cases, batchSize, threads }: Context) {
  const [arithmetic, memory, ...ours] = measured as [Measured, Measured, ...Measured[]];
  const results = cases.map((each, index): KernelResult => {
    const { values } = ours[index]!;
    const flopsPerByte = each.flops / each.bytes;
    const roofline = arithmetic.values.map((peak, round) => Math.min(peak!, memory.values[round]! * flopsPerByte));
    const gflopsPerSecond = spreadOf(valuesOf(ours[index]!));
    return {
      name: each.name,
      shapes: each.shapes,
      algorithm: each.algorithm,
      flops: each.flops,
      flopsPerByte,
      medianMs: each.flops / gflopsPerSecond.median / 1e6,
      gflopsPerSecond,
      shareOfPeak: ratioSpread(values, arithmetic.values)!,
      shareOfRoofline: ratioSpread(values, roofline)!,
    };
  });
  const peak = { gflopsPerSecond: spreadOf(valuesOf(arithmetic)), gigabytesPerSecond: spreadOf(valuesOf(memory)) };
  const disturbance = disturbanceOf(measured);
  const figure = await rooflineChart({
    title: `Kernels at batch ${batchSize} on ${threads} threads`,
    peakGflops: peak.gflopsPerSecond.median,
    gigabytesPerSecond: peak.gigabytesPerSecond.median,
    filledMeans: 'seed shape',
    openMeans: 'odd shape',
    points: results.map(({ name, shapes, algorithm, flopsPerByte, gflopsPerSecond }) => {
      return { name, group: algorithm, isFilled: shapes === 'seed', flopsPerByte, gflops: gflopsPerSecond.median };
    }),
  });
  return {
    json: { benchmark: 'kernels', batchSize, threads, peak, results, disturbance },
    text: [
      `kernels, batch ${batchSize}, ${threads} threads: peak ${peak.gflopsPerSecond.median.toFixed(1)} GFLOP/s, ` +
        `memory ${peak.gigabytesPerSecond.median.toFixed(1)} GB/s`,
      ...results.map(lineOf),
      ...disturbanceNotice(disturbance),
    ].join('\n'),
    figures: [figure],
  };
}

const percent = (share: number): string => `${(100 * share).toFixed(0)}%`;

function lineOf({ name, medianMs, gflopsPerSecond, shareOfPeak, shareOfRoofline, algorithm }: KernelResult): string {
  const { median, firstQuartile, thirdQuartile } = gflopsPerSecond;
  const speed = `${median.toFixed(1)} GFLOP/s (${firstQuartile.toFixed(1)} to ${thirdQuartile.toFixed(1)})`;
  const shares = `${percent(shareOfPeak.median)} of peak, ${percent(shareOfRoofline.median)} of the roofline`;
  return `${name.padEnd(58)} ${medianMs.toFixed(3).padStart(8)} ms  ${speed.padEnd(32)} ${shares}, ${algorithm}`;
}
