// One contest: a task that several peers do in turn, each at the best of its settings.
// Not here: the list of peers (catalog.ts), the work (workload.ts), words and pictures (../peers.ts). Invariant: nobody is timed
// whose predictions differ from ours, and a training whose loss does not fall is said to be none.
import { messageOf } from '../../src/core/errors.ts';
import { alternate, type Measured, valuesOf } from '../alternation.ts';
import { spreadOf } from '../statistics.ts';
import type { Peer } from './catalog.ts';
import { type Contestant, startContestant } from './contestant.ts';
import type { Settings, Task } from './protocol.ts';
import { VERIFIED_IMAGES, type WrittenWorkload } from './workload.ts';

export interface ContestOptions {
  readonly task: Task;
  readonly batchSize: number;
  readonly threads: number;
  readonly rounds: number;
  readonly onProgress: (line: string) => void;
}

/** One setting of a peer's grid: its speed in the selection, or why it has none. */
export interface TriedSettings {
  readonly settings: Settings;
  readonly imagesPerSecond?: number;
  readonly failure?: string;
}

/** One who took part. */
export interface ContestEntry {
  readonly peer: Peer;
  readonly version: string;
  readonly settings: Settings;
  readonly tried: readonly TriedSettings[];
  readonly verification: Verification;
  readonly measured: Measured;
  /** Mean duration of a call in each round. */
  readonly callMs: readonly number[];
}

/** What was checked. */
export type Verification =
  | { readonly isRight: boolean; readonly largestDifference: number; readonly images: number }
  | {
      /** False only where the loss has not fallen in enough updates to tell. */
      readonly isRight: boolean;
      readonly firstLoss: number;
      readonly lastLoss: number;
      readonly updates: number;
    };

export interface Skipped {
  readonly name: string;
  readonly reason: string;
}

export interface Contest {
  readonly entries: readonly ContestEntry[];
  readonly skipped: readonly Skipped[];
}

const ROUND_MS = 500;
const WARM_UP_MS = 500;
const SELECTION_ROUNDS = 3;
const SELECTION_MS = 250;
/** After that a setting has no second round: the slow ones tell themselves apart in one. */
const SELECTION_BUDGET_MS = 3_000;
/** After that a slow peer sits out: stock tfjs on its cpu backend takes the better part of a minute an update. */
const BUDGET_MS = 30_000;
/** Updates after which a loss has fallen: from batch to batch it goes up and down. */
const TELLING_UPDATES = 10;
/** Of a probability. Sums in another order and Winograd's transforms differ by less than 1e-5. */
const PREDICTION_TOLERANCE = 1e-4;

/** A started and warmed-up contestant with what its rounds said. */
interface Candidate {
  readonly peer: Peer;
  readonly settings: Settings;
  readonly contestant: Contestant;
  readonly largestDifference: number;
  firstLoss: number;
  lastLoss: number;
  calls: number;
  readonly callMs: number[];
  /** Why it is out of it. */
  failure: string | undefined;
}

/**
 * Holds a contest.
 *
 * @param peers Who is invited; who cannot come is listed as skipped
 */
export async function holdContest(
  peers: readonly Peer[],
  written: WrittenWorkload,
  options: ContestOptions,
): Promise<Contest> {
  const skipped: Skipped[] = [];
  const chosen: { candidate: Candidate; tried: readonly TriedSettings[] }[] = [];
  try {
    for (const peer of peers) {
      options.onProgress(`${peer.name}: settings`);
      const selection = await chooseSettings(peer, written, options);
      if ('reason' in selection) skipped.push({ name: peer.name, reason: selection.reason });
      else chosen.push(selection);
    }
    const entrants = chosen.map(({ candidate }) => entrantOf(candidate, ROUND_MS));
    const measured = await alternate(entrants, {
      rounds: options.rounds,
      budgetMs: BUDGET_MS,
      onRound: (round, rounds) => options.onProgress(`round ${round} of ${rounds}`),
    });
    const entries = chosen.flatMap(({ candidate, tried }, index): ContestEntry[] => {
      const { peer, settings, contestant, callMs, failure } = candidate;
      if (failure !== undefined) {
        skipped.push({ name: peer.name, reason: failure });
        return [];
      }
      const verification = verificationOf(candidate, options.task);
      return [{ peer, version: contestant.version, settings, tried, verification, measured: measured[index]!, callMs }];
    });
    return { entries, skipped };
  } finally {
    await Promise.all(chosen.map(({ candidate }) => candidate.contestant.stop()));
  }
}

type Selection = { candidate: Candidate; tried: readonly TriedSettings[] } | { reason: string };

