// Made drifts of light and camera, for `selvedge measure defects`: sudden ones, and slow ones over a shift, which are to be noticed before single
// pictures are taken for defects. Not here: how a drift is noticed (apps/inspect/drift.ts). Invariant: all of it is made, from seeded draws.
import {
  type DriftBaseline,
  fitDrift,
  fitInspector,
  inspectImages,
  measurePicture,
  watchDrift,
} from '../../apps/inspect/index.ts';
import { concatenate } from '../../core/concatenate.ts';
import { createPhilox, randomStreams } from '../../core/philox.ts';
import { enlargeImage } from '../../data/enlarge-image.ts';
import { prepareImage } from '../../data/prepare-image.ts';
import type { Classifier } from '../../edge/index.ts';

const SEED = 1;
/** Pictures of a stream before something changes, and after: a slow change has as many more. */
const BEFORE = 200;
const AFTER = 200;
const SLOWLY = 400;
const STREAMS = 10;
/** Steps in which a slow drift grows, and pictures of each step that are inspected. */
const STEPS = 16;
const INSPECTED = 40;
/** Pictures as a camera takes them: so many times as large, black around. */
const SCALE = 3;
const MARGIN = 8;

/** What happens to the light or the camera, from not at all, 0, to all of it, 1; levels are those of a picture, black around. */
type Change = (levels: Uint8Array, width: number, share: number) => Uint8Array;

const drifts: Readonly<Record<string, Change>> = {
  'light down by 30%': (levels, _, share) => levels.map((level) => Math.round((1 - 0.3 * share) * level)),
  'stray light of 20 levels': (levels, _, share) =>
    levels.map((level) => Math.min(255, Math.round(level + 20 * share))),
  'camera moved by 6 of 100 pixels': (levels, width, share) => {
    const whole = Math.floor(6 * share);
    const part = 6 * share - whole;
    const at = (i: number, by: number): number => (i % width >= by ? levels[i - by]! : 0);
    return levels.map((_, i) => Math.round((1 - part) * at(i, whole) + part * at(i, whole + 1)));
  },
  'out of focus, 9x9 mean': (levels, width, share) => {
    const means = meanOf(meanOf(levels, 1), width);
    return levels.map((level, i) => Math.round((1 - share) * level + share * means[i]!));
  },
};
export const driftNames = Object.keys(drifts);

/** Means of nine levels a step apart. */
function meanOf(levels: ArrayLike<number>, step: number): Float64Array {
  return Float64Array.from(levels, (_, i) => {
    let sum = 0;
    for (let by = -4; by <= 4; by++) sum += levels[i + by * step] ?? 0;
    return sum / 9;
  });
}

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
  /** Good images that an inspection learns from. */
  readonly good: Uint8Array;
  /** Good images that streams are drawn from. */
  readonly stream: Uint8Array;
  readonly side: number;
  readonly network: Classifier;
  /** Wanted share of good pictures that are alarms. */
  readonly falseAlarms: number;
}

/** Measures drifts of pictures as `selvedge inspect` takes them: statistics as they came, inspected when prepared. */
export function measureDrifts({ good, stream, side, network, falseAlarms }: DriftMeasurement): DriftFound[] {
  const [learnt, streamed] = [picturesOf(good, side), picturesOf(stream, side)];
  const baseline = fitDrift(Float64Array.from(statisticsOf(learnt).flatMap((own) => [...own])), SEED);
  const inspector = fitInspector(prepared(learnt), network, { falseAlarms, seed: SEED });
  const before = statisticsOf(streamed);
  const alarmsOf = (pictures: readonly Uint8Array[]): number => {
    const found = inspectImages(inspector, network, prepared(pictures.slice(0, INSPECTED)));
    return found.filter(({ isAlarm }) => isAlarm).length / found.length;
  };
  const alarmsBefore = alarmsOf(streamed);
  return driftNames.map((drift, number) => {
    const changed = Array.from({ length: STEPS }, (_, step) =>
      streamed.map((picture) => drifts[drift]!(picture, Math.sqrt(picture.length), (step + 1) / STEPS)),
    );
    const statistics = changed.map(statisticsOf);
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

/** Of images black around, pictures as a camera takes them. */
function picturesOf(images: Uint8Array, side: number): Uint8Array[] {
  const size = side * side;
  return Array.from({ length: images.length / size }, (_, number) =>
    enlargeImage(images.subarray(number * size, (number + 1) * size), { side, scale: SCALE, margin: MARGIN }),
  );
}

const statisticsOf = (pictures: readonly Uint8Array[]): Float64Array[] =>
  pictures.map((levels) => measurePicture(levels, Math.sqrt(levels.length), Math.sqrt(levels.length)));

/** As `selvedge inspect` shows them to the network. */
function prepared(pictures: readonly Uint8Array[]): Uint8Array {
  return concatenate(
    pictures.map((levels) => {
      const width = Math.sqrt(levels.length);
      const data = Uint8Array.from({ length: 4 * levels.length }, (_, i) => (i % 4 === 3 ? 255 : levels[i >> 2]!));
      return prepareImage({ width, height: width, data }, { name: 'a picture of a stream' }).pixels;
    }),
  );
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
