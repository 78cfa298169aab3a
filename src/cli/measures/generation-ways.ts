// Of selvedge measure generation: whether ways between two real pictures lead over pictures that look real. Halves of ways between validation
// images, against test images; beside them the ends as they are, and the mean of both, which is no picture of clothes.
// Not here: how a way goes (src/apps/generate/design.ts). Invariant: a function of generator, model and data.
import { type Generator, likeliestOf } from '../../apps/generate/index.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { shuffledIndices } from '../../core/philox.ts';
import type { Dataset } from '../../data/dataset.ts';
import { platform } from '../../platform/index.ts';

/** Of each kind: within a class, and between a class and the next. */
const WAYS = 500;
const SEED = 1;

export interface WayOptions {
  readonly generator: Generator;
  readonly validation: Dataset;
  /** Distance of features to the test images. */
  readonly distanceOf: (images: Uint8Array) => Promise<number>;
  readonly probabilitiesOf: (images: Uint8Array) => Promise<Float32Array>;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** The measure's part of ways. */
export async function measureWays({ distanceOf, probabilitiesOf, say, ...options }: WayOptions) {
  const { classNames } = options.validation;
  const within = await halvesOf(options, 0);
  say(`Went ${WAYS} ways within a class`);
  const across = await halvesOf(options, 1);
  say(`Went ${WAYS} ways between classes`);
  const seenAs = async ({ halves, labels }: Halves): Promise<number> => {
    const likeliest = likeliestOf(await probabilitiesOf(halves), classNames.length);
    return likeliest.filter((label, way) => labels[way]!.includes(label)).length / WAYS;
  };
  return {
    pairs: WAYS,
    seed: SEED,
    fid: {
      halves: await distanceOf(within.halves),
      ends: await distanceOf(within.firsts),
      means: await distanceOf(within.means),
    },
    withinClass: { seenAsIt: await seenAs(within) },
    betweenClasses: { seenAsEither: await seenAs(across) },
    endsComeBackLevels: within.levels,
  };
}

interface Halves {
  /** A picture a way, as are those that follow. */
  readonly halves: Uint8Array;
  readonly firsts: Uint8Array;
  readonly means: Uint8Array;
  readonly labels: readonly (readonly number[])[];
  /** Root of the mean squared difference of the first ends as they come back. */
  readonly levels: number;
}

/** @param apart Classes from that of the first end to that of the second */
async function halvesOf(
  { generator, validation, signal }: Pick<WayOptions, 'generator' | 'validation' | 'signal'>,
  apart: number,
): Promise<Halves> {
  const { images, labels, classNames, count, height, width, channels } = validation;
  const size = height * width * channels;
  const drawn = [...shuffledIndices(count, { seed: SEED, epoch: 0 })];
  const byLabel = classNames.map((_, label) => drawn.filter((i) => labels[i] === label));
  const taken = byLabel.map(() => 0);
  const next = (label: number) => {
    const place = byLabel[label]![taken[label]!++ % byLabel[label]!.length]!;
    return { picture: images.subarray(place * size, (place + 1) * size), classes: { [classNames[label]!]: 1 } };
  };
  const [halves, firsts, means] = [0, 1, 2].map(() => new Uint8Array(WAYS * size)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const ends: number[][] = [];
  let squares = 0;
  for (let way = 0; way < WAYS; way++) {
    await platform.giveWay();
    if (signal.aborted) throw new SelvedgeError('cli/interrupted', `Interrupted after ${way} of ${WAYS} ways`);
    const label = way % classNames.length;
    const other = (label + apart) % classNames.length;
    const [first, second] = [next(label), next(other)];
    const made = generator.between({ first, second, count: 3 }).images;
    halves.set(made.subarray(size, 2 * size), way * size);
    firsts.set(first.picture, way * size);
    means.set(
      first.picture.map((level, i) => Math.round((level + second.picture[i]!) / 2)),
      way * size,
    );
    squares += first.picture.reduce((sum, level, i) => sum + (level - made[i]!) * (level - made[i]!), 0);
    ends.push([label, other]);
  }
  return { halves, firsts, means, labels: ends, levels: Math.sqrt(squares / (WAYS * size)) };
}