/** Tries all settings of a peer side by side and keeps the fastest running. */
async function chooseSettings(peer: Peer, written: WrittenWorkload, options: ContestOptions): Promise<Selection> {
  if (peer.needsGraph && !written.workload.graph) return { reason: written.workload.unsupported ?? 'no graph' };
  const program = await peer.find();
  if ('absent' in program) return { reason: program.absent };
  const candidates: Candidate[] = [];
  const tried: TriedSettings[] = [];
  let winner: Candidate | undefined;
  try {
    for (const settings of peer.grid(options.task, options.threads)) {
      try {
        candidates.push(await startCandidate(peer, settings, { program, written, options }));
      } catch (error) {
        tried.push({ settings, failure: messageOf(error) });
      }
    }
    if (candidates.length === 1) winner = candidates[0]!;
    if (candidates.length > 1) {
      const measured = await alternate(
        candidates.map((candidate) => entrantOf(candidate, SELECTION_MS)),
        { rounds: SELECTION_ROUNDS, budgetMs: SELECTION_BUDGET_MS },
      );
      const results = candidates.map(({ settings, failure }, index): TriedSettings => {
        if (failure !== undefined) return { settings, failure };
        return { settings, imagesPerSecond: spreadOf(valuesOf(measured[index]!)).median };
      });
      tried.push(...results);
      const speeds = results.map(({ imagesPerSecond = 0 }) => imagesPerSecond);
      const fastest = Math.max(...speeds);
      if (fastest > 0) winner = candidates[speeds.indexOf(fastest)]!;
      // What the selection measured is not counted again.
      if (winner) winner.callMs.length = 0;
    }
  } finally {
    await Promise.all(candidates.filter((each) => each !== winner).map(({ contestant }) => contestant.stop()));
  }
  return winner ? { candidate: winner, tried } : { reason: tried[0]?.failure ?? 'it has no settings' };
}

interface StartOptions {
  readonly program: Parameters<typeof startContestant>[1];
  readonly written: WrittenWorkload;
  readonly options: ContestOptions;
}

/** Starts a contestant, checks its predictions, and lets it warm up. */
async function startCandidate(peer: Peer, settings: Settings, context: StartOptions): Promise<Candidate> {
  const { program, written, options } = context;
  const { task, batchSize } = options;
  const contestant = await startContestant(peer.name, program, {
    task,
    batchSize,
    workload: written.folder,
    settings,
  });
  try {
    const largestDifference =
      task === 'inference'
        ? differenceOf((await contestant.predict(VERIFIED_IMAGES)).probabilities, written.expected)
        : 0;
    if (!(largestDifference <= PREDICTION_TOLERANCE)) {
      throw new Error(
        `its predictions differ from ours by up to ${largestDifference}, expected at most ${PREDICTION_TOLERANCE}`,
      );
    }
    const { firstLoss, loss, calls } = await contestant.round(WARM_UP_MS);
    return {
      peer,
      settings,
      contestant,
      largestDifference,
      firstLoss: firstLoss ?? Number.NaN,
      lastLoss: loss ?? Number.NaN,
      calls,
      callMs: [],
      failure: undefined,
    };
  } catch (error) {
    await contestant.stop();
    throw error;
  }
}

/** Largest absolute difference; infinite where the counts differ or a value is no number. */
export function differenceOf(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return largest;
}

function entrantOf(candidate: Candidate, milliseconds: number) {
  return {
    name: candidate.peer.name,
    async round() {
      const answer = await candidate.contestant.round(milliseconds).catch((error: unknown) => {
        candidate.failure = messageOf(error);
      });
      if (!answer) return undefined;
      const { images, calls, elapsedMs, processorMs, loss } = answer;
      candidate.callMs.push(elapsedMs / calls);
      candidate.calls += calls;
      if (loss !== undefined) candidate.lastLoss = loss;
      return { value: (1000 * images) / elapsedMs, childProcessorMs: processorMs };
    },
  };
}

/** What a training's losses say. */
export function judgeLosses(losses: { firstLoss: number; lastLoss: number; updates: number }): Verification {
  const { firstLoss, lastLoss, updates } = losses;
  return { ...losses, isRight: lastLoss < firstLoss || (updates < TELLING_UPDATES && Number.isFinite(lastLoss)) };
}

function verificationOf(candidate: Candidate, task: Task): Verification {
  const { largestDifference, firstLoss, lastLoss, calls } = candidate;
  return task === 'inference'
    ? { isRight: true, largestDifference, images: VERIFIED_IMAGES }
    : judgeLosses({ firstLoss, lastLoss, updates: calls });
}
