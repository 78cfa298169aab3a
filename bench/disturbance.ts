// Whether other processes had the processors while something was measured.
// Where the runtime counts processor time, what the machine was busy with beyond ourselves; where it does not, how much longer
// than at its best a fixed loop takes. Invariant: what cannot be told is reported as undefined, not as zero.
import { platform } from '../src/platform/index.ts';

/** What went on beside a measurement. */
export interface Disturbance {
  readonly elapsedMs: number;
  /** Cores that others used, or that the host took away, on average; undefined where that cannot be told. */
  readonly otherCores?: number;
  readonly isDisturbed: boolean;
}

/** A tenth of a core makes two threads some five per cent slower. */
const OTHER_CORES_LIMIT = 0.1;
/** Counters tick in 10 ms on each core: an error of two ticks each at both ends. */
const TICK_ERROR_MS = 20;
/** How much longer than at its best the fixed loop may take. */
const CALIBRATION_LIMIT = 1.25;
const CALIBRATION_STEPS = 2_000_000;

let bestCalibrationMs = Number.POSITIVE_INFINITY;

/**
 * Runs something and tells what else went on.
 *
 * @param run What is measured
 * @param childMs Processor time that child processes spent on it, which is not that of others
 * @returns Its answer and the disturbance
 */
export async function watch<T>(
  run: () => Promise<T>,
  childMs: (result: T) => number = () => 0,
): Promise<{ result: T; disturbance: Disturbance }> {
  const before = platform.processorTime();
  const slowBefore = before.machine ? 1 : slowdown();
  const start = platform.now();
  const result = await run();
  const elapsedMs = platform.now() - start;
  const after = platform.processorTime();
  if (!before.machine || !after.machine) {
    return { result, disturbance: { elapsedMs, isDisturbed: Math.max(slowBefore, slowdown()) > CALIBRATION_LIMIT } };
  }
  const machineMs = after.machine.busyMs - before.machine.busyMs + after.machine.stolenMs - before.machine.stolenMs;
  const otherMs = Math.max(0, machineMs - (after.ownMs - before.ownMs) - childMs(result));
  return { result, disturbance: judge(otherMs, elapsedMs) };
}

/** What so much processor time of others means for a measurement of this length. */
export function judge(otherMs: number, elapsedMs: number): Disturbance {
  return {
    elapsedMs,
    otherCores: otherMs / elapsedMs,
    isDisturbed: otherMs > OTHER_CORES_LIMIT * elapsedMs + TICK_ERROR_MS,
  };
}

/** Time of a fixed loop against its best so far. */
function slowdown(): number {
  const start = platform.now();
  let state = 1;
  for (let i = 0; i < CALIBRATION_STEPS; i++) state = (Math.imul(state, 1664525) + 1013904223) | 0;
  // The state is used, so that no engine drops the loop.
  const elapsedMs = platform.now() - start + (state === 0 ? 1e-9 : 0);
  bestCalibrationMs = Math.min(bestCalibrationMs, elapsedMs);
  return elapsedMs / bestCalibrationMs;
}

/** Rounds of one measurement: how many were disturbed, and by how much in the median. */
export interface DisturbanceSummary {
  readonly rounds: number;
  readonly disturbedRounds: number;
  readonly otherCoresMedian?: number;
  /** More than a quarter of the rounds. */
  readonly isDisturbed: boolean;
}

export function summarizeDisturbances(disturbances: readonly Disturbance[]): DisturbanceSummary {
  const disturbedRounds = disturbances.filter(({ isDisturbed }) => isDisturbed).length;
  const others = disturbances.flatMap(({ otherCores }) => otherCores ?? []).sort((a, b) => a - b);
  return {
    rounds: disturbances.length,
    disturbedRounds,
    ...(others.length === 0 ? {} : { otherCoresMedian: others[others.length >> 1]! }),
    isDisturbed: disturbedRounds > disturbances.length / 4,
  };
}

/** One line for people where a run was disturbed, else nothing. */
export function disturbanceNotice({
  isDisturbed,
  disturbedRounds,
  rounds,
  otherCoresMedian,
}: DisturbanceSummary): string[] {
  if (!isDisturbed) return [];
  const cores = otherCoresMedian === undefined ? '' : `, ${otherCoresMedian.toFixed(2)} cores in the median`;
  return [`DISTURBED: other processes had the processors in ${disturbedRounds} of ${rounds} rounds${cores}`];
}
