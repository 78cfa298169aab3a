// Measures several things side by side: short rounds in turn, so that what changes with time changes all of them alike.
// Not here: what a round does. Invariant: every round has all entrants once, each time beginning with another, unless one has
// used up its time; values of the same index are of the same round.
import { Bench } from 'tinybench';
import { SelvedgeError } from '../src/core/errors.ts';
import { platform } from '../src/platform/index.ts';
import { type Disturbance, type DisturbanceSummary, summarizeDisturbances, watch } from './disturbance.ts';

/** One round of one entrant. */
export interface RoundSample {
  /** What is measured, in the entrant's unit: images/s, GFLOP/s, ms. */
  readonly value: number;
  /** Processor time of a child process that did the work. */
  readonly childProcessorMs?: number;
}

export interface Entrant {
  readonly name: string;
  /** Undefined if the entrant is out of it, in all rounds to come too. */
  round(): Promise<RoundSample | undefined>;
}

/** What all rounds of an entrant gave. */
export interface Measured {
  readonly name: string;
  /** A value a round; undefined where it sat out. */
  readonly values: readonly (number | undefined)[];
  readonly disturbances: readonly Disturbance[];
}

export interface AlternationOptions {
  readonly rounds: number;
  /** Time after which an entrant sits out; each has one round in any case. */
  readonly budgetMs?: number;
  readonly onRound?: (round: number, rounds: number) => void;
}

/**
 * Lets entrants take turns.
 *
 * @param entrants Each has been warmed up already
 * @param options Number of rounds, and a limit for the slow
 * @returns In the order of the entrants
 */
export async function alternate(entrants: readonly Entrant[], options: AlternationOptions): Promise<Measured[]> {
  const { rounds, budgetMs = Number.POSITIVE_INFINITY, onRound } = options;
  const found = entrants.map(({ name }) => ({
    name,
    values: new Array<number | undefined>(rounds).fill(undefined),
    disturbances: [] as Disturbance[],
    usedMs: 0,
    isOut: false,
  }));
  for (let round = 0; round < rounds; round++) {
    onRound?.(round + 1, rounds);
    for (let turn = 0; turn < entrants.length; turn++) {
      const index = (round + turn) % entrants.length;
      const own = found[index]!;
      if (own.isOut) continue;
      const { result, disturbance } = await watch(
        () => entrants[index]!.round(),
        (sample) => sample?.childProcessorMs ?? 0,
      );
      own.usedMs += disturbance.elapsedMs;
      own.isOut = result === undefined || own.usedMs > budgetMs;
      if (!result) continue;
      own.values[round] = result.value;
      own.disturbances.push(disturbance);
    }
  }
  return found;
}

/** The values of the rounds that an entrant took part in. */
export const valuesOf = ({ values }: Pick<Measured, 'values'>): number[] =>
  values.filter((value) => value !== undefined);

/** The disturbance of all rounds of all entrants. */
export function disturbanceOf(measured: readonly Measured[]): DisturbanceSummary {
  return summarizeDisturbances(measured.flatMap(({ disturbances }) => disturbances));
}

/**
 * Calls a function again and again for a while.
 *
 * @param run Synchronous or not
 * @param milliseconds How long, at least; one call at least
 * @returns Duration of each call in milliseconds
 * @throws SelvedgeError `bench/no-samples` if a call fails
 */
export async function sampleCalls(run: () => unknown, milliseconds: number): Promise<number[]> {
  const bench = new Bench({
    time: milliseconds,
    iterations: 1,
    warmup: false,
    retainSamples: true,
    throws: true,
    now: () => platform.now(),
  });
  bench.add('call', run);
  const [task] = await bench.run();
  const samples = task && 'latency' in task.result ? task.result.latency.samples : undefined;
  if (!samples?.length) throw new SelvedgeError('bench/no-samples', 'Cannot measure: no call has ended');
  return [...samples];
}

/** Mean of the durations, which is what throughput follows from. */
export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
