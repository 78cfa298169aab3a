// Whether light or camera have changed since the good pictures were taken: a few statistics of each picture, and a sequential test (a
// two-sided cumulative sum of each, Page 1954) that remembers the pictures before. Not here: defects, which come in single pictures.
// Invariant: a stream's alarm is a function of the pictures so far, in their order.
import { SelvedgeError } from '../../core/errors.ts';
import { createPhilox, randomStreams } from '../../core/philox.ts';

/** What is measured of a picture, all of the picture as it came, before it is prepared for a model. */
export const pictureStatistics = {
  ground: 'median level of the border, of 255',
  brightness: 'mean level, of 255',
  contrast: 'standard deviation of the levels',
  sharpness: 'mean of the absolute Laplacian over the contrast',
  across: 'where the middle of what differs from the ground lies, a share of the width',
  down: 'the same of the height',
  extent: 'root of the mean squared distance from that middle, a share of the width',
} as const;
export type PictureStatistic = keyof typeof pictureStatistics;
const names = Object.keys(pictureStatistics) as readonly PictureStatistic[];
/** Values of a picture. */
export const STATISTICS = names.length;

/** Statistics of one grey picture, in the order of `pictureStatistics`. */
export function measurePicture(levels: ArrayLike<number>, width: number, height: number): Float64Array {
  const count = width * height;
  if (levels.length !== count || width < 3 || height < 3) {
    throw new SelvedgeError(
      'inspect/shape',
      `Cannot measure a picture: expected sides from 3, got ${levels.length} levels for ${width}x${height}`,
    );
  }
  const ground = borderMedian(levels, width, height);
  let [sum, squares, laplacian, weight, across, down] = [0, 0, 0, 0, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const level = levels[at]!;
      sum += level;
      squares += level * level;
      const away = Math.abs(level - ground);
      weight += away;
      across += away * x;
      down += away * y;
      if (y === 0 || x === 0 || y === height - 1 || x === width - 1) continue;
      const around = levels[at - 1]! + levels[at + 1]! + levels[at - width]! + levels[at + width]!;
      laplacian += Math.abs(4 * level - around);
    }
  }
  const mean = sum / count;
  const contrast = Math.sqrt(Math.max(0, squares / count - mean * mean));
  const middle = weight > 0 ? { x: across / weight, y: down / weight } : { x: (width - 1) / 2, y: (height - 1) / 2 };
  let spread = 0;
  for (let at = 0; at < count; at++) {
    const [right, below] = [(at % width) - middle.x, Math.floor(at / width) - middle.y];
    spread += Math.abs(levels[at]! - ground) * (right * right + below * below);
  }
  return Float64Array.of(
    ground,
    mean,
    contrast,
    laplacian / count / (contrast + 1),
    middle.x / width,
    middle.y / height,
    weight > 0 ? Math.sqrt(spread / weight) / width : 0,
  );
}

function borderMedian(levels: ArrayLike<number>, width: number, height: number): number {
  const border: number[] = [];
  for (let x = 0; x < width; x++) border.push(levels[x]!, levels[(height - 1) * width + x]!);
  for (let y = 1; y < height - 1; y++) border.push(levels[y * width]!, levels[(y + 1) * width - 1]!);
  border.sort((a, b) => a - b);
  return border[border.length >> 1]!;
}

/** What good pictures are like, and how far a cumulative sum may go. Plain values, which a file holds. */
export interface DriftBaseline {
  /** Good pictures measured. */
  readonly pictures: number;
  /** `[statistics]`. */
  readonly means: Float64Array;
  readonly deviations: Float64Array;
  /** A sum above it is an alarm. */
  readonly limit: number;
}

/** Changes of half of this many deviations are none: sums rise by what is above. */
const ALLOWANCE = 0.5;
/** A single strange picture counts no more than this many deviations. */
const MOST = 3;
/** Smallest deviations: of levels, and of shares. A statistic that never varied may vary by rounding. */
const LEAST_DEVIATIONS = [2, 2, 2, 0.01, 0.01, 0.01, 0.01];
const FEWEST = 16;
/** The limit is what one in a hundred streams of this many good pictures passes. */
const STREAM = 1000;
const STREAMS = 200;
const STREAM_FALSE_ALARMS = 0.01;

/**
 * Learns what statistics good pictures have, and a limit that false alarms stay below: of 1000 good pictures, drawn again and again from
 * the given ones, one stream in a hundred passes it.
 *
 * @param statistics `[pictures, STATISTICS]` of good pictures, 16 or more
 * @param seed Of the draws
 * @throws SelvedgeError `inspect/few`
 */
