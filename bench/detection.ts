// Speed of finding items in pictures: `selvedge bench detection`. The whole of it: levels, all scales, the network, the list of boxes.
// Not a check of results. Invariant: the picture is a scene of a fixed seed, so that every run looks for the same items.
import { findItems, openScenes, openShippedDetector } from '../src/apps/detect/index.ts';
import { loadFashionMnist } from '../src/data/index.ts';
import { alternate, disturbanceOf, sampleCalls, valuesOf } from './alternation.ts';
import type { Benchmark } from './benchmark.ts';
import { disturbanceNotice } from './disturbance.ts';
import { shortNumber, spreadOf } from './statistics.ts';

const ROUNDS = 7;
const ROUND_MS = 500;
const WARM_UP_MS = 500;
/** Width and height. */
const SIZES = [
  [640, 480],
  [320, 240],
] as const;

export const detection: Benchmark = {
  name: 'detection',
  description: 'items found in pictures of two sizes, all scales',
  usesModel: false,
  async run({ engine, data: folder, rounds = ROUNDS, onProgress }) {
    const { test } = await loadFashionMnist({ folder });
    const detector = await openShippedDetector();
    const entrants = SIZES.map(([width, height]) => {
      const scenes = openScenes(test, { ...settings, width, height });
      const { images } = scenes.compose({ first: 0, count: 1, kind: 'both', seed: 1 });
      const levels = images.dataSync<'float32'>();
      const data = Uint8Array.from({ length: 4 * width * height }, (_, i) =>
        i % 4 === 3 ? 255 : 255 * levels[i >> 2]!,
      );
      images.dispose();
      scenes.dispose();
      const run = (): void => {
        findItems(detector, { width, height, data });
      };
      return {
        name: `${width}x${height}`,
        warmUp: () => sampleCalls(run, WARM_UP_MS),
        round: async () => ({ value: spreadOf(await sampleCalls(run, ROUND_MS)).median }),
      };
    });
    for (const { warmUp } of entrants) await warmUp();
    const measured = await alternate(entrants, {
      rounds,
      onRound: (round, all) => onProgress?.(`round ${round} of ${all}`),
    });
    detector.dispose();
    const results = entrants.map(({ name }, i) => {
      const ms = spreadOf(valuesOf(measured[i]!));
      return { name, ms, imagesPerSecond: 1000 / ms.median };
    });
    const disturbance = disturbanceOf(measured);
    return {
      json: { benchmark: 'detection', threads: engine.threads, results, disturbance },
      text: [
        `detection, ${engine.threads} threads`,
        ...results.map(
          ({ name, ms, imagesPerSecond }) =>
            `${name.padEnd(8)}  ${shortNumber(ms.median)} ms, ${shortNumber(imagesPerSecond)} images/s`,
        ),
        ...disturbanceNotice(disturbance),
      ].join('\n'),
    };
  },
};

const settings = {
  fewest: 12,
  most: 16,
  scale: [0.9, 3] as const,
  degrees: 20,
  leastVisible: 0.5,
  clutter: 16,
  ground: 0.3,
  grain: 0.05,
};
