// Made drifts of light and camera, for `selvedge measure defects`: sudden ones, and slow ones over a shift, which are to be noticed before single
// pictures are taken for defects. Not here: how a drift is noticed (apps/inspect/drift.ts). Invariant: all of it is made, from seeded draws.
import { type DriftBaseline, fitDrift, type Inspection, measurePicture, watchDrift } from '../../apps/inspect/index.ts';
import { createPhilox, randomStreams } from '../../core/philox.ts';

const SEED = 1;
/** Pictures of a stream before something changes, and after: a slow change has as many more. */
const BEFORE = 200;
const AFTER = 200;
const SLOWLY = 400;
const STREAMS = 10;
/** Steps in which a slow drift grows, and pictures of each step that are inspected. */
const STEPS = 4;
const INSPECTED = 40;

/** What happens to the light or the camera, from not at all, 0, to all of it, 1; levels are those of a picture, black around. */
type Change = (levels: Uint8Array, width: number, share: number) => Uint8Array;

const drifts: Readonly<Record<string, Change>> = {
  'light down by 30%': (levels, _, share) => levels.map((level) => Math.round((1 - 0.3 * share) * level)),
  'stray light of 20 levels': (levels, _, share) =>
    levels.map((level) => Math.min(255, Math.round(level + 20 * share))),
  'camera moved by 2 pixels': (levels, width, share) => {
    const whole = Math.floor(2 * share);
    const part = 2 * share - whole;
    const at = (i: number, by: number): number => (i % width >= by ? levels[i - by]! : 0);
    return levels.map((_, i) => Math.round((1 - part) * at(i, whole) + part * at(i, whole + 1)));
  },
  'out of focus, 3x3 mean': (levels, width, share) =>
    levels.map((level, i) => {
      let sum = 0;
      for (const down of [-width, 0, width]) for (const right of [-1, 0, 1]) sum += levels[i + down + right] ?? 0;
      return Math.round((1 - share) * level + (share * sum) / 9);
    }),
};
export const driftNames = Object.keys(drifts);

/** How sudden and slow drifts of one kind were noticed, in the streams of one class. */
export interface DriftFound {
  readonly drift: string;
  readonly streams: number;
  readonly noticed: number;
  /** Pictures, of streams that it was noticed in. */
  readonly medianDelay: number | null;
  /** Alarms before anything had changed, of all streams. */
  readonly falseAlarms: number;
  readonly slow: {
    /** Of as many streams, those in which it was noticed after it had begun: at which step of its growth, from 0. */
    readonly steps: readonly number[];
    /** Share of good pictures that are alarms: without a drift, and at each step. */
    readonly alarms: readonly number[];
  };
}

interface DriftMeasurement {
  /** Good pictures that an inspector has learnt from. */
  readonly good: Uint8Array;
  /** Good pictures that streams are drawn from. */
  readonly stream: Uint8Array;
  readonly side: number;
  inspect(images: Uint8Array): readonly Inspection[];
}

export function measureDrifts({ good, stream, side, inspect }: DriftMeasurement): DriftFound[] {
  const baseline = fitDrift(Float64Array.from(statisticsOf(good, side).flatMap((own) => [...own])), SEED);
  const before = statisticsOf(stream, side);
  const alarmsOf = (images: Uint8Array): number => {
    const found = inspect(images.subarray(0, INSPECTED * side * side));
    return found.filter(({ isAlarm }) => isAlarm).length / found.length;
  };
  const alarmsBefore = alarmsOf(stream);
  return driftNames.map((drift, number) => {
    const changed = Array.from({ length: STEPS }, (_, step) => changeAll(stream, side, drift, (step + 1) / STEPS));
    const statistics = changed.map((images) => statisticsOf(images, side));
    const streamsOf = (kind: number, length: number, at: (i: number) => readonly Float64Array[]): number[] =>
      Array.from({ length: STREAMS }, (_, i) =>
        noticedAt(baseline, length, at, [i, 4, number + kind * driftNames.length]),
      );
    const sudden = streamsOf(0, BEFORE + AFTER, (i) => (i < BEFORE ? before : statistics[STEPS - 1]!));
    const stepAt = (i: number): number => Math.min(STEPS - 1, Math.floor(((i - BEFORE) / SLOWLY) * STEPS));
    const slow = streamsOf(1, BEFORE + SLOWLY + AFTER, (i) => (i < BEFORE ? before : statistics[stepAt(i)]!));
    const delays = sudden.filter((at) => at >= BEFORE && at < Infinity).map((at) => at - BEFORE + 1);
    delays.sort((a, b) => a - b);
    return {
      drift,
      streams: STREAMS,
      noticed: delays.length,
      medianDelay: delays[delays.length >> 1] ?? null,
      falseAlarms: [...sudden, ...slow].filter((at) => at < BEFORE).length,
      slow: {
        steps: slow.filter((at) => at >= BEFORE && at < Infinity).map(stepAt),
        alarms: [alarmsBefore, ...changed.map(alarmsOf)],
      },
    };
  });
}

const statisticsOf = (images: Uint8Array, side: number): Float64Array[] =>
  Array.from({ length: images.length / (side * side) }, (_, i) =>
    measurePicture(images.subarray(i * side * side, (i + 1) * side * side), side, side),
  );

function changeAll(images: Uint8Array, side: number, drift: string, share: number): Uint8Array {
  const size = side * side;
  const changed = new Uint8Array(images.length);
  for (let at = 0; at < images.length; at += size) {
    changed.set(drifts[drift]!(images.subarray(at, at + size), side, share), at);
  }
  return changed;
}

/** The picture of a drawn stream at which a change is noticed; Infinity: at none. */
function noticedAt(
  baseline: DriftBaseline,
  length: number,
  at: (i: number) => readonly Float64Array[],
  substream: [number, number, number],
): number {
  const draws = createPhilox({ seed: SEED, stream: randomStreams.inspection, substream });
  const watch = watchDrift(baseline);
  for (let i = 0; i < length; i++) {
    const from = at(i);
    if (watch.next(from[draws.nextBelow(from.length)]!)) return i;
  }
  return Infinity;
}