export function fitDrift(statistics: Float64Array, seed = 1): DriftBaseline {
  const pictures = statistics.length / STATISTICS;
  if (!Number.isInteger(pictures) || pictures < FEWEST) {
    throw new SelvedgeError(
      'inspect/few',
      `Cannot tell a drift: expected statistics of at least ${FEWEST} good pictures, got ${Math.floor(pictures)}`,
    );
  }
  const { means, deviations } = momentsOf(statistics);
  const draws = createPhilox({ seed, stream: randomStreams.inspection, substream: [0, 3] });
  const drawn = new Float64Array(statistics.length);
  const peaks = Float64Array.from({ length: STREAMS }, () => {
    // As many pictures, drawn anew, stand for the ones that were given: their mean is not that of the pictures to come.
    for (let at = 0; at < drawn.length; at += STATISTICS) {
      const from = draws.nextBelow(pictures) * STATISTICS;
      drawn.set(statistics.subarray(from, from + STATISTICS), at);
    }
    const other = momentsOf(drawn);
    const sums = new Float64Array(2 * STATISTICS);
    let peak = 0;
    for (let picture = 0; picture < STREAM; picture++) {
      const at = draws.nextBelow(pictures) * STATISTICS;
      add(sums, statistics.subarray(at, at + STATISTICS), other.means, other.deviations);
      for (const sum of sums) peak = Math.max(peak, sum);
    }
    return peak;
  }).sort();
  return { pictures, means, deviations, limit: peaks[Math.floor((1 - STREAM_FALSE_ALARMS) * STREAMS)]! };
}

function momentsOf(statistics: Float64Array): Pick<DriftBaseline, 'means' | 'deviations'> {
  const pictures = statistics.length / STATISTICS;
  const means = new Float64Array(STATISTICS);
  const deviations = new Float64Array(STATISTICS);
  for (let i = 0; i < statistics.length; i++) means[i % STATISTICS]! += statistics[i]! / pictures;
  for (let i = 0; i < statistics.length; i++) {
    const difference = statistics[i]! - means[i % STATISTICS]!;
    deviations[i % STATISTICS]! += (difference * difference) / (pictures - 1);
  }
  deviations.forEach((variance, i) => {
    deviations[i] = Math.max(Math.sqrt(variance), LEAST_DEVIATIONS[i]!);
  });
  return { means, deviations };
}

/** Adds a picture to the sums, those of rises before those of falls. */
function add(sums: Float64Array, statistics: Float64Array, means: Float64Array, deviations: Float64Array): void {
  for (let i = 0; i < STATISTICS; i++) {
    const score = Math.min(MOST, Math.max(-MOST, (statistics[i]! - means[i]!) / deviations[i]!));
    sums[i] = Math.max(0, sums[i]! + score - ALLOWANCE);
    sums[STATISTICS + i] = Math.max(0, sums[STATISTICS + i]! - score - ALLOWANCE);
  }
}

/** What has changed, and since when. */
export interface DriftAlarm {
  /** Number of the picture that it was noticed at, from 0. */
  readonly noticedAt: number;
  /** Number of the picture that the sum has grown from: when the change has likely begun. */
  readonly since: number;
  readonly statistic: PictureStatistic;
  readonly direction: 'up' | 'down';
}

export interface DriftWatch {
  /** Takes the next picture's statistics; the first alarm stays. */
  next(statistics: Float64Array): DriftAlarm | undefined;
}

/**
 * Watches a stream of pictures.
 *
 * @example
 * ```ts
 * import { fitDrift, measurePicture, watchDrift } from 'selvedge';
 * const picture = (light: number) => measurePicture(Uint8Array.from({ length: 64 }, (_, i) => light + (i % 7) + (i % 3)), 8, 8);
 * const good = Float64Array.from(Array.from({ length: 40 }, (_, i) => [...picture(100 + (i % 5))]).flat());
 * const watch = watchDrift(fitDrift(good));
 * const alarms = Array.from({ length: 40 }, (_, i) => watch.next(picture(i < 20 ? 102 : 130)));
 * console.assert(alarms[19] === undefined && alarms[39]?.direction === 'up');
 * ```
 */
export function watchDrift({ means, deviations, limit }: DriftBaseline): DriftWatch {
  const sums = new Float64Array(2 * STATISTICS);
  const zeroAt = new Int32Array(2 * STATISTICS).fill(-1);
  let seen = 0;
  let alarm: DriftAlarm | undefined;
  return {
    next(statistics) {
      add(sums, statistics, means, deviations);
      let most = 0;
      sums.forEach((sum, i) => {
        if (sum === 0) zeroAt[i] = seen;
        if (sum > sums[most]!) most = i;
      });
      if (!alarm && sums[most]! > limit) {
        alarm = {
          noticedAt: seen,
          since: zeroAt[most]! + 1,
          statistic: names[most % STATISTICS]!,
          direction: most < STATISTICS ? 'up' : 'down',
        };
      }
      seen++;
      return alarm;
    },
  };
}
