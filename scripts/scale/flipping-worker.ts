// A worker whose memory is broken, for tests: it trains as others do, and one bit of what it says of its weights is wrong. Not for anybody's use.
//
//   node --import tsx scripts/scale/flipping-worker.ts ADDRESS NAME
import { kernelsDigest, startBackend } from '../../src/backend/index.ts';
import { version } from '../../src/core/version.ts';
import { placeDataset } from '../../src/data/batches.ts';
import { loadFashionMnist } from '../../src/data/sources.ts';
import { splitTrainValidation } from '../../src/data/split.ts';
import {
  createTrialHandler,
  dataDigest,
  lineOf,
  openDatabase,
  openDatabaseArtefacts,
  openDatabaseQueue,
  readQueueAddress,
  runWorker,
} from '../../src/queue/index.ts';

const [address = '', name = 'flipping'] = process.argv.slice(2);
const { train, source } = await loadFashionMnist({});
const split = splitTrainValidation(train.count, { testSize: 0.2, randomState: 2023 });
const needs = {
  version,
  kernels: await kernelsDigest(),
  data: await dataDigest({
    files: source.files.map(({ sha256 }) => sha256),
    splitSeed: 2023,
    examples: split.train.length,
    validationExamples: split.validation.length,
  }),
};
const database = await openDatabase(readQueueAddress(address));
const queue = await openDatabaseQueue(database);
const engine = await startBackend({ threads: 1 });
const resident = placeDataset(train);
const flip = (digest: string): string => digest.replace(/^./, (first) => (Number.parseInt(first, 16) ^ 1).toString(16));
const ending = new AbortController();
process.on('SIGTERM', () => ending.abort());
try {
  await runWorker({
    queue,
    identity: { name, version, kernels: needs.kernels, threads: 1 },
    lines: [await lineOf('trial', needs)],
    handlers: {
      trial: createTrialHandler({
        place: async () => ({
          config: { inputShape: [train.height, train.width, train.channels], classes: train.classNames.length },
          resident,
          split,
        }),
        disturb: flip,
      }),
    },
    artefacts: openDatabaseArtefacts(database),
    signal: ending.signal,
  });
} catch (error) {
  console.error((error as Error).message);
} finally {
  resident.dispose();
  await engine.stop();
  await queue.close();
}
