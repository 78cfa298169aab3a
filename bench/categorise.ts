// Speed of `selvedge categorise`: images of IDX, and pictures beside a loop that decodes them on all cores and does nothing else:
// `selvedge bench categorise`. Shards are planned, done, kept as files and read back into a table, as by the command; the engine, the
// threads and the model stay from round to round. Invariant: a ratio is of two rounds of the same turn, over the same files.
import { mergeShards, openShippedCategoriser, planShards, runShards } from '../src/apps/categorise/index.ts';
import { encodeIdx, loadFashionMnist } from '../src/data/index.ts';
import { PicturePool } from '../src/data/picture-pool.ts';
import type { PictureReader } from '../src/data/picture-reader.ts';
import { platform } from '../src/platform/index.ts';
import { alternate, disturbanceOf, type Entrant, valuesOf } from './alternation.ts';
import { type Benchmark, wantedOf } from './benchmark.ts';
import { disturbanceNotice } from './disturbance.ts';
import { SIDE, writePictures } from './made-pictures.ts';
import { ratioSpread, type Spread, spreadOf, spreadText, timesText } from './statistics.ts';

const ROUNDS = 5;
const PICTURES = 500;
/** What the project promises of IDX, on two quiet cores. */
const PROMISED_IMAGES_PER_SECOND = 10_000;
/** As the command has them. */
const OPEN_A_THREAD = 4;

const cases = [{ name: 'IDX' }, { name: 'PNG' }, { name: 'JPEG' }] as const;

export const categorise: Benchmark = {
  name: 'categorise',
  description: 'Categorising of IDX images and of pictures, beside decoding alone',
  usesModel: false,
  async run({ engine, data: folder, rounds = ROUNDS, only, onProgress }) {
    const { files } = platform;
    const work = files.join(platform.cacheFolder(), 'bench', 'categorise');
    await files.remove(work);
    const wanted = wantedOf(cases, only).map(({ name }) => name);
    const categoriser = await openShippedCategoriser('dropout');
    const decoders = await PicturePool.start<{ name: string }, object>({
      script: new URL('./decoding-worker.js', import.meta.url),
    });
    const readers = await PicturePool.start();
    const entrants: Entrant[] = [];
    const add = (name: string, count: number, run: () => Promise<unknown>): void => {
      const round = async () => {
        const start = platform.now();
        await run();
        return { value: (1000 * count) / (platform.now() - start) };
      };
      entrants.push({ name, round });
    };
    const categoriseAll = async (source: string, readPicture: PictureReader): Promise<void> => {
      const workFolder = files.join(work, 'shards');
      const shards = planShards([source], { cwd: work, workFolder });
      const openFiles = readers.threads * OPEN_A_THREAD;
      const results = runShards(shards, { workFolder, categoriser, readPicture, openFiles });
      const out = { path: files.join(work, 'results.csv'), format: 'csv' as const };
      await mergeShards(results, { classNames: categoriser.classNames, thresholds: { confidence: 0.9 }, out });
      await files.remove(workFolder);
    };
    try {
      if (wanted.includes('IDX')) {
        const { test } = await loadFashionMnist({ folder });
        const path = files.join(work, 'images-idx3-ubyte');
        await files.write(
          path,
          encodeIdx({ type: 'uint8', shape: [test.count, test.height, test.width], data: test.images }),
        );
        add('IDX, categorised', test.count, () => categoriseAll(path, readers.read));
      }
      for (const format of ['png', 'jpeg'] as const) {
        const name = format.toUpperCase();
        if (!wanted.some((each) => each === name)) continue;
        const pictures = await writePictures(`categorise-${format}`, PICTURES, format);
        add(`${name}, decoded alone`, PICTURES, () => decodeAll(pictures, decoders));
        add(`${name}, categorised`, PICTURES, () => categoriseAll(pictures, readers.read));
      }
      for (const entrant of entrants) await entrant.round();
      const measured = await alternate(entrants, {
        rounds,
        onRound: (round, all) => onProgress?.(`round ${round} of ${all}`),
      });
      const results = measured.map(({ name, values }) => {
        const alone = measured.find((other) => other.name === name.replace('categorised', 'decoded alone'));
        const ratio: Spread | undefined = alone && alone.name !== name ? ratioSpread(values, alone.values) : undefined;
        return { name, imagesPerSecond: spreadOf(valuesOf({ values })), ...(ratio ? { ofDecoding: ratio } : {}) };
      });
      const disturbance = disturbanceOf(measured);
      return {
        json: {
          benchmark: 'categorise',
          threads: engine.threads,
          side: SIDE,
          promisedImagesPerSecond: PROMISED_IMAGES_PER_SECOND,
          results,
          disturbance,
        },
        text: [
          `categorise, ${engine.threads} threads, pictures of ${SIDE} x ${SIDE}`,
          ...results.map(
            ({ name, imagesPerSecond, ofDecoding }) =>
              `${name.padEnd(20)}  ${spreadText(imagesPerSecond)} a second` +
              (ofDecoding ? `, ${spreadText(ofDecoding, timesText)} the speed of decoding alone` : ''),
          ),
          ...disturbanceNotice(disturbance),
        ].join('\n'),
      };
    } finally {
      await Promise.all([decoders.close(), readers.close()]);
      categoriser.dispose();
      await files.remove(work);
    }
  },
};

/** As many files at once as categorising has. */
async function decodeAll(folder: string, pool: PicturePool<{ name: string }, object>): Promise<void> {
  const { files } = platform;
  const names = await files.list(folder);
  let next = 0;
  const decode = async (): Promise<void> => {
    for (let name = names[next++]; name !== undefined; name = names[next++]) {
      await pool.read(await files.readBytes(files.join(folder, name)), { name });
    }
  };
  await Promise.all(Array.from({ length: pool.threads * OPEN_A_THREAD }, decode));
}
